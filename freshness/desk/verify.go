package desk

import (
	"context"
	"crypto/sha256"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// Verification is a steward's word for the text of a document.
type Verification struct {
	Document catalog.DocumentID
	Content  [sha256.Size]byte // of the text that was looked at
	Note     string            // what was looked at, for the audit record
}

// Verify stores the caller's word for a text, and returns the document as it stands then, with
// the revision that holds it. That the caller looks after the source is for others to know.
// Errors: catalog.ErrNotFound for a document that the caller may not read, or that is none;
// catalog.ErrContentChanged.
func (d *Desk) Verify(ctx context.Context, caller acl.Identity, v Verification) (Judged, catalog.Revision, error) {
	seen, err := d.one(ctx, caller, v.Document, 0)
	if err != nil {
		return Judged{}, 0, err
	}
	if seen.ContentHash != v.Content {
		return Judged{}, 0, catalog.ErrContentChanged
	}
	ticket, err := d.Indexer.Submit(ctx, indexer.Actor{User: caller.User, App: caller.App}, catalog.VerifyDocument{
		Document: v.Document, Content: v.Content, By: caller.User, Note: v.Note,
	}, catalog.Request{})
	if err != nil {
		return Judged{}, 0, err
	}
	o, at, err := ticket.Wait(ctx)
	switch {
	case err != nil:
		return Judged{}, 0, err
	case o.Refused == catalog.ErrNotStored: // it has gone meanwhile
		return Judged{}, 0, catalog.ErrNotFound
	case o.Refused != nil:
		return Judged{}, 0, o.Refused
	}
	now, err := d.one(ctx, caller, v.Document, at)
	return now, at, err
}

// one judges a document for the caller, at the revision at least.
func (d *Desk) one(ctx context.Context, caller acl.Identity, id catalog.DocumentID, atLeast catalog.Revision) (Judged, error) {
	state, err := d.Indexer.Pin(ctx, atLeast)
	if err != nil {
		return Judged{}, err
	}
	defer state.Release()
	view, err := state.View(caller, d.Now())
	if err != nil {
		return Judged{}, err
	}
	found, err := state.Documents(ctx, view, []catalog.DocumentID{id})
	if err != nil {
		return Judged{}, err
	}
	if len(found) == 0 {
		return Judged{}, catalog.ErrNotFound
	}
	list, err := judge(ctx, state, view, view.At(), found)
	if err != nil {
		return Judged{}, err
	}
	return list[0], nil
}
