package indexer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// State is what one request sees: the catalog, the table and the index readers, all at
// one revision. A leg whose index is being rebuilt is nil and is not searched.
type State struct {
	catalog.Snapshot
	Table   *Table
	Keyword Reader
	Vector  Reader
	pins    atomic.Int64
}

// Release gives the state back. The last to do so closes its readers.
func (s *State) Release() {
	if s.pins.Add(-1) == 0 {
		s.close()
	}
}

// Again pins the state once more: it takes one Release more to close it.
func (s *State) Again() *State {
	s.pins.Add(1)
	return s
}

func (s *State) close() error {
	errs := []error{s.Snapshot.Close()}
	for _, r := range []Reader{s.Keyword, s.Vector} {
		if r != nil {
			errs = append(errs, r.Close())
		}
	}
	return errors.Join(errs...)
}

// publication holds the newest State and lets callers wait for a revision. The zero value
// has published nothing.
type publication struct {
	mu      sync.Mutex
	newest  *State
	changed chan struct{} // closed when a newer state is published
	closed  bool
}

// pinWait is how long Pin waits for a revision, however long its context allows.
const pinWait = 2 * time.Second

// ErrBehind is returned by Pin if the revision asked for was not reached in time.
var ErrBehind = errors.New("indexer: the revision asked for has not been reached in time")

// Pin returns the newest state, at least at the revision asked for; it waits for that,
// but not long. The caller must Release it. Errors: ErrBehind, ErrClosed.
func (x *Indexer) Pin(ctx context.Context, atLeast catalog.Revision) (*State, error) {
	p := &x.published
	ctx, cancel := context.WithTimeout(ctx, pinWait)
	defer cancel()
	for {
		p.mu.Lock()
		s, changed := p.newest, p.changed
		if p.closed || s == nil {
			p.mu.Unlock()
			return nil, ErrClosed
		}
		if s.Revision() >= atLeast {
			s.pins.Add(1)
			p.mu.Unlock()
			return s, nil
		}
		p.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ErrBehind
		}
	}
}

// revision is the one of the newest state.
func (p *publication) revision() catalog.Revision {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.newest == nil {
		return 0
	}
	return p.newest.Revision()
}

// Deactivated reports whether the user has been deactivated in the newest state. Error:
// ErrClosed.
func (x *Indexer) Deactivated(user acl.Principal) (bool, error) {
	p := &x.published
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.newest == nil {
		return false, ErrClosed
	}
	return p.newest.Directory().Deactivated(user), nil
}

// table is that of the newest state, nil if there is none.
func (p *publication) table() *Table {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.newest == nil {
		return nil
	}
	return p.newest.Table
}

// set publishes s in place of the newest state.
func (p *publication) set(s *State) {
	p.mu.Lock()
	old, waiting := p.newest, p.changed
	s.pins.Store(1) // the publication's own
	p.newest, p.changed = s, make(chan struct{})
	p.mu.Unlock()
	if old != nil {
		old.Release()
	}
	if waiting != nil {
		close(waiting)
	}
}

func (p *publication) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	if p.changed != nil {
		close(p.changed)
	}
	if p.newest != nil {
		p.newest.Release()
	}
	return nil
}

// publish makes a State of what the writer holds. x.mu is held, and every ready leg is
// level with the table.
func (x *Indexer) publish(ctx context.Context) error {
	snapshot, err := x.Store.Snapshot(ctx, x.table.revision)
	if err != nil {
		return fmt.Errorf("publishing revision %d: %w", x.table.revision, err)
	}
	s := &State{Snapshot: snapshot, Table: x.table}
	for _, leg := range []struct {
		*leg
		reader *Reader
	}{{&x.keyword, &s.Keyword}, {&x.vector, &s.Vector}} {
		if !leg.ready {
			continue
		}
		r, err := leg.index.Reader(ctx)
		if err != nil {
			x.failed(leg.leg, err)
			continue
		}
		*leg.reader = x.watch(leg.leg, r)
	}
	// failpoint: indexer/before-publish
	x.published.set(s)
	// failpoint: indexer/published
	if x.table.waiting > 0 {
		select {
		case x.arrived <- struct{}{}:
		default:
		}
	}
	return nil
}
