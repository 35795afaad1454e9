package indextest

import (
	"context"
	"errors"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// contents builds random worlds and demands that an index says it holds exactly their live
// passages, each once and with the digest of what the world says of it; after merges and
// reopening too, and as it was for a reader that pinned it.
func contents(t *testing.T, s Suite) {
	for seed := range uint64(5) {
		g := newGenerator(700 + seed)
		w, dir := newWorld(g.directory()), t.TempDir()
		x := s.Open(t, dir)
		apply(t, x, w.furnish(g))
		var early indexer.Reader
		var then map[catalog.Row]uint64
		for i := range 60 {
			apply(t, x, w.commit(w.step(g)))
			if i == 30 {
				early = reader(t, x)
				then = said(t, early)
			}
		}
		check := func(after string) {
			t.Helper()
			r := reader(t, x)
			if diff := cmp.Diff(w.digests(r), said(t, r)); diff != "" {
				t.Errorf("seed %d, %s (-what it should hold +what it says):\n%s", seed, after, diff)
			}
		}
		check("filled")
		if diff := cmp.Diff(then, said(t, early)); diff != "" {
			t.Errorf("seed %d, a reader that pinned it says something else later:\n%s", seed, diff)
		}
		if s.Merge != nil {
			s.Merge(t, x)
			check("merged")
		}
		early.Close()
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		x = s.Open(t, dir)
		check("reopened")
		x.Close()
	}
	s.differences(t)
}

// differences demands that what is found by something else has another digest.
func (s Suite) differences(t *testing.T) {
	g := newGenerator(31)
	x := s.index(t)
	r := reader(t, x)
	v := g.vector()
	base := indexer.Entry{Row: 1, Text: "amber basalt basalt", Space: Space, Vector: v}
	want, held := r.Digest(base)
	if !held {
		t.Fatal("an entry with words and a vector is not held")
	}
	if again, _ := r.Digest(indexer.Entry{Row: 9, Text: base.Text, Space: Space, Vector: append([]float32(nil), v...)}); again != want {
		t.Error("equal content in another row has another digest")
	}
	turned := append([]float32(nil), v...)
	turned[3] = -turned[3]
	others := map[Measure][]indexer.Entry{
		BM25: {
			{Text: "amber basalt"}, {Text: "amber amber basalt"}, {Text: "amber basalt basalt basalt"},
			{Text: "amber basalt cobalt"}, {Text: "amberbasalt basalt"}, {Text: ""},
		},
		Cosine: {{Space: otherSpace, Vector: v}, {Space: Space, Vector: turned}, {Space: Space, Vector: v[1:]}},
	}[s.Measure]
	for _, e := range others {
		if got, held := r.Digest(e); held && got == want {
			t.Errorf("%+v has the digest of %+v", e, base)
		}
	}
	apply(t, x, indexer.Batch{Add: []indexer.Entry{base}, To: 1})
	stale := base
	if stale.Text += " cobalt"; s.Measure == Cosine {
		stale.Vector = turned
	}
	other, _ := r.Digest(stale)
	if got := said(t, reader(t, x)); got[1] != want || got[1] == other {
		t.Errorf("the index says %v, want %d and not %d", got, want, other)
	}

	gone, cancel := context.WithCancel(context.Background())
	cancel()
	for c, err := range reader(t, x).Contents(gone) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("to a caller who is gone: %v, %v", c, err)
		}
	}
}

// said is what a reader says it holds; a row that it names twice fails the test.
func said(t testing.TB, r indexer.Reader) map[catalog.Row]uint64 {
	t.Helper()
	found := map[catalog.Row]uint64{}
	for c, err := range r.Contents(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		if _, twice := found[c.Row]; twice {
			t.Errorf("row %d is named twice", c.Row)
		}
		found[c.Row] = c.Digest
	}
	return found
}

// digests is what an index of the world should say.
func (w *world) digests(r indexer.Reader) map[catalog.Row]uint64 {
	want := map[catalog.Row]uint64{}
	for d := range maps.Values(w.documents) {
		_, b := indexer.NewTable().With([]catalog.Change{{Document: &d}}, 1)
		for _, e := range b.Add {
			if digest, held := r.Digest(e); held {
				want[e.Row] = digest
			}
		}
	}
	return want
}
