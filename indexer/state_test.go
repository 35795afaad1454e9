package indexer_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/muniment/muniment/indexer"
)

// Pin waits for a revision that is not there yet, within its context and the Indexer's life.
func TestPinWaits(t *testing.T) {
	t.Parallel()
	x := open(t, config(newStore(t), newPlain(), newPlain()))
	type answer struct {
		state *indexer.State
		err   error
	}
	pin := func(ctx context.Context) <-chan answer {
		c := make(chan answer, 1)
		go func() {
			s, err := x.Pin(ctx, 2)
			c <- answer{s, err}
		}()
		return c
	}
	waiting := pin(t.Context())
	submit(t, x, page("a", 1, "a"))
	select {
	case a := <-waiting:
		t.Fatalf("pinned revision 2 at revision 1: %+v", a)
	case <-time.After(20 * time.Millisecond):
	}
	submit(t, x, page("b", 1, "b"))
	a := <-waiting
	if a.err != nil || a.state.Revision() < 2 {
		t.Fatalf("waited for revision 2 and got %+v", a)
	}
	a.state.Release()

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if s, err := x.Pin(ctx, 2); err != nil {
		t.Errorf("pinning what is there without waiting: %v", err)
	} else {
		s.Release()
	}
	if _, err := x.Pin(ctx, 3); !errors.Is(err, indexer.ErrBehind) {
		t.Errorf("waiting with a cancelled context: %v", err)
	}
	if _, err := x.Pin(context.Background(), 1000); !errors.Is(err, indexer.ErrBehind) {
		t.Errorf("waiting without a deadline of its own: %v", err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := x.Pin(context.Background(), 1000)
		ended <- err
	}()
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, indexer.ErrClosed) {
		t.Errorf("waiting while the indexer is closed: %v", err)
	}
	if _, err := x.Pin(t.Context(), 0); !errors.Is(err, indexer.ErrClosed) {
		t.Errorf("pinning after Close: %v", err)
	}
}

// A pinned state can be searched however many are published after it, and when the last
// who pinned it lets go its readers are closed, once.
func TestStatesLastAsLongAsTheyArePinned(t *testing.T) {
	words, vectors := newPlain(), newPlain()
	x := open(t, config(newStore(t), words, vectors))
	submit(t, x, page("first", 1, "first"))
	one, two := newest(t, x), newest(t, x)
	if one != two {
		t.Error("two pins of one revision are two states")
	}
	open := func() int {
		words.mu.Lock()
		defer words.mu.Unlock()
		return words.opened - words.closed
	}
	submit(t, x, page("second", 1, "second"))
	if got := found(t, one, one.Keyword, ""); len(got) != 1 {
		t.Errorf("a state of one document finds %v", got)
	}
	one.Release()
	if n := open(); n != 2 {
		t.Errorf("%d readers are open: want the newest state's and the pinned one's", n)
	}
	if got := found(t, two, two.Keyword, ""); len(got) != 1 {
		t.Errorf("released by one of two, a state of one document finds %v", got)
	}
	two.Release()
	if n := open(); n != 1 {
		t.Errorf("%d readers are open, want the newest state's", n)
	}
	last := newest(t, x)
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	if got := found(t, last, last.Keyword, ""); len(got) != 2 {
		t.Errorf("a state pinned before Close finds %v", got)
	}
	last.Release()
	words.check(t)
	vectors.check(t)
}

// Pins and releases beside publications close every reader once, and never one in use.
func TestPinsBesidePublications(t *testing.T) {
	words, vectors := newPlain(), newPlain()
	x := open(t, config(newStore(t), words, vectors))
	submit(t, x, page("a", 1, "a"))
	var readers sync.WaitGroup
	stop := make(chan struct{})
	for range 6 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				s, err := x.Pin(t.Context(), 0)
				if err != nil {
					t.Error(err)
					return
				}
				if s.Keyword.Revision() != s.Revision() || len(found(t, s, s.Keyword, "a")) != 1 {
					t.Errorf("revision %d: the keyword index is at %d", s.Revision(), s.Keyword.Revision())
				}
				s.Release()
			}
		})
	}
	for version := range int64(300) {
		submit(t, x, page("a", version+2, "a"))
	}
	close(stop)
	readers.Wait()
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	words.check(t)
	vectors.check(t)
}
