// Package indextest is what every indexer.Index must pass.
//
// The first case is the product: hidden documents do not exist. A random corpus with
// random permissions is indexed and asked as somebody; then an index that has only ever
// held what this caller may read is asked the same. The answers must be equal in
// passages, order and the bits of every score.
package indextest

import (
	"context"
	"log/slog"
	"testing"

	"github.com/muniment/muniment/indexer"
)

// Measure is what an index ranks by. Every entry of the suite's corpora has words, and
// most have a vector, so that one corpus serves all measures.
type Measure int

// The measures.
const (
	BM25   Measure = iota // queries are words
	Cosine                // queries are vectors
)

// The space of the vectors, for indexes that want to be told.
const (
	Space      = "indextest/32"
	Dimensions = 32
)

// otherSpace is of the same dimensions; its vectors are never to be found.
const otherSpace = "indextest-other/32"

// Suite is how to run the cases against one kind of index.
type Suite struct {
	// Open opens the index kept in the directory, an empty one if there is none.
	Open    func(t testing.TB, dir string) indexer.Index
	Measure Measure
	// Merge makes the index rearrange what it holds, if it is of a kind that does so by
	// itself now and then; else nil.
	Merge func(t testing.TB, x indexer.Index)
}

// Logger is a logger for indexes under test: it says nothing.
func Logger() *slog.Logger { return slog.New(slog.DiscardHandler) }

// Run runs every case but the first, which is HiddenDocumentsDoNotExist.
func Run(t *testing.T, s Suite) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, Suite)
	}{
		{"scores are those of the definition", scores},
		{"ties are broken by passage id", ties},
		{"the limit cuts the full answer", limits},
		{"nothing to search by finds nothing", nothing},
		{"an empty view finds nothing", emptyViews},
		{"the revision is the batch's", revisions},
		{"a batch applied twice is applied once", replay},
		{"removed passages are gone", removal},
		{"vectors may come after their passages", vectorsLater},
		{"a reader keeps what it pinned", pinned},
		{"reset empties", reset},
		{"retain drops what is not kept", retain},
		{"everything survives reopening", reopening},
		{"readers and the writer do not disturb each other", concurrency},
		{"it says what it holds", contents},
		{"a cancelled context ends every call", cancellation},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, s) })
	}
}

// index opens an index in a directory of its own, closed when the test ends.
func (s Suite) index(t testing.TB) indexer.Index {
	t.Helper()
	x := s.Open(t, t.TempDir())
	t.Cleanup(func() { x.Close() })
	return x
}

// query is a random query of the suite's measure.
func (s Suite) query(g *generator) indexer.Query {
	if s.Measure == Cosine {
		return indexer.Query{Space: Space, Vector: g.vector()}
	}
	return indexer.Query{Text: g.question()}
}

func apply(t testing.TB, x indexer.Index, batches ...indexer.Batch) {
	t.Helper()
	for _, b := range batches {
		if err := x.Apply(context.Background(), b); err != nil {
			t.Fatalf("applying revision %d: %v", b.To, err)
		}
	}
}

// reader pins the index; it is closed when the test ends.
func reader(t testing.TB, x indexer.Index) indexer.Reader {
	t.Helper()
	r, err := x.Reader(context.Background())
	if err != nil {
		t.Fatalf("reading the index: %v", err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func search(t testing.TB, r indexer.Reader, v *indexer.Visible, q indexer.Query, limit int) []indexer.Hit {
	t.Helper()
	hits, err := r.Search(context.Background(), v, q, limit)
	if err != nil {
		t.Fatalf("searching %+v: %v", q, err)
	}
	return hits
}
