package indexer

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/muniment/muniment/catalog"
)

// embed gives every passage a vector of the server's own space.
func (x *Indexer) embed(ctx context.Context, m *catalog.PutDocument) error {
	texts := make([]string, len(m.Passages))
	for i, p := range m.Passages {
		texts[i] = searchable(m.Document.Title, p)
	}
	vectors, err := x.Embedder.Embed(ctx, texts)
	if err != nil {
		return fmt.Errorf("embedding: %w", err)
	}
	for i := range m.Passages {
		m.Passages[i].Vector = vectors[i]
	}
	m.Document.VectorSpace = x.Space.ID
	return nil
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
		unit, ok := unitLength(p.Vector)
		if !ok {
			return refuse("VECTOR_NOT_FINITE", field, "must be finite numbers, not all zero")
		}
		m.Passages[j].Vector = unit
	}
	return nil
}

func unitLength(v []float32) ([]float32, bool) {
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
