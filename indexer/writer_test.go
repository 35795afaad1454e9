package indexer_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// eventually waits until the condition holds. It is for what another goroutine does; how
// long that takes is nobody's promise.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// newest pins the newest state, released when the test ends or before.
func newest(t testing.TB, x *indexer.Indexer) *indexer.State {
	t.Helper()
	s, err := x.Pin(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// found is the documents that a leg of the state finds for the text, as ada may read them.
func found(t testing.TB, s *indexer.State, r indexer.Reader, text string) (ids []string) {
	t.Helper()
	view, err := s.View(person("ada"), now)
	if err != nil {
		t.Fatal(err)
	}
	visible := s.Table.Visible(view)
	hits, err := r.Search(t.Context(), visible, indexer.Query{Text: text}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range hits {
		ids = append(ids, visible.ID(h.Row).Document.ID)
	}
	return ids
}

// Who has an acknowledgement finds the document, in the catalog and in both indexes, and so
// does everybody who asks from then on.
func TestAcknowledgedIsPublished(t *testing.T) {
	words, vectors := newPlain(), newPlain()
	x := open(t, config(newStore(t), words, vectors))
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for i := range 25 {
				id := fmt.Sprintf("w%d-%d", worker, i)
				ticket, err := x.Submit(t.Context(), indexer.Actor{}, page(id, 1, "<"+id+">"), catalog.Request{})
				if err != nil {
					t.Error(err)
					return
				}
				o, at, err := ticket.Wait(t.Context())
				if err != nil || !o.Changed {
					t.Errorf("%s: %+v, %v", id, o, err)
					return
				}
				s, err := x.Pin(t.Context(), 0)
				if err != nil {
					t.Error(err)
					return
				}
				if s.Revision() < at || s.Table.Revision() != s.Revision() || s.Keyword.Revision() != s.Revision() || s.Vector.Revision() != s.Revision() {
					t.Errorf("acknowledged at %d; state at %d, table %d, indexes %d and %d", at, s.Revision(), s.Table.Revision(), s.Keyword.Revision(), s.Vector.Revision())
				}
				for name, r := range map[string]indexer.Reader{"keyword": s.Keyword, "vector": s.Vector} {
					if diff := cmp.Diff([]string{id}, found(t, s, r, "<"+id+">")); diff != "" {
						t.Errorf("%s index after the acknowledgement:\n%s", name, diff)
					}
				}
				s.Release()
			}
		})
	}
	all.Wait()
	if err := x.Close(); err != nil {
		t.Error(err)
	}
	words.check(t)
	vectors.check(t)
}

// What one sender submits about one document happens in that order, whatever is committed
// together.
func TestOrderOfOneDocument(t *testing.T) {
	s := newStore(t)
	x := open(t, config(s, newPlain(), newPlain()))
	var tickets []indexer.Ticket
	var want []error
	send := func(m catalog.Mutation, refused error) {
		ticket, err := x.Submit(t.Context(), indexer.Actor{}, m, catalog.Request{})
		if err != nil {
			t.Fatal(err)
		}
		tickets, want = append(tickets, ticket), append(want, refused)
	}
	for i := range int64(100) {
		id := catalog.DocumentID{Source: "handbook", ID: fmt.Sprintf("d%d", i%7)}
		send(page(id.ID, 3*i+1, "one"), nil)
		send(catalog.PutAccess{Document: id, Access: readable("user:local/ada")}, nil)
		send(catalog.DeleteDocument{Document: id, Version: 3*i + 2}, nil)
		send(page(id.ID, 3*i+1, "one"), catalog.ErrVersionStale)
	}
	for i, ticket := range tickets {
		o, _, err := ticket.Wait(t.Context())
		if err != nil || !errors.Is(o.Refused, want[i]) {
			t.Fatalf("mutation %d: %v, %v, want %v", i, o.Refused, err, want[i])
		}
	}
}

// Each applied mutation is recorded for its actor, in its commit, and the drain is woken
// before anything is acknowledged.
func TestRecordsTravelWithTheCommit(t *testing.T) {
	s := newStore(t)
	c := config(s, newPlain(), newPlain())
	c.Record = func(at catalog.Revision, by indexer.Actor, m catalog.Mutation, o catalog.Outcome) [][]byte {
		return [][]byte{fmt.Appendf(nil, "%d %s %s %T %t", at, by.User, by.App, m, o.Changed)}
	}
	woken := 0
	c.Committed = func() { woken++ }
	x := open(t, c)
	ada := indexer.Actor{User: "user:local/ada", App: "service:job"}
	for i, m := range []catalog.Mutation{
		page("a", 2, "a"), page("a", 2, "a"), page("a", 1, "a"), catalog.PutGroup{Group: "group:g", Members: []acl.Principal{"user:local/ada"}},
	} {
		ticket, err := x.Submit(t.Context(), ada, m, catalog.Request{})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := ticket.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if want := []int{1, 1, 1, 2}[i]; woken != want {
			t.Errorf("after mutation %d the drain was woken %d times, want %d", i, woken, want)
		}
	}
	var got []string
	for r, err := range s.Outbox().Pending(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(r.Body))
	}
	want := []string{"1 user:local/ada service:job catalog.PutDocument true", "2 user:local/ada service:job catalog.PutGroup true"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

// Whatever was submitted is answered, also by an Indexer that is being closed: applied, or
// ErrClosed and not applied.
func TestCloseAnswersEverything(t *testing.T) {
	for round := range 200 {
		s := newStore(t)
		x := open(t, config(s, newPlain(), newPlain()))
		var senders sync.WaitGroup
		for sender := range 4 {
			senders.Go(func() {
				for i := 0; ; i++ {
					id := fmt.Sprintf("d%d-%d", sender, i)
					ticket, err := x.Submit(t.Context(), indexer.Actor{}, page(id, 1, id), catalog.Request{})
					if errors.Is(err, indexer.ErrClosed) {
						return
					}
					ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
					_, _, err = ticket.Wait(ctx)
					cancel()
					if err != nil && !errors.Is(err, indexer.ErrClosed) {
						t.Errorf("round %d: %s was never answered: %v", round, id, err)
						return
					}
					_, there := s.text(id)
					if there != (err == nil) {
						t.Errorf("round %d: %s was answered %v, in the catalog: %t", round, id, err, there)
					}
				}
			})
		}
		runtime.Gosched()
		if err := x.Close(); err != nil {
			t.Error(err)
		}
		senders.Wait()
		if _, err := x.Submit(t.Context(), indexer.Actor{}, page("late", 1, "late"), catalog.Request{}); !errors.Is(err, indexer.ErrClosed) {
			t.Errorf("submitting after Close: %v", err)
		}
		if t.Failed() {
			return
		}
	}
}

// text is the text of a document of the handbook that everyone may read.
func (s store) text(id string) (string, bool) {
	snapshot, err := s.Snapshot(context.Background(), 0)
	if err != nil {
		return "", false
	}
	defer snapshot.Close()
	view, err := snapshot.View(person("ada"), now)
	if err != nil {
		return "", false
	}
	text, err := snapshot.Text(context.Background(), view, catalog.DocumentID{Source: "handbook", ID: id})
	return text, err == nil
}

// Close leaves no goroutine behind, not even those of a rebuild that cannot succeed.
func TestCloseLeavesNothingRunning(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 5 {
		words, vectors := newPlain(), newPlain()
		x, err := indexer.Open(t.Context(), config(newStore(t), words, vectors))
		if err != nil {
			t.Fatal(err)
		}
		submit(t, x, page("a", 1, "a"))
		words.onCall(func(method string) error { return errors.New("disk on fire") })
		submit(t, x, page("b", 1, "b"))
		if err := x.Close(); err != nil {
			t.Error(err)
		}
		if err := x.Close(); err != nil {
			t.Errorf("closing twice: %v", err)
		}
		words.check(t)
		vectors.check(t)
	}
	eventually(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= before })
}
