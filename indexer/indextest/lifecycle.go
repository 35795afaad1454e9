package indextest

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

func revisions(t *testing.T, s Suite) {
	dir := t.TempDir()
	x := s.Open(t, dir)
	defer func() { x.Close() }()
	if got := x.Revision(); got != 0 {
		t.Errorf("a new index is at revision %d", got)
	}
	g := newGenerator(20)
	w, b := library(g, 5)
	early := reader(t, x)
	apply(t, x, b, indexer.Batch{To: 7}) // an access change: nothing to index
	if got := x.Revision(); got != 7 {
		t.Errorf("Revision() = %d after a batch to 7", got)
	}
	if got := reader(t, x).Revision(); got != 7 {
		t.Errorf("a reader's Revision() = %d after a batch to 7", got)
	}
	if got := early.Revision(); got != 0 {
		t.Errorf("an earlier reader's Revision() moved to %d", got)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	x = s.Open(t, dir)
	if got := x.Revision(); got != 7 {
		t.Errorf("Revision() = %d after reopening at 7", got)
	}
	r := reader(t, x)
	if hits := search(t, r, w.all(), s.first(g), 10); r.Revision() != 7 || len(hits) != 5 {
		t.Errorf("reopened: %d hits at revision %d, want 5 at 7", len(hits), r.Revision())
	}
}

// whole is everything an index answers about a library.
func (s Suite) whole(t testing.TB, g *generator, x indexer.Index, v *indexer.Visible) []answer {
	t.Helper()
	r, err := x.Reader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	return answers(v, search(t, r, v, s.first(g), 1000))
}

func replay(t *testing.T, s Suite) {
	g := newGenerator(21)
	w, b := library(g, 30)
	second := w.commit(w.shelve(g, "book-003", 9), w.delete(catalog.DocumentID{Source: "handbook", ID: "book-004"}))
	dir := t.TempDir()
	x := s.Open(t, dir)
	defer func() { x.Close() }()
	apply(t, x, b, second)
	want := s.whole(t, g, x, w.all())
	check := func(after string) {
		t.Helper()
		if diff := cmp.Diff(want, s.whole(t, g, x, w.all())); diff != "" || len(want) != 29 || x.Revision() != second.To {
			t.Errorf("%s, at revision %d, the answer of %d hits changes:\n%s", after, x.Revision(), len(want), diff)
		}
	}
	apply(t, x, second)
	check("applied again")
	apply(t, x, b, second, second)
	check("applied from the beginning")
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	x = s.Open(t, dir)
	check("reopened after that")
}

func removal(t *testing.T, s Suite) {
	g := newGenerator(22)
	w, b := library(g, 30)
	v := w.all() // a view that still has the removed passages
	x := s.index(t)
	apply(t, x, b)
	// One passage comes and goes in a single batch.
	brief := w.put(catalog.Document{
		DocumentID: catalog.DocumentID{Source: "handbook", ID: "brief"}, Version: 1, VectorSpace: Space, Access: everyone,
	}, []catalog.Passage{{Text: words[0], Vector: g.vectors[0]}})
	change := w.commit(brief, w.delete(brief.Document.Document.DocumentID), w.delete(catalog.DocumentID{Source: "handbook", ID: "book-000"}))
	apply(t, x, change)
	gone := change.Remove
	if len(gone) != 2 {
		t.Fatalf("the batch removes rows %v, want two", gone)
	}
	hits := search(t, reader(t, x), v, s.first(g), 100)
	if len(hits) != 29 {
		t.Errorf("%d hits, want 29", len(hits))
	}
	for _, h := range hits {
		if slices.Contains(gone, h.Row) {
			t.Errorf("removed row %d is found", h.Row)
		}
	}
}

// vectorsLater adds passages of which every other has no vector, gives these one, exchanges
// some, and takes the vector from one and a whole passage away. To words nothing of that
// makes a difference but the last.
func vectorsLater(t *testing.T, s Suite) {
	g := newGenerator(28)
	w, b := library(g, 30)
	id := func(i int) catalog.DocumentID {
		return catalog.DocumentID{Source: "handbook", ID: fmt.Sprintf("book-%03d", i)}
	}
	for i := range b.Add {
		if i%2 == 0 {
			b.Add[i].Vector = nil
		}
	}
	dir := t.TempDir()
	x := s.Open(t, dir)
	defer func() { x.Close() }()
	apply(t, x, b)
	early := reader(t, x)
	before := search(t, early, w.all(), s.first(g), 100)
	var changes []catalog.Change
	for i := range 30 {
		if i%2 == 0 || i%5 == 0 {
			changes = append(changes, w.embed(id(i), Space, g.vector()))
		}
	}
	changes = append(changes, w.embed(id(7), Space, nil), w.embed(id(9), otherSpace, g.vector()), w.embed(id(11), Space, g.vector()), w.delete(id(11)))
	later := w.commit(changes...)
	if len(later.Add) > 0 || len(later.Vectors) != len(changes)-1 || len(later.Remove) != 1 {
		t.Fatalf("a batch of vectors adds %d passages and %d vectors", len(later.Add), len(later.Vectors))
	}
	apply(t, x, later)
	clean := s.index(t)
	whole := newWorld(w.directory)
	for i := range 30 {
		if d, there := w.documents[id(i)]; there {
			apply(t, clean, whole.commit(whole.put(d.Document, d.Passages)))
		}
	}
	want := s.whole(t, g, clean, whole.all())
	check := func(after string) {
		t.Helper()
		if diff := cmp.Diff(want, s.whole(t, g, x, w.all())); diff != "" || x.Revision() != later.To {
			t.Errorf("%s, at revision %d, the answer is not that of an index that had the vectors from the beginning:\n%s", after, x.Revision(), diff)
		}
	}
	check("with the vectors")
	if left := map[Measure]int{BM25: 29, Cosine: 27}[s.Measure]; len(want) != left {
		t.Errorf("%d passages are found, want %d", len(want), left)
	}
	if s.Merge != nil {
		s.Merge(t, x)
		check("rearranged")
	}
	apply(t, x, b, later)
	check("applied from the beginning")
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	x = s.Open(t, dir)
	check("reopened")
	if s.Measure == Cosine && len(before) != 15 {
		t.Errorf("before the vectors came, %d passages were found", len(before))
	}
}

func pinned(t *testing.T, s Suite) {
	g := newGenerator(23)
	w, b := library(g, 30)
	x := s.index(t)
	apply(t, x, b)
	r, v := reader(t, x), w.all()
	want := search(t, r, v, s.first(g), 100)
	for i := range 30 {
		apply(t, x, w.commit(w.shelve(g, fmt.Sprintf("book-%03d", i), i+1), w.shelve(g, fmt.Sprintf("more-%03d", i), i)))
	}
	if s.Merge != nil {
		s.Merge(t, x)
	}
	check := func(after string) {
		t.Helper()
		if got := search(t, r, v, s.first(g), 100); !slices.Equal(got, want) || r.Revision() != b.To {
			t.Errorf("after %s, the reader at revision %d answers %v, not %v", after, r.Revision(), got, want)
		}
	}
	check("changes")
	if err := x.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("Reset")
}

func reset(t *testing.T, s Suite) {
	g := newGenerator(24)
	w, b := library(g, 30)
	x := s.index(t)
	apply(t, x, b)
	want := s.whole(t, g, x, w.all())
	if err := x.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := s.whole(t, g, x, w.all()); x.Revision() != 0 || len(got) != 0 {
		t.Errorf("after Reset the index is at revision %d and finds %d passages", x.Revision(), len(got))
	}
	apply(t, x, b)
	if diff := cmp.Diff(want, s.whole(t, g, x, w.all())); diff != "" {
		t.Errorf("filled again, the answer changes:\n%s", diff)
	}
}

func retain(t *testing.T, s Suite) {
	g := newGenerator(25)
	w, b := library(g, 30)
	stale := w.commit(w.shelve(g, "book-005", 3), w.delete(catalog.DocumentID{Source: "handbook", ID: "book-006"}))
	stale.Remove = nil // what an index misses that was not there
	x := s.index(t)
	apply(t, x, b, stale)
	if err := x.Retain(t.Context(), w.table.Live); err != nil {
		t.Fatal(err)
	}
	clean := s.index(t)
	stale.Remove = []catalog.Row{6, 7}
	apply(t, clean, b, stale)
	if diff := cmp.Diff(s.whole(t, g, clean, w.all()), s.whole(t, g, x, w.all())); diff != "" || x.Revision() != stale.To {
		t.Errorf("after Retain, at revision %d, the answer is not that of an index told to remove:\n%s", x.Revision(), diff)
	}
	old, _ := library(newGenerator(25), 30) // the view from before still has the rows
	if hits := search(t, reader(t, x), old.all(), s.first(g), 100); len(hits) != 28 {
		t.Errorf("of the 30 first rows %d are found, want 28", len(hits))
	}
}

func reopening(t *testing.T, s Suite) {
	g := newGenerator(26)
	w, b := library(g, 30)
	dir := t.TempDir()
	x := s.Open(t, dir)
	apply(t, x, b)
	for i := range 25 { // each time another small change, so that segments come and go
		apply(t, x, w.commit(w.shelve(g, fmt.Sprintf("book-%03d", i), i+2), w.delete(catalog.DocumentID{Source: "handbook", ID: fmt.Sprintf("book-%03d", 29-i%5)})))
		want := s.whole(t, g, x, w.all())
		if i%5 != 0 {
			continue
		}
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		x = s.Open(t, dir)
		if diff := cmp.Diff(want, s.whole(t, g, x, w.all())); diff != "" || x.Revision() != w.revision {
			t.Fatalf("reopened at revision %d of %d, the answer changes:\n%s", x.Revision(), w.revision, diff)
		}
	}
	x.Close()
}

// concurrency searches readers of many revisions while the writer goes on. Each answer
// must be that of its revision, which holds revision×2 passages.
func concurrency(t *testing.T, s Suite) {
	g := newGenerator(27)
	w := newWorld(&acl.Directory{})
	x := s.index(t)
	g.vector()
	query := s.first(g)
	var running sync.WaitGroup
	for i := range 40 {
		apply(t, x, w.commit(w.shelve(g, fmt.Sprintf("a-%03d", i), 0), w.shelve(g, fmt.Sprintf("b-%03d", i), 0)))
		r, err := x.Reader(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		v, want := w.all(), 2*(i+1)
		for range 2 {
			r, err := x.Reader(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			running.Go(func() {
				defer r.Close()
				for range 5 {
					hits, err := r.Search(t.Context(), v, query, 1000)
					if err != nil || len(hits) != want || r.Revision() != catalog.Revision(i+1) {
						t.Errorf("at revision %d: %d hits, want %d (%v)", r.Revision(), len(hits), want, err)
						return
					}
				}
			})
		}
		running.Go(func() { // two searches share one reader
			defer r.Close()
			var both sync.WaitGroup
			for range 2 {
				both.Go(func() {
					if hits, err := r.Search(t.Context(), v, query, 5); err != nil || len(hits) != min(5, want) {
						t.Errorf("at revision %d: %d hits (%v)", r.Revision(), len(hits), err)
					}
				})
			}
			both.Wait()
		})
	}
	running.Wait()
}
