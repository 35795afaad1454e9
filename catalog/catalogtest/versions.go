package catalogtest

import (
	"errors"

	"github.com/muniment/muniment/catalog"
)

var everyone = readers("everyone")

func is(err, target error) bool { return errors.Is(err, target) }

var versionCases = []testCase{
	{"An older version is refused", func(w *bench) {
		w.one(put("a", 5, "five", with(0, everyone)))
		w.refused(put("a", 4, "four"), catalog.ErrVersionStale)
		w.refused(put("a", -1, "less than nothing"), catalog.ErrVersionStale)
		w.refused(catalog.DeleteDocument{Document: name("a"), Version: 4}, catalog.ErrVersionStale)
		w.text("a", "five")
	}},
	{"An equal version with equal content is a repetition", func(w *bench) {
		w.one(put("a", 5, "five", with(0, everyone)))
		before := w.pin(0).Revision()
		if o := w.one(put("a", 5, "five", with(0, everyone))); o.Changed {
			w.Fatalf("a repetition changed something: %+v", o)
		}
		w.same("revision", w.pin(0).Revision(), before)
	}},
	{"An equal version with other content is refused", func(w *bench) {
		w.one(put("a", 5, "five", with(0, everyone)))
		w.refused(put("a", 5, "six"), catalog.ErrVersionReused)
		w.refused(put("a", 5, "five", func(m *catalog.PutDocument) { m.Document.Title = "other" }), catalog.ErrVersionReused)
		w.text("a", "five")
	}},
	{"A newer version replaces the text and its passages", func(w *bench) {
		w.one(put("a", 1, "one", with(0, everyone), func(m *catalog.PutDocument) {
			m.Passages = []catalog.Passage{{Text: "one"}, {Text: "two"}}
		}))
		first := w.one(put("b", 1, "other", with(0, everyone))).Document.Rows
		o := w.one(put("a", 2, "three"))
		if o.Document.Rows.Count != 1 || o.Document.Rows.First <= first.First {
			w.Fatalf("rows %+v after %+v", o.Document.Rows, first)
		}
		w.text("a", "three")
		n := w.pin(0)
		got, err := n.Passages(w.Context(), w.view(n, ada), []catalog.PassageID{
			{Document: name("a"), Version: 1}, {Document: name("a"), Version: 1, Ordinal: 1},
			{Document: name("a"), Version: 2, Ordinal: 1}, {Document: name("a"), Version: 2, Ordinal: -1},
			{Document: name("a"), Version: 3}, {Document: name("a"), Version: 2},
		})
		w.must(err)
		if len(got) != 1 || got[0].Text != "three" || got[0].Vector != nil {
			w.Fatalf("passages of other versions than the current one, or with a vector: %+v", got)
		}
	}},
	{"What was vouched for stays so while the text is the same", func(w *bench) {
		vouched := catalog.Verification{By: "user:corp/ada", At: w.now}
		w.one(put("a", 1, "same", with(0, everyone), func(m *catalog.PutDocument) { m.Document.Verified = vouched }))
		w.same("verified", w.one(put("a", 2, "same")).Document.Verified, vouched)
		w.same("verified", w.one(put("a", 3, "other")).Document.Verified, catalog.Verification{})
		w.same("verified", w.one(put("a", 4, "same")).Document.Verified, catalog.Verification{})
	}},
	{"A deletion keeps out everything that is not newer", func(w *bench) {
		w.one(put("a", 5, "five", with(0, everyone)))
		w.one(catalog.DeleteDocument{Document: name("a"), Version: 7})
		w.expect(name("a"), false, false)
		w.refused(put("a", 5, "five"), catalog.ErrVersionStale)
		w.refused(put("a", 7, "seven"), catalog.ErrVersionReused)
		w.refused(catalog.DeleteDocument{Document: name("a"), Version: 6}, catalog.ErrVersionStale)
		if o := w.one(catalog.DeleteDocument{Document: name("a"), Version: 7}); o.Changed {
			w.Fatal("deleting again changed something")
		}
		w.one(put("a", 8, "eight"))
		w.text("a", "eight")
	}},
	{"A deletion at the stored version deletes", func(w *bench) {
		w.one(put("a", 5, "five", with(0, everyone)))
		w.one(catalog.DeleteDocument{Document: name("a"), Version: 5})
		w.refused(put("a", 5, "five"), catalog.ErrVersionReused)
		w.expect(name("a"), false, false)
	}},
	{"A deletion before the document leaves a tombstone", func(w *bench) {
		if o := w.one(catalog.DeleteDocument{Document: name("a"), Version: 3}); !o.Changed {
			w.Fatal("no tombstone was left")
		}
		w.refused(put("a", 2, "two", with(0, everyone)), catalog.ErrVersionStale)
		w.reopen()
		w.refused(put("a", 3, "three", with(0, everyone)), catalog.ErrVersionReused)
		w.expect(name("a"), false, false)
		w.one(put("a", 4, "four", with(0, everyone)))
		w.expect(name("a"), true, true)
	}},
}

// text checks the newest text of a document that ada may read.
func (w *bench) text(id, want string) {
	w.Helper()
	n := w.pin(0)
	if !w.sees(n, ada, name(id)) {
		w.Fatalf("ada does not see %s", id)
	}
	got, err := n.Text(w.Context(), w.view(n, ada), name(id))
	w.must(err)
	w.same("text", got, want)
}
