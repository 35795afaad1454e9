package catalogtest

import (
	"context"
	"fmt"
	"iter"
	"maps"
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
		vectors:    map[catalog.DocumentID][][]float32{},
		groups:     map[acl.Principal][]acl.Principal{},
		entries:    map[acl.Principal]catalog.Entry{},
		sources:    map[string]*memorySource{},
		requests:   map[requestName]remembered{},
		gone:       map[catalog.DocumentID]catalog.Revision{},
	}
	if len(c.Requests) != 0 && len(c.Requests) != len(c.Mutations) {
		return catalog.Committed{}, fmt.Errorf("%d requests for %d mutations", len(c.Requests), len(c.Mutations))
	}
	done := catalog.Committed{Revision: s.head, Outcomes: make([]catalog.Outcome, len(c.Mutations))}
	changed := false
	var bodies [][]byte
	for i, mutation := range c.Mutations {
		var r catalog.Request
		if len(c.Requests) > 0 {
			r = c.Requests[i]
		}
		o, err := d.ask(mutation, r)
		if err != nil {
			return catalog.Committed{}, fmt.Errorf("mutation %d: %w", i, err)
		}
		done.Outcomes[i] = o
		applied := o.Changed && !o.Replayed
		changed = changed || applied
		if applied && c.Record != nil {
			for _, body := range c.Record(d.revision, i, o) {
				bodies = append(bodies, slices.Clone(body))
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return catalog.Committed{}, err
	}
	for name, source := range d.sources {
		if source.known {
			s.sources[name] = source
		}
	}
	maps.Copy(s.requests, d.requests)
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
	vectors    map[catalog.DocumentID][][]float32
	containers map[catalog.DocumentID]catalog.Container
	groups     map[acl.Principal][]acl.Principal
	entries    map[acl.Principal]catalog.Entry
	sources    map[string]*memorySource
	requests   map[requestName]remembered
	gone       map[catalog.DocumentID]catalog.Revision // tombstones dropped, and the revisions they were of
}

func (d *draft) apply(m catalog.Mutation) (o catalog.Outcome, err error) {
	if o, err = d.change(m); err == nil {
		d.line(m, o.Changed)
	}
	return o, err
}

func (d *draft) change(m catalog.Mutation) (catalog.Outcome, error) {
	id, _, _ := catalog.Line(m)
	of := d.source(id.Source)
	switch m := m.(type) {
	case catalog.PutDocument:
		old := d.document(m.Document.DocumentID)
		next, replaced, o := m.Next(old, of.Source, d.at)
		if replaced {
			next.Rows, next.ContentAt = catalog.Rows{}, d.revision
			if n := uint32(len(m.Passages)); n > 0 {
				next.Rows = catalog.Rows{First: catalog.Row(d.rows + 1), Count: n}
				d.rows += n
			}
			d.contents[m.Document.DocumentID] = stored{m.Text, slices.Clone(m.Passages), map[catalog.Revision][][]float32{}}
			delete(d.vectors, m.Document.DocumentID)
		}
		return d.put(next, o), nil
	case catalog.PutAccess:
		next, o := m.Next(d.document(m.Document), of.Source, d.at)
		return d.put(next, o), nil
	case catalog.DeleteDocument:
		next, o := m.Next(d.document(m.Document), of.Source, d.at)
		if o.Changed {
			delete(d.contents, m.Document)
			delete(d.vectors, m.Document)
		}
		return d.put(next, o), nil
	case catalog.SeeDocument:
		old := d.document(m.Document)
		return d.put(old, m.Next(old)), nil
	case catalog.PutVectors:
		old := d.document(m.Document)
		next, o, err := m.Next(old, func() ([][]float32, error) { return d.vectorsOf(old), nil })
		if o.Changed {
			next.VectorsAt = d.revision
			d.vectors[m.Document] = make([][]float32, len(m.Vectors))
			for i, v := range m.Vectors {
				d.vectors[m.Document][i] = slices.Clone(v)
			}
		}
		return d.put(next, o), err
	case catalog.VerifyDocument:
		next, o := m.Next(d.document(m.Document), d.at)
		return d.put(next, o), nil
	case catalog.SettleConflict:
		next, o := m.Next(d.document(m.First), d.at)
		return d.put(next, o), nil
	case catalog.PutContainer:
		old, known := d.container(m.Container.DocumentID)
		next, o := m.Next(old, known, of.Source, d.at)
		if o.Changed {
			d.containers[next.DocumentID] = next
		}
		if o.Refused == nil {
			o.UnknownContainer = d.unknown(next.Source, next.Parent)
		}
		return o, nil
	case catalog.PutGroup:
		o := m.Next(d.entry(m.Group))
		o.Changed = o.Refused == nil && d.group(m.Group, m.Members)
		return o, nil
	case catalog.PutEntry:
		next, o := m.Next(d.entry(m.Entry.Principal))
		if o.Changed {
			next.Attributes = slices.Clone(next.Attributes)
			d.entries[next.Principal] = next
			if next.Principal.Kind() == acl.Group {
				d.group(next.Principal, m.Members)
			}
		}
		return o, nil
	case catalog.PutSource, catalog.StartSync, catalog.CommitSync, catalog.AbortSync, catalog.CollectTombstones:
		return d.aboutSource(m), nil
	}
	return catalog.Outcome{}, fmt.Errorf("%T is not a mutation this store knows", m)
}

// put keeps the next record of a document and completes the outcome.
func (d *draft) put(next catalog.Document, o catalog.Outcome) catalog.Outcome {
	if o.Changed {
		of := d.source(next.Source)
		marked := of.marked(next.DocumentID)
		of.Count(d.document(next.DocumentID).State, next.State, marked, marked)
		delete(d.gone, next.DocumentID)
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

// vectorsOf returns the vectors that the passages of a document have so far.
func (d *draft) vectorsOf(old catalog.Document) (vectors [][]float32) {
	if put, ok := d.vectors[old.DocumentID]; ok {
		return put
	}
	c, drafted := d.contents[old.DocumentID]
	if !drafted {
		c = d.base.contents[content{old.DocumentID, old.ContentAt}]
	}
	if old.VectorsAt > 0 {
		return c.vectors[old.VectorsAt]
	}
	for _, p := range c.passages {
		vectors = append(vectors, p.Vector)
	}
	return vectors
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

func (d *draft) entry(p acl.Principal) catalog.Entry {
	if e, ok := d.entries[p]; ok {
		return e
	}
	e, _, _ := d.base.entries.at(p, d.base.head)
	return e
}

// group replaces the group's members, and reports whether that changes something.
func (d *draft) group(name acl.Principal, list []acl.Principal) bool {
	members := append([]acl.Principal{}, list...)
	slices.Sort(members)
	members = slices.Compact(members)
	old, known := d.groups[name]
	if !known {
		old, _, known = d.base.groups.at(name, d.base.head)
	}
	if known && slices.Equal(old, members) {
		return false
	}
	d.groups[name] = members
	return true
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
	for id, v := range d.vectors {
		s.contents[content{id, d.documents[id].ContentAt}].vectors[s.head] = v
	}
	for id, was := range d.gone {
		s.gone[id] = s.head
		s.dropped = max(s.dropped, was)
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
	var activations []acl.Activation
	for name, e := range d.entries {
		s.entries.put(name, s.head, e)
		if a, ok := e.Activation(); ok {
			activations = append(activations, a)
		}
	}
	if len(changes)+len(activations) > 0 {
		next := directory.With(changes...).Activate(activations...)
		s.directories = append(s.directories, dated[*acl.Directory]{s.head, next})
	}
}

// ID implements catalog.Store.
func (m *Memory) ID() catalog.ID {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.state.id
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
	if s := o.store.state; through > s.sequence {
		s.head, s.sequence, s.id = s.head+catalog.Revision(through-s.sequence), through, catalog.NewID()
	}
	o.store.state.outbox = slices.DeleteFunc(o.store.state.outbox, func(r catalog.OutboxRecord) bool { return r.Sequence <= through })
	return nil
}
