package catalogtest

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/muniment/muniment/catalog"
)

// memorySource is a source and what its session has seen.
type memorySource struct {
	catalog.Source
	seen  map[string]bool // ids
	known bool            // stored, or to be stored by the commit
}

// Sources implements catalog.Store.
func (m *Memory) Sources(ctx context.Context) ([]catalog.Source, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return nil, errClosed
	}
	var list []catalog.Source
	for _, name := range slices.Sorted(maps.Keys(m.state.sources)) {
		list = append(list, m.state.sources[name].Source)
	}
	return list, ctx.Err()
}

// source returns the source as the mutations so far have left it.
func (d *draft) source(name string) *memorySource {
	s := d.sources[name]
	if s == nil {
		s = &memorySource{Source: catalog.Source{Name: name}}
		if old := d.base.sources[name]; old != nil {
			s = &memorySource{old.Source, maps.Clone(old.seen), true}
		}
		d.sources[name] = s
	}
	return s
}

// marked reports whether the source's session has seen the document.
func (s *memorySource) marked(id catalog.DocumentID) bool { return s.Session != nil && s.seen[id.ID] }

// line lets a source know of one of its lines.
func (d *draft) line(m catalog.Mutation, changed bool) {
	id, sees, ok := catalog.Line(m)
	if !ok {
		return
	}
	s := d.source(id.Source)
	syncing := s.Syncing(d.at)
	if !changed && !syncing {
		return
	}
	s.Hear(d.at, changed)
	if sees && syncing && !s.seen[id.ID] {
		state := d.document(id).State
		s.Count(state, state, false, true)
		s.seen[id.ID] = true
	}
	s.known = true
}

// aboutSource applies a mutation of a source's settings or session.
func (d *draft) aboutSource(m catalog.Mutation) (o catalog.Outcome) {
	var s *memorySource
	switch m := m.(type) {
	case catalog.PutSource:
		s = d.source(m.Source)
		s.Source, o = m.Next(s.Source, s.known)
	case catalog.StartSync:
		s = d.source(m.Source)
		if s.Source, o = m.Next(s.Source, d.at); o.Changed {
			s.seen = map[string]bool{}
		}
	case catalog.AbortSync:
		s = d.source(m.Source)
		s.Source, o = m.Next(s.Source, d.at)
	case catalog.CommitSync:
		return d.commitSync(m)
	case catalog.CollectTombstones:
		return d.collect(m)
	}
	told := s.Source
	o.Source = &told
	if s.Session == nil {
		s.Ended()
		s.seen = nil
	}
	s.known = s.known || o.Changed
	return o
}

func (d *draft) commitSync(m catalog.CommitSync) (o catalog.Outcome) {
	s := d.source(m.Source)
	next, o := m.Next(s.Source, d.at)
	told := next
	o.Source = &told
	if o.Changed {
		for _, id := range d.ids(m.Source) {
			if old := d.document(id); old.State == catalog.Present && !s.seen[id.ID] {
				o.Removed = append(o.Removed, clone(old))
				s.Count(catalog.Present, catalog.Deleted, false, false)
				d.documents[id] = old.Tombstone(old.Version, d.at)
				delete(d.contents, id)
				delete(d.vectors, id)
			}
		}
		next.Documents, s.seen = s.Documents, nil
		next.Ended()
	}
	s.Source = next
	return o
}

// ids returns the documents of the source that the store or the draft knows, in order.
func (d *draft) ids(source string) (ids []catalog.DocumentID) {
	for id := range d.base.documents {
		if _, drafted := d.documents[id]; id.Source == source && !drafted {
			ids = append(ids, id)
		}
	}
	for id := range d.documents {
		if id.Source == source {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, catalog.DocumentID.Compare)
	return ids
}

// collect drops tombstones. Nothing else is kept from it: this store keeps all its history,
// and Changes reads what it yields at once.
func (d *draft) collect(m catalog.CollectTombstones) (o catalog.Outcome) {
	s := d.source(m.Source)
	for _, old := range d.tombstones(m.Source) {
		left, ok := m.Drops(old.value, s.Source, d.at)
		if !ok || len(o.Removed) >= m.Limit {
			continue
		}
		o.Removed, o.Changed = append(o.Removed, clone(old.value)), true
		s.Collected = max(s.Collected, old.value.Version)
		d.documents[old.value.DocumentID] = left
		if left.Access == (catalog.Access{}) {
			d.gone[old.value.DocumentID] = old.since
		}
	}
	told := s.Source
	o.Source = &told
	return o
}

// tombstones returns the source's tombstones that the commit has not touched, oldest first.
func (d *draft) tombstones(source string) (all []dated[catalog.Document]) {
	for id := range d.base.documents {
		if _, drafted := d.documents[id]; id.Source != source || drafted {
			continue
		}
		if old, since, _ := d.base.documents.at(id, d.base.head); old.State == catalog.Deleted {
			all = append(all, dated[catalog.Document]{since, old})
		}
	}
	slices.SortFunc(all, func(a, b dated[catalog.Document]) int {
		return cmp.Or(a.value.Synced.Compare(b.value.Synced), cmp.Compare(a.since, b.since), a.value.Compare(b.value.DocumentID))
	})
	return all
}
