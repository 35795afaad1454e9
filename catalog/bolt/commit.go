package bolt

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/muniment/muniment/catalog"
)

// Commit implements catalog.Store. It is one transaction of bbolt: on disk when it
// returns, or not at all.
func (s *Store) Commit(ctx context.Context, c catalog.Commit) (catalog.Committed, error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	done, err := s.commit(ctx, c)
	if err != nil {
		return catalog.Committed{}, fmt.Errorf("committing to the catalog: %w", err)
	}
	return done, nil
}

func (s *Store) commit(ctx context.Context, c catalog.Commit) (done catalog.Committed, err error) {
	var st state
	var b *batch
	if err := s.room(c.Mutations); err != nil {
		return catalog.Committed{}, err
	}
	err = s.write(ctx, func(tx *bbolt.Tx) (commit bool, err error) {
		if st, err = readState(tx); err != nil {
			return false, err
		}
		current, err := s.level(st)
		if err != nil {
			return false, err
		}
		b = newBatch(s, tx, &st, current, c.At.UTC().Round(0))
		if done.Outcomes, err = b.applyAll(ctx, c); err != nil || !b.changed && !b.noted() {
			return false, err
		}
		if b.changed {
			st.Head, st.Rows = b.revision, b.rows
		}
		if err := b.write(&st); err != nil {
			return false, err
		}
		if err := s.prune(tx, &st, b.work); err != nil {
			return false, fmt.Errorf("pruning the history: %w", err)
		}
		return true, writeState(tx, st)
	})
	if err != nil {
		return catalog.Committed{}, err
	}
	// failpoint: catalog/after-sync
	done.Revision = st.Head
	if b.changed {
		s.publish(st, b)
	}
	return done, nil
}

// publish lets readers see a commit that is on disk.
func (s *Store) publish(st state, b *batch) {
	b.head.table.raise(st, b)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current.head, s.current.sequence, s.current.rows = st.Head, st.Sequence, st.Rows
	if d, changed := b.directoryChanges(s.current.directory); changed {
		s.current.directory, s.current.since = d, st.Head
	}
	if w, changed := b.withholding(s.current.withheld); changed {
		s.current.directory, s.current.withheld = s.current.directory.Withhold(w), w
	}
	s.current.expected = b.expectations(s.current.expected)
}

// level returns what is published, which the file must be level with: after a commit whose
// outcome is unknown there is no other.
func (s *Store) level(st state) (published, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current.head != st.Head {
		return published{}, fmt.Errorf("%w: the file is at revision %d, its readers at %d", catalog.ErrDamaged, st.Head, s.current.head)
	}
	return s.current, nil
}

// write runs fn in the one transaction that writes, and commits it if fn says so. The
// caller holds s.writing. What becomes of the store if the commit fails is for failed to say.
func (s *Store) write(ctx context.Context, fn func(*bbolt.Tx) (commit bool, err error)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.Err(); err != nil {
		return err
	}
	a := attempt{}
	err := a.run(s.db, fn)
	switch {
	case err == nil:
		return nil
	case a.locked || a.tried:
		return s.failed(a, err)
	case errors.Is(err, bolterrors.ErrDatabaseNotOpen):
		return errClosed
	case errors.Is(err, bolterrors.ErrIncompatibleValue): // a value that says it is a bucket
		return fmt.Errorf("%w: %w", catalog.ErrDamaged, err)
	}
	return err
}

// attempt is one transaction that writes, and how far it came.
type attempt struct {
	before int  // the number of the transaction that the file was at
	tried  bool // bbolt has begun to write
	locked bool // bbolt keeps the lock that the next transaction would wait for
}

func (a *attempt) run(db *bbolt.DB, fn func(*bbolt.Tx) (commit bool, err error)) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer contain(&err)
	tx, err := db.Begin(true)
	if err != nil {
		return err
	}
	a.before = tx.ID() - 1
	a.locked = true // should damage make bbolt panic while it rolls back
	defer func() {
		tx.Rollback() // does nothing after a commit
		a.locked = false
	}()
	commit, err := fn(tx)
	if !commit || err != nil {
		return err
	}
	a.tried = true
	// failpoint: catalog/before-sync
	return tx.Commit()
}
