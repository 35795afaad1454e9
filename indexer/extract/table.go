package extract

import "strconv"

// shape is what decides whether a table holds data or only lays out a page.
type shape struct {
	head    bool // it has a cell that is a header
	role    bool // it says that it is for layout
	broken  bool // it is not whole within one piece of HTML
	nested  bool // it holds a table, or a heading
	cells   int  // of the row being read
	columns int  // of its longest row
}

// data reports whether the table is one to be written as rows.
func (s *shape) data() bool {
	return !s.role && !s.broken && s.columns > 1 && (s.head || !s.nested)
}

// grid is a table being written.
type grid struct {
	index   int
	data    bool
	column  int   // of the cell that is open, from 1
	next    int   // the columns that the cell takes up besides
	written int   // cells of the row that are written
	begun   int   // the column of the cell that has text
	open    bool  // the row has begun
	head    bool  // the row holds a header
	rows    int   // written
	below   []int // for each column, how many rows a cell from above still reaches down
}

// maxSpan bounds how many columns or rows one cell is taken to cover.
const maxSpan = 50

// tableOpened follows the elements of a table.
func (p *page) tableOpened(t *tag, e *element) {
	g := e.place.grid
	switch t.name {
	case "table":
		p.tableBegins(t, e)
	case "tr", "tbody", "thead", "tfoot":
		if g != nil && p.measuring {
			p.survey.shapes[g.index].cells = 0
		}
		if g != nil && g.data && !e.place.cell {
			p.endRow(g)
		}
	case "td", "th":
		if g == nil || e.place.cell {
			return
		}
		if p.measuring {
			s := &p.survey.shapes[g.index]
			s.head = s.head || t.name == "th"
			s.cells++
			s.columns = max(s.columns, s.cells)
		}
		if !g.data {
			return
		}
		e.place.cell, e.place.oneLine, e.place.pre = true, true, 0
		g.head = g.head || t.name == "th" || p.open("thead") > p.open("table")
		g.column += 1 + g.next
		for g.column <= len(g.below) && g.below[g.column-1] > 0 {
			g.column++
		}
		g.next = spanOf(t.get(attrColspan)) - 1
		if down := spanOf(t.get(attrRowspan)) - 1; down > 0 && g.column+g.next <= 4*maxSpan {
			for len(g.below) < g.column+g.next {
				g.below = append(g.below, 0)
			}
			for i := g.column - 1; i < g.column+g.next; i++ {
				g.below[i] = down + 1
			}
		}
	}
}

func (p *page) tableBegins(t *tag, e *element) {
	outer := e.place.grid
	g := &grid{index: p.survey.table}
	p.survey.table++
	if p.measuring {
		p.survey.shapes = append(p.survey.shapes, shape{role: t.names(attrRole, "presentation", "none")})
		if outer != nil {
			p.survey.shapes[outer.index].nested = true
		}
	} else if g.index < len(p.survey.shapes) {
		g.data = p.survey.shapes[g.index].data()
	}
	if !e.place.cell { // a table within a cell is written on the cell's line
		e.place.grid = g
	}
}

func spanOf(value string) int {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 {
		return 1
	}
	return min(n, maxSpan)
}

// endRow writes the end of a row, and of a header the line below it.
func (p *page) endRow(g *grid) {
	if g.column > 0 {
		for i := range g.below {
			g.below[i] = max(0, g.below[i]-1)
		}
	}
	if g.open {
		p.out.bars(g, g.column+g.next)
		if g.rows++; g.rows == 1 && g.head {
			p.out.newline(1)
			for range g.written {
				p.out.add("|---")
			}
			p.out.add("|")
		}
		p.out.breaks(1)
	}
	g.column, g.next, g.written, g.begun, g.open, g.head = 0, 0, 0, 0, false, false
}

// bars closes the cells of a row up to the n-th.
func (r *renderer) bars(g *grid, n int) {
	for ; g.written < n; g.written++ {
		r.add(" |")
	}
}

// cell brings the row up to the open cell, in which text follows.
func (r *renderer) cell(g *grid) {
	if !g.open {
		r.newline(r.gap)
		r.add("|")
		g.open = true
	}
	if g.begun < g.column {
		r.bars(g, g.column-1)
		r.add(" ")
		r.space, g.begun = false, g.column
	}
}
