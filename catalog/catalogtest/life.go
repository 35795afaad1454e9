package catalogtest

import (
	"context"
	"fmt"
	"sync"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

var lifeCases = []testCase{
	{"After its Close a snapshot reads nothing", func(w *bench) {
		w.one(put("a", 1, "one", with(0, everyone)))
		n := w.pin(0)
		v := w.view(n, ada)
		w.must(n.Close())
		w.must(n.Close())
		w.fails(n, v)
		w.expect(name("a"), true, true)
	}},
	{"After the store's Close nothing works, and the snapshots do not either", func(w *bench) {
		w.one(put("a", 1, "one", with(0, everyone)))
		n := w.pin(0)
		v := w.view(n, ada)
		changes := w.store.Changes(w.Context(), 0, catalog.Contents)
		w.must(w.store.Close())
		w.fails(n, v)
		if _, err := w.store.Commit(w.Context(), catalog.Commit{Mutations: []catalog.Mutation{put("b", 1, "one")}}); err == nil {
			w.Fatal("committed to a closed store")
		}
		if _, err := w.store.Snapshot(w.Context(), 0); err == nil {
			w.Fatal("pinned a revision of a closed store")
		}
		failed := false
		for _, err := range changes {
			failed = err != nil
		}
		for _, err := range w.store.Outbox().Pending(w.Context()) {
			failed = failed && err != nil
		}
		if !failed {
			w.Fatal("read the changes or the outbox of a closed store")
		}
		if err := w.store.Outbox().Take(w.Context(), 1); err == nil {
			w.Fatal("emptied the outbox of a closed store")
		}
		w.store = nil
		w.reopen()
		w.expect(name("a"), true, true)
		w.expect(name("b"), false, false)
	}},
	{"Reads heed the end of the call", func(w *bench) {
		w.one(put("a", 1, "one", with(0, everyone)))
		n := w.pin(0)
		ctx, cancel := context.WithCancel(w.Context())
		cancel()
		if _, err := n.Documents(ctx, w.view(n, ada), []catalog.DocumentID{name("a")}); !is(err, context.Canceled) {
			w.Fatalf("documents: %v", err)
		}
		if _, err := w.store.Snapshot(ctx, 0); !is(err, context.Canceled) {
			w.Fatalf("snapshot: %v", err)
		}
	}},
	{"Readers see whole commits while a writer commits", readersAndWriter},
}

// fails checks that every read of the snapshot fails, and not with "not found".
func (w *bench) fails(n catalog.Snapshot, v acl.View) {
	w.Helper()
	_, documents := n.Documents(w.Context(), v, []catalog.DocumentID{name("a")})
	_, passages := n.Passages(w.Context(), v, []catalog.PassageID{{Document: name("a"), Version: 1}})
	_, text := n.Text(w.Context(), v, name("a"))
	_, group := n.Group("group:x")
	_, view := n.View(ada, w.now)
	for what, err := range map[string]error{"documents": documents, "passages": passages, "text": text, "group": group, "view": view} {
		if err == nil || is(err, catalog.ErrNotFound) {
			w.Fatalf("%s of something closed: %v", what, err)
		}
	}
}

// readersAndWriter commits two documents and a group in step, and reads them meanwhile.
// At every revision all three must be of the same step, in snapshots and in changes.
func readersAndWriter(w *bench) {
	const steps, readers = 60, 4
	pair := []catalog.DocumentID{name("left"), name("right")}
	step := func(i int64) []catalog.Mutation {
		text := fmt.Sprint("step ", i)
		return []catalog.Mutation{
			put("left", i, text, with(0, everyone)), put("right", i, text, with(0, everyone)),
			catalog.PutGroup{Group: "group:step", Members: []acl.Principal{acl.Principal("user:corp/" + fmt.Sprint(i))}},
		}
	}
	w.commit(step(1)...)
	done := make(chan struct{})
	var wait sync.WaitGroup
	for range readers {
		wait.Go(func() {
			last := catalog.Revision(0)
			for more := true; more; {
				select {
				case <-done:
					more = false // one more round, at the end
				default:
				}
				at, err := w.round(pair, last)
				if err != nil {
					w.Errorf("reading meanwhile: %v", err)
					return
				}
				last = at
			}
		})
	}
	for i := range int64(steps) {
		w.commit(step(i + 2)...)
	}
	close(done)
	wait.Wait()
}

// round reads what readersAndWriter has written, and returns the revision.
func (w *bench) round(pair []catalog.DocumentID, last catalog.Revision) (catalog.Revision, error) {
	n, err := w.store.Snapshot(w.Context(), 0)
	if err != nil {
		return 0, err
	}
	defer n.Close()
	if n.Revision() < last {
		return 0, fmt.Errorf("revision %d after %d", n.Revision(), last)
	}
	v, err := n.View(ada, times[1])
	if err != nil {
		return 0, err
	}
	documents, err := n.Documents(w.Context(), v, pair)
	if err != nil {
		return 0, err
	}
	if len(documents) != 2 || documents[0].Version != documents[1].Version {
		return 0, fmt.Errorf("half a commit: %+v", documents)
	}
	want := fmt.Sprint("step ", documents[0].Version)
	var ids []catalog.PassageID
	for _, d := range documents {
		ids = append(ids, catalog.PassageID{Document: d.DocumentID, Version: d.Version})
	}
	passages, err := n.Passages(w.Context(), v, ids)
	if err != nil {
		return 0, err
	}
	text, err := n.Text(w.Context(), v, pair[1])
	if err != nil {
		return 0, err
	}
	members, err := n.Group("group:step")
	if err != nil {
		return 0, err
	}
	if len(passages) != 2 || passages[0].Text != want || passages[1].Text != want || text != want ||
		string(members[0]) != fmt.Sprint("user:corp/", documents[0].Version) {
		return 0, fmt.Errorf("of %q: passages %+v, text %q, members %v", want, passages, text, members)
	}
	seen := 0
	for c, err := range w.store.Changes(w.Context(), 0, catalog.Contents) {
		if err != nil {
			return 0, err
		}
		if c.Document == nil {
			continue
		}
		seen++
		if c.Revision < n.Revision() || c.Document.Passages[0].Text != fmt.Sprint("step ", c.Document.Document.Version) {
			return 0, fmt.Errorf("change of revision %d at %d: %s", c.Revision, n.Revision(), brief(c))
		}
	}
	if seen != 2 {
		return 0, fmt.Errorf("%d changes", seen)
	}
	return n.Revision(), nil
}
