package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/muniment/muniment/acl"
)

// TestGroupsOf: what a token said is pinned whatever its order, bounded, and told apart from
// what the directory says.
func TestGroupsOf(t *testing.T) {
	encode := func(id acl.Identity) string {
		b, err := json.Marshal(GroupsOf(id))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	sum := func(lines string) string { s := sha256.Sum256([]byte(lines)); return hex.EncodeToString(s[:]) }
	for want, groups := range map[string][]acl.Principal{
		`{"from":"directory"}`:                      nil,
		`{"from":"claim","hash":"` + sum("") + `"}`: {},
		`{"from":"claim","listed":["group:c/a","group:c/b"],"count":2,"hash":"` + sum("group:c/a\ngroup:c/b\n") + `"}`: {"group:c/b", "group:c/a", "group:c/b"},
	} {
		before := slices.Clone(groups)
		if got := encode(acl.Identity{Groups: groups}); got != want {
			t.Errorf("%q: %s, want %s", groups, got, want)
		}
		if !slices.Equal(before, groups) {
			t.Errorf("the identity's own groups are changed: %q", groups)
		}
	}
	var many []acl.Principal
	var lines strings.Builder
	for i := range acl.MaxGroups {
		many = append(many, acl.Principal(fmt.Sprintf("group:c/%05d", i)))
		fmt.Fprintln(&lines, many[i])
	}
	g := GroupsOf(acl.Identity{Groups: many})
	if len(g.Listed) != maxListed || g.Listed[maxListed-1] != string(many[maxListed-1]) || g.Count != len(many) || g.Hash != sum(lines.String()) {
		t.Errorf("of %d groups %d are listed, %d counted", len(many), len(g.Listed), g.Count)
	}
}

// TestClaimed: what GroupsOf pins of an identity's groups comes back, unless some are missing.
func TestClaimed(t *testing.T) {
	for _, groups := range [][]acl.Principal{nil, {}, {"group:corp/a"}, {"group:corp/a", "group:corp/b"}} {
		back, ok := GroupsOf(acl.Identity{Groups: groups}).Claimed()
		if !ok || (back == nil) != (groups == nil) || !slices.Equal(back, groups) {
			t.Errorf("%q comes back as %q, %t", groups, back, ok)
		}
	}
	many := make([]acl.Principal, maxListed+1)
	for i := range many {
		many[i] = acl.Principal(fmt.Sprintf("group:corp/%d", i))
	}
	for what, g := range map[string]*Groups{"of nothing": nil, "of too many": GroupsOf(acl.Identity{Groups: many}), "of an unknown origin": {}} {
		if _, ok := g.Claimed(); ok {
			t.Errorf("the record %s tells the groups", what)
		}
	}
}
