package indexer

import (
	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// entry is what the table keeps of one present document: as much as finding, filtering and
// deciding need, because all documents are in memory.
type entry struct {
	catalog.DocumentID
	governance    *governance
	version       int64
	accessVersion int64
	owner         acl.Principal
	labels        map[string]string
	supersedes    []catalog.DocumentID
	disputed      []catalog.DocumentID
	contentAt     catalog.Revision
	vectorsAt     catalog.Revision
	rows          catalog.Rows
	waits         bool // for its vectors
}

func newEntry(d *catalog.Document, g *governance) *entry {
	return &entry{
		DocumentID: catalog.DocumentID{Source: g.source, ID: d.ID}, // one string for all documents of a source
		governance: g, version: d.Version, accessVersion: d.Access.Version, owner: d.Owner, labels: d.Labels,
		supersedes: d.Supersedes, disputed: disputed(d), contentAt: d.ContentAt, vectorsAt: d.VectorsAt, rows: d.Rows,
	}
}

// document is the entry's document as far as it decides who may read.
func (e *entry) document() *catalog.Document {
	return &catalog.Document{
		DocumentID: e.DocumentID, Version: e.version, State: catalog.Present,
		Access: catalog.Access{
			Version: e.accessVersion, Policy: e.governance.policy, Container: e.governance.container, Sensitivity: e.governance.sensitivity,
		},
	}
}
