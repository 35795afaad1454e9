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
	err = s.write(ctx, func(tx *bbolt.Tx) (commit bool, err error) {
		if st, err = readState(tx); err != nil {
			return false, err
		}
		current, err := s.catchUp(tx, st)
		if err != nil {
			return false, err
		}
		b = newBatch(tx, current, c.At.UTC().Round(0))
		if done.Outcomes, err = b.applyAll(ctx, c); err != nil || !b.changed {
			return false, err
		}
		st.Head, st.Rows = b.revision, b.rows
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
	b.head.table.raise(st.Head, b.records)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current.head, s.current.sequence, s.current.rows = st.Head, st.Sequence, st.Rows
	if changes := b.groupChanges(); len(changes) > 0 {
		s.current.directory, s.current.since = s.current.directory.With(changes...), st.Head
	}
}

// write runs fn in the one transaction that writes, and commits it if fn says so. The
// caller holds s.writing.
func (s *Store) write(ctx context.Context, fn func(*bbolt.Tx) (commit bool, err error)) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.stuck != nil {
		return s.stuck
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer contain(&err)

	// Where damage makes bbolt panic while it rolls back, it keeps the lock that the next
	// transaction would wait for.
	s.stuck = fmt.Errorf("%w: no changes are taken since a commit failed", catalog.ErrDamaged)
	tx, err := s.db.Begin(true)
	if err != nil {
		s.stuck = nil
		if errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
			return errClosed
		}
		return err
	}
	defer func() {
		tx.Rollback() // does nothing after a commit
		s.stuck = nil
	}()
	commit, err := fn(tx)
	if !commit || err != nil {
		return err
	}
	// failpoint: catalog/before-sync
	return tx.Commit()
}

// catchUp returns what is published. Before, it publishes what an earlier commit
// has written but reported as failed, because its last sync failed after the bytes were
// there: the caller was told that the outcome is unknown, and now it is known.
func (s *Store) catchUp(tx *bbolt.Tx, st state) (published, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current.head != st.Head {
		current, err := load(tx, st)
		if err != nil {
			return published{}, err
		}
		s.current = current
	}
	return s.current, nil
}
