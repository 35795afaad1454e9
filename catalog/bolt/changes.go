package bolt

import (
	"bytes"
	"context"
	"fmt"
	"iter"

	"go.etcd.io/bbolt"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// What one transaction of Changes reads at most: entries looked at, and passages, which it
// exceeds by at most one document.
const (
	entriesPerPage  = 256
	passagesPerPage = 2048
)

// Changes implements catalog.Store. Within a revision it yields containers, then groups,
// then documents, then entries, each sorted by name. It holds no transaction while the
// caller works, but a lease, so that what it has yet to yield is not pruned.
func (s *Store) Changes(ctx context.Context, after catalog.Revision, part catalog.Part) iter.Seq2[catalog.Change, error] {
	s.mu.Lock()
	head := s.current.head
	s.mu.Unlock()
	return func(yield func(catalog.Change, error) bool) {
		fail := func(err error) { yield(catalog.Change{}, fmt.Errorf("reading changes: %w", err)) }
		if after >= head {
			return
		}
		_, now, release, err := s.lease(head)
		if err != nil {
			fail(err)
			return
		}
		defer release()
		unfollow, err := s.follow(after)
		if err != nil {
			fail(err)
			return
		}
		defer unfollow()
		from := uint64Key(uint64(after) + 1)
		for from != nil {
			var page []catalog.Change
			start := from
			err := s.read(ctx, func(tx *bbolt.Tx) (err error) {
				page, from, err = changesPage(newReader(tx, now.table, head), start, after, part)
				return err
			})
			if err != nil {
				fail(err)
				return
			}
			for _, c := range page {
				if !yield(c, nil) {
					return
				}
			}
		}
	}
}

// changesPage returns the changes from the key on, and the key to go on from, nil at the
// end. Entries that a later one up to the reader's revision supersedes are left out.
func changesPage(r *reader, from []byte, after catalog.Revision, part catalog.Part) (page []catalog.Change, next []byte, err error) {
	c := r.tx.Bucket([]byte(bucketChanges)).Cursor()
	k, v := c.Seek(from)
	for entries, passages := 0, 0; k != nil; k, v = c.Next() {
		at, kind, key, ok := splitChangeKey(k)
		if !ok {
			return nil, nil, damaged(bucketChanges, k, "the key is not one of a change")
		}
		if at > r.at {
			return page, nil, nil
		}
		if entries == entriesPerPage || passages >= passagesPerPage {
			return page, bytes.Clone(k), nil
		}
		entries++
		if _, err := unseal(bucketChanges, k, v); err != nil {
			return nil, nil, err
		}
		newest, record, err := r.newest(kind, key)
		switch {
		case err != nil:
			return nil, nil, err
		case newest == 0:
			return nil, nil, errMoved // a tombstone that was dropped meanwhile
		case newest < at:
			return nil, nil, damaged(kind.bucket(), recordKey(key, at), "it is missing")
		case newest > at:
			continue
		}
		change, err := r.change(kind, recordKey(key, at), record, after, part)
		if err != nil {
			return nil, nil, err
		}
		change.Revision = at
		if change.Document != nil {
			passages += len(change.Document.Passages)
		}
		page = append(page, change)
	}
	return page, nil, nil
}

// change decodes a record into the change it stands for.
func (r *reader) change(k kind, key, payload []byte, after catalog.Revision, part catalog.Part) (c catalog.Change, err error) {
	switch k {
	case containers:
		record, err := decode[catalog.Container](bucketContainers, key, payload)
		return catalog.Change{Container: &record}, err
	case groups:
		record, err := decode[group](bucketGroups, key, payload)
		return catalog.Change{Group: (*acl.Change)(&record)}, err
	}
	if k == entries {
		record, err := decode[catalog.Entry](bucketEntries, key, payload)
		return catalog.Change{Entry: &record}, err
	}
	d, err := decode[catalog.Document](bucketDocuments, key, payload)
	if err != nil {
		return c, err
	}
	c.Document = &catalog.DocumentChange{Document: d}
	if part != catalog.Contents || d.State != catalog.Present || max(d.ContentAt, d.VectorsAt) <= after {
		return c, nil
	}
	c.Document.Passages = make([]catalog.Passage, d.Rows.Count)
	for i := range c.Document.Passages {
		if c.Document.Passages[i], err = r.passage(&d, i, true); err != nil {
			return c, err
		}
	}
	return c, nil
}
