package catalogtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// trial is one random history: the store and the model side by side.
type trial struct {
	*rapid.T
	open  Opener
	store catalog.Store
	model *model
	held  []held // pinned on the way, so they cannot have been pruned
	now   time.Time
}

// held is a snapshot, what its views withhold and what it expects of the sources.
type held struct {
	catalog.Snapshot
	withheld acl.Withholding
	expected map[string]catalog.Expectation
}

func (r *trial) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func (r *trial) same(what string, got, want any, options ...cmp.Option) {
	r.Helper()
	if reflect.DeepEqual(got, want) {
		return // which is mostly so, and takes a tenth of the time
	}
	if diff := cmp.Diff(want, got, append(options, cmpopts.EquateEmpty())...); diff != "" {
		r.Fatalf("%s: (-want +got)\n%s", what, diff)
	}
}

func (r *trial) reopen() {
	r.Helper()
	if r.store != nil {
		r.must(r.store.Close())
	}
	s, err := r.open()
	r.must(err)
	r.store, r.held = s, nil
}

func (r *trial) hold() {
	n, err := r.store.Snapshot(context.Background(), 0)
	r.must(err)
	r.held = append(r.held, held{n, r.model.withholding(), r.model.expected()})
}

// commit applies the mutations to both and compares what became of them.
func (r *trial) commit(ms []catalog.Mutation, requests []catalog.Request) {
	got, err := r.store.Commit(context.Background(), catalog.Commit{Mutations: ms, Requests: requests, At: r.now})
	r.must(err)
	want := r.model.commit(r.now, ms, requests, got.Outcomes)
	for i, o := range got.Outcomes {
		o.Document = nil // compared by the reads
		if reflect.DeepEqual(want[i], o) {
			continue
		}
		if diff := cmp.Diff(want[i], o, cmpopts.EquateErrors(), cmpopts.EquateEmpty(), withoutRows, failures); diff != "" {
			r.Fatalf("mutation %d, %+v, asked for as %+v: (-want +got)\n%s", i, ms[i], requests[i], diff)
		}
	}
	r.same("revision", got.Revision, r.model.head())
}

// failures compares whether a source's sync failed, not the words.
var failures = cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Error" },
	cmp.Comparer(func(a, b string) bool { return (a == "") == (b == "") }))

// listed compares the sources.
func (r *trial) listed() {
	w := r.model.worlds[r.model.head()]
	var want []catalog.Source
	for _, name := range slices.Sorted(maps.Keys(r.model.sources)) {
		if s := r.model.sources[name]; s.registered {
			want = append(want, *s.source(name, w))
		}
	}
	got, err := r.store.Sources(context.Background())
	r.must(err)
	r.same("sources", got, want, failures)
}

// compare compares every read at every revision that is kept, and all changes.
func (r *trial) compare() {
	r.listed()
	for _, n := range r.held {
		r.snapshot(n)
	}
	for at := range r.model.head() + 1 {
		if at == 0 {
			continue // means the newest
		}
		n, err := r.store.Snapshot(context.Background(), at)
		if errors.Is(err, catalog.ErrPruned) && at < r.model.head() {
			continue
		}
		r.must(err)
		r.snapshot(held{n, r.model.withholding(), r.model.expected()})
		r.must(n.Close())
	}
	for after := range r.model.head() + 1 {
		r.changes(after, catalog.Contents)
		r.changes(after, catalog.Records)
	}
}

var withoutRows = cmpopts.IgnoreFields(catalog.Document{}, "Rows")

// snapshot compares every read of one snapshot, for every caller at two instants.
func (r *trial) snapshot(n held) {
	for _, source := range sources {
		r.same("what is expected of "+source, n.Expected(source), n.expected[source])
	}
	w := r.model.worlds[n.Revision()]
	for _, team := range teams {
		got, err := n.Group(team)
		g, known := w.groups[team]
		if known != (err == nil) || err != nil && !errors.Is(err, catalog.ErrNotFound) {
			r.Fatalf("%s at %d: %v, known to the model: %t", team, n.Revision(), err, known)
		}
		r.same(string(team), got, g.list())
	}
	entries, err := n.Entries(context.Background())
	r.must(err)
	var want []catalog.Entry
	for _, name := range slices.Sorted(maps.Keys(w.entries)) {
		want = append(want, w.entries[name].Entry)
	}
	r.same("entries", entries, want)
	directory := w.directory().Withhold(n.withheld)
	for _, who := range callers {
		for _, at := range []time.Time{noon.Add(-1), noon} {
			v, err := n.View(who, at)
			r.must(err)
			want, err := directory.View(who, at)
			r.must(err)
			r.same("digest of the view", v.Digest(), want.Digest())
			r.reads(n, w, v, fmt.Sprintf("%s by %s at revision %d, %v", who.User, who.App, n.Revision(), at))
		}
	}
}

// reads compares documents, passages and texts for one view.
func (r *trial) reads(n catalog.Snapshot, w world, v acl.View, who string) {
	ctx := context.Background()
	var all []catalog.DocumentID
	var asked []catalog.PassageID
	var documents []catalog.Document
	var passages []catalog.Passage
	for _, source := range sources {
		for _, id := range append(ids, "never") {
			id := catalog.DocumentID{Source: source, ID: id}
			all = append(all, id)
			d, seen := w.documents[id], w.admits(v, id)
			if seen {
				documents = append(documents, d.document(id))
			}
			for version := range int64(5) {
				for ordinal := range 3 {
					p := catalog.PassageID{Document: id, Version: version, Ordinal: ordinal}
					asked = append(asked, p)
					if seen && version == d.version && ordinal < len(d.line.Passages) {
						passages = append(passages, catalog.Passage{ID: p, Text: d.line.Passages[ordinal].Text})
					}
				}
			}
			text, err := n.Text(ctx, v, id)
			if seen != (err == nil) || text != d.line.Text && seen || err != nil && !errors.Is(err, catalog.ErrNotFound) {
				r.Fatalf("text of %v for %s: %q, %v; in the model %q, visible %t", id, who, text, err, d.line.Text, seen)
			}
		}
	}
	gotDocuments, err := n.Documents(ctx, v, all)
	r.must(err)
	r.same("documents for "+who, gotDocuments, documents, withoutRows)
	gotPassages, err := n.Passages(ctx, v, asked)
	r.must(err)
	r.same("passages for "+who, gotPassages, passages, cmpopts.IgnoreFields(catalog.Passage{}, "Row"))
	for _, p := range gotPassages {
		d := gotDocuments[slices.IndexFunc(gotDocuments, func(d catalog.Document) bool { return d.DocumentID == p.ID.Document })]
		if p.Row != d.Rows.First+catalog.Row(p.ID.Ordinal) || int(d.Rows.Count) <= p.ID.Ordinal {
			r.Fatalf("row %d of passage %+v, document rows %+v", p.Row, p.ID, d.Rows)
		}
	}
	r.contents(n, w, v, who, gotDocuments)
}

// contents compares a walk over all that a view admits with the documents it admits, as they
// were read one by one, and with the passages and vectors of the model.
func (r *trial) contents(n catalog.Snapshot, w world, v acl.View, who string, want []catalog.Document) {
	var got []catalog.Document
	for c, err := range n.Contents(context.Background(), v) {
		r.must(err)
		got = append(got, c.Document)
		d := w.documents[c.Document.DocumentID]
		var passages []catalog.Passage
		for i, p := range d.line.Passages {
			p.ID = catalog.PassageID{Document: c.Document.DocumentID, Version: d.version, Ordinal: i}
			p.Row, p.Vector = c.Document.Rows.First+catalog.Row(i), d.vectors[i]
			passages = append(passages, p)
		}
		r.same("contents of "+c.Document.ID+" for "+who, c.Passages, passages)
	}
	slices.SortFunc(got, func(a, b catalog.Document) int { return a.Compare(b.DocumentID) })
	want = slices.Clone(want)
	slices.SortFunc(want, func(a, b catalog.Document) int { return a.Compare(b.DocumentID) })
	r.same("a walk for "+who, got, want)
}

// changes compares what changed after a revision.
func (r *trial) changes(after catalog.Revision, part catalog.Part) {
	w := r.model.worlds[r.model.head()]
	var want, got []catalog.Change
	for _, c := range w.containers {
		if c.changed > after {
			want = append(want, catalog.Change{Revision: c.changed, Container: &c.Container})
		}
	}
	for name, g := range w.groups {
		if g.changed > after {
			want = append(want, catalog.Change{Revision: g.changed, Group: &acl.Change{Group: name, Members: g.list()}})
		}
	}
	for _, e := range w.entries {
		if e.changed > after {
			want = append(want, catalog.Change{Revision: e.changed, Entry: &e.Entry})
		}
	}
	for id, d := range w.documents {
		if d.changed <= after {
			continue
		}
		c := &catalog.DocumentChange{Document: d.document(id)}
		for i, p := range d.line.Passages {
			if part == catalog.Contents && max(d.contentAt, d.vectorsAt) > after {
				p.Vector = d.vectors[i]
				p.ID = catalog.PassageID{Document: id, Version: d.version, Ordinal: i}
				c.Passages = append(c.Passages, p)
			}
		}
		want = append(want, catalog.Change{Revision: d.changed, Document: c})
	}
	slices.SortFunc(want, compareChanges)
	rows := map[catalog.Row]bool{}
	for c, err := range r.store.Changes(context.Background(), after, part) {
		if errors.Is(err, catalog.ErrPruned) && after > 0 && after < r.model.dropped {
			return
		}
		r.must(err)
		got = append(got, c)
		if c.Document == nil {
			continue
		}
		c.Document.Document.Rows = catalog.Rows{}
		for i, p := range c.Document.Passages {
			if p.Row == 0 || rows[p.Row] {
				r.Fatalf("row %d is nobody's or twice", p.Row)
			}
			rows[p.Row] = true
			c.Document.Passages[i].Row = 0
		}
	}
	r.same(fmt.Sprint("changes after ", after), got, want)
}
