package catalogtest

import (
	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

var visibilityCases = []testCase{
	{"A snapshot keeps seeing the world it was taken in", func(w *bench) {
		w.commit(
			catalog.PutGroup{Group: "group:x", Members: []acl.Principal{"user:corp/ada"}},
			folder("f", 1, "", readers("group:x")),
			put("text", 1, "old", with(0, everyone)), put("acl", 1, "old", with(0, forAda)),
			put("gone", 1, "old", with(0, everyone)), put("foldered", 1, "old"), within("foldered", 1, "f"),
			put("grouped", 1, "old", with(0, readers("group:x"))),
		)
		old := w.pin(0)
		w.one(put("text", 2, "new"))
		w.one(access("acl", 1, forBob))
		w.one(catalog.DeleteDocument{Document: name("gone"), Version: 1})
		w.one(folder("f", 2, "", forBob))
		w.one(catalog.PutGroup{Group: "group:x", Members: []acl.Principal{"user:corp/bob"}})
		w.one(put("new", 1, "new", with(0, everyone)))
		for i := range int64(5) { // commits for a store that prunes to prune in
			w.one(put("noise", i, "noise"))
		}
		now := w.pin(0)
		for _, c := range []struct {
			id             string
			before, after  [2]bool // seen by ada, by bob
			oldText, later string
		}{
			{"text", [2]bool{true, true}, [2]bool{true, true}, "old", "new"},
			{"acl", [2]bool{true, false}, [2]bool{false, true}, "old", "old"},
			{"gone", [2]bool{true, true}, [2]bool{false, false}, "old", ""},
			{"foldered", [2]bool{true, false}, [2]bool{false, true}, "old", "old"},
			{"grouped", [2]bool{true, false}, [2]bool{false, true}, "old", "old"},
			{"new", [2]bool{false, false}, [2]bool{true, true}, "", "new"},
		} {
			for i, who := range []acl.Identity{ada, bob} {
				w.reads(old, who, c.id, c.before[i], c.oldText)
				w.reads(now, who, c.id, c.after[i], c.later)
			}
		}
		for n, want := range map[catalog.Snapshot]acl.Principal{old: "user:corp/ada", now: "user:corp/bob"} {
			got, err := n.Group("group:x")
			w.must(err)
			w.same("members", got, []acl.Principal{want})
		}
	}},
	{"A committed revision can be pinned later, one to come cannot", func(w *bench) {
		w.same("revision of an empty store", w.pin(0).Revision(), catalog.Revision(0))
		w.one(put("a", 1, "one", with(0, everyone)))
		w.one(catalog.PutGroup{Group: "group:x", Members: []acl.Principal{"user:corp/ada"}})
		held := w.pin(0) // so that it is not pruned
		w.one(catalog.PutGroup{Group: "group:x", Members: []acl.Principal{"user:corp/bob"}})
		w.one(put("a", 2, "two"))
		again := w.pin(held.Revision())
		w.same("revision", again.Revision(), held.Revision())
		w.reads(again, ada, "a", true, "one")
		got, err := again.Group("group:x")
		w.must(err)
		w.same("members", got, []acl.Principal{"user:corp/ada"})
		if _, err := w.store.Snapshot(w.Context(), w.pin(0).Revision()+1); !is(err, catalog.ErrFuture) {
			w.Fatalf("pinning a revision to come: %v, want ErrFuture", err)
		}
	}},
	{"Hidden, deleted and never existing are the same", func(w *bench) {
		w.commit(
			put("hidden", 1, "one", with(0, forBob)), put("label", 1, "one", with(0, everyone), func(m *catalog.PutDocument) {
				top := "restricted"
				m.Access.Sensitivity = &top
			}),
			put("deleted", 1, "one", with(0, everyone)), catalog.DeleteDocument{Document: name("deleted"), Version: 1},
			access("access only", 1, everyone), put("seen", 1, "one", with(0, everyone)),
			put("lost", 1, "one", with(0, everyone)), within("lost", 1, "nowhere"),
		)
		n := w.pin(0)
		v := w.view(n, ada)
		for _, id := range []string{"hidden", "label", "deleted", "access only", "lost", "never"} {
			documents, err := n.Documents(w.Context(), v, []catalog.DocumentID{name(id)})
			w.must(err)
			passages, perr := n.Passages(w.Context(), v, []catalog.PassageID{{Document: name(id), Version: 1}})
			w.must(perr)
			if documents != nil || passages != nil {
				w.Fatalf("%s: %#v, %#v, want nil", id, documents, passages)
			}
			text, err := n.Text(w.Context(), v, name(id))
			_, never := n.Text(w.Context(), v, name("never"))
			if text != "" || !is(err, catalog.ErrNotFound) || err.Error() != never.Error() {
				w.Fatalf("%s: %q, %v; want the error %v", id, text, err, never)
			}
		}
	}},
	{"How a document stands is told whoever asks, as it was", func(w *bench) {
		w.commit(folder("f", 1, "", forBob), put("a", 1, "one", with(0, forAda)), within("a", 1, "f"))
		old := w.pin(0)
		w.one(access("a", 2, forBob))
		w.one(catalog.DeleteDocument{Document: name("a"), Version: 3})
		now := w.pin(0)
		before, err := old.Standing(w.Context(), name("a"))
		w.must(err)
		after, err := now.Standing(w.Context(), name("a"))
		w.must(err)
		w.same("before", []any{before.State, before.Version, before.Access.Policy, len(before.Containers)}, []any{catalog.Present, int64(1), forAda, 1})
		w.same("after", []any{after.State, after.Version, after.Access.Policy}, []any{catalog.Deleted, int64(3), forBob})
		v := w.view(old, ada)
		w.same("admits", v.Admits(before.Governed(name("a"))), w.sees(old, ada, name("a")))
		if _, err := now.Standing(w.Context(), name("never")); !is(err, catalog.ErrNotFound) {
			w.Fatalf("of a document that never was: %v, want ErrNotFound", err)
		}
	}},
	{"Reads keep the order of the ids, and repeat what is repeated", func(w *bench) {
		w.commit(put("a", 1, "A", with(0, everyone)), put("b", 1, "B", with(0, forBob)), put("c", 1, "C", with(0, everyone)))
		n := w.pin(0)
		var ids []catalog.DocumentID
		var passages []catalog.PassageID
		for _, id := range []string{"c", "b", "never", "a", "c"} {
			ids = append(ids, name(id))
			passages = append(passages, catalog.PassageID{Document: name(id), Version: 1})
		}
		gotDocuments, err := n.Documents(w.Context(), w.view(n, ada), ids)
		w.must(err)
		gotPassages, err := n.Passages(w.Context(), w.view(n, ada), passages)
		w.must(err)
		var d, p string
		for _, x := range gotDocuments {
			d += x.ID
		}
		for _, x := range gotPassages {
			p += x.Text
		}
		w.same("documents", d, "cac")
		w.same("passages", p, "CAC")
	}},
	{"The zero view sees nothing", func(w *bench) {
		w.one(put("a", 1, "one", with(0, everyone)))
		n := w.pin(0)
		documents, err := n.Documents(w.Context(), acl.View{}, []catalog.DocumentID{name("a")})
		w.must(err)
		passages, err := n.Passages(w.Context(), acl.View{}, []catalog.PassageID{{Document: name("a"), Version: 1}})
		w.must(err)
		if len(documents)+len(passages) > 0 {
			w.Fatalf("%v, %v", documents, passages)
		}
		if _, err := n.Text(w.Context(), acl.View{}, name("a")); !is(err, catalog.ErrNotFound) {
			w.Fatalf("text: %v", err)
		}
	}},
	{"An identity that is nobody gets no view", func(w *bench) {
		if _, err := w.pin(0).View(acl.Identity{User: "group:x", App: "service:chat"}, w.now); !is(err, acl.ErrIdentity) {
			w.Fatalf("a view for a group: %v", err)
		}
	}},
}

// reads checks that a snapshot shows a document with this text, or does not show it.
func (w *bench) reads(n catalog.Snapshot, who acl.Identity, id string, seen bool, text string) {
	w.Helper()
	if got := w.sees(n, who, name(id)); got != seen {
		w.Fatalf("at %d, %s sees %s: %t, want %t", n.Revision(), who.User, id, got, seen)
	}
	if !seen {
		return
	}
	got, err := n.Text(w.Context(), w.view(n, who), name(id))
	w.must(err)
	w.same("text of "+id, got, text)
}
