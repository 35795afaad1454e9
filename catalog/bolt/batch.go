package bolt

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// batch holds what the mutations of one commit have made of the records they touch, until
// all of them are applied: each sees what the earlier ones did, and only the last record
// of a key is written.
type batch struct {
	tx        *bbolt.Tx
	head      *reader
	directory *acl.Directory   // of the head
	revision  catalog.Revision // the one that the commit takes if something changed
	at        time.Time
	rows      uint32 // given out so far
	changed   bool
	records   []recordName // written
	work      int          // values written, for pruning to keep pace with

	documents  map[catalog.DocumentID]*register
	containers map[catalog.DocumentID]catalog.Container
	groups     map[acl.Principal][]acl.Principal
	sources    map[string]bool
	outbox     [][]byte
}

// register is a document as the mutations so far have left it.
type register struct {
	document catalog.Document
	content  *catalog.PutDocument // the content to write, nil if the stored one stays
	changed  bool
}

func newBatch(tx *bbolt.Tx, now published, at time.Time) *batch {
	return &batch{
		tx: tx, head: newReader(tx, now.table, now.head), directory: now.directory,
		revision: now.head + 1, at: at, rows: now.rows,
		documents:  map[catalog.DocumentID]*register{},
		containers: map[catalog.DocumentID]catalog.Container{},
		groups:     map[acl.Principal][]acl.Principal{},
		sources:    map[string]bool{},
	}
}

// applyAll applies the mutations of a commit in order, and makes their audit records.
func (b *batch) applyAll(ctx context.Context, c catalog.Commit) ([]catalog.Outcome, error) {
	outcomes := make([]catalog.Outcome, len(c.Mutations))
	for i, m := range c.Mutations {
		o, err := b.apply(m)
		if err != nil {
			return nil, fmt.Errorf("mutation %d: %w", i, err)
		}
		outcomes[i] = o
		if o.Changed && c.Record != nil {
			b.outbox = append(b.outbox, c.Record(b.revision, i, o)...)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	return outcomes, nil
}

// apply applies one mutation. An error fails the whole commit.
func (b *batch) apply(m catalog.Mutation) (o catalog.Outcome, err error) {
	switch m := m.(type) {
	case catalog.PutDocument:
		o, err = b.document(m.Document.DocumentID, func(r *register) (o catalog.Outcome, err error) {
			next, replaced, o := m.Next(r.document, b.at)
			if replaced {
				if next.Rows, err = b.take(len(m.Passages)); err != nil {
					return o, err
				}
				next.ContentAt, r.content = b.revision, &m
			}
			r.document = next
			return o, nil
		})
	case catalog.PutAccess:
		o, err = b.document(m.Document, func(r *register) (o catalog.Outcome, err error) {
			r.document, o = m.Next(r.document, b.at)
			return o, nil
		})
	case catalog.DeleteDocument:
		o, err = b.document(m.Document, func(r *register) (o catalog.Outcome, err error) {
			if r.document, o = m.Next(r.document, b.at); o.Changed {
				r.content = nil
			}
			return o, nil
		})
	case catalog.PutContainer:
		o, err = b.container(m)
	case catalog.PutGroup:
		o = b.group(m)
	default:
		err = fmt.Errorf("%T is not a mutation this store knows", m)
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

func (b *batch) document(id catalog.DocumentID, next func(*register) (catalog.Outcome, error)) (o catalog.Outcome, err error) {
	r := b.documents[id]
	if r == nil {
		stored, err := b.head.document(id)
		if err != nil {
			return o, err
		}
		r = &register{document: catalog.Document{DocumentID: id}}
		if stored != nil {
			r.document = *stored
		}
		b.documents[id] = r
	}
	if o, err = next(r); err != nil {
		return o, err
	}
	if o.Changed {
		r.changed, b.sources[id.Source] = true, true
	}
	record := r.document
	o.Document = &record
	if o.Refused == nil && record.State != catalog.Deleted {
		o.UnknownContainer, err = b.unknown(id.Source, record.Access.Container)
	}
	return o, err
}

func (b *batch) container(m catalog.PutContainer) (o catalog.Outcome, err error) {
	id := m.Container.DocumentID
	old, known, err := b.known(id)
	if err != nil {
		return o, err
	}
	next, o := m.Next(old, known)
	if o.Changed {
		b.containers[id], b.sources[id.Source] = next, true
	}
	if o.Refused == nil {
		o.UnknownContainer, err = b.unknown(id.Source, next.Parent)
	}
	return o, err
}

// known returns the container as the mutations so far have left it.
func (b *batch) known(id catalog.DocumentID) (catalog.Container, bool, error) {
	if c, ok := b.containers[id]; ok {
		return c, true, nil
	}
	c, err := b.head.container(id)
	if c == nil || err != nil {
		return catalog.Container{}, false, err
	}
	return *c, true, nil
}

// unknown returns the container's name if the store does not know it.
func (b *batch) unknown(source, container string) (string, error) {
	if container == "" {
		return "", nil
	}
	if _, known, err := b.known(catalog.DocumentID{Source: source, ID: container}); known || err != nil {
		return "", err
	}
	return container, nil
}

func (b *batch) group(m catalog.PutGroup) (o catalog.Outcome) {
	members := append([]acl.Principal{}, m.Members...) // never nil: a group may be empty
	slices.Sort(members)
	members = slices.Compact(members)
	old, pending := b.groups[m.Group]
	if !pending {
		old = b.directory.Members(m.Group)
	}
	if old != nil && slices.Equal(old, members) {
		return o
	}
	b.groups[m.Group] = members
	o.Changed = true
	return o
}

// groupChanges returns the groups that changed, for the directory.
func (b *batch) groupChanges() []acl.Change {
	changes := make([]acl.Change, 0, len(b.groups))
	for name, members := range b.groups {
		changes = append(changes, acl.Change{Group: name, Members: members})
	}
	return changes
}
