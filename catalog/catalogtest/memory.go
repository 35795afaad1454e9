package catalogtest

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// Memory is a catalog in memory, for tests: it keeps every contract of catalog.Store but
// durability, and prunes nothing. It passes Run.
type Memory struct {
	mu     sync.RWMutex
	closed bool
	state  *memory
}

var _ catalog.Store = (*Memory)(nil)

// errClosed is returned for everything asked of a store or snapshot after its Close.
var errClosed = fmt.Errorf("catalog: %w", fs.ErrClosed)

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{state: &memory{
		id:          catalog.NewID(),
		documents:   history[catalog.DocumentID, catalog.Document]{},
		contents:    map[content]stored{},
		containers:  history[catalog.DocumentID, catalog.Container]{},
		groups:      history[acl.Principal, []acl.Principal]{},
		entries:     history[acl.Principal, catalog.Entry]{},
		sources:     map[string]*memorySource{},
		requests:    map[requestName]remembered{},
		gone:        map[catalog.DocumentID]catalog.Revision{},
		directories: []dated[*acl.Directory]{{0, new(acl.Directory)}},
	}}
}

// Reopened returns a new store with what a closed one held, as opening a file again
// would.
func (m *Memory) Reopened() *Memory { return &Memory{state: m.state} }

// memory is what a store holds.
type memory struct {
	id          catalog.ID
	head        catalog.Revision
	rows        uint32
	sequence    uint64
	documents   history[catalog.DocumentID, catalog.Document]
	contents    map[content]stored
	containers  history[catalog.DocumentID, catalog.Container]
	groups      history[acl.Principal, []acl.Principal]
	entries     history[acl.Principal, catalog.Entry]
	directories []dated[*acl.Directory]
	outbox      []catalog.OutboxRecord
	sources     map[string]*memorySource // replaced, never changed
	requests    map[requestName]remembered
	gone        map[catalog.DocumentID]catalog.Revision // where a tombstone was dropped
	dropped     catalog.Revision                        // the newest revision of one that was
}

// content names a version of a document's text.
type content struct {
	id catalog.DocumentID
	at catalog.Revision
}

type stored struct {
	text     string
	passages []catalog.Passage
	vectors  map[catalog.Revision][][]float32 // put there later, by Document.VectorsAt
}

// history keeps every value that a key has had, oldest first.
type history[K comparable, V any] map[K][]dated[V]

type dated[V any] struct {
	since catalog.Revision
	value V
}

// at returns the value that the key had at the revision.
func (h history[K, V]) at(key K, r catalog.Revision) (v V, since catalog.Revision, known bool) {
	return newest(h[key], r)
}

func newest[V any](values []dated[V], r catalog.Revision) (v V, since catalog.Revision, known bool) {
	for _, d := range slices.Backward(values) {
		if d.since <= r {
			return d.value, d.since, true
		}
	}
	return v, 0, false
}

func (h history[K, V]) put(key K, at catalog.Revision, v V) {
	h[key] = append(h[key], dated[V]{at, v})
}

// Snapshot implements catalog.Store.
func (m *Memory) Snapshot(ctx context.Context, at catalog.Revision) (catalog.Snapshot, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case m.closed:
		return nil, errClosed
	case at > m.state.head:
		return nil, catalog.ErrFuture
	case at == 0:
		at = m.state.head
	}
	directory, _, _ := newest(m.state.directories, at)
	var sources []catalog.Source
	for _, s := range m.state.sources {
		sources = append(sources, s.Source)
	}
	return &snapshot{store: m, at: at, directory: directory.Withhold(catalog.Withholding(sources)), expected: catalog.Expectations(sources)}, nil
}

// Changes implements catalog.Store.
func (m *Memory) Changes(ctx context.Context, after catalog.Revision, part catalog.Part) iter.Seq2[catalog.Change, error] {
	m.mu.RLock()
	defer m.mu.RUnlock()
	head := m.state.head
	return func(yield func(catalog.Change, error) bool) {
		changes, err := m.changes(after, head, part)
		if err != nil {
			yield(catalog.Change{}, err)
			return
		}
		for _, c := range changes {
			if err := ctx.Err(); err != nil {
				yield(catalog.Change{}, err)
				return
			}
			if !yield(c, nil) {
				return
			}
		}
	}
}

func (m *Memory) changes(after, head catalog.Revision, part catalog.Part) (all []catalog.Change, err error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return nil, errClosed
	}
	if after > 0 && after < m.state.dropped {
		return nil, catalog.ErrPruned
	}
	for id := range m.state.containers {
		if c, at, _ := m.state.containers.at(id, head); at > after {
			all = append(all, catalog.Change{Revision: at, Container: &c})
		}
	}
	for name := range m.state.groups {
		if members, at, _ := m.state.groups.at(name, head); at > after {
			all = append(all, catalog.Change{Revision: at, Group: &acl.Change{Group: name, Members: slices.Clone(members)}})
		}
	}
	for name := range m.state.entries {
		if e, at, _ := m.state.entries.at(name, head); at > after {
			e.Attributes = slices.Clone(e.Attributes)
			all = append(all, catalog.Change{Revision: at, Entry: &e})
		}
	}
	for id := range m.state.documents {
		d, at, _ := m.state.documents.at(id, head)
		if at <= after || m.state.gone[id] == at {
			continue
		}
		c := &catalog.DocumentChange{Document: clone(d)}
		if part == catalog.Contents && d.State == catalog.Present && max(d.ContentAt, d.VectorsAt) > after {
			for i := range d.Rows.Count {
				c.Passages = append(c.Passages, m.state.passage(d, int(i)))
			}
		}
		all = append(all, catalog.Change{Revision: at, Document: c})
	}
	slices.SortFunc(all, compareChanges)
	return all, nil
}

// compareChanges orders by revision; within one, containers, groups, documents, entries, by name.
func compareChanges(a, b catalog.Change) int {
	rank := func(c catalog.Change) (kind int, id catalog.DocumentID) {
		switch {
		case c.Container != nil:
			return 0, c.Container.DocumentID
		case c.Group != nil:
			return 1, catalog.DocumentID{ID: string(c.Group.Group)}
		case c.Entry != nil:
			return 3, catalog.DocumentID{ID: string(c.Entry.Principal)}
		}
		return 2, c.Document.Document.DocumentID
	}
	kindA, idA := rank(a)
	kindB, idB := rank(b)
	return cmp.Or(cmp.Compare(a.Revision, b.Revision), cmp.Compare(kindA, kindB), idA.Compare(idB))
}

// passage returns a passage of a document that is present, as Changes does.
func (s *memory) passage(d catalog.Document, ordinal int) catalog.Passage {
	c := s.contents[content{d.DocumentID, d.ContentAt}]
	p := c.passages[ordinal]
	if d.VectorsAt > 0 {
		p.Vector = c.vectors[d.VectorsAt][ordinal]
	}
	p.ID = catalog.PassageID{Document: d.DocumentID, Version: d.Version, Ordinal: ordinal}
	p.Row = d.Rows.First + catalog.Row(ordinal)
	p.Headings, p.Statements = slices.Clone(p.Headings), slices.Clone(p.Statements)
	p.Vector = slices.Clone(p.Vector)
	return p
}

// clone copies what a caller could change in a document. Policies are never changed.
func clone(d catalog.Document) catalog.Document {
	d.Labels = maps.Clone(d.Labels)
	d.Supersedes, d.Signature = slices.Clone(d.Supersedes), slices.Clone(d.Signature)
	d.SupersededBy, d.Settlements = slices.Clone(d.SupersededBy), slices.Clone(d.Settlements)
	return d
}

// Close implements catalog.Store. What the store holds goes with it.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}
