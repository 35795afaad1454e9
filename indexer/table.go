package indexer

import (
	"encoding/binary"
	"slices"
	"strings"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// Table knows, at one revision, which document every live row belongs to and what governs
// it. It is immutable: With returns a changed copy that shares what did not change.
//
// Deciding per row would cost one evaluation of the rule for every passage. Documents
// share few distinct policies, so these are interned: each distinct (own policy,
// container, source, sensitivity) is one governance, a view is evaluated once for each,
// and rows only carry its number. Invariants: a governance never changes once numbered,
// and what a container admits is looked up when a view is resolved, never stored with a
// row, so that one change to a folder re-permissions its documents at once.
type Table struct {
	revision    catalog.Revision
	chunks      []*chunk // row r is cell r%chunkRows of chunk r/chunkRows; nil if none is live
	documents   sharded[catalog.DocumentID, *entry]
	governances []governance // by number
	interned    sharded[string, uint32]
	containers  sharded[catalog.DocumentID, catalog.Container]
	successors  sharded[catalog.DocumentID, []catalog.DocumentID]
	waits       func(*catalog.Document) bool // whether a present document waits for its vectors
	waiting     int                          // documents that do
	views       *viewCache
}

const chunkRows = 4096

type chunk struct {
	cells   [chunkRows]cell
	waiting [chunkRows / 64]uint64 // one bit a row: its document waits for its vectors
}

// cell is one row: its document, nil if the row is dead, and its ordinal there.
type cell struct {
	entry   *entry
	ordinal uint32
}

// entry is one present document as the table keeps it.
type entry struct {
	catalog.Document
	governance uint32
	waits      bool // for its vectors
}

// governance is one distinct set of facts that decide who may read.
type governance struct {
	source      string
	policy      *acl.Policy
	container   string
	sensitivity string
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
	return catalog.PassageID{Document: c.entry.DocumentID, Version: c.entry.Version, Ordinal: int(c.ordinal)}
}

// Successors returns the documents of the same source that declare to supersede id. They
// are ids only: whether the caller may see one of them is for the catalog to say.
func (t *Table) Successors(id catalog.DocumentID) []catalog.DocumentID {
	s, _ := t.successors.get(id)
	return s
}

func (t *Table) cell(row catalog.Row) cell {
	i := int(row / chunkRows)
	if i >= len(t.chunks) || t.chunks[i] == nil {
		return cell{}
	}
	return t.chunks[i].cells[row%chunkRows]
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
		owned:      map[int]bool{},
		batch:      Batch{To: to},
	}
	e.chunks = slices.Clone(t.chunks)
	for _, c := range changes {
		switch {
		case c.Container != nil:
			e.containers.set(c.Container.DocumentID, *c.Container)
		case c.Document != nil:
			e.document(c.Document)
		}
	}
	next := e.Table
	next.revision, next.views = to, newViewCache()
	next.documents, next.interned = e.documents.sharded, e.interned.sharded
	next.containers, next.successors = e.containers.sharded, e.successors.sharded
	return &next, e.batch
}

// tableEdit is a table being changed; its maps shadow those of the Table inside.
type tableEdit struct {
	Table
	documents  *shardedEdit[catalog.DocumentID, *entry]
	interned   *shardedEdit[string, uint32]
	containers *shardedEdit[catalog.DocumentID, catalog.Container]
	successors *shardedEdit[catalog.DocumentID, []catalog.DocumentID]
	owned      map[int]bool // chunks already copied
	grown      bool         // governances are this edit's own
	batch      Batch
}

func (e *tableEdit) document(c *catalog.DocumentChange) {
	old, had := e.documents.get(c.Document.DocumentID)
	if had && old.waits {
		e.waiting--
	}
	if c.Document.State != catalog.Present {
		if had {
			e.dead(old)
			e.documents.delete(old.DocumentID)
			e.declare(old, nil)
		}
		return
	}
	next := &entry{Document: c.Document, governance: e.intern(&c.Document)}
	if next.waits = next.Rows.Count > 0 && e.waits(&next.Document); next.waits {
		e.waiting++
	}
	if had && old.Rows != next.Rows {
		e.dead(old)
	}
	if had {
		e.declare(old, next.Supersedes)
	}
	e.declare(next, next.Supersedes)
	e.documents.set(next.DocumentID, next)
	for i := range next.Rows.Count {
		e.set(next.Rows.First+catalog.Row(i), cell{next, i})
	}
	e.batch.add(c, had && old.Rows == next.Rows && old.ContentAt == next.ContentAt)
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
	for i := range old.Rows.Count {
		row := old.Rows.First + catalog.Row(i)
		e.set(row, cell{})
		e.batch.Remove = append(e.batch.Remove, row)
	}
}

func (e *tableEdit) set(row catalog.Row, c cell) {
	i := int(row / chunkRows)
	for len(e.chunks) <= i {
		e.chunks = append(e.chunks, nil)
	}
	if !e.owned[i] {
		e.owned[i] = true
		copied := new(chunk)
		if e.chunks[i] != nil {
			*copied = *e.chunks[i]
		}
		e.chunks[i] = copied
	}
	at := row % chunkRows
	e.chunks[i].cells[at] = c
	e.chunks[i].waiting[at/64] &^= 1 << (at % 64)
	if c.entry != nil && c.entry.waits {
		e.chunks[i].waiting[at/64] |= 1 << (at % 64)
	}
}

// declare replaces what d declared to supersede by next. Only declarations within one
// source count, so that nobody can mark a rival outdated.
func (e *tableEdit) declare(d *entry, next []catalog.DocumentID) {
	for _, id := range d.Supersedes {
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

// intern returns the number of the document's governance, a new one if it is the first of
// its kind. The key holds every deciding fact whole: a lossy key would share a decision
// between documents that differ.
func (e *tableEdit) intern(d *catalog.Document) uint32 {
	g := governance{d.Source, d.Access.Policy, d.Access.Container, d.Access.Label()}
	policy, err := canonical.Marshal(g.policy)
	if err != nil {
		panic("indexer: encoding a policy: " + err.Error()) // plain data always encodes
	}
	var key []byte
	for _, part := range []string{g.source, g.container, g.sensitivity, string(policy)} {
		key = append(binary.AppendUvarint(key, uint64(len(part))), part...)
	}
	if n, ok := e.interned.get(string(key)); ok {
		return n
	}
	n := uint32(len(e.governances))
	if !e.grown { // an append in place could write where another copy of the table looks
		e.governances, e.grown = slices.Clip(e.governances), true
	}
	e.governances = append(e.governances, g)
	e.interned.set(string(key), n)
	return n
}
