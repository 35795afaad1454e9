package acl_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

func group(i int) acl.Principal { return acl.Principal(fmt.Sprintf("group:%05d", i)) }

// ladder is Ada in group 0, group 0 in group 1, and so on.
func ladder(levels int) (changes []acl.Change) {
	member := acl.Principal(ada)
	for i := range levels {
		changes = append(changes, acl.Change{Group: group(i), Members: []acl.Principal{member}})
		member = group(i)
	}
	return changes
}

// spread is n groups: Ada in the first thousand, and two of these in each other.
func spread(n int) (changes []acl.Change) {
	for i := range n {
		c := acl.Change{Group: group(i), Members: []acl.Principal{ada}}
		if i >= 1000 {
			c.Members = []acl.Principal{group(i % 1000), group((i + 1) % 1000)}
		}
		changes = append(changes, c)
	}
	return changes
}

func TestGroupLimits(t *testing.T) {
	closed := func(changes []acl.Change) []acl.Change { // the last group is in the first again
		last := changes[len(changes)-1].Group
		changes[0].Members = append(changes[0].Members, last)
		return changes
	}
	nested := acl.Change{Group: "group:top", Members: []acl.Principal{group(9_998)}}
	for _, c := range []struct {
		name    string
		changes []acl.Change
		last    acl.Principal
		err     error
	}{
		{"64 levels", ladder(64), group(63), nil},
		{"65 levels", ladder(65), "", acl.ErrTooDeep},
		{"64 levels in a circle", closed(ladder(64)), group(63), nil},
		{"65 levels in a circle", closed(ladder(65)), "", acl.ErrTooDeep},
		{"65 levels with a short cut", append(ladder(65), acl.Change{Group: group(30), Members: []acl.Principal{ada, group(29)}}), group(64), nil},
		{"10,000 groups", spread(10_000), group(9_999), nil},
		{"10,001 groups", spread(10_001), "", acl.ErrTooManyGroups},
		{"10,000 groups, the last one nested deeper", append(spread(9_999), nested), nested.Group, nil},
		{"10,001 groups, the last one nested deeper", append(spread(10_000), nested), "", acl.ErrTooManyGroups},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := new(acl.Directory).With(c.changes...)
			v, err := d.View(anyone(ada), noon)
			if !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
				t.Fatalf("error %v, want %v", err, c.err)
			}
			if err != nil {
				if v.Admits(open) || is(v, ada) || is(v, group(0)) {
					t.Error("refused, and yet the view admits")
				}
			} else if !is(v, c.last) || !is(v, group(0)) || !is(v, ada) || !is(v, acl.Everyone) {
				t.Error("a group is missing from the view")
			}
			if _, err := d.View(anyone(eve), noon); err != nil {
				t.Errorf("somebody in no group is refused too: %v", err)
			}
		})
	}
}

// Walking paths instead of groups would never end here: the diamonds have 10^64 paths.
func TestDiamondsAndCirclesAreWalkedOnce(t *testing.T) {
	var diamonds, circles []acl.Change
	for level := range 64 {
		for i := range 10 {
			c := acl.Change{Group: group(level*10 + i), Members: []acl.Principal{ada}}
			if level > 0 {
				c.Members = nil
				for below := range 10 {
					c.Members = append(c.Members, group((level-1)*10+below))
				}
			}
			diamonds = append(diamonds, c)
		}
	}
	for i := range 200 { // each in each, itself included
		c := acl.Change{Group: group(i), Members: []acl.Principal{ada}}
		for j := range 200 {
			c.Members = append(c.Members, group(j))
		}
		circles = append(circles, c)
	}
	for name, changes := range map[string][]acl.Change{"diamonds": diamonds, "circles": circles} {
		v := viewOf(t, new(acl.Directory).With(changes...), anyone(ada), noon)
		for _, c := range changes {
			if !is(v, c.Group) {
				t.Errorf("%s: %s is missing", name, c.Group)
			}
		}
	}
}

// ACL-19: what is over a limit, or names nobody that could be, is not half taken.
func TestPolicyLimits(t *testing.T) {
	grants := func(n int) []acl.Grant { return slices.Repeat([]acl.Grant{{Principal: ada}}, n) }
	layers := func(n int) []acl.Layer { return make([]acl.Layer, n) }
	bad := []acl.Grant{{Principal: ada}, {Principal: "ada"}}
	for _, c := range []struct {
		name  string
		p     *acl.Policy
		field string // of the error, "" for none
	}{
		{"no policy", nil, ""},
		{"zero policy", &acl.Policy{}, ""},
		{"16 layers", &acl.Policy{Layers: layers(16)}, ""},
		{"17 layers", &acl.Policy{Layers: layers(17)}, "layers"},
		{"10,000 entries", &acl.Policy{Layers: []acl.Layer{{Allow: grants(10_000)}}}, ""},
		{"10,001 entries", &acl.Policy{Layers: []acl.Layer{{Allow: grants(10_001)}}}, "layers"},
		{"10,001 denies", &acl.Policy{Layers: []acl.Layer{{Deny: grants(10_001)}}}, "layers"},
		{"10,000 entries over lists and layers", &acl.Policy{Layers: []acl.Layer{{grants(4_000), grants(3_000)}, {grants(2_000), grants(1_000)}}}, ""},
		{"10,001 entries over lists and layers", &acl.Policy{Layers: []acl.Layer{{grants(4_000), grants(3_000)}, {grants(2_000), grants(1_001)}}}, "layers"},
		{"the last mode", &acl.Policy{Inherit: acl.Replace}, ""},
		{"an unknown mode", &acl.Policy{Inherit: acl.Replace + 1}, "inherit"},
		{"a malformed allow", &acl.Policy{Layers: []acl.Layer{{}, {Allow: bad}}}, "layers[1].allow[1].principal"},
		{"a malformed deny", &acl.Policy{Layers: []acl.Layer{{Deny: bad}}}, "layers[0].deny[1].principal"},
		{"a grant to nobody", &acl.Policy{Layers: []acl.Layer{{Allow: make([]acl.Grant, 1)}}}, "layers[0].allow[0].principal"},
	} {
		err := c.p.Validate()
		if c.field == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		var limit *acl.LimitError
		if !errors.As(err, &limit) || limit.Field != c.field || limit.Limit == "" || !strings.HasPrefix(err.Error(), c.field+": ") {
			t.Errorf("%s: error %v (%#v), want one that names %s and the limit", c.name, err, limit, c.field)
		}
	}
}

// Every policy on the chains below admits everyone, so the only thing that can keep a
// document from Ada is that its chain is cut.
func TestContainerLimit(t *testing.T) {
	all := open.Chain[0]
	replace := &acl.Policy{Layers: all.Layers, Inherit: acl.Replace}
	extend := &acl.Policy{Layers: all.Layers, Inherit: acl.Extend}
	folders := func(n int, top string) func(string) (catalog.Container, bool) {
		return func(id string) (c catalog.Container, known bool) {
			var i int
			if _, err := fmt.Sscanf(id, "folder%d", &i); err != nil || i >= n {
				return c, false
			}
			c.Policy, c.Parent = all, fmt.Sprint("folder", i+1)
			if i == n-1 {
				c.Parent = top
			}
			return c, true
		}
	}
	for _, c := range []struct {
		name     string
		own      *acl.Policy
		lookup   func(string) (catalog.Container, bool)
		dangling bool
		want     bool
	}{
		{"16 containers", all, folders(16, ""), false, true},
		{"17 containers, restrict", all, folders(17, ""), true, false},
		{"17 containers, extend", extend, folders(17, ""), true, true},
		{"17 containers, replace", replace, folders(17, ""), true, true},
		{"17 containers, no policy", nil, folders(17, ""), true, false},
		{"the 17th is unknown", all, folders(16, "nowhere"), true, false},
		{"the first is unknown", all, folders(0, ""), true, false},
		{"in itself", all, folders(1, "folder0"), true, false},
		{"in a circle", all, folders(5, "folder2"), true, false},
		{"in a circle, no policy", nil, folders(5, "folder0"), true, false},
		{"in a circle, replace", replace, folders(5, "folder2"), true, true},
	} {
		d := catalog.Document{Access: catalog.Access{Policy: c.own, Container: "folder0"}}
		chain, dangling := d.Chain(c.lookup)
		if dangling != c.dangling || len(chain) > 1+acl.MaxContainers {
			t.Errorf("%s: dangling is %t and %d policies are on the chain", c.name, dangling, len(chain))
		}
		a := acl.Access{Chain: chain, Dangling: dangling, Sensitivity: "public"}
		if got := viewOf(t, new(acl.Directory), anyone(ada), noon).Admits(a); got != c.want {
			t.Errorf("%s: admitted is %t", c.name, got)
		}
	}
}
