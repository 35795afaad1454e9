// Package desk is the steward's desk: how far each document of a view can be trusted, what
// contradicts what, and what to mend first.
//
// Everything it returns is a function of what the steward's own view admits, narrowed to the
// sources that the steward looks after. Documents are read through snapshots with that view
// and counted afterwards, so that none of another influences a number, an order or an error.
package desk

import (
	"context"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/freshness"
	"github.com/muniment/muniment/indexer"
	"github.com/muniment/muniment/retriever"
)

// Desk answers stewards. All exported fields are required.
type Desk struct {
	Indexer *indexer.Indexer
	Log     *audit.Log
	Now     func() time.Time

	searches searches // for conflicts
	uses     uses     // of documents, by the log
}

// Judged is a document with what freshness says of it to one view.
type Judged struct {
	catalog.Document
	Finding      freshness.Finding
	SupersededBy *catalog.DocumentID // a document of the view, if Finding says so
}

// judge judges documents that were read with the view, as of an instant.
func judge(ctx context.Context, state *indexer.State, view acl.View, at time.Time, documents []catalog.Document) ([]Judged, error) {
	list := make([]Judged, len(documents))
	for i, d := range documents {
		finding, by, err := retriever.JudgeAt(ctx, state, view, at, d)
		if err != nil {
			return nil, err
		}
		list[i] = Judged{d, finding, by}
	}
	return list, nil
}
