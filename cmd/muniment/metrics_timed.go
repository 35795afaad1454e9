package main

import (
	"context"
	"sync"
	"time"

	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/catalog"
)

// timedStorage is an audit log's storage whose appends are measured.
type timedStorage struct {
	audit.Storage
	metrics *metrics
}

// Append implements audit.Storage.
func (s timedStorage) Append(ctx context.Context, b audit.Batch) error {
	start := time.Now()
	err := s.Storage.Append(ctx, b)
	if err != nil {
		s.metrics.failures.Inc()
	} else if len(b.Entries) > 0 {
		s.metrics.appends.Observe(time.Since(start).Seconds())
	}
	return err
}

// timedStore is a catalog whose commits are measured and whose snapshots are counted.
type timedStore struct {
	catalog.Store
	metrics *metrics
}

// Commit implements catalog.Store.
func (s timedStore) Commit(ctx context.Context, c catalog.Commit) (catalog.Committed, error) {
	start := time.Now()
	done, err := s.Store.Commit(ctx, c)
	if err == nil {
		s.metrics.commits.Observe(time.Since(start).Seconds())
	}
	return done, err
}

// Snapshot implements catalog.Store.
func (s timedStore) Snapshot(ctx context.Context, at catalog.Revision) (catalog.Snapshot, error) {
	n, err := s.Store.Snapshot(ctx, at)
	if err != nil {
		return nil, err
	}
	return s.metrics.leases.open(n), nil
}

// leases are the snapshots that are open. One that is kept keeps history from being pruned.
type leases struct {
	mu   sync.Mutex
	held map[*lease]bool
}

type lease struct {
	catalog.Snapshot
	opened time.Time
	leases *leases
}

func (l *leases) open(n catalog.Snapshot) catalog.Snapshot {
	held := &lease{n, time.Now(), l}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held == nil {
		l.held = map[*lease]bool{}
	}
	l.held[held] = true
	return held
}

// Close implements catalog.Snapshot.
func (l *lease) Close() error {
	l.leases.mu.Lock()
	delete(l.leases.held, l)
	l.leases.mu.Unlock()
	return l.Snapshot.Close()
}

// oldest is how long ago a snapshot of a revision before the head was opened that is still
// open, the longest ago of them; 0 if there is none.
func (l *leases) oldest(head catalog.Revision) (age time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for held := range l.held {
		if held.Revision() < head {
			age = max(age, time.Since(held.opened))
		}
	}
	return age
}
