package acl_test

import (
	"slices"
	"testing"

	"github.com/muniment/muniment/acl"
)

// A proof says what the rule decides, and its parts add up to that.
func TestProofAgreesWithTheRule(t *testing.T) {
	admitted, denied := 0, 0
	for seed := range uint64(3000) {
		r := roll(seed)
		w := r.world()
		d := directoryOf(w)
		c, at := r.caller(), r.instant()
		var sources []string
		if r.chance(30) {
			sources = []string{"hr"}
		}
		v := viewOf(t, d, identityOf(w, c, sources...), at)
		for id := range w.Documents {
			a := accessOf(w, id)
			p := v.Explain(a)
			if want := v.Admits(a); p.Admitted != want {
				t.Fatalf("seed %d, %s: the proof says %t, the rule %t", seed, id, p.Admitted, want)
			}
			all := p.UserCleared && p.AppCleared && p.AppReaches && p.Nodes[0].Admitted
			if all != p.Admitted {
				t.Fatalf("seed %d, %s: the parts do not add up: %+v", seed, id, p)
			}
			for i, n := range p.Nodes {
				checkNode(t, p, i)
				for _, l := range n.Layers {
					for _, m := range slices.Concat(l.Allow, l.Deny) {
						checkMatch(t, d, acl.Principal(c.Principal), m)
					}
				}
			}
			if p.Admitted {
				admitted++
			} else {
				denied++
			}
		}
	}
	if admitted < 500 || denied < 500 {
		t.Errorf("%d admitted and %d not: the worlds are too plain", admitted, denied)
	}
}

// checkNode derives a node's answer from what its proof says of the node and its parent.
func checkNode(t *testing.T, p acl.Proof, i int) {
	t.Helper()
	n := p.Nodes[i]
	hasParent, parent := p.Dangling, false
	if i+1 < len(p.Nodes) {
		hasParent, parent = true, p.Nodes[i+1].Admitted
	}
	own, denied := len(n.Layers) > 0, false
	for _, l := range n.Layers {
		holds := func(m acl.Match) bool { return m.Holds }
		own = own && slices.ContainsFunc(l.Allow, holds) && !slices.ContainsFunc(l.Deny, holds)
		denied = denied || slices.ContainsFunc(l.Deny, holds)
	}
	want := parent
	switch {
	case !n.Policy:
	case !hasParent || n.Inherit == acl.Replace:
		want = own
	case n.Inherit == acl.Extend:
		want = (own || parent) && !denied
	default:
		want = own && parent
	}
	if n.Own != own || n.Denied != denied || n.Admitted != want {
		t.Fatalf("node %d of %+v: own %t, denied %t, admitted %t; want %t, %t, %t", i, p, n.Own, n.Denied, n.Admitted, own, denied, want)
	}
}

// checkMatch demands that a grant's principal is the caller's by a chain of memberships.
func checkMatch(t *testing.T, d *acl.Directory, user acl.Principal, m acl.Match) {
	t.Helper()
	if m.Grant.Principal == acl.Everyone {
		return
	}
	path := d.Path(user, m.Grant.Principal)
	if len(path) == 0 || path[0] != user || path[len(path)-1] != m.Grant.Principal {
		t.Fatalf("the path from %s to %s is %v", user, m.Grant.Principal, path)
	}
	for i := range path[1:] {
		if !slices.Contains(d.Members(path[i+1]), path[i]) {
			t.Fatalf("%v: %s is no member of %s", path, path[i], path[i+1])
		}
	}
}

func TestPathIsTheShortest(t *testing.T) {
	d := new(acl.Directory).With(
		acl.Change{Group: "group:a", Members: []acl.Principal{ada, "group:c"}},
		acl.Change{Group: "group:b", Members: []acl.Principal{"group:a"}},
		acl.Change{Group: "group:c", Members: []acl.Principal{"group:b"}}, // a circle
		acl.Change{Group: "group:z", Members: []acl.Principal{"group:c", "group:a"}},
	)
	for to, want := range map[acl.Principal][]acl.Principal{
		ada: {ada}, "group:a": {ada, "group:a"}, "group:c": {ada, "group:a", "group:b", "group:c"},
		"group:z": {ada, "group:a", "group:z"}, "group:none": nil, eve: nil,
	} {
		if got := d.Path(ada, to); !slices.Equal(got, want) {
			t.Errorf("to %s: %v, want %v", to, got, want)
		}
	}
	if got := d.Users(); !slices.Equal(got, []acl.Principal{ada}) {
		t.Errorf("users %v", got)
	}
}
