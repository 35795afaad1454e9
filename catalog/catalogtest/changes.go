package catalogtest

import (
	"context"
	"fmt"
	"strings"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// changes lists what changed after the revision.
func (w *bench) changes(after catalog.Revision) (all []catalog.Change) {
	w.Helper()
	for c, err := range w.store.Changes(w.Context(), after, catalog.Contents) {
		w.must(err)
		all = append(all, c)
	}
	return all
}

// brief is a change in a few words: its name and, for a document, its state and how many
// passages came with it.
func brief(c catalog.Change) string {
	switch {
	case c.Container != nil:
		return "container " + c.Container.ID
	case c.Group != nil:
		return fmt.Sprint(c.Group.Group, c.Group.Members)
	}
	if c.Entry != nil {
		return fmt.Sprintf("entry %s v%d", c.Entry.Principal, c.Entry.Version)
	}
	d := c.Document
	switch d.Document.State {
	case catalog.Present:
		return fmt.Sprintf("%s v%d+%d", d.Document.ID, d.Document.Version, len(d.Passages))
	case catalog.Deleted:
		return d.Document.ID + " deleted"
	}
	return d.Document.ID + " access only"
}

func (w *bench) changed(after catalog.Revision, want ...string) {
	w.Helper()
	var got []string
	for _, c := range w.changes(after) {
		got = append(got, brief(c))
	}
	w.same(fmt.Sprint("changes after ", after), got, want)
}

var changeCases = []testCase{
	{"Changes are the newest state of what changed since", func(w *bench) {
		w.changed(0)
		r1 := w.commit(put("b", 1, "one"), put("a", 1, "one"), folder("z", 0, "", nil), catalog.PutGroup{Group: "group:x"}).Revision
		r2 := w.commit(put("a", 2, "two"), access("b", 1, forAda), access("c", 1, forAda)).Revision
		r3 := w.commit(catalog.DeleteDocument{Document: name("b"), Version: 1}, folder("z", 0, "y", nil)).Revision
		r4 := w.commit(access("a", 1, forBob), catalog.PutGroup{Group: "group:x", Members: []acl.Principal{"user:corp/ada"}}).Revision
		for range 2 {
			w.changed(0, "c access only", "container z", "b deleted", "group:x[user:corp/ada]", "a v2+1")
			w.changed(r1, "c access only", "container z", "b deleted", "group:x[user:corp/ada]", "a v2+1")
			w.changed(r2, "container z", "b deleted", "group:x[user:corp/ada]", "a v2+0")
			w.changed(r3, "group:x[user:corp/ada]", "a v2+0")
			w.changed(r4)
			w.changed(r4 + 100)
			w.reopen()
		}
	}},
	{"Changes bring passages with everything, vectors too", func(w *bench) {
		m := put("a", 1, "one", func(m *catalog.PutDocument) {
			m.Passages = []catalog.Passage{{Text: "p", Vector: []float32{1, -0.5, 3e-30}, Headings: []string{"h", ""}}, {Text: "without a vector"}}
		})
		rows := w.one(m).Document.Rows
		c := w.changes(0)[0].Document
		want := m.Passages
		for i := range want {
			want[i].ID = catalog.PassageID{Document: name("a"), Version: 1, Ordinal: i}
			want[i].Row = rows.First + catalog.Row(i)
		}
		w.same("passages", c.Passages, want)
	}},
	{"Access decides nothing in changes", func(w *bench) {
		w.commit(put("a", 1, "one"), put("b", 1, "one", with(0, forAda)))
		w.changed(0, "a v1+1", "b v1+1")
	}},
	{"Within a revision, what decides on access comes before documents, and each by name", func(w *bench) {
		w.commit(put("b", 1, "one"), put("a/b", 1, "one"), put("a", 1, "one"), folder("g", 0, "", nil), folder("f", 0, "", nil),
			catalog.PutGroup{Group: "group:y"}, catalog.PutGroup{Group: "group:x"})
		w.changed(0, "container f", "container g", "group:x[]", "group:y[]", "a v1+1", "a/b v1+1", "b v1+1")
	}},
	{"Changes end at the revision of the call, whatever is committed meanwhile", func(w *bench) {
		const n = 600
		var lines []catalog.Mutation
		for i := range n {
			lines = append(lines, put(fmt.Sprintf("%04d", i), 1, "one"))
		}
		r := w.commit(lines...).Revision
		later := w.store.Changes(w.Context(), 0, catalog.Contents)
		seen := 0
		for c, err := range later {
			w.must(err)
			if c.Revision != r || c.Document.Document.Version != 1 || c.Document.Document.ID != fmt.Sprintf("%04d", seen) {
				w.Fatalf("change %d is %s of revision %d", seen, brief(c), c.Revision)
			}
			if seen%100 == 0 {
				w.commit(put(fmt.Sprintf("%04d", n-1-seen/100), int64(2+seen), "newer"), put(fmt.Sprint("x", seen), 1, "new"))
			}
			seen++
		}
		w.same("documents", seen, n)
		w.same("documents", len(w.changes(r)), 12)
	}},
	{"Changes stop when the caller stops or the time is over", func(w *bench) {
		w.commit(put("a", 1, "one"), put("b", 1, "one"))
		for range w.store.Changes(w.Context(), 0, catalog.Contents) {
			break
		}
		ctx, cancel := context.WithCancel(w.Context())
		cancel()
		for _, err := range w.store.Changes(ctx, 0, catalog.Contents) {
			if !is(err, context.Canceled) {
				w.Fatalf("error %v", err)
			}
		}
		w.commit(put("c", 1, "one"))
	}},
	{"Names of any bytes stay apart", func(w *bench) {
		ids := []catalog.DocumentID{
			{Source: "a", ID: "bc"}, {Source: "ab", ID: "c"}, {Source: "a", ID: "b"}, {Source: "a", ID: "b/c"}, {Source: "a/b", ID: "c"},
			{Source: "a", ID: "B"}, {Source: "a", ID: "b "}, {Source: "a", ID: "b\x01"}, {Source: "a", ID: "b\xff"}, {Source: "a", ID: "b\xff\xff\xff\xff\xff\xff\xff\xff\xff"},
			{Source: "é", ID: "é"}, {Source: "e\u0301", ID: "e\u0301"}, {Source: "a", ID: "b\x00"}, {Source: "a", ID: "b\x00\x01"}, {Source: "a\x00", ID: "b"}, {Source: "a", ID: "\x00b"},
			{Source: "a", ID: "not UTF-8 \xc3\x28"}, {Source: "日本", ID: "規程/第一条"}, {Source: "a", ID: "../../b"},
			{Source: strings.Repeat("s", 1024), ID: strings.Repeat("i", 1024)}, {Source: strings.Repeat("s", 1024), ID: strings.Repeat("i", 1023)},
		}
		for round := range int64(2) {
			for i, id := range ids {
				m := put("", round, fmt.Sprint(i, "/", round), with(round, everyone))
				m.Document.DocumentID = id
				w.one(m)
				w.one(catalog.PutContainer{Container: catalog.Container{DocumentID: id, Parent: fmt.Sprint(i), Version: round + 1}})
			}
			w.reopen()
		}
		n := w.pin(0)
		for i, id := range ids {
			text, err := n.Text(w.Context(), w.view(n, ada), id)
			w.must(err)
			w.same("text", text, fmt.Sprint(i, "/1"))
		}
		got, err := n.Documents(w.Context(), w.view(n, ada), ids)
		w.must(err)
		for i, d := range got {
			w.same("id", d.DocumentID, ids[i])
		}
		w.same("documents", len(got), len(ids))
		w.same("changes", len(w.changes(0)), 2*len(ids))
	}},
}
