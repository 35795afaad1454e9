package keyword

import "github.com/muniment/muniment/indexer"

// ranked is a passage with the bits of the query's terms that it has.
type ranked struct {
	indexer.Hit
	held uint64
}

// ranking keeps the best passages offered to it, as a heap with the worst on top.
type ranking struct {
	limit   int
	visible *indexer.Visible
	heap    []ranked
}

// better is the order of every ranking: higher score first, ties by passage id, which is
// the one order that segments, rows and hidden passages have no part in.
func (r *ranking) better(a, b *ranked) bool {
	if a.Score != b.Score {
		return a.Score > b.Score
	}
	return r.visible.Compare(a.Row, b.Row) < 0
}

// full reports whether a passage has to be better than the worst to get in.
func (r *ranking) full() bool { return len(r.heap) >= r.limit }

// offer keeps the passage if it is good enough.
func (r *ranking) offer(h ranked) {
	switch {
	case !r.full():
		r.heap = append(r.heap, h)
		for i := len(r.heap) - 1; i > 0; {
			parent := (i - 1) / 2
			if !r.better(&r.heap[parent], &r.heap[i]) {
				break
			}
			r.heap[parent], r.heap[i] = r.heap[i], r.heap[parent]
			i = parent
		}
	case r.better(&h, &r.heap[0]):
		r.heap[0] = h
		r.sink(len(r.heap))
	}
}

// sink puts the top of the first n in its place.
func (r *ranking) sink(n int) {
	for i := 0; ; {
		worst := i
		for child := 2*i + 1; child <= 2*i+2 && child < n; child++ {
			if r.better(&r.heap[worst], &r.heap[child]) {
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

// hits takes the heap apart, worst last. The coverage of a passage is the share that the
// terms it has hold of the weight of the query.
func (r *ranking) hits(terms []term, weight float64) []indexer.Hit {
	for n := len(r.heap) - 1; n > 0; n-- {
		r.heap[0], r.heap[n] = r.heap[n], r.heap[0]
		r.sink(n)
	}
	hits := make([]indexer.Hit, len(r.heap))
	for i, h := range r.heap {
		sum := 0.0
		for _, t := range terms {
			if h.held&t.bit != 0 {
				sum += t.idf
			}
		}
		hits[i] = h.Hit
		hits[i].Coverage = sum / weight
	}
	return hits
}
