package indexer_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// If the state cannot be published the sender is not told that the mutation is in force,
// nor is anybody who repeats it.
func TestPublicationFails(t *testing.T) {
	s := newStore(t)
	faulty := &faultyStore{Store: s}
	x := open(t, config(faulty, newPlain(), newPlain()))
	submit(t, x, page("a", 1, "one"))
	faulty.set(only("Snapshot", func() error { return errDisk }))
	for range 2 {
		ticket, err := x.Submit(t.Context(), indexer.Actor{}, page("b", 1, "two"), catalog.Request{})
		if err != nil {
			t.Fatal(err)
		}
		o, at, err := ticket.Wait(t.Context())
		state := newest(t, x)
		if err == nil && state.Revision() < at {
			t.Errorf("acknowledged at %d (%+v) with the newest state at %d", at, o, state.Revision())
		}
		state.Release()
	}
	faulty.set(nil)
	submit(t, x, page("b", 1, "two"))
	state := newest(t, x)
	defer state.Release()
	if got := found(t, state, state.Keyword, "two"); len(got) != 1 {
		t.Errorf("repeated once all is well, the document is found as %v", got)
	}
}

// If the state cannot be published at the end of a rebuild, the index is still written to
// by one at a time, and nothing that is half rebuilt is searched.
func TestPublicationOfARebuildFails(t *testing.T) {
	s, words, vectors := newStore(t), newPlain(), newPlain()
	faulty := &faultyStore{Store: s}
	x := open(t, config(faulty, words, vectors))
	submit(t, x, page("a", 1, "one"))
	var published atomic.Bool
	faulty.set(only("Snapshot", func() error {
		if !published.Swap(true) {
			return nil // of the commit that finds the index broken
		}
		return errDisk
	}))
	words.onCall(only("Apply", func() error {
		words.onCall(nil)
		return errDisk
	}))
	submit(t, x, page("b", 1, "two"))
	eventually(t, "the rebuild has come as far as publishing", func() bool { return words.Revision() == s.head() })
	again, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	words.onCall(only("Reset", func() error {
		once.Do(func() { close(again) })
		select {
		case <-goOn:
		case <-t.Context().Done():
		}
		return nil
	}))
	faulty.set(nil)
	eventually(t, "the rebuild has begun again, or is done", func() bool {
		select {
		case <-again:
			return true
		default:
			return ready(t, x, true, true)
		}
	})
	submit(t, x, page("c", 1, "three"))
	if state := newest(t, x); state.Keyword != nil {
		if got := found(t, state, state.Keyword, ""); len(got) != 3 {
			t.Errorf("the keyword index finds %v of three documents", got)
		}
		state.Release()
	} else {
		state.Release()
	}
	close(goOn)
	eventually(t, "the index is rebuilt", func() bool { return ready(t, x, true, true) })
	checkLevel(t, s, x, words, vectors)
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	words.check(t)
	vectors.check(t)
}

// What the catalog cannot store is answered with the reason, and the next is stored.
func TestFailedCommit(t *testing.T) {
	s := newStore(t)
	full := errors.New("no space left")
	faulty := &faultyStore{Store: s}
	x := open(t, config(faulty, newPlain(), newPlain()))
	faulty.set(func(method string) error { return full })
	ticket, err := x.Submit(t.Context(), indexer.Actor{}, page("a", 1, "a"), catalog.Request{})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := ticket.Wait(t.Context()); !errors.Is(err, full) || !strings.Contains(err.Error(), "committing") {
		t.Errorf("error is %v, want one that wraps the cause", err)
	}
	faulty.set(nil)
	if o := submit(t, x, page("a", 1, "a")); !o.Changed {
		t.Errorf("after the failure: %+v", o)
	}
}

// faultyStore fails on demand.
type faultyStore struct {
	catalog.Store
	mu   sync.Mutex
	fail func(method string) error
}

func (f *faultyStore) set(fail func(method string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = fail
}

func (f *faultyStore) check(method string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail == nil {
		return nil
	}
	return f.fail(method)
}

func (f *faultyStore) Commit(ctx context.Context, c catalog.Commit) (catalog.Committed, error) {
	if err := f.check("Commit"); err != nil {
		return catalog.Committed{}, err
	}
	return f.Store.Commit(ctx, c)
}

func (f *faultyStore) Snapshot(ctx context.Context, at catalog.Revision) (catalog.Snapshot, error) {
	if err := f.check("Snapshot"); err != nil {
		return nil, err
	}
	return f.Store.Snapshot(ctx, at)
}
