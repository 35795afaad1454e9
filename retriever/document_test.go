package retriever_test

import (
	"encoding/hex"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/retriever"
)

func hexHash(d catalog.Document) string { return hex.EncodeToString(d.ContentHash[:]) }

// Hidden, deleted, announced and never-existing documents are one and the same absence.
func TestAbsentDocumentsAreAlike(t *testing.T) {
	d := newDesk(t)
	gone := leave("gone.md", "14 days", acl.Everyone)
	d.send(t,
		leave("leave.md", "14 days", acl.Everyone), leave("hidden.md", "14 days", "user:local/ada"), gone,
		catalog.DeleteDocument{Document: gone.Document.DocumentID, Version: 1},
		catalog.PutAccess{Document: catalog.DocumentID{Source: "handbook", ID: "announced.md"}, Access: catalog.AccessPatch{Policy: readable(acl.Everyone)}},
	)
	before := d.log.Size()
	for _, id := range []string{"hidden.md", "gone.md", "announced.md", "never.md"} {
		got, err := d.Document(t.Context(), mallory, catalog.DocumentID{Source: "handbook", ID: id}, retriever.Request{ID: "request"})
		if !errors.Is(err, catalog.ErrNotFound) || err.Error() != catalog.ErrNotFound.Error() {
			t.Errorf("%s: error is %v, want %v and not a word more", id, err, catalog.ErrNotFound)
		}
		if diff := cmp.Diff(retriever.Document{}, got); diff != "" {
			t.Errorf("%s: what is absent holds:\n%s", id, diff)
		}
	}
	if n := d.log.Size(); n != before {
		t.Errorf("%d records of reads in which nothing left", n-before)
	}
}

// A document is read whole, with what it is worth, and that is on record.
func TestDocumentIsReadWhole(t *testing.T) {
	d := newDesk(t)
	successor := leave("new.md", "30 days", acl.Everyone)
	successor.Document.Supersedes = []catalog.DocumentID{{Source: "handbook", ID: "leave.md"}}
	sent := leave("leave.md", "14 days", acl.Everyone)
	d.send(t, sent, successor)
	got, err := d.Document(t.Context(), ada, sent.Document.DocumentID, retriever.Request{ID: "r1", Chain: []string{"service:desk"}})
	must(t, err)
	if got.Text != sent.Text || got.Document.Title != "Parental leave" || !got.At.Equal(now) {
		t.Errorf("read %+v", got)
	}
	if got.SupersededBy == nil || got.SupersededBy.ID != "new.md" {
		t.Errorf("superseded by %v, want new.md", got.SupersededBy)
	}
	record, _, err := d.log.Record(t.Context(), got.Entry.Index)
	must(t, err)
	want := audit.Record{
		ID: "r1", Time: now, Kind: audit.KindRead, App: "service:desk", User: "user:local/ada", Chain: []string{"service:desk"},
		Groups: &audit.Groups{From: audit.FromDirectory},
		Read:   &audit.Read{Source: "handbook", ID: "leave.md", Version: 1, ContentHash: hexHash(got.Document)},
	}
	if diff := cmp.Diff(want, record); diff != "" {
		t.Errorf("the record (-want +got):\n%s", diff)
	}
}
