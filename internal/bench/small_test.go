package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
	"github.com/muniment/muniment/indexer/keyword"
	"github.com/muniment/muniment/indexer/vector"
	"github.com/muniment/muniment/internal/bench/draw"
	"github.com/muniment/muniment/internal/bench/exact"
	"github.com/muniment/muniment/internal/bench/peer"
	"github.com/muniment/muniment/internal/bench/report"
)

// small is a data set of which every build machine measures a little.
var small = draw.Params{Passages: 2500, Policies: 500, Groups: 400, Callers: 80, Clusters: 100, Seed: 3}

func drawn(t *testing.T) *draw.Data {
	t.Helper()
	d, err := draw.Draw(small)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// smallEngine indexes the data set without a server.
func smallEngine(t *testing.T) *engine {
	t.Helper()
	r := &run{dir: t.TempDir(), progress: io.Discard, data: drawn(t)}
	r.findTruths()
	var changes []catalog.Change
	for i, d := range r.data.Documents {
		layer := acl.Layer{Allow: []acl.Grant{{Principal: everything}}}
		for _, g := range r.data.Policies[d.Policy] {
			layer.Allow = append(layer.Allow, acl.Grant{Principal: acl.Principal(groupName(g))})
		}
		change := &catalog.DocumentChange{Document: catalog.Document{
			DocumentID: catalog.DocumentID{Source: source, ID: documentID(i)}, Version: 1, State: catalog.Present, VectorSpace: spaceID,
			Access: catalog.Access{Policy: &acl.Policy{Layers: []acl.Layer{layer}}}, Rows: catalog.Rows{First: catalog.Row(d.First + 1), Count: uint32(d.Count)},
		}}
		for p := d.First; p < d.First+d.Count; p++ {
			change.Passages = append(change.Passages, catalog.Passage{Row: catalog.Row(p + 1), Text: r.data.Text(p), Vector: r.data.Vector(p)})
		}
		changes = append(changes, catalog.Change{Revision: 1, Document: change})
	}
	table, b := indexer.NewTable().With(changes, 1)
	e := &engine{run: r, state: &indexer.State{Table: table}}
	log := slog.New(slog.DiscardHandler)
	words, err := keyword.Open(t.TempDir(), catalog.ID{1}, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { words.Close() })
	vectors, err := vector.Open(t.TempDir(), catalog.ID{1}, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { vectors.Close() })
	for _, leg := range []struct {
		index  indexer.Index
		reader *indexer.Reader
	}{{words, &e.state.Keyword}, {vectors, &e.state.Vector}} {
		if err := leg.index.Apply(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		if *leg.reader, err = leg.index.Reader(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { (*leg.reader).Close() })
	}
	var groups []acl.Change
	for g := range r.data.Parents {
		line := r.group(g).GetGroup()
		c := acl.Change{Group: acl.Principal(line.GetName())}
		for _, m := range line.GetMembers() {
			c.Members = append(c.Members, acl.Principal(m))
		}
		groups = append(groups, c)
	}
	directory := new(acl.Directory).With(groups...)
	for i := range r.data.Callers {
		view, err := directory.View(identityOf(caller(i)), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		e.views = append(e.views, table.Visible(view))
	}
	return e
}

// TestSmallDataSet has the engine and the exact answers disagree about nothing, and the keyword leg be twice as
// fast as an index filtered by groups for callers in many (it is six times): the median of rounds in turns.
func TestSmallDataSet(t *testing.T) {
	e := smallEngine(t)
	for i, c := range e.data.Callers {
		if got := e.views[i].Len(); got != c.Sees {
			t.Fatalf("caller %d sees %d passages, by the benchmark's own decision %d", i, got, c.Sees)
		}
	}
	near, words := e.near("vector leg"), e.words("keyword leg")
	if err := e.measure(t.Context(), e.queries(len(e.data.Queries)), near, words); err != nil {
		t.Fatal(err)
	}
	for _, w := range []*way{near, words} {
		if m := w.all(); m.leaks != 0 || m.short != 0 || w.worst() != 1 || len(m.times) != small.Callers {
			t.Errorf("%s, %d queries: %d leaks, %d short answers, %v right in the worst share", w.name, len(m.times), m.leaks, m.short, w.worst())
		}
	}

	b, err := peer.NewBleve(t.TempDir()+"/bleve", e.data)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	var many []int
	for q, query := range e.data.Queries {
		if len(e.data.Callers[query.Caller].Groups) >= manyGroups {
			many = append(many, q)
		}
	}
	if len(many) < 5 {
		t.Fatalf("%d callers are in %d groups or more", len(many), manyGroups)
	}
	var faster []float64
	for range 7 {
		ours, theirs := e.words("ours"), e.bleve(b, "bleve", peer.Filter)
		if err := e.measure(t.Context(), many, ours, theirs); err != nil {
			t.Fatal(err)
		}
		if n := theirs.all().leaks; n != 0 {
			t.Fatalf("bleve's filter shows %d passages that are hidden: what is compared is not the same", n)
		}
		faster = append(faster, theirs.all().times.At(0.5)/ours.all().times.At(0.5))
	}
	if m := report.Median(faster); m < 2 {
		t.Errorf("the keyword leg is not twice as fast as an index filtered by groups: by rounds, %.2f times", faster)
	}
}

// TestMeasuringNotices lets a way that answers wrongly be measured: a leak, a short answer and a wrong one are counted.
func TestMeasuringNotices(t *testing.T) {
	r := &run{progress: io.Discard, data: drawn(t)}
	r.findTruths()
	hidden := func(q int) int {
		for p := range r.data.Passages {
			if !r.data.Readable(r.data.Queries[q].Caller, p) {
				return p
			}
		}
		t.Fatal("a caller sees everything")
		return 0
	}
	for _, c := range []struct {
		name               string
		answer             func(q int) []exact.Hit
		judge              func(int, []exact.Hit) (float64, bool)
		leaks, short       bool
		recallMost, recall float64
	}{
		{"the nearest", func(q int) []exact.Hit { return r.truths[q].near }, r.judgeNear, false, false, 1, 1},
		{"one of the nearest is missing", func(q int) []exact.Hit { return r.truths[q].near[1:] }, r.judgeNear, false, true, 0.9, 0},
		{"a hidden one instead", func(q int) []exact.Hit {
			return append([]exact.Hit{{Passage: hidden(q)}}, r.truths[q].near[1:]...)
		}, r.judgeNear, true, false, 0.9, 0},
		{"the best words", func(q int) []exact.Hit { return r.truths[q].words[:min(bestWords, len(r.truths[q].words))] }, r.judgeWords, false, false, 1, 1},
		{"a word leg with other scores", func(q int) []exact.Hit {
			return []exact.Hit{{Passage: r.truths[q].near[0].Passage, Score: -1}}
		}, r.judgeWords, false, true, 0, 0},
	} {
		w := &way{name: c.name, judge: c.judge, ask: func(_ context.Context, q int) ([]exact.Hit, error) { return c.answer(q), nil }}
		if err := r.measure(t.Context(), r.queries(40), w); err != nil {
			t.Fatal(err)
		}
		m := w.all()
		if (m.leaks > 0) != c.leaks || (m.short > 0) != c.short || report.Mean(m.right) > c.recallMost+1e-9 || report.Mean(m.right) < c.recall {
			t.Errorf("%s: %d leaks, %d short answers, %v right", c.name, m.leaks, m.short, report.Mean(m.right))
		}
	}
	failing := &way{name: "failing", ask: func(context.Context, int) ([]exact.Hit, error) { return nil, fmt.Errorf("refused") }}
	if err := r.measure(t.Context(), r.queries(3), failing); err == nil {
		t.Error("a way that fails was measured")
	}
}
