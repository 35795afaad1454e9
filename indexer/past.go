package indexer

import (
	"context"
	"errors"
	"fmt"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// ErrTooLarge is returned by Past for a view that admits more than it may take.
var ErrTooLarge = errors.New("indexer: the view admits too much")

// Room is how much Past may take.
type Room struct {
	Passages int
	Bytes    int // of the passages' texts and vectors
}

// pastBatch is how many bytes of texts and vectors Past applies at a time.
const pastBatch = 16 << 20

// Past makes the state of an earlier revision again, as far as the view has a part in it, in
// indexes that are empty. It takes over the snapshot, also with an error; the caller Releases
// the state, and closes the indexes after that. An index that is nil is as one that is being
// rebuilt. Errors: ErrTooLarge, and those of the snapshot and the indexes.
//
// Making the indexes of the whole catalog again is the simple version, and would take as long
// as a rebuild. What the view does not admit has no part in an answer, neither in its members
// nor in a bit of its scores, so indexes of what it admits give the same answer. If they do
// not, that promise is broken. Rows count what is hidden too, and have no part in an answer
// either: here they are given anew, without gaps, so that a small view of a large catalog
// makes a small table.
func (x *Indexer) Past(ctx context.Context, n catalog.Snapshot, view acl.View, words, vectors Index, most Room) (*State, error) {
	s := &State{Snapshot: n, Table: NewTable()}
	s.pins.Store(1)
	s.Table.waits = x.waits
	if err := s.fill(ctx, view, []Index{words, vectors}, most); err != nil {
		return nil, errors.Join(fmt.Errorf("making revision %d again: %w", n.Revision(), err), s.close())
	}
	var err error
	for _, leg := range []struct {
		index  Index
		reader *Reader
	}{{words, &s.Keyword}, {vectors, &s.Vector}} {
		if leg.index == nil {
			continue
		}
		if *leg.reader, err = leg.index.Reader(ctx); err != nil {
			*leg.reader = nil
			return nil, errors.Join(fmt.Errorf("making revision %d again: %w", n.Revision(), err), s.close())
		}
	}
	return s, nil
}

// fill reads what the view admits into the table and the indexes.
func (s *State) fill(ctx context.Context, view acl.View, indexes []Index, most Room) error {
	var page []catalog.Change
	passages, bytes, paged := 0, 0, 0
	flush := func() error {
		var batch Batch
		s.Table, batch = s.Table.With(page, s.Revision())
		page, paged = nil, 0
		for _, index := range indexes {
			if index == nil {
				continue
			}
			if err := index.Apply(ctx, batch); err != nil {
				return err
			}
		}
		return nil
	}
	known := map[catalog.DocumentID]bool{} // containers
	for d, err := range s.Contents(ctx, view) {
		if err != nil {
			return err
		}
		size := d.Size()
		if passages+len(d.Passages) > most.Passages || bytes+size > most.Bytes {
			return ErrTooLarge
		}
		chain, err := s.containers(ctx, d.Document, known)
		if err != nil {
			return err
		}
		if d.Document.Rows.Count > 0 {
			d.Document.Rows.First = catalog.Row(passages + 1)
		}
		for i := range d.Passages {
			d.Passages[i].Row = catalog.Row(passages + 1 + i)
		}
		passages, bytes, paged = passages+len(d.Passages), bytes+size, paged+size
		page = append(append(page, chain...), catalog.Change{Revision: s.Revision(), Document: &d})
		if paged >= pastBatch || len(page) >= rebuildBatch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// containers are those above the document that are not known yet.
func (s *State) containers(ctx context.Context, d catalog.Document, known map[catalog.DocumentID]bool) (list []catalog.Change, err error) {
	in := catalog.DocumentID{Source: d.Source, ID: d.Access.Container}
	if in.ID == "" || known[in] {
		return nil, nil
	}
	known[in] = true
	standing, err := s.Standing(ctx, d.DocumentID)
	for _, c := range standing.Containers {
		list = append(list, catalog.Change{Revision: s.Revision(), Container: &c})
	}
	return list, err
}
