package retriever

import (
	"fmt"

	"github.com/muniment/muniment/indexer"
)

// Space is a space of vectors that senders bring.
type Space struct {
	Dimensions int
	// Weight is the vector leg's share in the fused score of a query in this space, 0 to 1.
	Weight float64
	// Queries allows queries to bring a vector. Who chooses vectors can learn more of how
	// passages lie to each other than who chooses words, so it is not allowed by default.
	Queries bool
}

// Vector is a query's own vector in a space that senders bring vectors in.
type Vector struct {
	Space  string
	Values []float32
}

// check makes a query's own vector into a question without words; nil if there is none. It
// is refused unless the configuration allows queries in its space.
func (r *Retriever) check(v *Vector) (*question, error) {
	if v == nil {
		return nil, nil
	}
	refuse := func(reason, field, format string, args ...any) (*question, error) {
		return nil, &indexer.Refusal{Reason: reason, Field: field, Message: fmt.Sprintf(format, args...)}
	}
	space, declared := r.Spaces[v.Space]
	switch {
	case !declared:
		return refuse("UNKNOWN_VECTOR_SPACE", "vector.space", "%q is not among the configured vector spaces", v.Space)
	case !space.Queries:
		return refuse("VECTOR_QUERIES_OFF", "vector.space", "queries may not bring a vector in %q; the operator can allow it with queries: true", v.Space)
	case len(v.Values) != space.Dimensions:
		return refuse("VECTOR_SIZE", "vector.values", "%d numbers, %q has %d", len(v.Values), v.Space, space.Dimensions)
	}
	unit, ok := indexer.Unit(v.Values)
	if !ok {
		return refuse("VECTOR_NOT_FINITE", "vector.values", "must be finite numbers, not all zero")
	}
	return &question{indexer.Query{Space: v.Space, Vector: unit}, space.Weight}, nil
}

// space is the one in which a request is searched.
func (r *Retriever) space(req Request) string {
	if req.Vector != nil {
		return req.Vector.Space
	}
	return r.Space.ID
}

// weight is the vector leg's share in the fused scores of a request.
func (r *Retriever) weight(req Request) float64 {
	if req.Vector != nil {
		return r.Spaces[req.Vector.Space].Weight
	}
	return r.Weight
}
