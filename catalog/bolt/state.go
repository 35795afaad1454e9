package bolt

import (
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// state is the store's counters, in bucket meta. It is written by every commit.
type state struct {
	Head     catalog.Revision `cbor:"1,keyasint"`
	Rows     uint32           `cbor:"2,keyasint"`           // given out so far
	Sequence uint64           `cbor:"3,keyasint"`           // of the newest outbox record
	Floor    catalog.Revision `cbor:"4,keyasint"`           // the oldest revision that can be read
	Pruned   []byte           `cbor:"5,keyasint,omitempty"` // the last key of changes that pruning has seen to
	Sum      uint64           `cbor:"6,keyasint"`           // of the hashes of all keys of changes, to notice a missing one
	Taken    uint64           `cbor:"7,keyasint"`           // up to which sequence the outbox has been emptied

	Layout   int              `cbor:"8,keyasint,omitempty"`  // of the file: which buckets there are (see upgrade)
	Sources  uint64           `cbor:"9,keyasint,omitempty"`  // sum of the checksums of all sources' records
	Sessions uint64           `cbor:"10,keyasint,omitempty"` // sync sessions numbered so far
	Ended    []ended          `cbor:"11,keyasint,omitempty"` // sessions whose marks are still there
	Requests int              `cbor:"12,keyasint,omitempty"` // remembered
	Dropped  catalog.Revision `cbor:"13,keyasint,omitempty"` // the newest revision of a tombstone that was dropped
	Drops    uint64           `cbor:"14,keyasint,omitempty"` // commits that dropped tombstones, for readers to notice (see reader.moved)

	ID          catalog.ID `cbor:"15,keyasint,omitempty"` // of this history
	Transaction int        `cbor:"16,keyasint,omitempty"` // bbolt's, that wrote this; 0 of a version that did not say
}

// group is the record of a group.
type group struct {
	Group   acl.Principal   `cbor:"1,keyasint"`
	Members []acl.Principal `cbor:"2,keyasint"` // sorted, never nil
}

var stateKey = []byte("state")

func readState(tx *bbolt.Tx) (state, error) {
	return unsealed[state](bucketMeta, stateKey, tx.Bucket([]byte(bucketMeta)).Get(stateKey))
}

func writeState(tx *bbolt.Tx, st state) error {
	st.Transaction = tx.ID()
	return put(tx, bucketMeta, stateKey, st)
}

// written checks that the state is the one that the file's newest transaction wrote, as each
// does. If the write of the page was lost that all of bbolt's others are found from, an older
// one is in its place, and whatever it leads to may still be whole: everything would be as
// it was some commits ago, every checksum right.
func (st state) written(tx *bbolt.Tx) error {
	if st.Transaction != 0 && st.Transaction != tx.ID() {
		return fmt.Errorf("%w: the newest transaction is %d, and the state that of %d", catalog.ErrDamaged, tx.ID(), st.Transaction)
	}
	return nil
}

// put encodes, seals and stores a value.
func put(tx *bbolt.Tx, bucket string, key []byte, value any) error {
	v, err := sealed(bucket, key, value)
	if err != nil {
		return err
	}
	return tx.Bucket([]byte(bucket)).Put(key, v)
}

// load makes what readers see of the state's head.
func load(tx *bbolt.Tx, st state) (published, error) {
	if err := verifySources(tx, st); err != nil {
		return published{}, err
	}
	sources, err := listSources(tx)
	if err != nil {
		return published{}, err
	}
	withheld := catalog.Withholding(sources)
	t, err := loadTable(tx, st)
	if err != nil {
		return published{}, err
	}
	directory, since, err := loadDirectory(newReader(tx, t, st.Head))
	if err != nil {
		return published{}, fmt.Errorf("loading the groups: %w", err)
	}
	return published{
		head: st.Head, sequence: st.Sequence, rows: st.Rows,
		table: t, directory: directory.Withhold(withheld), since: since, withheld: withheld, expected: catalog.Expectations(sources),
	}, nil
}

// loadDirectory makes the directory of the reader's revision from the records of groups and
// entries, and returns the newest revision up to it that changed one.
func loadDirectory(r *reader) (*acl.Directory, catalog.Revision, error) {
	var changes []acl.Change
	var since catalog.Revision
	for _, key := range r.table.all(groups) {
		at, payload, err := r.newest(groups, key)
		if err != nil {
			return nil, 0, err
		}
		if at == 0 {
			continue // a group that came later
		}
		g, err := decode[group](bucketGroups, recordKey(key, at), payload)
		if err != nil {
			return nil, 0, err
		}
		changes, since = append(changes, acl.Change(g)), max(since, at)
	}
	var activations []acl.Activation
	err := r.entries(func(at catalog.Revision, e catalog.Entry) {
		if a, ok := e.Activation(); ok {
			activations, since = append(activations, a), max(since, at)
		}
	})
	if err != nil {
		return nil, 0, err
	}
	return new(acl.Directory).With(changes...).Activate(activations...), since, nil
}

// entries visits the entries as they are at the reader's revision.
func (r *reader) entries(visit func(at catalog.Revision, e catalog.Entry)) error {
	for _, key := range r.table.all(entries) {
		at, e, err := r.entry(key)
		if err != nil {
			return err
		}
		if at != 0 { // else it came later
			visit(at, e)
		}
	}
	return nil
}

// entry returns the entry with the key as it is at the reader's revision, and the revision
// that has left it so; 0 and no entry if there was none.
func (r *reader) entry(key []byte) (at catalog.Revision, e catalog.Entry, err error) {
	at, payload, err := r.newest(entries, key)
	if at == 0 || err != nil {
		return 0, e, err
	}
	e, err = decode[catalog.Entry](bucketEntries, recordKey(key, at), payload)
	return at, e, err
}
