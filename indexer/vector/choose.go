package vector

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/muniment/muniment/indexer"
)

// exactRows is how many passages are compared by their codes one and all. Of a view of more,
// an eighth as many are looked at closely at first, those with the nearest sketches, and four
// times as many at most, or a few more; but for a multiple of the limit if that is more.
const exactRows = 2048

// choose makes w.list the slots that may belong to the best, by slot.
func (w *workspace) choose(ctx context.Context, c *column, view *indexer.Visible, q *question, limit, few int) error {
	w.list, w.about = w.list[:0], w.about[:0]
	w.lowest.limit, w.lowest.heap = limit, w.lowest.heap[:0]
	if view.Len() > few {
		if err := w.sketches(ctx, c, view, q, limit, few); err != nil {
			return err
		}
	} else {
		if err := c.all(ctx, view, func(slot uint32) { w.consider(c, q, slot) }); err != nil {
			return err
		}
	}
	w.list = w.lowest.prune(w.list)
	slices.SortFunc(w.list, func(a, b candidate) int { return cmp.Compare(a.slot, b.slot) })
	return nil
}

// consider compares the code in a slot with the question, and keeps the slot if it may belong
// to the best.
//
// Comparing every vector in full is the simple version; it reads four times the memory,
// and from the disk. A code tells the product to within a known distance. The limit-th
// greatest of all lower bounds is one that at least limit products reach; a slot whose
// upper bound does not reach it cannot be among the best, not even by a tie. All others
// are kept.
func (w *workspace) consider(c *column, q *question, slot uint32) {
	least := w.lowest.threshold()
	product, off, far := c.near(q, int(slot), least)
	if far || product+off < least {
		return
	}
	w.lowest.offer(product - off)
	w.list = append(w.list, candidate{int(slot), product + off})
}

// sketches considers the slots in view whose sketches are near, and promise enough.
//
// A fixed number of the nearest is the simple version. It is too many where the best are much
// nearer than all else, and too few where they are hardly nearer: when nothing in view is
// about what was asked. So the nearest are looked at first; the codes of those that promise
// most tell a product that the best will all reach, and that how far away the sketch of a vector
// is which barely reaches it, but for chance. The rotation being random, each bit differs with
// the probability angle/π, so that distances scatter by a known measure around their mean. All
// that are within some such measures of it are looked at, whether or not chance was against
// them.
//
// To look at them is to estimate their products. That takes less than half as long as to compare
// their codes, and leaves one in four to be compared where nothing is near, else fewer.
//
// What is considered is a function of the view's passages alone: all at a distance belong to
// it or none, but for those at the last if they are many, of which the first by passage id do;
// all with an estimate belong to it or none.
func (w *workspace) sketches(ctx context.Context, c *column, view *indexer.Visible, q *question, limit, few int) error {
	first, most := max(few/8, 2*limit), max(4*few, 4*limit)
	n := &w.nearest
	n.reset(view, c, first, most)
	if err := c.scan(ctx, view, q.sketch, n); err != nil {
		return err
	}
	w.estimator.reset(q.values)
	if n.near == n.within {
		n.settle()
	}
	w.estimateBetween(c, q, -1, n.near)
	w.best(c, q, limit)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	far := min(q.reach(w.lowest.threshold(), c.turn.width, limit), n.within)
	if far == n.within {
		n.settle() // before that, ties at this distance are not cut
	}
	w.estimateBetween(c, q, n.near, far)
	w.best(c, q, limit)
	w.rest(c, q)
	return nil
}

// reach is the distance within which the sketch of a vector is that has the product with the
// question, but for rare chance, if the vector's length is 1.
//
// Of the best, those that barely belong to them are the likeliest to be missed. If they are
// few, each counts.
func (q *question) reach(product float64, width, limit int) int {
	if math.IsInf(product, -1) {
		return width
	}
	deviations := 2.0
	if limit <= 10 {
		deviations = 3
	}
	p := math.Acos(max(-1, min(1, product/q.length))) / math.Pi
	return int(math.Ceil(float64(width)*p + deviations*math.Sqrt(float64(width)*p*(1-p))))
}
