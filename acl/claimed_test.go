package acl_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/muniment/muniment/acl"
)

// claiming is an identity whose token says which groups it is in.
func claiming(user acl.Principal, groups ...acl.Principal) acl.Identity {
	id := anyone(user)
	id.Groups = append([]acl.Principal{}, groups...) // never nil
	return id
}

// TestClaimedGroupsAreNotMerged (ID-23): groups come from the directory or from the token,
// never from both, and those of a token do not nest through the directory.
func TestClaimedGroupsAreNotMerged(t *testing.T) {
	d := new(acl.Directory).With(
		acl.Change{Group: "group:staff", Members: []acl.Principal{ada}},
		acl.Change{Group: "group:all", Members: []acl.Principal{"group:staff", "group:corp/eng"}})
	for _, c := range []struct {
		name   string
		id     acl.Identity
		in     []acl.Principal
		out    []acl.Principal
		nobody bool
	}{
		{"the directory decides", anyone(ada), []acl.Principal{"group:staff", "group:all"}, []acl.Principal{"group:corp/eng"}, false},
		{"the token decides", claiming(ada, "group:corp/eng"), []acl.Principal{"group:corp/eng", acl.Everyone, ada}, []acl.Principal{"group:staff", "group:all"}, false},
		{"the token says none", claiming(ada), []acl.Principal{acl.Everyone, ada}, []acl.Principal{"group:staff", "group:all", "group:corp/eng"}, false},
		{"the directory again", anyone(ada), []acl.Principal{"group:staff", "group:all"}, []acl.Principal{"group:corp/eng"}, false},
	} {
		v := viewOf(t, d, c.id, noon)
		for _, p := range c.in {
			if !is(v, p) {
				t.Errorf("%s: is not %s", c.name, p)
			}
		}
		for _, p := range c.out {
			if is(v, p) {
				t.Errorf("%s: is %s", c.name, p)
			}
		}
	}
}

// TestClaimedGroupsAreNotRemembered: what one token claims is not the next one's, in any order.
func TestClaimedGroupsAreNotRemembered(t *testing.T) {
	d := new(acl.Directory).With(acl.Change{Group: "group:staff", Members: []acl.Principal{ada}})
	ids := []acl.Identity{claiming(ada, "group:corp/a"), claiming(ada, "group:corp/b"), anyone(ada), claiming(ada)}
	own := []acl.Principal{"group:corp/a", "group:corp/b", "group:staff", ada}
	digests := map[[32]byte]int{}
	for round := range 3 {
		for i, id := range ids {
			v := viewOf(t, d, id, noon)
			for j, p := range own {
				if want := i == j || p == ada; is(v, p) != want {
					t.Errorf("round %d: identity %d is %s: %t", round, i, p, !want)
				}
			}
			if before, seen := digests[v.Digest()]; seen && before != i {
				t.Errorf("identities %d and %d have one digest", before, i)
			}
			digests[v.Digest()] = i
		}
	}
}

// TestClaimedGroupLimits (ID-25): over the limit the caller is refused whole.
func TestClaimedGroupLimits(t *testing.T) {
	many := make([]acl.Principal, acl.MaxGroups+1)
	for i := range many {
		many[i] = acl.Principal(fmt.Sprint("group:corp/", i))
	}
	var d acl.Directory
	if _, err := d.View(claiming(ada, many...), noon); !errors.Is(err, acl.ErrTooManyGroups) {
		t.Errorf("%d groups: %v", len(many), err)
	}
	v := viewOf(t, &d, claiming(ada, many[1:]...), noon)
	if !is(v, many[acl.MaxGroups]) {
		t.Errorf("%d groups: the last one is missing", acl.MaxGroups)
	}
	for _, p := range []acl.Principal{"", "everyone", ada, "service:chat", "group:", "group:a b"} {
		if v, err := d.View(claiming(ada, "group:corp/a", p), noon); !errors.Is(err, acl.ErrIdentity) || is(v, ada) {
			t.Errorf("claiming %q as a group: %v", p, err)
		}
	}
}
