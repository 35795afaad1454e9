package bolt

import (
	"bytes"
	"encoding/binary"
	"time"

	"github.com/muniment/muniment/catalog"
)

// The newest record of a deleted document is named in the bucket tombstones, so that those
// of a source can be found by age. It names nothing else: where another record follows, the
// entry goes. Everything else about a document's newest record is found from its key.

func tombstoneKey(id catalog.DocumentID, synced time.Time, at catalog.Revision) []byte {
	k := appendTime(appendName(nil, id.Source), synced)
	return appendName(binary.BigEndian.AppendUint64(k, uint64(at)), id.ID)
}

// splitTombstoneKey undoes tombstoneKey, but for the source's name, which is encoded as
// the prefix.
func splitTombstoneKey(prefix, k []byte) (synced time.Time, at catalog.Revision, document []byte, ok bool) {
	rest, ok := bytes.CutPrefix(k, prefix)
	if !ok || len(rest) < timeLength+8 {
		return synced, 0, nil, false
	}
	at = catalog.Revision(binary.BigEndian.Uint64(rest[timeLength:]))
	document = append(bytes.Clone(prefix), rest[timeLength+8:]...)
	return splitTime(rest), at, document, true
}

const timeLength = 8 + 4

// appendTime appends a time so that encoded times sort as times do.
func appendTime(b []byte, t time.Time) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(t.Unix())^1<<63)
	return binary.BigEndian.AppendUint32(b, uint32(t.Nanosecond()))
}

func splitTime(b []byte) time.Time {
	seconds := int64(binary.BigEndian.Uint64(b) ^ 1<<63)
	return time.Unix(seconds, int64(binary.BigEndian.Uint32(b[8:]))).UTC()
}

// collect drops tombstones of the source, or turns them into records of access alone, and
// returns them as they were.
//
// A tombstone is the newest record of its key, and pruning never removes that. So it may go
// only where nobody misses it: pruning has been past it, hence no reader can ask for an
// older revision; it is the only record left of its key; and no call of Changes that runs
// has yet to tell of it (see mayDrop). A reader that has looked it up in the table and then
// finds it gone looks again (see reader.moved).
func (b *batch) collect(m catalog.CollectTombstones, of *source) (dropped []catalog.Document, err error) {
	if !of.Settings.Clock.Comparable() {
		return nil, nil
	}
	prefix := appendName(nil, of.Name)
	c := b.tx.Bucket([]byte(bucketTombstones)).Cursor()
	for k, v := c.Seek(prefix); bytes.HasPrefix(k, prefix) && len(dropped) < m.Limit; k, v = c.Next() {
		synced, at, key, ok := splitTombstoneKey(prefix, k)
		if !ok {
			return nil, damaged(bucketTombstones, k, "the key is not one of a tombstone")
		}
		if !synced.Before(m.Before) {
			break
		}
		if bytes.Compare(changeKey(at, documents, key), b.st.Pruned) > 0 || !b.alone(key, at) {
			continue
		}
		if _, err := unseal(bucketTombstones, k, v); err != nil {
			return nil, err
		}
		newest, payload, err := b.head.newest(documents, key)
		if err != nil {
			return nil, err
		}
		d, err := decode[catalog.Document](bucketDocuments, recordKey(key, newest), payload)
		if err != nil {
			return nil, err
		}
		if newest != at || d.State != catalog.Deleted {
			return nil, damaged(bucketTombstones, k, "it names a record that is no tombstone or not the newest")
		}
		r, err := b.register(d.DocumentID)
		if err != nil {
			return nil, err
		}
		left, ok := m.Drops(d, of.Source, b.at)
		whole := left.Access == (catalog.Access{}) // a record that follows is told of as any other
		if !ok || r.changed || r.dropped || whole && !b.store.mayDrop(at) {
			continue
		}
		r.document = left
		if err := b.changes(of, r, catalog.Deleted); err != nil {
			return nil, err
		}
		if whole {
			r.changed, r.dropped = false, true
		}
		of.Collected = max(of.Collected, d.Version)
		dropped = append(dropped, d)
	}
	return dropped, nil
}

// alone reports whether the record is the only one of its key.
func (b *batch) alone(key []byte, at catalog.Revision) bool {
	c := b.tx.Bucket([]byte(bucketDocuments)).Cursor()
	full := recordKey(key, at)
	k, _ := c.Seek(full)
	if !bytes.Equal(k, full) {
		return true // that it is missing shows when it is read
	}
	k, _ = c.Next()
	return len(k) != len(full) || !bytes.HasPrefix(k, key)
}

// drop removes a tombstone that is the only record of its key.
func (b *batch) drop(st *state, id catalog.DocumentID, r *register) error {
	key := idKey(id)
	at := b.head.table.at(documents, key)
	change := changeKey(at, documents, key)
	st.Sum -= hashKey(bucketChanges, change)
	st.Dropped = max(st.Dropped, at)
	b.dropped = append(b.dropped, recordName{documents, key})
	for _, gone := range []struct {
		bucket string
		key    []byte
	}{
		{bucketDocuments, recordKey(key, at)},
		{bucketChanges, change},
		{bucketTombstones, tombstoneKey(id, r.synced, at)},
	} {
		if err := b.tx.Bucket([]byte(gone.bucket)).Delete(gone.key); err != nil {
			return err
		}
	}
	return nil
}

// moveTombstone keeps the entry of a document whose record is about to be written.
func (b *batch) moveTombstone(id catalog.DocumentID, r *register) error {
	if r.stored == catalog.Deleted {
		key := tombstoneKey(id, r.synced, b.head.table.at(documents, idKey(id)))
		if err := b.tx.Bucket([]byte(bucketTombstones)).Delete(key); err != nil {
			return err
		}
	}
	if r.document.State != catalog.Deleted {
		return nil
	}
	return b.raw(bucketTombstones, tombstoneKey(id, r.document.Synced, b.revision), nil)
}

// mayDrop reports whether the tombstone of the revision may go, and makes sure that no call
// of Changes begins that would have to tell of it.
func (s *Store) mayDrop(at catalog.Revision) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.paused > 0 {
		return false
	}
	for after := range s.following {
		if after < at {
			return false
		}
	}
	s.dropped = max(s.dropped, at)
	return true
}

// follow holds the tombstones that came after the revision until release is called. A
// rebuild, after 0, needs none. Error: catalog.ErrPruned if some are gone already.
func (s *Store) follow(after catalog.Revision) (release func(), err error) {
	if after == 0 {
		return func() {}, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if after < s.dropped {
		return nil, catalog.ErrPruned
	}
	s.following[after]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.following[after]--; s.following[after] == 0 {
			delete(s.following, after)
		}
	}, nil
}
