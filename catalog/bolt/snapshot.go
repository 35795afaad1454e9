package bolt

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// Snapshot implements catalog.Store. A revision older than the last change of a group
// costs a walk over all groups.
func (s *Store) Snapshot(ctx context.Context, at catalog.Revision) (catalog.Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	at, now, release, err := s.lease(at)
	if err != nil {
		return nil, fmt.Errorf("pinning a revision: %w", err)
	}
	directory := now.directory
	if at < now.since {
		err := s.read(ctx, func(tx *bbolt.Tx) (err error) {
			if directory, _, err = loadDirectory(newReader(tx, now.table, at)); err == nil {
				directory = directory.Withhold(now.withheld)
			}
			return err
		})
		if err != nil {
			release()
			return nil, fmt.Errorf("loading the groups: %w", err)
		}
	}
	return &snapshot{store: s, at: at, table: now.table, directory: directory, expected: now.expected, release: release}, nil
}

// lease keeps everything that a reader at the revision needs until release is called, and
// returns the revision, which is the newest for 0, with what is published now.
func (s *Store) lease(at catalog.Revision) (_ catalog.Revision, now published, release func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at == 0 {
		at = s.current.head
	}
	switch {
	case s.closed:
		return 0, now, nil, errClosed
	case at > s.current.head:
		return 0, now, nil, catalog.ErrFuture
	case at < s.floor:
		return 0, now, nil, catalog.ErrPruned
	}
	s.leases[at]++
	return at, s.current, sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.leases[at]--; s.leases[at] == 0 {
			delete(s.leases, at)
		}
	}), nil
}

// snapshot is a leased revision and the directory of that revision.
type snapshot struct {
	store     *Store
	at        catalog.Revision
	table     *table
	directory *acl.Directory
	expected  map[string]catalog.Expectation
	release   func()
	closed    atomic.Bool
}

func (n *snapshot) Revision() catalog.Revision { return n.at }

func (n *snapshot) Close() error {
	n.closed.Store(true)
	n.release()
	return nil
}

// open returns an error if the snapshot or its store is closed.
func (n *snapshot) open() error {
	if n.closed.Load() {
		return errClosed
	}
	n.store.mu.Lock()
	defer n.store.mu.Unlock()
	if n.store.closed {
		return errClosed
	}
	return nil
}

func (n *snapshot) read(ctx context.Context, fn func(r *reader) error) error {
	if n.closed.Load() {
		return errClosed
	}
	return n.store.read(ctx, func(tx *bbolt.Tx) error { return fn(newReader(tx, n.table, n.at)) })
}

func (n *snapshot) View(caller acl.Identity, at time.Time) (acl.View, error) {
	if err := n.open(); err != nil {
		return acl.View{}, err
	}
	return n.directory.View(caller, at)
}

func (n *snapshot) Expected(source string) catalog.Expectation { return n.expected[source] }

func (n *snapshot) Directory() *acl.Directory { return n.directory }

func (n *snapshot) Group(name acl.Principal) ([]acl.Principal, error) {
	if err := n.open(); err != nil {
		return nil, err
	}
	members := n.directory.Members(name)
	if members == nil {
		return nil, catalog.ErrNotFound
	}
	return slices.Clone(members), nil
}

func (n *snapshot) Entries(ctx context.Context) (list []catalog.Entry, err error) {
	err = n.read(ctx, func(r *reader) error {
		list = nil
		return r.entries(func(_ catalog.Revision, e catalog.Entry) { list = append(list, e) })
	})
	if err != nil {
		return nil, fmt.Errorf("reading the entries: %w", err)
	}
	slices.SortFunc(list, func(a, b catalog.Entry) int { return cmp.Compare(a.Principal, b.Principal) })
	return list, nil
}

func (n *snapshot) Documents(ctx context.Context, view acl.View, ids []catalog.DocumentID) ([]catalog.Document, error) {
	var found []catalog.Document
	err := n.read(ctx, func(r *reader) error {
		found = nil
		for _, id := range ids {
			d, err := r.admitted(view, id)
			if err != nil {
				return err
			}
			if d != nil {
				found = append(found, *d)
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading documents: %w", err)
	}
	return found, nil
}

func (n *snapshot) Passages(ctx context.Context, view acl.View, ids []catalog.PassageID) ([]catalog.Passage, error) {
	var found []catalog.Passage
	err := n.read(ctx, func(r *reader) error {
		found = nil
		for _, id := range ids {
			d, err := r.admitted(view, id.Document)
			if err != nil {
				return err
			}
			if d == nil || d.Version != id.Version || id.Ordinal < 0 || id.Ordinal >= int(d.Rows.Count) {
				continue
			}
			p, err := r.passage(d, id.Ordinal, false)
			if err != nil {
				return err
			}
			found = append(found, p)
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading passages: %w", err)
	}
	return found, nil
}

func (n *snapshot) Text(ctx context.Context, view acl.View, id catalog.DocumentID) (text string, err error) {
	err = n.read(ctx, func(r *reader) error {
		d, err := r.admitted(view, id)
		if err != nil {
			return err
		}
		if d == nil {
			return catalog.ErrNotFound
		}
		text, err = r.text(d)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("reading a text: %w", err)
	}
	return text, nil
}

func (n *snapshot) Standing(ctx context.Context, id catalog.DocumentID) (s catalog.Standing, err error) {
	err = n.read(ctx, func(r *reader) (err error) {
		s, err = r.standing(id)
		return err
	})
	if err != nil {
		return catalog.Standing{}, fmt.Errorf("reading how a document stands: %w", err)
	}
	return s, nil
}
