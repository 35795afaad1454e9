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
	slots  int // in use or left
	count  int // rows that have one
	blocks []*block
	pages  []*page // row r is at r%pageRows of page r/pageRows; nil if no row is there
}

const (
	blockSlots = 1024
	pageRows   = indexer.ChunkRows // so that a view's chunk is looked up in one page
)

// block is the codes of some slots, and where in the log their vectors are.
type block struct {
	rows   [blockSlots]catalog.Row
	at     [blockSlots]int64
	scale  [blockSlots]float32
	length [blockSlots]float32
	lost   [blockSlots]float32
	values []int8
}

// page maps rows to slots, counted from 1; 0 is none.
type page [pageRows]uint32

// slot is where the row's code is, false if it has none.
func (c *column) slot(row catalog.Row) (int, bool) {
	i := int(row / pageRows)
	if i >= len(c.pages) || c.pages[i] == nil {
		return 0, false
	}
	n := c.pages[i][row%pageRows]
	return int(n) - 1, n != 0
}

func (c *column) row(slot int) catalog.Row { return c.blocks[slot/blockSlots].rows[slot%blockSlots] }
func (c *column) at(slot int) int64        { return c.blocks[slot/blockSlots].at[slot%blockSlots] }

// near compares the question with the vector in a slot.
func (c *column) near(q *question, slot int) (product, off float64) {
	b, i, d := c.blocks[slot/blockSlots], slot%blockSlots, c.space.dimensions
	return q.near(b.values[i*d:][:d], b.scale[i], b.length[i], b.lost[i])
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
			e.columns[s] = &column{space: s}
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
	if p[row%pageRows] == 0 {
		c.count++
	}
	if n == 0 {
		c.count--
	}
	p[row%pageRows] = n
}

// add gives the row a vector, which is in the log at the given place, instead of any it
// had.
func (e *edit) add(s space, row catalog.Row, vector []float32, at int64) {
	e.remove(row)
	c := e.column(s)
	i := c.slots % blockSlots
	if i == 0 {
		c.blocks = append(c.blocks, &block{values: make([]int8, blockSlots*s.dimensions)})
	}
	b := c.blocks[len(c.blocks)-1]
	code := encode(vector, b.values[i*s.dimensions:][:s.dimensions])
	b.rows[i], b.at[i] = row, at
	b.scale[i], b.length[i], b.lost[i] = code.scale, code.length, code.lost
	c.slots++
	e.lead(c, row, uint32(c.slots))
}

func (e *edit) remove(row catalog.Row) {
	for s, c := range e.columns {
		if _, ok := c.slot(row); ok {
			e.lead(e.column(s), row, 0)
		}
	}
}
