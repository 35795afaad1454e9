package bolt

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/muniment/muniment/catalog"
)

// layout is that of the files this version writes. 0 had none of laterBuckets and counted
// no documents; 1 had no bucketEntries. A version that knows no entries must not open a file
// that may have some: it would let deactivated users read.
const layout = 2

// errNewer is returned for a file that a newer version has written.
var errNewer = errors.New("the file was written by a newer version of muniment; open it with that or a later one")

// expected are the buckets that the file must have.
func expected(tx *bbolt.Tx) []string {
	without := func(later ...string) []string {
		return slices.DeleteFunc(slices.Clone(buckets), func(name string) bool { return slices.Contains(later, name) })
	}
	first := without(append([]string{bucketEntries}, laterBuckets...)...)
	if tx.Bucket([]byte(bucketMeta)) == nil {
		return first
	}
	switch st, err := readState(tx); {
	case err != nil || st.Layout == 0:
		return first // reading the state again tells what is wrong with it
	case st.Layout == 1:
		return without(bucketEntries)
	}
	return buckets
}

// upgrade brings a file of an older layout to this one, in one transaction. A file that has
// been back with a version that knows no layouts has lost the number and may have the
// buckets, with what was once true; so they are made anew.
func (s *Store) upgrade() error {
	var st state
	if err := s.db.View(func(tx *bbolt.Tx) (err error) {
		if st, err = readState(tx); err == nil {
			err = st.written(tx)
		}
		return err
	}); err != nil {
		return err
	}
	switch {
	case st.Layout == layout:
		return nil
	case st.Layout > layout:
		return errNewer
	}
	s.log.Info("upgrading the catalog", "from", st.Layout, "to", layout)
	err := s.db.Update(func(tx *bbolt.Tx) error {
		st, err := readState(tx)
		if err != nil {
			return err
		}
		if _, err := tx.CreateBucketIfNotExists([]byte(bucketEntries)); err != nil {
			return err
		}
		if st.Layout == 0 {
			if err := countAnew(tx, &st); err != nil {
				return err
			}
		}
		st.Layout = layout
		return writeState(tx, st)
	})
	if err != nil {
		return fmt.Errorf("upgrading from layout %d to %d: %w", st.Layout, layout, err)
	}
	return nil
}

// countAnew makes what layout 1 has brought.
func countAnew(tx *bbolt.Tx, st *state) error {
	for _, name := range laterBuckets {
		if err := tx.DeleteBucket([]byte(name)); err != nil && tx.Bucket([]byte(name)) != nil {
			return err
		}
		if _, err := tx.CreateBucket([]byte(name)); err != nil {
			return err
		}
	}
	return recount(tx, st)
}

// recount counts the documents of each source, and names the tombstones.
func recount(tx *bbolt.Tx, st *state) error {
	st.Sources, st.Ended, st.Requests = 0, nil, 0
	records, err := readSources(tx)
	if err != nil {
		return err
	}
	byName := map[string]*source{}
	for _, r := range records {
		r.Session, r.Documents, r.Tombstones, r.Number = nil, 0, 0, 0
		r.Ended()
		byName[r.Name] = r
	}
	t, err := loadTable(tx, *st)
	if err != nil {
		return err
	}
	r := newReader(tx, t, st.Head)
	var last []byte
	c := tx.Bucket([]byte(bucketDocuments)).Cursor()
	for k, _ := c.First(); k != nil; k, _ = c.Next() {
		key, _, ok := splitRecordKey(k)
		if !ok {
			return damaged(bucketDocuments, k, "the key is not one of a record")
		}
		if bytes.Equal(key, last) {
			continue // an older record
		}
		last = key
		at, payload, err := r.newest(documents, key)
		if err != nil {
			return err
		}
		d, err := decode[catalog.Document](bucketDocuments, recordKey(key, at), payload)
		if err != nil {
			return err
		}
		of := byName[d.Source]
		if of == nil {
			return damaged(bucketDocuments, k, "its source is not registered")
		}
		switch d.State {
		case catalog.Present:
			of.Documents++
		case catalog.Deleted:
			of.Tombstones++
			key := tombstoneKey(d.DocumentID, d.Synced, at)
			if err := tx.Bucket([]byte(bucketTombstones)).Put(key, seal(bucketTombstones, key, nil)); err != nil {
				return err
			}
		}
	}
	if err := tx.DeleteBucket([]byte(bucketSources)); err != nil { // so that the sum begins at 0
		return err
	}
	if _, err := tx.CreateBucket([]byte(bucketSources)); err != nil {
		return err
	}
	for _, r := range records {
		if err := r.write(tx, st); err != nil {
			return err
		}
	}
	return nil
}
