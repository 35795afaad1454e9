package trace

import (
	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/catalog"
)

// Origin says where the policies that let a passage through are taken from.
type Origin uint8

// The origins.
const (
	History   Origin = 1 + iota // the catalog's history, at the revision of the retrieval
	Unchanged                   // the catalog as it is now: the hash is the recorded one
	Pruned                      // they are no longer kept
)

// Policy is what decided who might read a document.
type Policy struct {
	Origin        Origin
	Hash          string // as recorded
	AccessVersion int64  // as recorded
	Nodes         []Node // the document first, then its containers up to the root; nil if Pruned
	Sensitivity   string // "" if Pruned
}

// Node is a document or container with its policy, nil if it has none of its own.
type Node struct {
	ID     catalog.DocumentID
	Policy *acl.Policy
}

// policyOf finds the policies that have the recorded hash. Records of older servers have none;
// for those the catalog's history is believed if the version is the recorded one.
func policyOf(s audit.Source, then catalog.Standing, kept bool, now catalog.Standing) Policy {
	p := Policy{Origin: Pruned, Hash: s.Policies, AccessVersion: s.AccessVersion}
	switch id := documentOf(s); {
	case kept && (s.Policies == "" || digest(then.Governed(id)) == s.Policies):
		p.Origin = History
		p.fill(id, then)
	case s.Policies != "" && digest(now.Governed(id)) == s.Policies:
		p.Origin = Unchanged
		p.fill(id, now)
	}
	return p
}

func (p *Policy) fill(id catalog.DocumentID, s catalog.Standing) {
	p.Sensitivity = s.Access.Label()
	p.Nodes = []Node{{id, s.Access.Policy}}
	for _, c := range s.Containers {
		p.Nodes = append(p.Nodes, Node{c.DocumentID, c.Policy})
	}
}
