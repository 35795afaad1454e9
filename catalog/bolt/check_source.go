package bolt

import (
	"bytes"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/muniment/muniment/catalog"
)

// capture reads the sources as they are at the check's head. The caller keeps commits away.
func (c *check) capture() error {
	return c.store.read(c.ctx, func(tx *bbolt.Tx) (err error) {
		c.sources, err = readSources(tx)
		return c.problem(err)
	})
}

// tally counts a document's newest record.
func (c *check) tally(d *catalog.Document) {
	of := c.found[d.Source]
	if of == nil {
		of = &source{}
		c.found[d.Source] = of
	}
	switch d.State {
	case catalog.Present:
		of.Documents++
	case catalog.Deleted:
		of.Tombstones++
	}
}

// tallied compares what was counted with what the sources say.
func (c *check) tallied() error {
	for _, s := range c.sources {
		if !s.Expected().Equal(c.head.expected[s.Name]) {
			return damaged(bucketSources, appendName(nil, s.Name), "in memory, something else is expected of it")
		}
		if !s.WithheldFrom().Equal(c.head.withheld[s.Name]) {
			return damaged(bucketSources, appendName(nil, s.Name), "in memory, it is withheld from another time on")
		}
		found := c.found[s.Name]
		if found == nil {
			found = &source{}
		}
		if found.Documents != s.Documents || found.Tombstones != s.Tombstones {
			return damaged(bucketSources, appendName(nil, s.Name), fmt.Sprintf("it says %d documents and %d tombstones, of which there are %d and %d",
				s.Documents, s.Tombstones, found.Documents, found.Tombstones))
		}
	}
	return nil
}

// beside checks what no revision counts. All of it is read in one transaction, because
// commits that take no revision change it.
func (c *check) beside() error {
	var problems []error
	seen := 0
	err := c.store.read(c.ctx, func(tx *bbolt.Tx) error {
		problems, seen = nil, 0
		st, err := readState(tx)
		if err != nil {
			return err
		}
		if err := verifySources(tx, st); err != nil {
			problems = append(problems, err)
			return nil // the rest is about them
		}
		for _, part := range []func(*bbolt.Tx, state) (int, error){c.marks, c.tombstones, c.requests} {
			n, err := part(tx, st)
			seen += n
			if errors.Is(err, errMoved) {
				return err
			}
			if err != nil {
				problems = append(problems, err)
			}
		}
		return nil
	})
	c.done += seen
	for _, problem := range problems {
		if err == nil {
			err = c.problem(problem)
		}
	}
	return err
}

// marks checks that exactly those documents are marked which the sessions count.
func (c *check) marks(tx *bbolt.Tx, st state) (n int, err error) {
	sources, err := readSources(tx)
	if err != nil {
		return 0, err
	}
	want := map[uint64]int{}
	for _, e := range st.Ended {
		want[e.Number] += e.Marks
	}
	present, of := map[uint64]int{}, map[uint64]*source{} // marked and present
	for _, s := range sources {
		if s.Number != 0 {
			want[s.Number] += s.Seen
			of[s.Number] = s
		}
		if (s.Number != 0) != (s.Session != nil) || s.Number > st.Sessions {
			return 0, damaged(bucketSources, appendName(nil, s.Name), "its session has no number of its own")
		}
	}
	r := newReader(tx, c.head.table, st.Head)
	got := map[uint64]int{}
	cursor := tx.Bucket([]byte(bucketSeen)).Cursor()
	for k, v := cursor.First(); k != nil; k, v = cursor.Next() {
		n++
		if _, err := unseal(bucketSeen, k, v); err != nil {
			return n, err
		}
		session, document, ok := splitMarkKey(k)
		if !ok || want[session] == 0 {
			return n, damaged(bucketSeen, k, "no session has made it")
		}
		got[session]++
		s := of[session]
		if s == nil {
			continue
		}
		if !bytes.HasPrefix(document, appendName(nil, s.Name)) {
			return n, damaged(bucketSeen, k, "it is of another source than its session")
		}
		d, err := record[catalog.Document](r, documents, document)
		if err != nil {
			return n, err
		}
		if d != nil && d.State == catalog.Present {
			present[session]++
		}
	}
	for number, marks := range want {
		if got[number] != marks {
			return n, damaged(bucketSeen, uint64Key(number), fmt.Sprintf("%d marks of the session are there, and it has made %d", got[number], marks))
		}
	}
	for number, s := range of {
		if s.Unseen != s.Documents-present[number] {
			return n, damaged(bucketSources, appendName(nil, s.Name), "it counts another number of unseen documents than there are")
		}
	}
	return n, nil
}

// tombstones checks that each source's tombstones are named, as many as it counts.
func (c *check) tombstones(tx *bbolt.Tx, st state) (n int, err error) {
	sources, err := readSources(tx)
	if err != nil {
		return 0, err
	}
	r := newReader(tx, c.head.table, st.Head)
	cursor := tx.Bucket([]byte(bucketTombstones)).Cursor()
	for _, s := range sources {
		prefix, found := appendName(nil, s.Name), 0
		for k, v := cursor.Seek(prefix); bytes.HasPrefix(k, prefix); k, v = cursor.Next() {
			n, found = n+1, found+1
			if _, err := unseal(bucketTombstones, k, v); err != nil {
				return n, err
			}
			synced, at, key, ok := splitTombstoneKey(prefix, k)
			if !ok {
				return n, damaged(bucketTombstones, k, "the key is not one of a tombstone")
			}
			newest, payload, err := r.newest(documents, key)
			if err != nil {
				return n, err
			}
			d, err := decode[catalog.Document](bucketDocuments, recordKey(key, newest), payload)
			if err != nil {
				return n, err
			}
			if newest != at || d.State != catalog.Deleted || !d.Synced.Equal(synced) {
				return n, damaged(bucketTombstones, k, "it names a record that is no tombstone or not the newest")
			}
		}
		if found != s.Tombstones {
			return n, damaged(bucketTombstones, prefix, fmt.Sprintf("%d tombstones are named, and the source counts %d", found, s.Tombstones))
		}
	}
	if all := tx.Bucket([]byte(bucketTombstones)).Stats().KeyN; all != n {
		return n, fmt.Errorf("%w: bucket %s: %d values are of no source", catalog.ErrDamaged, bucketTombstones, all-n)
	}
	return n, nil
}

// requests checks that each request is remembered, and under its time.
func (c *check) requests(tx *bbolt.Tx, st state) (n int, err error) {
	expiries := tx.Bucket([]byte(bucketExpiries))
	requests := 0
	err = tx.Bucket([]byte(bucketRequests)).ForEach(func(k, v []byte) error {
		n, requests = n+1, requests+1
		first, err := unsealed[request](bucketRequests, k, v)
		if err != nil {
			return err
		}
		key := expiryKey(first.At, k)
		n++
		_, err = unseal(bucketExpiries, key, expiries.Get(key))
		return err
	})
	if err != nil {
		return n, err
	}
	if dated := expiries.Stats().KeyN; requests != st.Requests || dated != st.Requests {
		err = fmt.Errorf("%w: bucket %s: %d requests are kept and %d dated, of %d that are remembered", catalog.ErrDamaged, bucketRequests, requests, dated, st.Requests)
	}
	return n, err
}
