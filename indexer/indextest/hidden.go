package indextest

import (
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// HiddenDocumentsDoNotExist is the first case: on 400 random corpora, what a caller is
// answered is what an index that only ever held the caller's documents answers. Documents
// are added, changed, re-permissioned and deleted in between, in batches of any size; the
// one index is then left alone, reopened, merged, or reset and filled again, the other is
// filled in another order.
func HiddenDocumentsDoNotExist(t *testing.T, s Suite) {
	const lanes = 4 // side by side, since much of the time is waiting for the disk
	corpora := uint64(400)
	if testing.Short() {
		corpora = 40
	}
	for lane := range uint64(lanes) {
		t.Run(fmt.Sprintf("lane %d", lane), func(t *testing.T) {
			t.Parallel()
			hiding := 0
			alone := s.index(t)
			for seed := lane; seed < corpora; seed += lanes {
				hiding += s.compare(t, alone, seed)
			}
			if hiding == 0 {
				t.Error("no corpus had anything to hide")
			}
		})
	}
}

// compare builds the corpus of the seed and asks it as three callers; alone is used for
// the indexes that hold only what one caller may read. It counts the callers from whom
// something was hidden and who found something.
func (s Suite) compare(t *testing.T, alone indexer.Index, seed uint64) (hiding int) {
	g := newGenerator(seed)
	whole, full, close := s.populate(t, g)
	defer close()
	r, err := full.Reader(t.Context())
	if err != nil {
		t.Fatalf("seed %d: reading the whole index: %v", seed, err)
	}
	defer r.Close()
	for range 3 {
		view, err := whole.directory.View(g.caller(), now)
		if err != nil {
			t.Fatal(err)
		}
		visible := whole.table.Visible(view)
		own := s.refill(t, g, alone, whole, whole.admitted(view))
		if n := own.passages(); visible.Len() != n {
			t.Fatalf("seed %d: the view has %d passages, the caller's documents have %d", seed, visible.Len(), n)
		}
		found := s.ask(t, g, seed, view, r, visible, alone, own)
		if found && visible.Len() < whole.passages() {
			hiding++
		}
	}
	return hiding
}

// populate makes a world by random steps, applied to an index in batches of any size.
func (s Suite) populate(t *testing.T, g *generator) (*world, indexer.Index, func()) {
	dir := t.TempDir()
	x := s.Open(t, dir)
	w := newWorld(g.directory())
	w.rows = catalog.Row(g.IntN(20_000)) // what other rows there were does not matter
	batches := []indexer.Batch{w.furnish(g)}
	for steps, size := 10+g.IntN(70), 1+g.IntN(40); steps > 0; {
		var changes []catalog.Change
		for n := 1 + g.IntN(size); n > 0 && steps > 0; n-- {
			changes = append(changes, w.step(g))
			steps--
		}
		batches = append(batches, w.commit(changes...))
	}
	apply(t, x, batches...)
	for range 2 {
		switch g.IntN(8) {
		case 0:
			if err := x.Close(); err != nil {
				t.Fatal(err)
			}
			if x = s.Open(t, dir); x.Revision() != w.revision {
				t.Fatalf("reopened at revision %d, was %d", x.Revision(), w.revision)
			}
		case 1:
			if s.Merge != nil {
				s.Merge(t, x)
			}
		case 2:
			if err := x.Reset(t.Context()); err != nil {
				t.Fatal(err)
			}
			apply(t, x, batches...)
		case 3:
			apply(t, x, batches[len(batches)/2:]...) // again
		}
	}
	return w, x, func() { x.Close() }
}

// refill makes alone hold the documents and nothing else, in another order, in other
// batches, under other rows.
func (s Suite) refill(t *testing.T, g *generator, alone indexer.Index, whole *world, documents []catalog.DocumentChange) *world {
	if err := alone.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	own := newWorld(whole.directory)
	var changes []catalog.Change
	for _, c := range whole.containers {
		changes = append(changes, own.putContainer(c))
	}
	own.commit(changes...)
	changes = nil
	for _, i := range g.Perm(len(documents)) {
		d := documents[i]
		changes = append(changes, own.put(d.Document, d.Passages))
		if g.chance(20) {
			apply(t, alone, own.commit(changes...))
			changes = nil
		}
	}
	apply(t, alone, own.commit(changes...))
	return own
}

// answer is what a caller could tell apart.
type answer struct {
	Passage catalog.PassageID
	Score   uint64 // the bits
}

// ask compares the answers to some questions and reports whether any had hits.
func (s Suite) ask(t *testing.T, g *generator, seed uint64, view acl.View, r indexer.Reader, visible *indexer.Visible, alone indexer.Index, own *world) bool {
	mine, err := alone.Reader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer mine.Close()
	found := false
	for range 5 {
		q, limit := s.query(g), pick(g, []int{1, 3, 10, 1000})
		got := answers(visible, search(t, r, visible, q, limit))
		v := own.table.Visible(view)
		want := answers(v, search(t, mine, v, q, limit))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d: hidden documents show in the answer to %+v, limit %d (- alone, + among hidden ones):\n%s", seed, q, limit, diff)
		}
		found = found || len(got) > 0
	}
	return found
}

func answers(v *indexer.Visible, hits []indexer.Hit) []answer {
	var list []answer
	for _, h := range hits {
		list = append(list, answer{v.ID(h.Row), math.Float64bits(h.Score)})
	}
	return list
}

// passages is how many passages the world holds.
func (w *world) passages() int {
	n := 0
	for _, d := range w.documents {
		n += len(d.Passages)
	}
	return n
}
