package indexer

import (
	"context"
	"errors"
	"iter"

	"github.com/muniment/muniment/catalog"
)

// Index ranks the passages of a view by one measure. It is derived from the catalog: it
// can be reset and filled again at any time, and never decides who may read.
type Index interface {
	// Revision is the catalog revision the index is level with; 0 when it is empty, new
	// or was found damaged and discarded.
	Revision() catalog.Revision
	// Apply adds passages, then puts vectors in place of those of passages it has, then
	// removes passages, and is level with the batch's revision. A row that is both added and
	// removed is removed. Applying a batch twice is harmless.
	// Calls do not overlap.
	Apply(ctx context.Context, b Batch) error
	// Retain drops every row that keep does not know, after the catalog has been read
	// at the start and before the index is searched.
	Retain(ctx context.Context, keep func(catalog.Row) bool) error
	// Reader pins the index as it is now. It may be called while Apply runs.
	Reader(ctx context.Context) (Reader, error)
	// Reset empties the index; its revision is then 0.
	Reset(ctx context.Context) error
	// Close releases the index.
	Close() error
}

// Batch is what changed between two revisions, as far as indexes are concerned.
type Batch struct {
	Add []Entry
	// Vectors are passages added before of which the vector alone is new; they have no Text.
	// An index without vectors passes over them.
	Vectors []Entry
	Remove  []catalog.Row
	To      catalog.Revision
}

// Entry is one passage to be indexed.
type Entry struct {
	Row    catalog.Row
	Text   string    // title, heading path and passage text, one after the other
	Space  string    // the space of Vector, "" without one
	Vector []float32 // unit length; nil if the passage has no vector (yet)
}

// Reader searches an index pinned at one revision.
type Reader interface {
	// Revision is the one the reader is pinned at.
	Revision() catalog.Revision
	// Search returns at most limit hits, all in view, best first, ties by passage id.
	// Nothing outside the view may influence the answer: not its members, not its order,
	// not its scores. A query without anything to search by has no hits.
	Search(ctx context.Context, view *Visible, q Query, limit int) ([]Hit, error)
	// Contents yields what the index holds, each row as often as it holds it, in any
	// order. It reads everything, so it takes long; it ends after the first error.
	Contents(ctx context.Context) iter.Seq2[Content, error]
	// Digest is the one that Contents gives a row with the entry in it; false if the index
	// holds no such row, since the entry has nothing to be found by.
	Digest(e Entry) (digest uint64, held bool)
	// Close lets go of the pinned state.
	Close() error
}

// Content is what an index holds of one row.
type Content struct {
	Row catalog.Row
	// Digest is of all that the row is found by. Different contents have different
	// digests but by rare accident; it means nothing in another process.
	Digest uint64
}

// Query is what is searched for; each index uses the part it understands.
type Query struct {
	Text   string    // words, for the keyword index
	Space  string    // the space of Vector; vectors of other spaces are never compared
	Vector []float32 // unit length, for the vector index
}

// Hit is one passage found, with the index's own score: BM25 or cosine similarity.
type Hit struct {
	Row   catalog.Row
	Score float64
	// Coverage is the share of the query's words, weighted by IDF in the view, that the
	// passage holds, 0 to 1. Only the keyword index knows it; others leave 0.
	Coverage float64
}

// MaxTerms is how many distinct terms a query may have.
const MaxTerms = 64

// ErrTooManyTerms is returned for a query of more than MaxTerms distinct terms, before
// anything is searched.
var ErrTooManyTerms = errors.New("indexer: the query has more than 64 distinct words")
