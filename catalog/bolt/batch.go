package bolt

import (
	"context"
	"fmt"
	"math"
	"time"

	"go.etcd.io/bbolt"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// batch holds what the mutations of one commit have made of the records they touch, until
// all of them are applied: each sees what the earlier ones did, and only the last record
// of a key is written.
type batch struct {
	store     *Store
	tx        *bbolt.Tx
	st        *state // of the head; written last
	head      *reader
	directory *acl.Directory   // of the head
	revision  catalog.Revision // the one that the commit takes if something changed
	at        time.Time
	rows      uint32 // given out so far
	changed   bool
	records   []recordName // written
	dropped   []recordName // tombstones removed
	work      int          // values written, for pruning to keep pace

	documents  map[catalog.DocumentID]*register
	containers map[catalog.DocumentID]catalog.Container
	groups     map[acl.Principal][]acl.Principal
	entries    map[acl.Principal]catalog.Entry
	sources    map[string]*source
	requests   map[string]request // by key
	outbox     [][]byte
}

// register is a document as the mutations so far have left it.
type register struct {
	document catalog.Document
	stored   catalog.State        // at the head
	synced   time.Time            // at the head
	content  *catalog.PutDocument // the content to write, nil if the stored one stays
	vectors  [][]float32          // to write, nil if those that are stored or came with the content stay
	changed  bool
	dropped  bool // a tombstone that goes, unless the document changed after that
}

func newBatch(s *Store, tx *bbolt.Tx, st *state, now published, at time.Time) *batch {
	return &batch{
		store: s, tx: tx, st: st, head: newReader(tx, now.table, now.head), directory: now.directory,
		revision: now.head + 1, at: at, rows: now.rows,
		documents:  map[catalog.DocumentID]*register{},
		containers: map[catalog.DocumentID]catalog.Container{},
		groups:     map[acl.Principal][]acl.Principal{},
		entries:    map[acl.Principal]catalog.Entry{},
		sources:    map[string]*source{},
		requests:   map[string]request{},
	}
}

// applyAll applies the mutations of a commit in order, and makes their audit records.
func (b *batch) applyAll(ctx context.Context, c catalog.Commit) ([]catalog.Outcome, error) {
	if len(c.Requests) != 0 && len(c.Requests) != len(c.Mutations) {
		return nil, fmt.Errorf("%d requests for %d mutations", len(c.Requests), len(c.Mutations))
	}
	outcomes := make([]catalog.Outcome, len(c.Mutations))
	for i, m := range c.Mutations {
		var r catalog.Request
		if len(c.Requests) > 0 {
			r = c.Requests[i]
		}
		o, err := b.ask(m, r)
		if err != nil {
			return nil, fmt.Errorf("mutation %d: %w", i, err)
		}
		outcomes[i] = o
		if o.Changed && !o.Replayed && c.Record != nil {
			b.outbox = append(b.outbox, c.Record(b.revision, i, o)...)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	return outcomes, nil
}

// noted reports whether something is to be written, be it that no reader could tell.
func (b *batch) noted() bool {
	for _, s := range b.sources {
		if s.changed {
			return true
		}
	}
	return len(b.requests) > 0
}

// apply applies one mutation. An error fails the whole commit.
func (b *batch) apply(m catalog.Mutation) (o catalog.Outcome, err error) {
	switch m := m.(type) {
	case catalog.PutDocument:
		o, err = b.document(m.Document.DocumentID, func(r *register, of *source) (o catalog.Outcome, err error) {
			next, replaced, o := m.Next(r.document, of.Source, b.at)
			if replaced {
				if next.Rows, err = b.take(len(m.Passages)); err != nil {
					return o, err
				}
				next.ContentAt, r.content, r.vectors = b.revision, &m, nil
			}
			r.document = next
			return o, nil
		})
	case catalog.PutAccess:
		o, err = b.document(m.Document, func(r *register, of *source) (o catalog.Outcome, err error) {
			r.document, o = m.Next(r.document, of.Source, b.at)
			return o, nil
		})
	case catalog.DeleteDocument:
		o, err = b.document(m.Document, func(r *register, of *source) (o catalog.Outcome, err error) {
			if r.document, o = m.Next(r.document, of.Source, b.at); o.Changed {
				r.content, r.vectors = nil, nil
			}
			return o, nil
		})
	case catalog.SeeDocument:
		o, err = b.document(m.Document, func(r *register, _ *source) (catalog.Outcome, error) { return m.Next(r.document), nil })
	case catalog.PutVectors:
		o, err = b.document(m.Document, func(r *register, _ *source) (o catalog.Outcome, err error) {
			r.document, o, err = m.Next(r.document, func() ([][]float32, error) { return b.vectors(r) })
			if o.Changed {
				r.document.VectorsAt, r.vectors = b.revision, m.Vectors
			}
			return o, err
		})
	case catalog.VerifyDocument:
		o, err = b.document(m.Document, func(r *register, _ *source) (o catalog.Outcome, err error) {
			r.document, o = m.Next(r.document, b.at)
			return o, nil
		})
	case catalog.SettleConflict:
		o, err = b.document(m.First, func(r *register, _ *source) (o catalog.Outcome, err error) {
			r.document, o = m.Next(r.document, b.at)
			return o, nil
		})
	case catalog.PutContainer:
		o, err = b.container(m)
	case catalog.PutGroup:
		o, err = b.groupLine(m)
	case catalog.PutEntry:
		o, err = b.entry(m)
	case catalog.PutSource, catalog.StartSync, catalog.CommitSync, catalog.AbortSync, catalog.CollectTombstones:
		o, err = b.aboutSource(m)
	default:
		err = fmt.Errorf("%T is not a mutation this store knows", m)
	}
	if err == nil {
		err = b.line(m, o.Changed)
	}
	b.changed = b.changed || o.Changed
	return o, err
}

// take gives out rows for a content's passages.
func (b *batch) take(n int) (catalog.Rows, error) {
	switch {
	case n == 0:
		return catalog.Rows{}, nil
	case n > math.MaxUint32-int(b.rows):
		return catalog.Rows{}, fmt.Errorf("%d passages and %d more: a store holds at most %d over its life", b.rows, n, uint32(math.MaxUint32))
	}
	rows := catalog.Rows{First: catalog.Row(b.rows + 1), Count: uint32(n)}
	b.rows += uint32(n)
	return rows, nil
}
