package vector

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"sync/atomic"

	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// reader is the index pinned at one state.
type reader struct {
	state  *state
	closed atomic.Bool
}

func (r *reader) Revision() catalog.Revision { return r.state.revision }

func (r *reader) Close() error {
	if r.closed.Swap(true) {
		return nil
	}
	return r.state.file.release()
}

// Search implements indexer.Reader. Scores are products of the vectors as they were
// given, cosines if both have unit length. Besides ctx's the errors are ErrDamaged,
// ErrClosed, and those of reading the log.
func (r *reader) Search(ctx context.Context, view *indexer.Visible, query indexer.Query, limit int) ([]indexer.Hit, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if r.closed.Load() {
		return nil, ErrClosed
	}
	if r.state.file.damaged.Load() {
		return nil, ErrDamaged
	}
	c := r.state.columns[space{query.Space, len(query.Vector)}]
	if c == nil || c.count == 0 || limit <= 0 || view.Len() == 0 {
		return nil, nil
	}
	q, ok := ask(query.Vector)
	if !ok {
		return nil, nil
	}
	found, err := c.candidates(ctx, view, q, limit)
	if err != nil {
		return nil, err
	}
	hits, err := r.rank(ctx, c, q, found)
	if err != nil {
		return nil, fmt.Errorf("reading vectors: %w", err)
	}
	slices.SortFunc(hits, func(a, b indexer.Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), view.Compare(a.Row, b.Row))
	})
	return hits[:min(limit, len(hits))], nil
}

// candidate is a slot whose product with the question is at most upper.
type candidate struct {
	slot  int
	upper float64
}

// candidates returns the slots in view that may belong to the best, fewest first by slot.
//
// Comparing every vector in full is the simple version; it reads four times the memory,
// and from the disk. A code tells the product to within a known distance. The limit-th
// greatest of all lower bounds is one that at least limit products reach; a slot whose
// upper bound does not reach it cannot be among the best, not even by a tie. All others
// are returned.
func (c *column) candidates(ctx context.Context, view *indexer.Visible, q *question, limit int) ([]candidate, error) {
	var list []candidate
	best := lowest{limit: limit}
	seen, prune := 0, 4*limit+1024
	for i, chunk := range view.Chunks() {
		if i >= len(c.pages) {
			break
		}
		p := c.pages[i]
		if p == nil || chunk == nil {
			continue
		}
		for j, word := range chunk {
			for slots := p[64*j:][:64]; word != 0; word &= word - 1 {
				n := slots[bits.TrailingZeros64(word)]
				if n == 0 {
					continue
				}
				if seen++; seen%4096 == 0 && ctx.Err() != nil {
					return nil, ctx.Err()
				}
				product, off := c.near(q, int(n-1))
				if product+off < best.threshold() {
					continue
				}
				best.offer(product - off)
				if list = append(list, candidate{int(n - 1), product + off}); len(list) >= prune {
					list = best.prune(list)
					prune = max(prune, 2*len(list))
				}
			}
		}
	}
	list = best.prune(list)
	slices.SortFunc(list, func(a, b candidate) int { return cmp.Compare(a.slot, b.slot) })
	return list, nil
}

// lowest keeps the greatest numbers it was offered, as a heap with the least of them on top.
type lowest struct {
	limit int
	heap  []float64
}

// threshold is the limit-th greatest number so far, or below all.
func (l *lowest) threshold() float64 {
	if len(l.heap) < l.limit {
		return math.Inf(-1)
	}
	return l.heap[0]
}

func (l *lowest) offer(x float64) {
	h := l.heap
	if len(h) < l.limit {
		h = append(h, x)
		l.heap = h
		for i := len(h) - 1; i > 0 && h[i] < h[(i-1)/2]; i = (i - 1) / 2 {
			h[i], h[(i-1)/2] = h[(i-1)/2], h[i]
		}
		return
	}
	if x <= h[0] {
		return
	}
	h[0] = x
	for i := 0; 2*i+1 < len(h); {
		child := 2*i + 1
		if child+1 < len(h) && h[child+1] < h[child] {
			child++
		}
		if h[i] <= h[child] {
			break
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
}

// prune drops the candidates that have turned out not to reach the threshold.
func (l *lowest) prune(list []candidate) []candidate {
	threshold := l.threshold()
	return slices.DeleteFunc(list, func(c candidate) bool { return c.upper < threshold })
}

// rank compares the candidates in full.
func (r *reader) rank(ctx context.Context, c *column, q *question, list []candidate) ([]indexer.Hit, error) {
	in := vectors{column: c, file: r.state.file, ahead: list}
	hits := make([]indexer.Hit, 0, len(list))
	for i, candidate := range list {
		if i%256 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		in.ahead = list[i:]
		v, err := in.read(candidate.slot)
		if err != nil {
			return nil, err
		}
		hits = append(hits, indexer.Hit{Row: c.row(candidate.slot), Score: q.exact(v)})
	}
	return hits, nil
}
