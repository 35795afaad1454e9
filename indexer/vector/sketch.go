package vector

import (
	"math"
	"slices"

	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// sketched is a slot and the number of bits in which its sketch differs from the question's.
type sketched struct {
	slot     uint32
	distance uint32
}

// nearest keeps the least distances that it is offered: the first most, and all that are as
// far as the last of them; but if that makes a quarter more, only those of them with the least
// passage ids, up to most. And of these it keeps those that are at most margin beyond the
// distance within which the first many are.
//
// A heap is the simple version, but nearly all that it is offered is far, and distances are
// small whole numbers: so counted is how many were taken of each, and all that are not beyond
// the distance at which enough are counted are taken. That distance only falls, and what is
// beyond it then is dropped now and then. Passage ids are slow to compare, and most of what
// they would decide is farther than wanted in the end: so they are looked at only when
// somebody asks, or when so many are equally far that memory needs it.
//
// Invariant: taken holds what is wanted of all that was offered, whatever the order.
type nearest struct {
	view    *indexer.Visible
	column  *column
	many    int
	near    int // the distance within which the first many are
	sumNear int // of counted up to near
	margin  int
	most    int
	within  int   // the greatest distance that is wanted
	counted []int // of those in taken, by distance
	sum     int   // of counted up to within
	taken   []sketched
	last    catalog.PassageID // the greatest wanted at the distance within
	cut     bool              // last is set
}

func (n *nearest) reset(view *indexer.Visible, c *column, many, most int) {
	w := c.turn.width
	*n = nearest{
		view: view, column: c, many: many, near: w, most: most, within: w,
		margin:  int(math.Ceil(3 * math.Sqrt(float64(w)) / 2)), // three deviations at right angles
		counted: slices.Grow(n.counted[:0], w+1)[:w+1], taken: n.taken[:0],
	}
	clear(n.counted)
}

// take takes a slot whose distance is within.
func (n *nearest) take(slot uint32, distance int) {
	if n.cut && distance == n.within && n.id(slot).Compare(n.last) > 0 {
		return
	}
	n.taken = append(n.taken, sketched{slot, uint32(distance)})
	n.counted[distance]++
	n.sum++
	if distance <= n.near {
		for n.sumNear++; n.sumNear-n.counted[n.near] >= n.many; n.near-- {
			n.sumNear -= n.counted[n.near]
		}
	}
	for n.within > n.near+n.margin || n.sum-n.counted[n.within] >= n.most {
		n.sum -= n.counted[n.within]
		n.within--
		n.cut = false
	}
	if len(n.taken) >= 4*n.most {
		if n.drop(); len(n.taken) > 3*n.most {
			n.settle()
		}
	}
}

func (n *nearest) id(slot uint32) catalog.PassageID { return n.view.ID(n.column.row(int(slot))) }

// drop drops what is too far to be wanted any more.
func (n *nearest) drop() {
	n.taken = slices.DeleteFunc(n.taken, func(s sketched) bool { return int(s.distance) > n.within })
	clear(n.counted[n.within+1:])
}

// settle leaves what is wanted of all so far, and nothing else.
func (n *nearest) settle() {
	n.drop()
	if n.sum <= n.most+n.most/4 {
		return
	}
	type named struct {
		id   catalog.PassageID
		slot uint32
	}
	ties := make([]named, 0, n.counted[n.within])
	for _, s := range n.taken {
		if int(s.distance) == n.within {
			ties = append(ties, named{n.id(s.slot), s.slot})
		}
	}
	slices.SortFunc(ties, func(a, b named) int { return a.id.Compare(b.id) })
	room := n.most - (n.sum - len(ties))
	n.last, n.cut = ties[room-1].id, true
	n.taken = slices.DeleteFunc(n.taken, func(s sketched) bool { return int(s.distance) == n.within })
	for _, t := range ties[:room] {
		n.taken = append(n.taken, sketched{t.slot, uint32(n.within)})
	}
	n.counted[n.within], n.sum = room, n.most
	if n.near == n.within {
		n.sumNear = n.sum
	}
}
