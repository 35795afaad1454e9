package acl

import (
	"slices"
	"time"
)

// Proof is why a view may or may not read something: the rule's answer, with what it was
// made of. Each node's answer is the rule's own for the chain that begins there, so a proof
// cannot disagree with the decision it explains.
type Proof struct {
	Admitted    bool
	Label       string // the sensitivity label that must be cleared
	UserCleared bool
	AppCleared  bool
	AppReaches  bool      // the app's scope has the source
	Withheld    time.Time // from when on the source is withheld, zero = never
	Dangling    bool      // the chain ends at a container that admits nobody
	Nodes       []Node
}

// Node is one step of the chain: the document first, then its containers up to the root.
type Node struct {
	Policy   bool // it has a policy of its own
	Inherit  Inherit
	Layers   []LayerProof
	Own      bool // the policy's own layers admit
	Denied   bool // a deny of any layer names the view
	Admitted bool // the node's answer, as its children see it
}

// LayerProof is the grants of a layer that name one of the view's principals.
type LayerProof struct{ Allow, Deny []Match }

// Match is a grant that names one of the view's principals.
type Match struct {
	Grant Grant
	Holds bool // at the view's instant
}

// Explain decides like Decide and says why. A view without principals has no matches.
func (v View) Explain(a Access) Proof {
	p := Proof{
		Admitted: v.Admits(a), Label: a.Sensitivity, Dangling: a.Dangling,
		UserCleared: v.clearance[a.Sensitivity], AppCleared: v.scope.Clearance[a.Sensitivity],
		AppReaches: v.scope.AllSources || slices.Contains(v.scope.Sources, a.Source),
		Withheld:   v.withheld[a.Source],
	}
	// The nodes are explained apart from labels, scope and withholding, which would make each
	// a no.
	open := v
	open.withheld = nil
	open.clearance = Clearance{a.Sensitivity: true}
	open.scope = Scope{AllSources: true, Clearance: open.clearance}
	for i, policy := range a.Chain {
		n := Node{Policy: policy != nil}
		rest := a
		rest.Chain = a.Chain[i:]
		n.Admitted = open.Admits(rest)
		if policy != nil {
			n.Inherit = policy.Inherit
			n.Own, n.Denied = v.own(policy, &Decision{})
			for _, l := range policy.Layers {
				n.Layers = append(n.Layers, LayerProof{Allow: v.matches(l.Allow), Deny: v.matches(l.Deny)})
			}
		}
		p.Nodes = append(p.Nodes, n)
	}
	return p
}

func (v View) matches(grants []Grant) (list []Match) {
	for _, g := range grants {
		if _, ok := v.principals[g.Principal]; ok {
			list = append(list, Match{g, g.holds(v.at)})
		}
	}
	return list
}

// Path is the shortest chain of memberships from a principal to a group it is in, both
// included: user, group, …, group. It is nil if there is none, and of one element for a
// principal that is asked about itself. Among equally short ones it is the first by name.
func (d *Directory) Path(from, to Principal) []Principal {
	if from == to {
		return []Principal{from}
	}
	below := map[Principal]Principal{from: ""} // the member through which a group was reached
	for level := []Principal{from}; len(level) > 0; {
		var next []Principal
		slices.Sort(level)
		for _, p := range level {
			for _, g := range d.groups[shard(p)][p] {
				if _, seen := below[g]; seen {
					continue
				}
				below[g] = p
				if g == to {
					return pathTo(below, to)
				}
				next = append(next, g)
			}
		}
		level = next
	}
	return nil
}

func pathTo(below map[Principal]Principal, to Principal) (path []Principal) {
	for at := to; at != ""; at = below[at] {
		path = append(path, at)
	}
	slices.Reverse(path)
	return path
}

// Users are the users and services that the directory knows as members of some group,
// sorted.
func (d *Directory) Users() (list []Principal) {
	for _, shard := range d.groups {
		for p := range shard {
			if k := p.Kind(); k == User || k == Service {
				list = append(list, p)
			}
		}
	}
	slices.Sort(list)
	return list
}
