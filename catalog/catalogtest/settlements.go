package catalogtest

import (
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/muniment/muniment/catalog"
)

// settle is a verdict on sentences n between two documents of the handbook.
func settle(first, second string, n int, v catalog.Verdict, note string) catalog.SettleConflict {
	return catalog.SettleConflict{First: name(first), Settlement: catalog.Settlement{
		With: name(second), Sentences: sha256.Sum256(fmt.Append(nil, n)), Verdict: v, Note: note, By: "user:corp/ada",
	}}
}

// vouch says that bob has looked at the text of the handbook's document.
func vouch(id, text string) catalog.VerifyDocument {
	return catalog.VerifyDocument{Document: name(id), Content: sha256.Sum256([]byte(text)), By: "user:corp/bob"}
}

var settlementCases = []testCase{
	{"A verification holds for the text it was given for", func(w *bench) {
		w.one(put("a", 1, "one"))
		o := w.one(vouch("a", "one"))
		want := catalog.Verification{By: "user:corp/bob", At: w.now}
		w.same("verified", o.Document.Verified, want)
		w.same("the same text again", w.one(put("a", 2, "one")).Document.Verified, want)
		older := put("a", 3, "one", func(m *catalog.PutDocument) {
			m.Document.Verified = catalog.Verification{By: "user:corp/ada", At: want.At.Add(-time.Hour)}
		})
		w.same("a line that knows an older one", w.one(older).Document.Verified, want)
		newer := put("a", 4, "one", func(m *catalog.PutDocument) {
			m.Document.Verified = catalog.Verification{By: "user:corp/ada", At: want.At.Add(time.Minute)}
		})
		w.same("a line that knows a newer one", w.one(newer).Document.Verified, newer.Document.Verified)
		w.same("another text", w.one(put("a", 5, "two")).Document.Verified, catalog.Verification{})
		w.reopen()
		w.same("vouched for again", w.one(vouch("a", "two")).Document.Verified.By, want.By)
	}},
	{"A verification from the future gives way to any", func(w *bench) {
		w.one(put("a", 1, "one", func(m *catalog.PutDocument) {
			m.Document.Verified = catalog.Verification{By: "user:corp/ada", At: w.now.AddDate(5, 0, 0)}
		}))
		w.same("vouched for", w.one(vouch("a", "one")).Document.Verified, catalog.Verification{By: "user:corp/bob", At: w.now})
	}},
	{"A verification of what is not stored, or says something else, is refused", func(w *bench) {
		w.one(put("a", 1, "one"))
		w.one(access("b", 1, everyone))
		w.one(put("c", 1, "one"))
		w.one(catalog.DeleteDocument{Document: name("c"), Version: 1})
		for _, id := range []string{"b", "c", "d"} {
			w.refused(vouch(id, "one"), catalog.ErrNotStored)
		}
		w.refused(vouch("a", "two"), catalog.ErrContentChanged)
	}},
	{"A verdict stays with the document until it is taken back", func(w *bench) {
		w.one(put("a", 1, "one"))
		w.one(settle("a", "b", 1, catalog.NoConflict, "different things"))
		first := w.now
		w.one(settle("a", "b", 2, catalog.FirstIsRight, ""))
		second := w.now
		if o := w.one(settle("a", "b", 2, catalog.FirstIsRight, "")); o.Changed {
			w.Fatal("a verdict given again changes something")
		}
		d := w.one(put("a", 2, "two")).Document
		w.reopen()
		for _, want := range []struct {
			n  int
			v  catalog.Verdict
			at time.Time
		}{{1, catalog.NoConflict, first}, {2, catalog.FirstIsRight, second}, {3, catalog.Unsettled, time.Time{}}} {
			s := d.Settled(name("b"), sha256.Sum256(fmt.Append(nil, want.n)))
			w.same("verdict", s.Verdict, want.v)
			w.same("since", s.At, want.at)
		}
		if o := w.one(settle("a", "b", 2, catalog.SecondIsRight, "on second thoughts")); len(o.Document.Settlements) != 2 {
			w.Fatalf("%d verdicts, want 2", len(o.Document.Settlements))
		}
		if o := w.one(settle("a", "b", 1, catalog.Unsettled, "")); len(o.Document.Settlements) != 1 {
			w.Fatalf("%d verdicts, want 1", len(o.Document.Settlements))
		}
		if o := w.one(settle("a", "b", 1, catalog.Unsettled, "")); o.Changed {
			w.Fatal("a verdict taken back again changes something")
		}
		w.one(catalog.DeleteDocument{Document: name("a"), Version: 2})
		if o := w.one(put("a", 3, "one")); len(o.Document.Settlements) != 0 {
			w.Fatal("a deletion left verdicts")
		}
	}},
	{"Verdicts about what is not stored, and too many, are refused", func(w *bench) {
		w.refused(settle("a", "b", 1, catalog.NoConflict, ""), catalog.ErrNotStored)
		w.one(put("a", 1, "one"))
		var many []catalog.Mutation
		for i := range catalog.MaxSettlements {
			many = append(many, settle("a", "b", i, catalog.NoConflict, ""))
		}
		w.commit(many...)
		w.refused(settle("a", "c", 1, catalog.NoConflict, ""), catalog.ErrSettlements)
		w.one(settle("a", "b", 1, catalog.BothRight, "in place of another"))
	}},
}
