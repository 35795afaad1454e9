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
	if err := ctx.Err(); err != nil {
		return done, err
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer contain(&err)
	tx, err := s.db.Begin(true)
	if errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
		return done, errClosed
	} else if err != nil {
		return done, err
	}
	defer tx.Rollback() // does nothing after a commit

	st, err := readState(tx)
	if err != nil {
		return done, err
	}
	current, err := s.catchUp(tx, st)
	if err != nil {
		return done, err
	}
	b := newBatch(tx, current, c.At.UTC().Round(0))
	done.Outcomes = make([]catalog.Outcome, len(c.Mutations))
	for i, m := range c.Mutations {
		o, err := b.apply(m)
		if err != nil {
			return catalog.Committed{}, fmt.Errorf("mutation %d: %w", i, err)
		}
		done.Outcomes[i] = o
		if o.Changed && c.Record != nil {
			if body := c.Record(b.revision, i, o); body != nil {
				b.outbox = append(b.outbox, body)
			}
		}
		if err := ctx.Err(); err != nil {
			return catalog.Committed{}, err
		}
	}
	if !b.changed {
		done.Revision = st.Head
		return done, nil
	}

	st.Head, st.Rows = b.revision, b.rows
	if err := b.write(&st); err != nil {
		return catalog.Committed{}, err
	}
	if err := s.prune(tx, &st, b.work); err != nil {
		return catalog.Committed{}, fmt.Errorf("pruning the history: %w", err)
	}
	if err := writeState(tx, st); err != nil {
		return catalog.Committed{}, err
	}
	if err := tx.Commit(); err != nil {
		return catalog.Committed{}, err
	}

	current.table.raise(st.Head, b.records)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current.head, s.current.sequence, s.current.rows = st.Head, st.Sequence, st.Rows
	if changes := b.groupChanges(); len(changes) > 0 {
		s.current.directory, s.current.since = s.current.directory.With(changes...), st.Head
	}
	done.Revision = st.Head
	return done, nil
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
