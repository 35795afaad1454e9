package keyword

import (
	"context"
	"sync"

	api "github.com/blevesearch/scorch_segment_api/v2"

	"github.com/muniment/muniment/indexer"
)

// checkEvery is how many postings are read between two looks at the context.
const checkEvery = 4096

// term is one term of a query with its postings in each part of a view.
type term struct {
	bit      uint64 // which of the query's terms it is; there are at most 64
	idf      float64
	postings []api.PostingsList // by part; nil where it does not occur in view
}

// search ranks term at a time: for each part of the view, every term adds its share to
// the passages that have it. Each passage's shares are added up in the order of terms,
// whatever segment it lies in, so that its score has the same bits in every index.
func search(ctx context.Context, v *view, visible *indexer.Visible, terms []string, limit int) ([]indexer.Hit, error) {
	found, weight, err := lookUp(ctx, v, terms)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	best := ranking{limit: limit, visible: visible, terms: found, weight: weight}
	sums := accumulators.Get().(*accumulator)
	defer func() {
		sums.reader = nil // it refers to a segment, whose file may be closed by then
		accumulators.Put(sums)
	}()
	for i, p := range v.parts {
		sums.reset(len(p.rows))
		for _, t := range found {
			if t.postings[i] == nil {
				continue
			}
			if err := sums.add(ctx, v, p, t, i); err != nil {
				return nil, err
			}
		}
		for n, doc := range sums.touched {
			if n%checkEvery == 0 && ctx.Err() != nil {
				return nil, ctx.Err()
			}
			best.offer(indexer.Hit{Row: p.rows[doc], Score: sums.scores[doc]}, sums.held[doc])
		}
	}
	return best.hits(), nil
}

// lookUp finds the postings of the terms that occur in view. The others are left out: a
// term that only hidden passages have is a term nobody has. They count in the weight of
// the query, the sum of its terms' IDF, which says how much of the query a passage holds.
func lookUp(ctx context.Context, v *view, terms []string) (found []term, weight float64, err error) {
	dictionaries := make([]api.TermDictionary, len(v.parts)) // not shared: they keep a place in the file
	for i, p := range v.parts {
		if dictionaries[i], err = p.data.Dictionary(textField); err != nil {
			return nil, 0, err
		}
	}
	for n, text := range terms {
		if ctx.Err() != nil {
			return nil, 0, ctx.Err()
		}
		t := term{bit: 1 << n, postings: make([]api.PostingsList, len(v.parts))}
		df := uint64(0)
		for i, p := range v.parts {
			except := p.except
			if except.IsEmpty() {
				except = nil // spares scorch the work of leaving nothing out
			}
			list, err := dictionaries[i].PostingsList([]byte(text), except, nil)
			if err != nil {
				return nil, 0, err
			}
			if n := frequency(list); n > 0 {
				df += n
				t.postings[i] = list
			}
		}
		t.idf = v.idf(df)
		weight += t.idf
		if df > 0 {
			found = append(found, t)
		}
	}
	return found, weight, nil
}

// accumulator sums the scores of one segment's documents.
type accumulator struct {
	scores  []float64 // by document number; 0 for those not touched
	held    []uint64  // by document number: the bits of the terms it has
	touched []uint32
	reader  api.PostingsIterator // reused
}

// accumulators are kept for the next search: a large segment takes some megabytes.
var accumulators = sync.Pool{New: func() any { return new(accumulator) }}

// reset makes the accumulator ready for a segment. Only what was touched is cleared, so
// that a small view does not pay for a large segment.
func (a *accumulator) reset(documents int) {
	for _, doc := range a.touched {
		a.scores[doc], a.held[doc] = 0, 0
	}
	a.touched = a.touched[:0]
	if len(a.scores) < documents {
		a.scores, a.held = make([]float64, documents), make([]uint64, documents)
	}
}

// add gives the term's share to every passage of the part that has it.
func (a *accumulator) add(ctx context.Context, v *view, p part, t term, i int) error {
	postings := t.postings[i].Iterator(true, false, false, a.reader)
	a.reader = postings
	for n := 0; ; n++ {
		if n%checkEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		posting, err := postings.Next()
		if posting == nil || err != nil {
			return err
		}
		doc := posting.Number()
		if a.scores[doc] == 0 {
			a.touched = append(a.touched, uint32(doc))
		}
		a.held[doc] |= t.bit
		a.scores[doc] += v.score(t.idf, posting.Frequency(), p.lengths[doc])
	}
}

// ranking keeps the best hits offered to it, as a heap with the worst on top.
type ranking struct {
	limit   int
	visible *indexer.Visible
	terms   []term
	weight  float64 // of the query
	heap    []indexer.Hit
}

// coverage is the share of the query's weight that the terms with these bits hold.
func (r *ranking) coverage(held uint64) float64 {
	sum := 0.0
	for _, t := range r.terms {
		if held&t.bit != 0 {
			sum += t.idf
		}
	}
	return sum / r.weight
}

// better is the order of every ranking: higher score first, ties by passage id, which is
// the one order that segments, rows and hidden passages have no part in.
func (r *ranking) better(a, b indexer.Hit) bool {
	if a.Score != b.Score {
		return a.Score > b.Score
	}
	return r.visible.Compare(a.Row, b.Row) < 0
}

// offer keeps the hit, a passage with the terms of these bits, if it is good enough.
func (r *ranking) offer(h indexer.Hit, held uint64) {
	switch {
	case len(r.heap) < r.limit:
		h.Coverage = r.coverage(held)
		r.heap = append(r.heap, h)
		for i := len(r.heap) - 1; i > 0; {
			parent := (i - 1) / 2
			if !r.better(r.heap[parent], r.heap[i]) {
				break
			}
			r.heap[parent], r.heap[i] = r.heap[i], r.heap[parent]
			i = parent
		}
	case r.better(h, r.heap[0]):
		h.Coverage = r.coverage(held)
		r.heap[0] = h
		r.sink(len(r.heap))
	}
}

// sink puts the top of the first n in its place.
func (r *ranking) sink(n int) {
	for i := 0; ; {
		worst := i
		for child := 2*i + 1; child <= 2*i+2 && child < n; child++ {
			if r.better(r.heap[worst], r.heap[child]) {
				worst = child
			}
		}
		if worst == i {
			return
		}
		r.heap[worst], r.heap[i] = r.heap[i], r.heap[worst]
		i = worst
	}
}

// hits takes the heap apart, worst last.
func (r *ranking) hits() []indexer.Hit {
	for n := len(r.heap) - 1; n > 0; n-- {
		r.heap[0], r.heap[n] = r.heap[n], r.heap[0]
		r.sink(n)
	}
	return r.heap
}
