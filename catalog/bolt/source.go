package bolt

import (
	"context"
	"fmt"
	"maps"

	"go.etcd.io/bbolt"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// source is the record of a source. In a batch it is as the mutations so far have left it.
//
// Its counts are kept, not counted: each commit adds what it changes. A check counts.
type source struct {
	catalog.Source
	Present    int    `cbor:"16,keyasint,omitempty"` // the source's Documents
	Marks      int    `cbor:"17,keyasint,omitempty"` // Seen
	Unmarked   int    `cbor:"18,keyasint,omitempty"` // Unseen
	Number     uint64 `cbor:"19,keyasint,omitempty"` // of the session, which its marks begin with; 0 = none
	Tombstones int    `cbor:"20,keyasint,omitempty"`

	known   bool            // stored at the head
	changed bool            // to be written
	marks   map[string]bool // keys of documents that this commit marks
}

func decodeSource(key, value []byte) (*source, error) {
	s, err := unsealed[source](bucketSources, key, value)
	s.Documents, s.Seen, s.Unseen = s.Present, s.Marks, s.Unmarked
	s.known = true
	return &s, err
}

// write stores the record and keeps the sum of all records.
func (s *source) write(tx *bbolt.Tx, st *state) error {
	s.Present, s.Marks, s.Unmarked = s.Documents, s.Seen, s.Unseen
	key, bucket := appendName(nil, s.Name), tx.Bucket([]byte(bucketSources))
	v, err := sealed(bucketSources, key, s)
	if err != nil {
		return err
	}
	if old := bucket.Get(key); old != nil {
		st.Sources -= checksum(old)
	}
	st.Sources += checksum(v)
	return bucket.Put(key, v)
}

// readSources returns the records of all sources, by name.
func readSources(tx *bbolt.Tx) (found []*source, err error) {
	err = tx.Bucket([]byte(bucketSources)).ForEach(func(k, v []byte) error {
		s, err := decodeSource(k, v)
		found = append(found, s)
		return err
	})
	return found, err
}

// verifySources makes sure that no source's record is missing or an old one: it says
// which late documents are refused, and how old permissions may be.
func verifySources(tx *bbolt.Tx, st state) error {
	sum := uint64(0)
	err := tx.Bucket([]byte(bucketSources)).ForEach(func(k, v []byte) error {
		if _, err := decodeSource(k, v); err != nil {
			return err
		}
		sum += checksum(v)
		return nil
	})
	if err == nil && sum != st.Sources {
		err = fmt.Errorf("%w: bucket %s: records are missing or older than they should be", catalog.ErrDamaged, bucketSources)
	}
	return err
}

// Sources implements catalog.Store.
func (s *Store) Sources(ctx context.Context) (found []catalog.Source, err error) {
	err = s.read(ctx, func(tx *bbolt.Tx) (err error) {
		found, err = listSources(tx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the sources: %w", err)
	}
	return found, nil
}

func listSources(tx *bbolt.Tx) (found []catalog.Source, err error) {
	records, err := readSources(tx)
	for _, r := range records {
		found = append(found, r.Source)
	}
	return found, err
}

// withholding returns what is withheld after the batch, and whether that is something else
// than before.
func (b *batch) withholding(before acl.Withholding) (after acl.Withholding, changed bool) {
	after = before
	for name, s := range b.sources {
		from := s.WithheldFrom()
		if !s.changed || from.Equal(before[name]) {
			continue
		}
		if !changed { // views share what was published
			if after, changed = maps.Clone(before), true; after == nil {
				after = acl.Withholding{}
			}
		}
		if from.IsZero() {
			delete(after, name)
		} else {
			after[name] = from
		}
	}
	return after, changed
}

// expectations returns what is expected of the sources after the batch. Snapshots share what was
// published before.
func (b *batch) expectations(before map[string]catalog.Expectation) map[string]catalog.Expectation {
	after, changed := before, false
	for name, s := range b.sources {
		e := s.Expected()
		if !s.changed || e.Equal(before[name]) {
			continue
		}
		if !changed {
			if after, changed = maps.Clone(before), true; after == nil {
				after = map[string]catalog.Expectation{}
			}
		}
		if after[name] = e; e.Equal(catalog.Expectation{}) {
			delete(after, name)
		}
	}
	return after
}

// source returns the source as the mutations so far have left it.
func (b *batch) source(name string) (*source, error) {
	s := b.sources[name]
	if s == nil {
		s = &source{Source: catalog.Source{Name: name}}
		key := appendName(nil, name)
		if v := b.tx.Bucket([]byte(bucketSources)).Get(key); v != nil {
			var err error
			if s, err = decodeSource(key, v); err != nil {
				return nil, err
			}
		}
		b.sources[name] = s
	}
	return s, nil
}

// line lets the source know of one of its lines, and marks what the line sees.
func (b *batch) line(m catalog.Mutation, changed bool) error {
	id, sees, ok := catalog.Line(m)
	if !ok {
		return nil
	}
	of, err := b.source(id.Source)
	if err != nil {
		return err
	}
	syncing := of.Syncing(b.at)
	if !changed && !syncing {
		return nil
	}
	of.Hear(b.at, changed)
	of.changed = true
	if sees && syncing {
		return b.mark(of, id)
	}
	return nil
}

// aboutSource applies a mutation of a source's settings or session.
func (b *batch) aboutSource(m catalog.Mutation) (o catalog.Outcome, err error) {
	var name string
	switch m := m.(type) {
	case catalog.PutSource:
		name = m.Source
	case catalog.StartSync:
		name = m.Source
	case catalog.CommitSync:
		name = m.Source
	case catalog.AbortSync:
		name = m.Source
	case catalog.CollectTombstones:
		name = m.Source
	}
	of, err := b.source(name)
	if err != nil {
		return o, err
	}
	var next catalog.Source
	switch m := m.(type) {
	case catalog.PutSource:
		next, o = m.Next(of.Source, of.known || of.changed)
	case catalog.StartSync:
		if next, o = m.Next(of.Source, b.at); o.Changed {
			b.begin(of)
		}
	case catalog.CommitSync:
		if next, o = m.Next(of.Source, b.at); o.Changed {
			if o.Removed, err = b.sweep(of); err != nil {
				return o, err
			}
		}
	case catalog.AbortSync:
		next, o = m.Next(of.Source, b.at)
	case catalog.CollectTombstones:
		if o.Removed, err = b.collect(m, of); err != nil {
			return o, err
		}
		o.Changed, next = len(o.Removed) > 0, of.Source
	}
	told := next
	o.Source = &told
	next.Documents = of.Documents // without what was removed
	if next.Session == nil && of.Number != 0 {
		b.end(of)
		next.Ended()
	}
	of.changed = of.changed || o.Changed || next != of.Source
	of.Source = next
	return o, nil
}
