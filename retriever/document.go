package retriever

import (
	"context"
	"encoding/hex"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/freshness"
)

// Document is one document read whole.
type Document struct {
	catalog.Document
	Text         string
	Finding      freshness.Finding
	SupersededBy *catalog.DocumentID
	At           time.Time // when freshness was judged
	Entry        audit.Entry
}

// Document reads a document the caller may read, and records that before it is returned.
// A hidden, deleted or never-existing one is catalog.ErrNotFound. Of the request, only
// ID, AtLeast and Chain are used.
func (r *Retriever) Document(ctx context.Context, caller acl.Identity, id catalog.DocumentID, req Request) (Document, error) {
	state, err := r.States.Pin(ctx, req.AtLeast)
	if err != nil {
		return Document{}, err
	}
	defer state.Release()
	view, err := state.View(caller, r.Now())
	if err != nil {
		return Document{}, err
	}
	found, err := state.Documents(ctx, view, []catalog.DocumentID{id})
	if err != nil {
		return Document{}, err
	}
	if len(found) == 0 {
		return Document{}, catalog.ErrNotFound
	}
	d := Document{Document: found[0], At: view.At()}
	if d.Text, err = state.Text(ctx, view, id); err != nil {
		return Document{}, err
	}
	if d.Finding, d.SupersededBy, err = Judge(ctx, state, view, d.Document); err != nil {
		return Document{}, err
	}
	d.Entry, err = r.Log.Append(ctx, audit.Record{
		ID: req.ID, Time: d.At, Kind: "read", App: string(caller.App), User: string(caller.User), Chain: req.Chain, Groups: audit.GroupsOf(caller),
		Read: &audit.Read{Source: id.Source, ID: id.ID, Version: d.Version, ContentHash: hex.EncodeToString(d.ContentHash[:])},
	})
	if err != nil {
		return Document{}, notRecorded(ctx, err)
	}
	// failpoint: retriever/before-reading
	return d, nil
}
