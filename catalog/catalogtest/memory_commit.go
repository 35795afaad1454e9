package catalogtest

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// Commit implements catalog.Store.
func (m *Memory) Commit(ctx context.Context, c catalog.Commit) (catalog.Committed, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return catalog.Committed{}, err
	}
	if m.closed {
		return catalog.Committed{}, errClosed
	}
	s := m.state
	d := &draft{
		base: s, at: c.At.UTC().Round(0), revision: s.head + 1, rows: s.rows,
		documents:  map[catalog.DocumentID]catalog.Document{},
		contents:   map[catalog.DocumentID]stored{},
		containers: map[catalog.DocumentID]catalog.Container{},
		groups:     map[acl.Principal][]acl.Principal{},
	}
	done := catalog.Committed{Revision: s.head, Outcomes: make([]catalog.Outcome, len(c.Mutations))}
	changed := false
	var bodies [][]byte
	for i, mutation := range c.Mutations {
		o, err := d.apply(mutation)
		if err != nil {
			return catalog.Committed{}, fmt.Errorf("mutation %d: %w", i, err)
		}
		done.Outcomes[i] = o
		changed = changed || o.Changed
		if o.Changed && c.Record != nil {
			for _, body := range c.Record(d.revision, i, o) {
				bodies = append(bodies, slices.Clone(body))
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return catalog.Committed{}, err
	}
	if changed {
		d.publish()
		for _, body := range bodies {
			s.sequence++
			s.outbox = append(s.outbox, catalog.OutboxRecord{Sequence: s.sequence, Body: body})
		}
	}
	done.Revision = s.head
	return done, nil
}

// draft is what the mutations of a commit have made of the records so far.
type draft struct {
	base       *memory
	at         time.Time
	revision   catalog.Revision
	rows       uint32
	documents  map[catalog.DocumentID]catalog.Document // only changed ones, as the next three
	contents   map[catalog.DocumentID]stored
	containers map[catalog.DocumentID]catalog.Container
	groups     map[acl.Principal][]acl.Principal
}

func (d *draft) apply(m catalog.Mutation) (catalog.Outcome, error) {
	switch m := m.(type) {
	case catalog.PutDocument:
		old := d.document(m.Document.DocumentID)
		next, replaced, o := m.Next(old, d.at)
		if replaced {
			next.Rows, next.ContentAt = catalog.Rows{}, d.revision
			if n := uint32(len(m.Passages)); n > 0 {
				next.Rows = catalog.Rows{First: catalog.Row(d.rows + 1), Count: n}
				d.rows += n
			}
			d.contents[m.Document.DocumentID] = stored{m.Text, slices.Clone(m.Passages)}
		}
		return d.put(next, o), nil
	case catalog.PutAccess:
		next, o := m.Next(d.document(m.Document), d.at)
		return d.put(next, o), nil
	case catalog.DeleteDocument:
		next, o := m.Next(d.document(m.Document), d.at)
		if o.Changed {
			delete(d.contents, m.Document)
		}
		return d.put(next, o), nil
	case catalog.PutContainer:
		old, known := d.container(m.Container.DocumentID)
		next, o := m.Next(old, known)
		if o.Changed {
			d.containers[next.DocumentID] = next
		}
		if o.Refused == nil {
			o.UnknownContainer = d.unknown(next.Source, next.Parent)
		}
		return o, nil
	case catalog.PutGroup:
		return d.group(m), nil
	}
	return catalog.Outcome{}, fmt.Errorf("%T is not a mutation this store knows", m)
}

// put keeps the next record of a document and completes the outcome.
func (d *draft) put(next catalog.Document, o catalog.Outcome) catalog.Outcome {
	if o.Changed {
		d.documents[next.DocumentID] = clone(next)
	}
	if o.Refused == nil && next.State != catalog.Deleted {
		o.UnknownContainer = d.unknown(next.Source, next.Access.Container)
	}
	next = clone(next)
	o.Document = &next
	return o
}

func (d *draft) document(id catalog.DocumentID) catalog.Document {
	if next, ok := d.documents[id]; ok {
		return next
	}
	old, _, _ := d.base.documents.at(id, d.base.head)
	old.DocumentID = id
	return old
}

func (d *draft) container(id catalog.DocumentID) (catalog.Container, bool) {
	if c, ok := d.containers[id]; ok {
		return c, true
	}
	c, _, known := d.base.containers.at(id, d.base.head)
	return c, known
}

// unknown returns the container's name if the store does not know it.
func (d *draft) unknown(source, name string) string {
	if name == "" {
		return ""
	}
	if _, known := d.container(catalog.DocumentID{Source: source, ID: name}); known {
		return ""
	}
	return name
}

func (d *draft) group(m catalog.PutGroup) (o catalog.Outcome) {
	members := append([]acl.Principal{}, m.Members...)
	slices.Sort(members)
	members = slices.Compact(members)
	old, known := d.groups[m.Group]
	if !known {
		old, _, known = d.base.groups.at(m.Group, d.base.head)
	}
	if known && slices.Equal(old, members) {
		return o
	}
	d.groups[m.Group] = members
	o.Changed = true
	return o
}

// publish makes the draft the newest revision.
func (d *draft) publish() {
	s := d.base
	s.head, s.rows = d.revision, d.rows
	for id, next := range d.documents {
		s.documents.put(id, s.head, next)
	}
	for id, c := range d.contents {
		s.contents[content{id, s.head}] = c
	}
	for id, c := range d.containers {
		s.containers.put(id, s.head, c)
	}
	directory, _, _ := newest(s.directories, s.head)
	var changes []acl.Change
	for name, members := range d.groups {
		s.groups.put(name, s.head, members)
		changes = append(changes, acl.Change{Group: name, Members: members})
	}
	if len(changes) > 0 {
		s.directories = append(s.directories, dated[*acl.Directory]{s.head, directory.With(changes...)})
	}
}

// Outbox implements catalog.Store.
func (m *Memory) Outbox() catalog.Outbox { return outbox{m} }

type outbox struct{ store *Memory }

func (o outbox) Pending(ctx context.Context) iter.Seq2[catalog.OutboxRecord, error] {
	return func(yield func(catalog.OutboxRecord, error) bool) {
		o.store.mu.RLock()
		records, closed := slices.Clone(o.store.state.outbox), o.store.closed
		o.store.mu.RUnlock()
		if closed {
			yield(catalog.OutboxRecord{}, errClosed)
			return
		}
		for _, r := range records {
			if err := ctx.Err(); err != nil {
				yield(catalog.OutboxRecord{}, err)
				return
			}
			if !yield(catalog.OutboxRecord{Sequence: r.Sequence, Body: slices.Clone(r.Body)}, nil) {
				return
			}
		}
	}
}

func (o outbox) Take(ctx context.Context, through uint64) error {
	o.store.mu.Lock()
	defer o.store.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if o.store.closed {
		return errClosed
	}
	o.store.state.outbox = slices.DeleteFunc(o.store.state.outbox, func(r catalog.OutboxRecord) bool { return r.Sequence <= through })
	return nil
}
