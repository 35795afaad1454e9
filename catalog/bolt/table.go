package bolt

import (
	"fmt"
	"hash/maphash"
	"slices"
	"sync"

	"go.etcd.io/bbolt"

	"github.com/muniment/muniment/catalog"
)

// table knows the newest revision of every record's key.
//
// Without it a read would take the newest record that a seek finds. Where a page is lost
// or an old one stands in its place, that is an older record whose checksum is right: a
// permission that was revoked, or a document that was deleted, would be back. So a read
// asks the table which revision there must be, and goes from one record to the one before
// it (see history) down to the snapshot's revision: what is missing is damage, never a
// different answer.
//
// The table is made at opening from the bucket changes, whose entries are checked as a set
// against state.Sum. Keys are kept as two 64-bit hashes under secret seeds, so that nobody
// can find two keys that collide.
type table struct {
	mu     sync.RWMutex
	newest map[tableKey]catalog.Revision
	names  map[kind][][]byte // the keys of all groups and entries, to make directories from
	drops  uint64            // state.Drops: how many commits have taken keys away
}

type tableKey struct {
	kind kind
	hash [2]uint64
}

var seeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

func keyOf(k kind, key []byte) tableKey {
	return tableKey{k, [2]uint64{maphash.Bytes(seeds[0], key), maphash.Bytes(seeds[1], key)}}
}

// at returns the newest revision of the key, 0 if there is none.
func (t *table) at(k kind, key []byte) catalog.Revision {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.newest[keyOf(k, key)]
}

// all returns the keys of all groups, or of all entries. They must not be changed.
func (t *table) all(k kind) [][]byte {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return slices.Clip(t.names[k])
}

// upTo returns the newest revision of the key and how many drops are taken into account.
func (t *table) upTo(k kind, key []byte) (at catalog.Revision, drops uint64) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.newest[keyOf(k, key)], t.drops
}

// raise notes the records that a commit has written and dropped, once it is on disk.
func (t *table) raise(st state, b *batch) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range b.records {
		t.put(st.Head, r)
	}
	for _, r := range b.dropped {
		delete(t.newest, keyOf(r.kind, r.key))
	}
	t.drops = st.Drops
}

func (t *table) put(at catalog.Revision, r recordName) {
	key := keyOf(r.kind, r.key)
	if (r.kind == groups || r.kind == entries) && t.newest[key] == 0 {
		t.names[r.kind] = append(t.names[r.kind], slices.Clone(r.key))
	}
	t.newest[key] = at
}

// recordName names a record but for its revision.
type recordName struct {
	kind kind
	key  []byte
}

// loadTable makes the table of the state, and verifies that changes is whole.
func loadTable(tx *bbolt.Tx, st state) (*table, error) {
	t := &table{newest: map[tableKey]catalog.Revision{}, names: map[kind][][]byte{}, drops: st.Drops}
	sum := uint64(0)
	c := tx.Bucket([]byte(bucketChanges)).Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		if _, err := unseal(bucketChanges, k, v); err != nil {
			return nil, err
		}
		at, kind, key, ok := splitChangeKey(k)
		if !ok || at > st.Head {
			return nil, damaged(bucketChanges, k, "the key is not one of a change up to the head")
		}
		sum += hashKey(bucketChanges, k)
		t.put(at, recordName{kind, key})
	}
	if sum != st.Sum {
		return nil, fmt.Errorf("%w: bucket %s: entries are missing", catalog.ErrDamaged, bucketChanges)
	}
	return t, nil
}
