package catalog

import (
	"crypto/sha256"

	"github.com/muniment/muniment/acl"
)

// Standing is how a document stands at a revision, without anything that it says.
type Standing struct {
	State       State
	Version     int64
	ContentHash [sha256.Size]byte
	Supersedes  []DocumentID
	// SupersededBy is what the document's own sender or text says.
	SupersededBy []DocumentID
	Access       Access
	Containers   []Container // from the document's own up to the root
	Dangling     string      // see Document.Containers
}

// Stands returns how the document stands. Lookup returns a container of its source.
func (d *Document) Stands(lookup func(id string) (Container, bool)) Standing {
	s := Standing{
		State: d.State, Version: d.Version, ContentHash: d.ContentHash, Supersedes: d.Supersedes,
		SupersededBy: d.SupersededBy, Access: d.Access,
	}
	s.Containers, s.Dangling = d.Containers(lookup)
	return s
}

// Governed is what decides who may read the document of that id, in the form acl decides on.
func (s Standing) Governed(id DocumentID) acl.Access {
	chain := []*acl.Policy{s.Access.Policy}
	for _, c := range s.Containers {
		chain = append(chain, c.Policy)
	}
	return acl.Access{Chain: chain, Dangling: s.Dangling != "", Source: id.Source, Sensitivity: s.Access.Label()}
}
