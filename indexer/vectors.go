package indexer

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/muniment/muniment/catalog"
)

// Embed is the part of Prepare that may wait for an embedder: it gives the passages of a
// drafted document vectors of the server's own space. If that fails, or takes longer than
// the Indexer's patience, the document goes on without them and is seen to later. Error:
// that ctx is done.
func (x *Indexer) Embed(ctx context.Context, m catalog.Mutation) (catalog.Mutation, error) {
	put, ok := m.(catalog.PutDocument)
	if !ok || !put.Document.Pending || x.stored(&put.Document) {
		return m, nil
	}
	texts := make([]string, len(put.Passages))
	for i, p := range put.Passages {
		texts[i] = searchable(put.Document.Title, p)
	}
	waiting, cancel := ctx, func() {}
	if x.Patience > 0 {
		waiting, cancel = context.WithTimeout(ctx, x.Patience)
	}
	vectors, err := x.vectors(waiting, texts)
	cancel()
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("embedding: %w", ctx.Err())
	case err != nil:
		x.Log.Debug("a document is taken in without vectors", "error", err)
		return put, nil
	}
	put.Passages = slices.Clone(put.Passages) // the caller has them too
	for i := range put.Passages {
		put.Passages[i].Vector = vectors[i]
	}
	put.Document.VectorSpace, put.Document.Pending = x.Space.ID, false
	return put, nil
}

// stored reports whether this version of the document, or a later one, is there already. It
// then replaces nothing, and its vectors would be made in vain.
func (x *Indexer) stored(d *catalog.Document) bool {
	table := x.published.table()
	if table == nil {
		return false
	}
	e, ok := table.documents.get(d.DocumentID)
	return ok && e.version >= d.Version
}

// vectors embeds texts and checks the outcome, whatever the embedder is.
func (x *Indexer) vectors(ctx context.Context, texts []string) ([][]float32, error) {
	vectors, err := x.Embedder.Embed(ctx, texts)
	if err != nil {
		return nil, fmt.Errorf("embedding: %w", err)
	}
	if len(vectors) != len(texts) {
		return nil, fmt.Errorf("embedding: %d vectors for %d texts", len(vectors), len(texts))
	}
	for _, v := range vectors {
		if v == nil {
			continue
		}
		if _, ok := Unit(v); !ok || len(v) != x.Space.Dimensions {
			return nil, fmt.Errorf("embedding: a vector that is none of the space %q", x.Space.ID)
		}
	}
	return vectors, nil
}

// checkVectors refuses vectors that cannot be compared: of an undeclared space, of the
// wrong size, or not of numbers. What passes is brought to unit length.
func (x *Indexer) checkVectors(m *catalog.PutDocument) error {
	supplied := 0
	for _, p := range m.Passages {
		if len(p.Vector) > 0 {
			supplied++
		}
	}
	space := m.Document.VectorSpace
	if supplied == 0 {
		if space != "" {
			return refuse("MISSING_VECTOR", "document.vector_space", "is named, but no passage has a vector")
		}
		return nil
	}
	i := slices.IndexFunc(x.Spaces, func(s Space) bool { return s.ID == space })
	if i < 0 {
		return refuse("UNKNOWN_VECTOR_SPACE", "document.vector_space", "%q is not among the configured vector spaces", space)
	}
	for j, p := range m.Passages {
		field := fmt.Sprintf("document.passages[%d].vector", j)
		if len(p.Vector) != x.Spaces[i].Dimensions {
			return refuse("VECTOR_SIZE", field, "%d numbers, %q has %d", len(p.Vector), space, x.Spaces[i].Dimensions)
		}
		unit, ok := Unit(p.Vector)
		if !ok {
			return refuse("VECTOR_NOT_FINITE", field, "must be finite numbers, not all zero")
		}
		m.Passages[j].Vector = unit
	}
	return nil
}

// Unit returns a vector of the same direction and of unit length; false if there is none,
// because v is zero or not of finite numbers.
func Unit(v []float32) ([]float32, bool) {
	var sum float64
	for _, f := range v {
		sum += float64(f) * float64(f)
	}
	norm := math.Sqrt(sum)
	if norm == 0 || math.IsNaN(norm) || math.IsInf(norm, 0) {
		return nil, false
	}
	unit := make([]float32, len(v))
	for i, f := range v {
		unit[i] = float32(float64(f) / norm)
	}
	return unit, true
}
