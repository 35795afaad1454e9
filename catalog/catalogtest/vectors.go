package catalogtest

import (
	"github.com/muniment/muniment/catalog"
)

// pending is a document line with as many passages that wait for their vectors.
func pending(id string, version int64, passages int) catalog.PutDocument {
	return put(id, version, "text", with(0, everyone), func(m *catalog.PutDocument) {
		m.Document.Pending, m.Passages = true, nil
		for range passages {
			m.Passages = append(m.Passages, catalog.Passage{Text: "text"})
		}
	})
}

// given are vectors for the handbook's document.
func given(id string, version int64, space string, vectors ...[]float32) catalog.PutVectors {
	return catalog.PutVectors{Document: name(id), Version: version, Space: space, Vectors: vectors}
}

// vectors lists those that came after the revision, of the one document that changed.
func (w *bench) vectors(after catalog.Revision) (d catalog.Document, vectors [][]float32) {
	w.Helper()
	changes := w.changes(after)
	if len(changes) != 1 {
		w.Fatalf("%d changes after %d, want 1", len(changes), after)
	}
	for _, p := range changes[0].Document.Passages {
		vectors = append(vectors, p.Vector)
	}
	return changes[0].Document.Document, vectors
}

var vectorCases = []testCase{
	{"Vectors that come later touch nothing but vectors", func(w *bench) {
		was := w.one(pending("a", 1, 2)).Document
		stored := w.pin(0).Revision()
		done := w.commit(given("a", 1, "test/2", []float32{0.6, 0.8}, nil))
		o := done.Outcomes[0]
		if !o.Changed || o.Refused != nil || done.Revision != stored+1 {
			w.Fatalf("outcome %+v, revision %d after %d", o, done.Revision, stored)
		}
		want := *was
		want.VectorSpace, want.Pending, want.VectorsAt = "test/2", false, done.Revision
		for range 2 {
			w.same("record", *o.Document, want)
			d, vectors := w.vectors(stored)
			w.same("changed record", d, want)
			w.same("vectors since", vectors, [][]float32{{0.6, 0.8}, nil})
			_, vectors = w.vectors(0)
			w.same("vectors of a rebuild", vectors, [][]float32{{0.6, 0.8}, nil})
			w.changed(done.Revision)
			n := w.pin(0)
			passages, err := n.Passages(w.Context(), w.view(n, ada), []catalog.PassageID{{Document: name("a"), Version: 1}, {Document: name("a"), Version: 1, Ordinal: 1}})
			w.must(err)
			w.same("passages", len(passages), 2)
			w.reopen()
		}
	}},
	{"Vectors for what is not stored are refused", func(w *bench) {
		w.one(pending("a", 2, 1))
		w.one(access("access only", 1, everyone))
		w.one(put("gone", 1, "one"))
		w.one(catalog.DeleteDocument{Document: name("gone"), Version: 1})
		v := []float32{1, 0}
		for _, m := range []catalog.PutVectors{
			given("a", 1, "s", v), given("a", 3, "s", v), given("a", 2, "s"), given("a", 2, "s", v, v),
			given("never", 1, "s", v), given("never", 0, "s"), given("access only", 0, "s"), given("gone", 1, "s", v), given("gone", 1, "s"),
		} {
			w.refused(m, catalog.ErrNotStored)
		}
	}},
	{"The same vectors again change nothing", func(w *bench) {
		w.one(pending("a", 1, 2))
		m := given("a", 1, "s", []float32{1, 0}, nil)
		w.one(m)
		for range 2 {
			before := w.pin(0).Revision()
			if o := w.one(m); o.Changed {
				w.Fatalf("a repetition: %+v", o)
			}
			w.same("revision", w.pin(0).Revision(), before)
			w.reopen()
		}
		if o := w.one(given("a", 1, "s", nil, []float32{1, 0})); !o.Changed {
			w.Fatal("other vectors changed nothing")
		}
		if o := w.one(given("a", 1, "other", nil, []float32{1, 0})); !o.Changed {
			w.Fatal("another space changed nothing")
		}
	}},
	{"A document stops waiting even if no passage of it has a vector", func(w *bench) {
		w.one(pending("a", 1, 1))
		o := w.one(given("a", 1, "", nil))
		if !o.Changed || o.Document.Pending {
			w.Fatalf("outcome %+v of %+v", o, o.Document)
		}
	}},
	{"Vectors can be replaced by those of another space, also ones that came with the content", func(w *bench) {
		w.one(put("a", 1, "one", with(0, everyone), func(m *catalog.PutDocument) { m.Document.VectorSpace = "old/2" }))
		w.one(given("a", 1, "new/1", []float32{1}))
		for i := range 5 { // commits for a store that prunes to prune in
			w.one(put("noise", int64(i), "noise"))
		}
		w.one(given("a", 1, "newer/3", []float32{0, 1, 0}))
		at := w.pin(0).Revision()
		w.one(access("a", 1, forAda))
		w.reopen()
		d, vectors := w.vectors(at - 1)
		if d.VectorSpace != "newer/3" || d.VectorsAt != at {
			w.Fatalf("space %q of revision %d", d.VectorSpace, d.VectorsAt)
		}
		w.same("vectors", vectors, [][]float32{{0, 1, 0}})
		w.changed(at, "a v1+0")
	}},
	{"New content begins without later vectors", func(w *bench) {
		w.one(pending("a", 1, 1))
		w.one(given("a", 1, "s", []float32{1, 0}))
		o := w.one(pending("a", 2, 1))
		if d := o.Document; d.VectorsAt != 0 || !d.Pending || d.VectorSpace != "" {
			w.Fatalf("record %+v", *d)
		}
		w.refused(given("a", 1, "s", []float32{1, 0}), catalog.ErrNotStored)
		_, vectors := w.vectors(0)
		w.same("vectors", vectors, [][]float32{nil})
		o = w.one(pending("a", 3, 1))
		if o.Document.VectorsAt != 0 {
			w.Fatalf("record %+v", *o.Document)
		}
	}},
	{"A deletion takes later vectors along", func(w *bench) {
		w.one(pending("a", 1, 1))
		w.one(given("a", 1, "s", []float32{1, 0}))
		o := w.one(catalog.DeleteDocument{Document: name("a"), Version: 1})
		if d := o.Document; d.VectorsAt != 0 || d.VectorSpace != "" {
			w.Fatalf("record %+v", *d)
		}
		for i := range 5 {
			w.one(put("noise", int64(i), "noise"))
		}
	}},
	{"Content and its vectors may come in one commit, in any number", func(w *bench) {
		done := w.commit(pending("a", 1, 1), given("a", 1, "s", []float32{1, 0}), given("a", 1, "t", []float32{0, 1}),
			put("b", 1, "one"), given("b", 1, "t", []float32{3}), pending("b", 2, 1),
			pending("c", 1, 1), given("c", 1, "s", []float32{1, 0}), catalog.DeleteDocument{Document: name("c"), Version: 1})
		for i, o := range done.Outcomes {
			if o.Refused != nil || !o.Changed {
				w.Fatalf("mutation %d: %+v", i, o)
			}
		}
		w.reopen()
		got := map[string][]float32{}
		for _, c := range w.changes(0) {
			for _, p := range c.Document.Passages {
				got[c.Document.Document.ID] = p.Vector
			}
		}
		w.same("vectors", got, map[string][]float32{"a": {0, 1}, "b": nil})
	}},
	{"Changes that began before the vectors came do not tell of them", func(w *bench) {
		w.one(pending("a", 1, 1))
		before := w.store.Changes(w.Context(), 0, catalog.Contents)
		w.one(given("a", 1, "s", []float32{1, 0}))
		for c, err := range before {
			w.must(err)
			if d := c.Document.Document; d.VectorSpace != "" || !d.Pending || c.Document.Passages[0].Vector != nil {
				w.Fatalf("record %+v, passages %+v", d, c.Document.Passages)
			}
		}
	}},
	{"Records alone bring no vectors and no passages", func(w *bench) {
		w.one(pending("a", 1, 1))
		w.one(given("a", 1, "s", []float32{1, 0}))
		for c, err := range w.store.Changes(w.Context(), 0, catalog.Records) {
			w.must(err)
			if d := c.Document; d.Passages != nil || d.Document.VectorSpace != "s" {
				w.Fatalf("%+v", d)
			}
		}
	}},
	{"Vectors are no line of their source", func(w *bench) {
		w.one(pending("a", 1, 1))
		before := w.source("handbook")
		w.one(catalog.StartSync{Source: "handbook", Session: catalog.Session{ID: "s", Life: hour}})
		w.one(given("a", 1, "s", []float32{1, 0}))
		after := w.source("handbook")
		if after.Last != before.Last || after.Seen != 0 || !after.Session.Active.Equal(after.Session.Start) {
			w.Fatalf("the source is %+v", after)
		}
	}},
}
