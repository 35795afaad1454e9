package catalogtest

import (
	"context"
	"fmt"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// foreign is a mutation that no store knows, which fails a commit in its midst.
type foreign struct{ catalog.PutGroup }

var commitCases = []testCase{
	{"A commit that fails changes nothing", func(w *bench) {
		w.one(put("a", 1, "one", with(0, forAda)))
		was := w.pin(0).Revision()
		lines := []catalog.Mutation{
			put("a", 2, "two"), access("a", 9, everyone), put("b", 1, "new", with(0, everyone)),
			catalog.PutGroup{Group: "group:x", Members: []acl.Principal{"user:corp/ada"}}, folder("f", 1, "", everyone),
		}
		record := func(catalog.Revision, int, catalog.Outcome) [][]byte { return [][]byte{[]byte("record")} }
		if _, err := w.store.Commit(w.Context(), catalog.Commit{Mutations: append(lines[:5:5], foreign{}), Record: record, At: w.now}); err == nil {
			w.Fatal("a mutation that no store knows was accepted")
		}
		if _, err := w.store.Commit(w.Context(), catalog.Commit{Mutations: append(lines[:5:5], nil), Record: record, At: w.now}); err == nil {
			w.Fatal("a nil mutation was accepted")
		}
		cancelled, cancel := context.WithCancel(w.Context())
		cancel()
		if _, err := w.store.Commit(cancelled, catalog.Commit{Mutations: lines, Record: record, At: w.now}); !is(err, context.Canceled) {
			w.Fatalf("committing after the end: %v", err)
		}
		for range 2 {
			w.same("revision", w.pin(0).Revision(), was)
			w.expect(name("a"), true, false)
			w.text("a", "one")
			w.expect(name("b"), false, false)
			if _, err := w.pin(0).Group("group:x"); !is(err, catalog.ErrNotFound) {
				w.Fatalf("a group of a failed commit: %v", err)
			}
			w.same("outbox", w.pending(), []string(nil))
			w.reopen()
		}
		w.one(put("b", 1, "new", with(0, everyone)))
		w.text("b", "new")
	}},
	{"A commit that is cancelled half way changes nothing", func(w *bench) {
		ctx, cancel := context.WithCancel(w.Context())
		_, err := w.store.Commit(ctx, catalog.Commit{
			Mutations: []catalog.Mutation{put("a", 1, "one", with(0, everyone)), put("b", 1, "one", with(0, everyone))},
			Record: func(catalog.Revision, int, catalog.Outcome) [][]byte {
				cancel()
				return [][]byte{[]byte("record")}
			},
			At: w.now,
		})
		if !is(err, context.Canceled) {
			w.Fatalf("error %v", err)
		}
		w.expect(name("a"), false, false)
		w.same("revision", w.pin(0).Revision(), catalog.Revision(0))
		w.same("outbox", w.pending(), []string(nil))
	}},
	{"A refused mutation does not disturb its neighbours", func(w *bench) {
		w.one(put("a", 5, "five", with(0, everyone)))
		done := w.commit(
			put("b", 1, "before", with(0, everyone)), put("a", 4, "stale"), put("a", 5, "reused"),
			access("a", 1, forBob), put("c", 1, "after", with(0, everyone)),
		)
		for i, want := range []error{nil, catalog.ErrVersionStale, catalog.ErrVersionReused, nil, nil} {
			if o := done.Outcomes[i]; o.Refused != want || o.Changed != (want == nil) {
				w.Fatalf("mutation %d: %+v, want refused %v", i, o, want)
			}
		}
		w.expect(name("a"), false, true)
		w.text("b", "before")
		w.text("c", "after")
	}},
	{"A commit takes the next revision if something changed, else none", func(w *bench) {
		at := w.pin(0).Revision()
		same := func(ms ...catalog.Mutation) {
			w.Helper()
			w.same("revision of "+fmt.Sprint(len(ms)), w.commit(ms...).Revision, at)
			w.same("revision", w.pin(0).Revision(), at)
		}
		next := func(ms ...catalog.Mutation) {
			w.Helper()
			got := w.commit(ms...).Revision
			if got <= at {
				w.Fatalf("revision %d after %d", got, at)
			}
			at = got
			w.same("revision", w.pin(0).Revision(), at)
		}
		same()
		same(catalog.PutAccess{Document: name("a")})
		next(put("a", 1, "one"), put("b", 1, "one"))
		same(put("a", 1, "one"), put("b", 0, "older"), catalog.PutAccess{Document: name("a")})
		next(put("a", 1, "one"), catalog.DeleteDocument{Document: name("b"), Version: 1})
		w.reopen()
		same()
		next(folder("f", 0, "", nil))
	}},
	{"Later mutations of a commit see the earlier ones", func(w *bench) {
		done := w.commit(
			put("a", 1, "one", with(0, forAda)), put("a", 3, "three"), put("a", 2, "late"), access("a", 4, forBob),
			put("b", 1, "one", with(0, everyone)), catalog.DeleteDocument{Document: name("b"), Version: 1}, put("b", 1, "one"),
			catalog.DeleteDocument{Document: name("c"), Version: 1}, put("c", 2, "back", with(0, everyone)),
			folder("f", 2, "", nil), folder("f", 1, "", everyone),
			put("d", 1, "one", with(0, everyone)), put("d", 2, "two"), catalog.DeleteDocument{Document: name("d"), Version: 2},
		)
		for i, want := range map[int]error{2: catalog.ErrVersionStale, 6: catalog.ErrVersionReused, 8: nil, 10: catalog.ErrVersionStale, 13: nil} {
			if got := done.Outcomes[i].Refused; got != want {
				w.Fatalf("mutation %d: refused %v, want %v", i, got, want)
			}
		}
		for range 2 {
			w.reads(w.pin(0), bob, "a", true, "three")
			w.expect(name("a"), false, true)
			w.expect(name("b"), false, false)
			w.text("c", "back")
			w.expect(name("d"), false, false)
			w.reopen()
		}
	}},
	{"The outcome carries the stored record", func(w *bench) {
		done := w.commit(put("a", 1, "one", with(0, everyone)), put("a", 0, "older"), access("b", 2, everyone),
			catalog.PutAccess{Document: name("c")}, catalog.DeleteDocument{Document: name("a"), Version: 3})
		var got []catalog.Document
		for _, o := range done.Outcomes {
			if o.Document == nil {
				w.Fatalf("no document in %+v", o)
			}
			got = append(got, *o.Document)
		}
		type brief struct {
			ID      string
			Version int64
			State   catalog.State
			Content catalog.Revision
		}
		var briefs []brief
		for _, d := range got {
			briefs = append(briefs, brief{d.ID, d.Version, d.State, d.ContentAt})
		}
		w.same("records", briefs, []brief{
			{"a", 1, catalog.Present, done.Revision}, {"a", 1, catalog.Present, done.Revision},
			{"b", 0, catalog.AccessOnly, 0}, {"c", 0, catalog.AccessOnly, 0}, {"a", 3, catalog.Deleted, 0},
		})
		if !got[0].Synced.Equal(w.now) || !got[2].ACLSynced.Equal(w.now) {
			w.Fatalf("synced at %v and %v, want %v", got[0].Synced, got[2].ACLSynced, w.now)
		}
	}},
	{"No two passages share a row, and later contents have greater ones", func(w *bench) {
		last := catalog.Row(0)
		for i := range int64(4) {
			for _, id := range []string{"b", "a"} {
				m := put(id, i, fmt.Sprint(i))
				for range i {
					m.Passages = append(m.Passages, catalog.Passage{Text: "more"})
				}
				rows := w.one(m).Document.Rows
				if rows.First <= last || rows.Count != uint32(len(m.Passages)) {
					w.Fatalf("rows %+v of %d passages after row %d", rows, len(m.Passages), last)
				}
				last = rows.First + catalog.Row(rows.Count) - 1
			}
			w.reopen()
		}
	}},
	{"What the caller does with its values later does not matter", func(w *bench) {
		m := put("a", 1, "one", with(0, everyone), func(m *catalog.PutDocument) {
			m.Document.Labels = map[string]string{"k": "v"}
			m.Passages[0].Headings = []string{"h"}
		})
		members := []acl.Principal{"user:corp/ada", "user:corp/bob"}
		w.commit(m, catalog.PutGroup{Group: "group:x", Members: members})
		for range 2 {
			members[0] = "user:corp/eve"
			n := w.pin(0)
			d, err := n.Documents(w.Context(), w.view(n, ada), []catalog.DocumentID{name("a")})
			w.must(err)
			w.same("labels", d[0].Labels, map[string]string{"k": "v"})
			d[0].Labels["k"] = "changed"
			w.text("a", "one")
			w.members("group:x", "user:corp/ada", "user:corp/bob")
			got, err := n.Group("group:x")
			w.must(err)
			got[0] = "user:corp/eve"
			m.Document.Labels["k"] = "changed"
			m.Passages[0].Text = "changed"
		}
	}},
}
