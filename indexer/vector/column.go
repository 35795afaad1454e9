package vector

import (
	"iter"
	"maps"
	"slices"

	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// column holds the codes of one space's vectors. Every vector has a slot, in the order of
// arrival; a page leads from rows to slots.
//
// A reader must go on seeing what it pinned while vectors come and go. A copy of everything
// for each batch would be too slow, a lock for each search too. So slots are only ever
// added: a later column shares the blocks of an earlier one and writes behind the last slot
// the earlier knows. What a batch changes otherwise, pages, is copied first. Vectors that
// are removed or replaced leave a slot that no page leads to, until the log is compacted.
type column struct {
	space  space
	turn   *rotation
	slots  int // in use or left
	count  int // rows that have one
	blocks []*block
	pages  []*page // row r is at r%pageRows of page r/pageRows; nil if no row is there
}

const (
	blockSlots = 1024
	pageRows   = indexer.ChunkRows // so that a view's chunk is looked up in one page
)

// block is the codes of some slots, and where in the log their vectors are. Sketches lie
// together, since most are all that is looked at of their slots.
type block struct {
	sketches []uint64
	values   []uint8
	numbers  [blockSlots]codeNumbers
	at       [blockSlots]int64
	rows     [blockSlots]catalog.Row
}

// page maps rows to slots, counted from 1; 0 is none.
type page struct {
	slots [pageRows]uint32
	// runs has a bit for each 64 rows, set if their slots follow one another in one block, as
	// those of vectors do that came together: a search need not look them up. It may be not set
	// though they do.
	runs uint64
}

// found says again whether the 64 rows around one are a run, once the last of them has come.
func (p *page) found(row int) {
	i := row / 64
	p.runs &^= 1 << i
	if row%64 != 63 {
		return
	}
	slots := (*[64]uint32)(p.slots[64*i:])
	for k, n := range slots {
		if n == 0 || n != slots[0]+uint32(k) {
			return
		}
	}
	if (slots[0]-1)%blockSlots+63 < blockSlots {
		p.runs |= 1 << i
	}
}

func newColumn(s space) *column { return &column{space: s, turn: rotationOf(s.dimensions)} }

// slot is where the row's code is, false if it has none.
func (c *column) slot(row catalog.Row) (int, bool) {
	i := int(row / pageRows)
	if i >= len(c.pages) || c.pages[i] == nil {
		return 0, false
	}
	n := c.pages[i].slots[row%pageRows]
	return int(n) - 1, n != 0
}

func (c *column) row(slot int) catalog.Row { return c.blocks[slot/blockSlots].rows[slot%blockSlots] }
func (c *column) at(slot int) int64        { return c.blocks[slot/blockSlots].at[slot%blockSlots] }
func (c *column) sum(slot int) uint32 {
	return c.blocks[slot/blockSlots].numbers[slot%blockSlots].sum
}

// near compares the question with the vector in a slot.
func (c *column) near(q *question, slot int, least float64) (product, off float64, far bool) {
	b, i, w := c.blocks[slot/blockSlots], slot%blockSlots, c.turn.width
	return q.near(b.values[i*w:][:w], &b.numbers[i], least)
}

// live yields the slots that a row leads to, in order.
func (c *column) live() iter.Seq[int] {
	return func(yield func(int) bool) {
		for slot := range c.slots {
			if s, ok := c.slot(c.row(slot)); ok && s == slot && !yield(slot) {
				return
			}
		}
	}
}

// edit is the columns of a state on their way to the next.
type edit struct {
	columns map[space]*column
	own     map[space]bool // columns that are copies already
	pages   map[*page]bool // pages that are
}

func (s *state) edit() *edit {
	return &edit{columns: maps.Clone(s.columns), own: map[space]bool{}, pages: map[*page]bool{}}
}

func (e *edit) column(s space) *column {
	if !e.own[s] {
		e.own[s] = true
		if c := e.columns[s]; c != nil {
			copied := *c
			copied.pages = slices.Clone(c.pages)
			e.columns[s] = &copied
		} else {
			e.columns[s] = newColumn(s)
		}
	}
	return e.columns[s]
}

// lead makes the row lead to slot n-1, or nowhere if n is 0.
func (e *edit) lead(c *column, row catalog.Row, n uint32) {
	i := int(row / pageRows)
	for len(c.pages) <= i {
		c.pages = append(c.pages, nil)
	}
	p := c.pages[i]
	if p == nil || !e.pages[p] {
		copied := new(page)
		if p != nil {
			*copied = *p
		}
		p, c.pages[i] = copied, copied
		e.pages[copied] = true
	}
	at := int(row % pageRows)
	if p.slots[at] == 0 {
		c.count++
	}
	if n == 0 {
		c.count--
	}
	p.slots[at] = n
	p.found(at)
}

// add gives the row a vector, which is in the log at the given place, instead of any it had.
// Its code is still to be made.
func (e *edit) add(a *addition, at int64) place {
	e.remove(a.row)
	c := e.column(a.space)
	i := c.slots % blockSlots
	if i == 0 {
		w := c.turn.width
		c.blocks = append(c.blocks, &block{sketches: make([]uint64, blockSlots*w/64), values: make([]uint8, blockSlots*w)})
	}
	b := c.blocks[len(c.blocks)-1]
	b.rows[i], b.at[i] = a.row, at
	c.slots++
	e.lead(c, a.row, uint32(c.slots))
	return place{b, i, c.turn, a}
}

func (e *edit) remove(row catalog.Row) {
	for s, c := range e.columns {
		if _, ok := c.slot(row); ok {
			e.lead(e.column(s), row, 0)
		}
	}
}
