package retriever_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
	"github.com/muniment/muniment/internal/prove"
	"github.com/muniment/muniment/retriever"
)

// The new enemy is somebody who loses access right before what they must not see is
// written. Lines are sent one behind the other without waiting; mallory reads all the while.

// enemy reads the document as mallory until it is stopped, and then says how often, and how
// often the version was there that must not be seen.
func (d *desk) enemy(ctx context.Context, id catalog.DocumentID, secret int64) (stop func() (looks, seen int, err error)) {
	var looks, seen int
	var failed error
	var running sync.WaitGroup
	var done atomic.Bool
	running.Go(func() {
		for !done.Load() {
			got, err := d.Document(ctx, mallory, id, retriever.Request{ID: "request"})
			looks++
			switch {
			case err == nil && got.Version == secret:
				seen++
			case err != nil && !errors.Is(err, catalog.ErrNotFound):
				failed = err
				return
			}
		}
	})
	return func() (int, int, error) {
		done.Store(true)
		running.Wait()
		return looks, seen, failed
	}
}

// queue sends a line and does not wait for it.
func (d *desk) queue(t *testing.T, m catalog.Mutation) indexer.Ticket {
	t.Helper()
	prepared, err := d.indexer.Prepare(t.Context(), m)
	must(t, err)
	ticket, err := d.indexer.Submit(t.Context(), indexer.Actor{}, prepared, catalog.Request{})
	must(t, err)
	return ticket
}

// TestNewEnemies: ACL-10, mallory is removed from a folder and then a document is put into
// it; ACL-11, mallory is removed from a document and then it gets new content; ACL-07, a
// document gets new content and moves to a closed folder in one line. In no interleaving
// is the new content seen.
func TestNewEnemies(t *testing.T) {
	rounds := prove.Count(40, 1000)
	folder := func(id string, version int64, by ...acl.Principal) catalog.Mutation {
		return catalog.PutContainer{Container: catalog.Container{
			DocumentID: catalog.DocumentID{Source: "handbook", ID: id}, Version: version, Policy: readable(by...),
		}}
	}
	content := func(id string, version int64, p catalog.AccessPatch) catalog.PutDocument {
		put := page(id, "Notice", fmt.Sprintf("This is version %d of the notice.", version))
		put.Document.Version, put.Access = version, p
		return put
	}
	policy := func(by ...acl.Principal) catalog.AccessPatch { return catalog.AccessPatch{Policy: readable(by...)} }
	in := func(folder string) catalog.AccessPatch { return catalog.AccessPatch{Container: &folder} }
	const everyone, friend = acl.Everyone, acl.Principal("user:local/ada")
	all := 0
	for _, tc := range []struct {
		name   string
		before func(id string) []catalog.Mutation
		lines  func(id string) []catalog.Mutation // what is written last must not be seen
		secret int64                              // its version
	}{
		{
			"ACL-10 a document for a folder that is closed now",
			func(id string) []catalog.Mutation { return []catalog.Mutation{folder(id, 1, everyone)} },
			func(id string) []catalog.Mutation {
				return []catalog.Mutation{folder(id, 2, friend), content(id, 1, in(id))}
			}, 1,
		},
		{
			"ACL-11 new content for a document that is closed now",
			func(id string) []catalog.Mutation { return []catalog.Mutation{content(id, 1, policy(everyone))} },
			func(id string) []catalog.Mutation {
				return []catalog.Mutation{
					catalog.PutAccess{Document: catalog.DocumentID{Source: "handbook", ID: id}, Access: policy(friend)}, content(id, 2, catalog.AccessPatch{}),
				}
			}, 2,
		},
		{
			"ACL-07 new content and a closed folder at once",
			func(id string) []catalog.Mutation {
				return []catalog.Mutation{folder(id, 1, everyone), folder(id+" closed", 1, friend), content(id, 1, in(id))}
			},
			func(id string) []catalog.Mutation { return []catalog.Mutation{content(id, 2, in(id+" closed"))} }, 2,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := newDesk(t)
			d.Log = recorder(func(context.Context, audit.Record) (audit.Entry, error) { return audit.Entry{}, nil }) // millions of looks
			for round := range rounds {
				id := fmt.Sprint("notice ", round)
				d.send(t, tc.before(id)...)
				stop := d.enemy(t.Context(), catalog.DocumentID{Source: "handbook", ID: id}, tc.secret)
				var tickets []indexer.Ticket
				for _, m := range tc.lines(id) {
					tickets = append(tickets, d.queue(t, m))
				}
				for _, ticket := range tickets {
					out, _, err := ticket.Wait(t.Context())
					if err != nil || out.Refused != nil || out.AccessKept {
						t.Fatalf("round %d: %+v, %v", round, out, err)
					}
				}
				_, err := d.Document(t.Context(), mallory, catalog.DocumentID{Source: "handbook", ID: id}, retriever.Request{ID: "request"})
				if !errors.Is(err, catalog.ErrNotFound) {
					t.Errorf("round %d: after the acknowledgement mallory gets %v", round, err)
				}
				if _, err := d.Document(t.Context(), ada, catalog.DocumentID{Source: "handbook", ID: id}, retriever.Request{ID: "request"}); err != nil {
					t.Errorf("round %d: ada, who may, gets %v", round, err)
				}
				looks, seen, err := stop()
				must(t, err)
				if all += looks; seen > 0 {
					t.Fatalf("round %d: in %d of %d looks mallory saw version %d", round, seen, looks, tc.secret)
				}
			}
		})
	}
	prove.Report(t, "revocation", "%d looks by somebody removed right before what they must not see was written, in %d rounds, 0 of them saw it", all, 3*rounds)
}
