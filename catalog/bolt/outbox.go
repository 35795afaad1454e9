package bolt

import (
	"bytes"
	"context"
	"fmt"
	"iter"

	"go.etcd.io/bbolt"

	"github.com/muniment/muniment/catalog"
)

// Outbox implements catalog.Store.
func (s *Store) Outbox() catalog.Outbox { return outbox{s} }

type outbox struct{ store *Store }

// Pending ends at the newest record of the moment it begins. It holds no transaction while
// the caller works, who may well call Take.
func (o outbox) Pending(ctx context.Context) iter.Seq2[catalog.OutboxRecord, error] {
	return func(yield func(catalog.OutboxRecord, error) bool) {
		o.store.mu.Lock()
		last := o.store.current.sequence
		o.store.mu.Unlock()
		for next := uint64(1); ; {
			var page []catalog.OutboxRecord
			err := o.store.read(ctx, func(tx *bbolt.Tx) (err error) {
				page, err = outboxPage(tx, next, last)
				return err
			})
			if err != nil {
				yield(catalog.OutboxRecord{}, fmt.Errorf("reading the outbox: %w", err))
				return
			}
			if len(page) == 0 {
				return
			}
			for _, r := range page {
				if !yield(r, nil) {
					return
				}
			}
			next = page[len(page)-1].Sequence + 1
		}
	}
}

// outboxPage returns some of the records from one sequence to another that have not been
// taken. What has not been taken has no gaps.
func outboxPage(tx *bbolt.Tx, from, last uint64) (page []catalog.OutboxRecord, err error) {
	st, err := readState(tx)
	if err != nil {
		return nil, err
	}
	c := tx.Bucket([]byte(bucketOutbox)).Cursor()
	next := max(from, st.Taken+1)
	for k, v := c.Seek(uint64Key(next)); next <= last && len(page) < entriesPerPage; k, v = c.Next() {
		if key := uint64Key(next); !bytes.Equal(k, key) {
			return nil, damaged(bucketOutbox, key, "it is missing")
		}
		body, err := unseal(bucketOutbox, k, v)
		if err != nil {
			return nil, err
		}
		page = append(page, catalog.OutboxRecord{Sequence: next, Body: bytes.Clone(body)})
		next++
	}
	return page, nil
}

// Take is durable when it returns: what was taken does not come back.
func (o outbox) Take(ctx context.Context, through uint64) error {
	if err := o.store.take(ctx, through); err != nil {
		return fmt.Errorf("emptying the outbox: %w", err)
	}
	return nil
}

func (s *Store) take(ctx context.Context, through uint64) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	var st state
	lost := uint64(0)
	err := s.write(ctx, func(tx *bbolt.Tx) (commit bool, err error) {
		if st, err = readState(tx); err != nil || through <= st.Taken {
			return false, err
		}
		last := min(through, st.Sequence)
		// Each revision that was lost had at least one record, so this passes all of them.
		lost = through - last
		if lost > 0 {
			st.Sequence, st.Head, st.ID = through, st.Head+catalog.Revision(lost), catalog.NewID()
		}
		for n := st.Taken + 1; n <= last; n++ {
			if err := tx.Bucket([]byte(bucketOutbox)).Delete(uint64Key(n)); err != nil {
				return false, err
			}
		}
		st.Taken = through
		return true, writeState(tx, st)
	})
	if err != nil || lost == 0 {
		return err
	}
	s.log.Warn("the catalog is an older copy than the audit log is of: changes are recorded that it does not have",
		"changes", lost, "revision", uint64(st.Head))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current.head, s.current.sequence, s.id = st.Head, st.Sequence, st.ID
	return nil
}
