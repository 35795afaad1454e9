package indextest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// library is a small world that everyone may read: n documents of one passage each.
// Passage i has the word "amber" i+1 times among twenty, and a vector of its own; every
// third passage repeats the one before.
func library(g *generator, n int) (*world, indexer.Batch) {
	w := newWorld(&acl.Directory{})
	var changes []catalog.Change
	for i := range n {
		changes = append(changes, w.shelve(g, fmt.Sprintf("book-%03d", i), i-i%3/2))
	}
	return w, w.commit(changes...)
}

// shelve puts a document in which the first word occurs often.
func (w *world) shelve(g *generator, id string, often int) catalog.Change {
	text := ""
	for i := range 20 {
		if i <= often%20 {
			text += " " + words[0]
		} else {
			text += " " + words[1+i]
		}
	}
	for len(g.vectors) <= often {
		g.vector()
	}
	old := w.documents[catalog.DocumentID{Source: "handbook", ID: id}].Document
	return w.put(catalog.Document{
		DocumentID: catalog.DocumentID{Source: "handbook", ID: id}, Version: old.Version + 1,
		Title: words[1], VectorSpace: Space, Access: everyone,
	}, []catalog.Passage{{Text: text, Vector: g.vectors[often]}})
}

// first is a query that finds every passage of a library.
func (s Suite) first(g *generator) indexer.Query {
	if s.Measure == Cosine {
		return indexer.Query{Space: Space, Vector: g.vectors[0]}
	}
	return indexer.Query{Text: words[0]}
}

func ids(v *indexer.Visible, hits []indexer.Hit) []string {
	var list []string
	for _, h := range hits {
		list = append(list, v.ID(h.Row).Document.ID)
	}
	return list
}

func ties(t *testing.T, s Suite) {
	g := newGenerator(1)
	w := newWorld(&acl.Directory{})
	x := s.index(t)
	// Ids are neither in the order of rows nor in that of batches.
	var want []string
	for i := range 30 {
		id := fmt.Sprintf("twin-%02d", i*17%30)
		want = append(want, id)
		apply(t, x, w.commit(w.shelve(g, id, 0)))
	}
	slices.Sort(want)
	if s.Merge != nil {
		s.Merge(t, x)
	}
	for limit := 1; limit <= 31; limit++ {
		v := w.all()
		if got := ids(v, search(t, reader(t, x), v, s.first(g), limit)); !slices.Equal(got, want[:min(limit, 30)]) {
			t.Fatalf("of 30 equal passages, the first %d are %v", limit, got)
		}
	}
}

func limits(t *testing.T, s Suite) {
	g := newGenerator(2)
	w, b := library(g, 60)
	x := s.index(t)
	apply(t, x, b)
	r, v := reader(t, x), w.all()
	all := search(t, r, v, s.first(g), 1000)
	if len(all) != 60 {
		t.Fatalf("%d hits, want 60", len(all))
	}
	if !slices.IsSortedFunc(all, func(a, b indexer.Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), v.Compare(a.Row, b.Row))
	}) {
		t.Errorf("hits are not in order: %v", all)
	}
	for _, limit := range []int{1, 2, 7, 59, 60, 61} {
		if got := search(t, r, v, s.first(g), limit); !slices.Equal(got, all[:min(limit, 60)]) {
			t.Errorf("limit %d gives %v, not the beginning of the full answer %v", limit, got, all)
		}
	}
	for _, limit := range []int{0, -1} {
		if got := search(t, r, v, s.first(g), limit); len(got) != 0 {
			t.Errorf("limit %d gives %d hits", limit, len(got))
		}
	}
}

func nothing(t *testing.T, s Suite) {
	g := newGenerator(3)
	w, b := library(g, 10)
	x := s.index(t)
	apply(t, x, b)
	r, v := reader(t, x), w.all()
	queries := []indexer.Query{{}}
	if s.Measure == Cosine {
		queries = append(queries, indexer.Query{Space: "unheard-of/32", Vector: g.vectors[0]}, indexer.Query{Space: otherSpace, Vector: g.vectors[0]},
			indexer.Query{Text: words[0]})
	} else {
		queries = append(queries, indexer.Query{Text: "unobtainium"}, indexer.Query{Text: "\n .,- "},
			indexer.Query{Space: Space, Vector: g.vectors[0]})
	}
	for _, q := range queries {
		if hits := search(t, r, v, q, 10); len(hits) != 0 {
			t.Errorf("%+v finds %v", q, hits)
		}
	}
}

func emptyViews(t *testing.T, s Suite) {
	g := newGenerator(4)
	w, b := library(g, 10)
	x := s.index(t)
	r := reader(t, x)
	if hits := search(t, r, w.all(), s.first(g), 10); len(hits) != 0 {
		t.Errorf("an empty index finds %v", hits)
	}
	apply(t, x, b)
	r = reader(t, x)
	for name, v := range map[string]*indexer.Visible{"nil": nil, "nobody's": w.table.Visible(acl.View{}), "another table's": indexer.NewTable().Visible(acl.View{})} {
		if hits := search(t, r, v, s.first(g), 10); len(hits) != 0 {
			t.Errorf("%s view finds %v", name, hits)
		}
	}
}

func cancellation(t *testing.T, s Suite) {
	g := newGenerator(5)
	w, b := library(g, 10)
	x := s.index(t)
	apply(t, x, b)
	r := reader(t, x)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	calls := map[string]error{
		"Apply":  x.Apply(cancelled, w.commit(w.shelve(g, "late", 3))),
		"Retain": x.Retain(cancelled, func(catalog.Row) bool { return false }),
		"Reset":  x.Reset(cancelled),
	}
	_, calls["Reader"] = x.Reader(cancelled)
	_, calls["Search"] = r.Search(cancelled, w.all(), s.first(g), 10)
	for name, err := range calls {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s of a cancelled context: %v", name, err)
		}
	}
	if got := x.Revision(); got != b.To {
		t.Errorf("cancelled calls moved the index to revision %d", got)
	}
	if hits := search(t, reader(t, x), w.all(), s.first(g), 100); len(hits) != 10 {
		t.Errorf("after cancelled calls %d passages are found, want 10", len(hits))
	}
}
