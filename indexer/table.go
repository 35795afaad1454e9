package indexer

import (
	"slices"
	"strings"

	"github.com/muniment/muniment/catalog"
)

// Table knows, at one revision, which document every live row belongs to and what governs
// it. It is immutable: With returns a changed copy that shares what did not change.
//
// Deciding per row would cost one evaluation of the rule for every passage. Documents
// share few distinct policies, so these are interned: each distinct (own policy,
// container, source, sensitivity) is one governance, a view is evaluated once for each,
// and rows only carry its number. Invariants: a governance never changes, its number only
// when all are given anew, and what a container admits is looked up when a view is resolved,
// never stored with a row, so that one change to a folder re-permissions its documents at
// once.
type Table struct {
	revision    catalog.Revision
	generation  uint64   // one more than that of the table this one was made from
	cells       []*cells // row r is the (r%ChunkRows)-th of cells r/ChunkRows; nil if none is live
	documents   sharded[catalog.DocumentID, *entry]
	governances []*governance // by number
	uses        []int32       // by number: how many documents with passages have it
	unused      int           // governances without a use
	numbered    uint64        // the generation in which numbers were given anew
	interned    sharded[string, uint32]
	containers  sharded[catalog.DocumentID, catalog.Container]
	folders     uint64 // the generation in which a container changed last
	successors  sharded[catalog.DocumentID, []catalog.DocumentID]
	disputes    sharded[catalog.DocumentID, []catalog.DocumentID]
	places      sharded[uint64, catalog.Row]   // by address: the first row of a document there
	crowds      sharded[uint64, []catalog.Row] // of the others there, sorted
	waits       func(*catalog.Document) bool   // whether a present document waits for its vectors
	waiting     int                            // documents that do
	dated       int                            // documents that have a validity, and passages
	views       *viewCache
}

// cells are ChunkRows rows.
type cells struct {
	changed    uint64 // the generation in which a row changed last
	cells      [ChunkRows]cell
	governance [ChunkRows]uint32 // by row: 1 more than the number of its document's governance, 0 if it is dead
	dated      Chunk             // rows whose document has a validity
	waiting    Chunk             // rows whose document waits for its vectors
}

// cell is one row: its document, nil if the row is dead, and its ordinal there.
type cell struct {
	entry   *entry
	ordinal uint32
}

// NewTable returns the table of the empty catalog.
func NewTable() *Table {
	return &Table{views: newViewCache(), waits: func(d *catalog.Document) bool { return d.Pending }}
}

// Revision is the catalog revision the table shows.
func (t *Table) Revision() catalog.Revision { return t.revision }

// Live reports whether the row is a passage of a present document's current version.
func (t *Table) Live(row catalog.Row) bool { return t.cell(row).entry != nil }

// ID is the passage in a row, the zero PassageID if the row is dead.
func (t *Table) ID(row catalog.Row) catalog.PassageID {
	c := t.cell(row)
	if c.entry == nil {
		return catalog.PassageID{}
	}
	return catalog.PassageID{Document: c.entry.DocumentID, Version: c.entry.version, Ordinal: int(c.ordinal)}
}

// Successors returns the documents of the same source that declare to supersede id. They
// are ids only: whether the caller may see one of them is for the catalog to say.
func (t *Table) Successors(id catalog.DocumentID) []catalog.DocumentID {
	s, _ := t.successors.get(id)
	return s
}

func (t *Table) cell(row catalog.Row) cell {
	i := int(row / ChunkRows)
	if i >= len(t.cells) || t.cells[i] == nil {
		return cell{}
	}
	return t.cells[i].cells[row%ChunkRows]
}

// With returns the table after the changes, which bring it to the revision, and the batch
// that brings an index there.
func (t *Table) With(changes []catalog.Change, to catalog.Revision) (*Table, Batch) {
	e := tableEdit{
		Table:      *t,
		documents:  t.documents.edit(),
		interned:   t.interned.edit(),
		containers: t.containers.edit(),
		successors: t.successors.edit(),
		disputes:   t.disputes.edit(),
		places:     t.places.edit(),
		crowds:     t.crowds.edit(),
		crowded:    map[uint64]bool{},
		owned:      map[int]bool{},
		batch:      Batch{To: to},
	}
	e.generation++
	e.cells = slices.Clone(t.cells)
	for _, c := range changes {
		switch {
		case c.Container != nil:
			e.containers.set(c.Container.DocumentID, *c.Container)
			e.folders = e.generation
		case c.Document != nil:
			e.document(c.Document)
		}
	}
	e.renumber()
	next := e.Table
	next.revision, next.views = to, t.views.heir()
	next.documents, next.interned = e.documents.sharded, e.interned.sharded
	next.containers, next.successors = e.containers.sharded, e.successors.sharded
	next.disputes = e.disputes.sharded
	next.places, next.crowds = e.places.sharded, e.crowds.sharded
	return &next, e.batch
}

// tableEdit is a table being changed; its maps shadow those of the Table inside.
type tableEdit struct {
	Table
	documents  *shardedEdit[catalog.DocumentID, *entry]
	interned   *shardedEdit[string, uint32]
	containers *shardedEdit[catalog.DocumentID, catalog.Container]
	successors *shardedEdit[catalog.DocumentID, []catalog.DocumentID]
	disputes   *shardedEdit[catalog.DocumentID, []catalog.DocumentID]
	places     *shardedEdit[uint64, catalog.Row]
	crowds     *shardedEdit[uint64, []catalog.Row]
	crowded    map[uint64]bool // crowds already copied
	owned      map[int]bool    // cells already copied
	grown      bool            // governances and uses are this edit's own
	batch      Batch
}

func (e *tableEdit) document(c *catalog.DocumentChange) {
	old, had := e.documents.get(c.Document.DocumentID)
	if had && old.waits {
		e.waiting--
	}
	if had && old.dated() && old.rows.Count > 0 {
		e.dated--
	}
	if c.Document.State != catalog.Present {
		if had {
			e.leave(old)
			e.dead(old)
			e.documents.delete(old.DocumentID)
			e.declare(old, nil)
			e.dispute(old, nil)
		}
		return
	}
	number := e.intern(&c.Document)
	next := newEntry(&c.Document, e.governances[number])
	if next.waits = next.rows.Count > 0 && e.waits(&c.Document); next.waits {
		e.waiting++
	}
	if next.dated() && next.rows.Count > 0 {
		e.dated++
	}
	if moved := !had || old.place != next.place || old.rows.First != next.rows.First; moved {
		if had {
			e.leave(old)
		}
		e.settle(next)
	}
	if had && old.rows != next.rows {
		e.dead(old)
	}
	if had {
		e.declare(old, next.supersedes)
		e.dispute(old, next.disputed)
	}
	e.declare(next, next.supersedes)
	e.dispute(next, next.disputed)
	e.documents.set(next.DocumentID, next)
	if next.rows.Count > 0 {
		if e.use(number, 1); had && old.rows == next.rows {
			e.use(e.number(old), -1)
		}
		for i := range next.rows.Count {
			e.set(next.rows.First+catalog.Row(i), cell{next, i}, number+1)
		}
	}
	e.batch.add(c, had && old.rows == next.rows && old.contentAt == next.contentAt)
}

// searchable is the text a passage is found by: the title and heading path say what the
// passage is about, which its own words often do not repeat. A heading that repeats the
// title adds nothing.
func searchable(title string, p catalog.Passage) string {
	parts := []string{title}
	for _, h := range p.Headings {
		if h != title {
			parts = append(parts, h)
		}
	}
	return strings.Join(append(parts, p.Text), "\n")
}

// dead marks all rows of a document as dead and asks indexes to drop them.
func (e *tableEdit) dead(old *entry) {
	if old.rows.Count > 0 {
		e.use(e.number(old), -1)
	}
	for i := range old.rows.Count {
		row := old.rows.First + catalog.Row(i)
		e.set(row, cell{}, 0)
		e.batch.Remove = append(e.batch.Remove, row)
	}
}

func (e *tableEdit) set(row catalog.Row, c cell, governance uint32) {
	own, at := e.own(int(row/ChunkRows)), row%ChunkRows
	own.cells[at], own.governance[at] = c, governance
	bit := uint64(1) << (at % 64)
	own.waiting[at/64] &^= bit
	own.dated[at/64] &^= bit
	if c.entry != nil && c.entry.waits {
		own.waiting[at/64] |= bit
	}
	if c.entry != nil && c.entry.dated() {
		own.dated[at/64] |= bit
	}
}

// own returns the i-th cells, copied if they were another table's.
func (e *tableEdit) own(i int) *cells {
	for len(e.cells) <= i {
		e.cells = append(e.cells, nil)
	}
	if !e.owned[i] {
		e.owned[i] = true
		copied := new(cells)
		if e.cells[i] != nil {
			*copied = *e.cells[i]
		}
		copied.changed = e.generation
		e.cells[i] = copied
	}
	return e.cells[i]
}

// declare replaces what d declared to supersede by next. Only declarations within one
// source count, so that nobody can mark a rival outdated.
func (e *tableEdit) declare(d *entry, next []catalog.DocumentID) {
	for _, id := range d.supersedes {
		if list, ok := e.successors.get(id); ok {
			e.successors.set(id, slices.DeleteFunc(slices.Clone(list), func(s catalog.DocumentID) bool { return s == d.DocumentID }))
		}
	}
	for _, id := range next {
		if id.Source == d.Source && id != d.DocumentID {
			list, _ := e.successors.get(id)
			if !slices.Contains(list, d.DocumentID) {
				list = append(slices.Clone(list), d.DocumentID)
				slices.SortFunc(list, catalog.DocumentID.Compare)
				e.successors.set(id, list)
			}
		}
	}
}
