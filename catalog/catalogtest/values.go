package catalogtest

import (
	"crypto/sha256"
	"math"
	"strings"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/freshness"
)

// times that a store must keep to the nanosecond.
var times = []time.Time{
	{}, time.Unix(0, 0), time.Unix(0, 1), time.Unix(-1, 999_999_999), time.Date(1969, 7, 20, 20, 17, 40, 500, time.UTC),
	time.Date(2, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC),
	time.Date(2024, 2, 29, 12, 0, 0, 100_000_000, time.FixedZone("east", 19800)), time.Date(1582, 10, 15, 0, 0, 0, 0, time.FixedZone("odd", -1234)),
}

var valueCases = []testCase{
	{"Every field of a document comes back as it went in", func(w *bench) {
		m := catalog.PutDocument{
			Document: catalog.Document{
				DocumentID: name("a"), Version: math.MaxInt64, Title: "Leave", MIME: "text/markdown", URI: "https://example.org/leave", Owner: "group:people",
				Labels: map[string]string{"org": "example", "": "", "z": "\x00"}, Modified: times[8],
				Verified: catalog.Verification{By: "user:corp/ada", At: times[3]}, ReviewInterval: 180*24*time.Hour + 1,
				ValidFrom: times[5], ValidUntil: times[7], RetentionClass: "guidance", VectorSpace: "test/2",
				Supersedes:   []catalog.DocumentID{name("b"), {Source: "wiki", ID: "c"}},
				SupersededBy: []catalog.DocumentID{{Source: "wiki", ID: "d"}},
				Signature:    freshness.Signature{0, 1, math.MaxUint32},
			},
			Text: "text\x00 with \xff bytes, " + strings.Repeat("日本 ", 5000),
			Passages: []catalog.Passage{{
				Text: "日本", Headings: []string{"Leave", "", "Paid"}, Span: freshness.Span{Start: 20, End: 22}, Vector: []float32{1, 0},
				Statements: freshness.Prepare("You get 28 days of paid leave a year, and must ask 14 days before."),
			}},
			Access: catalog.AccessPatch{Version: math.MaxInt64, Policy: &acl.Policy{Inherit: acl.Extend, Layers: []acl.Layer{
				{Allow: []acl.Grant{{Principal: "everyone", NotBefore: times[5], NotAfter: times[7]}}},
				{Allow: []acl.Grant{{Principal: "everyone"}}, Deny: []acl.Grant{{Principal: "user:corp/eve", NotAfter: times[9]}}},
			}}},
		}
		if len(m.Passages[0].Statements) == 0 {
			w.Fatal("the sample has no statements")
		}
		hash(&m)
		stored := w.one(m).Document
		want := m.Document
		want.Access = catalog.Access{Version: math.MaxInt64, Policy: m.Access.Policy}
		want.State, want.Synced, want.ACLSynced = catalog.Present, w.now, w.now
		want.ContentAt, want.Rows = w.pin(0).Revision(), stored.Rows
		w.same("outcome", *stored, want)
		for range 2 {
			n := w.pin(0)
			v := w.view(n, ada)
			documents, err := n.Documents(w.Context(), v, []catalog.DocumentID{name("a")})
			w.must(err)
			w.same("documents", documents, []catalog.Document{want})
			w.same("change", w.changes(0)[0].Document.Document, want)
			text, err := n.Text(w.Context(), v, name("a"))
			w.must(err)
			w.same("text", text, m.Text)
			passages, err := n.Passages(w.Context(), v, []catalog.PassageID{{Document: name("a"), Version: math.MaxInt64}})
			w.must(err)
			w.same("passages", passages, []catalog.Passage{m.Passages[0]}, "ID", "Row", "Vector")
			w.reopen()
		}
	}},
	{"Times come back to the nanosecond, from the year 1 to 9999", func(w *bench) {
		for i, at := range times {
			w.one(put("a", int64(i), "one", with(int64(i), everyone), func(m *catalog.PutDocument) { m.Document.Modified = at }))
			w.reopen()
			n := w.pin(0)
			d, err := n.Documents(w.Context(), w.view(n, ada), []catalog.DocumentID{name("a")})
			w.must(err)
			if got := d[0].Modified; !got.Equal(at) || got.IsZero() != at.IsZero() {
				w.Fatalf("%v came back as %v", at, got)
			}
		}
	}},
	{"A document without a text or passages is a document", func(w *bench) {
		w.one(catalog.PutDocument{
			Document: catalog.Document{DocumentID: name("a"), Version: 1, ContentHash: sha256.Sum256(nil)},
			Access:   catalog.AccessPatch{Policy: everyone},
		})
		w.reopen()
		n := w.pin(0)
		d, err := n.Documents(w.Context(), w.view(n, ada), []catalog.DocumentID{name("a")})
		w.must(err)
		text, err := n.Text(w.Context(), w.view(n, ada), name("a"))
		w.must(err)
		if len(d) != 1 || d[0].Rows.Count != 0 || text != "" {
			w.Fatalf("%+v, %q", d, text)
		}
		w.changed(0, "a v1+0")
	}},
	{"What the store sets cannot be set by a line", func(w *bench) {
		o := w.one(put("a", 1, "one", func(m *catalog.PutDocument) {
			d := &m.Document
			d.Access = catalog.Access{Version: 9, Policy: everyone}
			d.Synced, d.ACLSynced = times[1], times[1]
			d.Rows, d.ContentAt, d.VectorsAt, d.State = catalog.Rows{First: 77, Count: 5}, 66, 67, catalog.Deleted
		}))
		d := o.Document
		if d.Access != (catalog.Access{}) || !d.Synced.Equal(w.now) || !d.ACLSynced.IsZero() || d.Rows.Count != 1 || d.ContentAt != 1 || d.VectorsAt != 0 || d.State != catalog.Present {
			w.Fatalf("stored %+v", *d)
		}
	}},
	{"Many passages and long texts", func(w *bench) {
		m := put("a", 1, strings.Repeat("long ", 600_000), with(0, everyone))
		m.Passages = nil
		var ids []catalog.PassageID
		for i := range 3000 {
			m.Passages = append(m.Passages, catalog.Passage{Span: freshness.Span{Start: i, End: i + 1}, Vector: []float32{float32(i)}})
			ids = append(ids, catalog.PassageID{Document: name("a"), Version: 1, Ordinal: i})
		}
		w.one(m)
		n := w.pin(0)
		got, err := n.Passages(w.Context(), w.view(n, ada), ids)
		w.must(err)
		w.same("passages", got, m.Passages, "ID", "Row", "Vector")
		text, err := n.Text(w.Context(), w.view(n, ada), name("a"))
		w.must(err)
		if text != m.Text {
			w.Fatal("the text differs")
		}
		w.same("changed passages", w.changes(0)[0].Document.Passages, m.Passages, "ID", "Row")
	}},
}
