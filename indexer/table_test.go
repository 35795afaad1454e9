package indexer_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// facts is everything a table says, for comparison.
type facts struct {
	Revision   catalog.Revision
	Live       map[catalog.Row]catalog.PassageID
	Views      [][]catalog.Row
	Successors map[catalog.DocumentID][]catalog.DocumentID
}

// maxRow is more than the rows of any world here.
const maxRow = 2000

func factsOf(t *indexer.Table, views []acl.View) facts {
	f := facts{Revision: t.Revision(), Live: map[catalog.Row]catalog.PassageID{}, Successors: map[catalog.DocumentID][]catalog.DocumentID{}}
	for row := range catalog.Row(maxRow) {
		if t.Live(row) {
			f.Live[row] = t.ID(row)
		} else if id := t.ID(row); id != (catalog.PassageID{}) {
			panic(fmt.Sprintf("the dead row %d is %v", row, id))
		}
	}
	for _, source := range sources {
		for i := range 12 {
			id := catalog.DocumentID{Source: source, ID: fmt.Sprintf("d%d", i)}
			if s := t.Successors(id); len(s) > 0 {
				f.Successors[id] = slices.Clone(s)
			}
		}
	}
	for _, view := range views {
		f.Views = append(f.Views, rowsOf(t.Visible(view)))
	}
	return f
}

func rowsOf(v *indexer.Visible) (rows []catalog.Row) {
	for row := range catalog.Row(maxRow) {
		if v.Has(row) {
			rows = append(rows, row)
		}
	}
	return rows
}

// A table brought along commit by commit is the table made of the catalog at once, no
// table changes once made, and the batches on the way keep an index at its live rows.
func TestTableFollowsTheCatalog(t *testing.T) {
	for seed := range uint64(20) {
		g, s, index := newGenerator(seed), newStore(t), newPlain()
		table := indexer.NewTable()
		type kept struct {
			table *indexer.Table
			facts facts
		}
		var views []acl.View
		for range 3 {
			views = append(views, s.view(g.caller(), g.instant()))
		}
		past := []kept{{table, factsOf(table, views)}}
		for range 12 {
			var mutations []catalog.Mutation
			for range 1 + g.IntN(8) {
				mutations = append(mutations, g.mutation())
			}
			changes, to := s.commit(mutations...)
			var batch indexer.Batch
			table, batch = table.With(changes, to)
			if err := index.Apply(t.Context(), batch); err != nil {
				t.Fatal(err)
			}
			now := factsOf(table, views)
			fresh, _ := indexer.NewTable().With(s.changes(0), to)
			if diff := cmp.Diff(factsOf(fresh, views), now); diff != "" {
				t.Fatalf("seed %d, revision %d (- made at once, + brought along):\n%s", seed, to, diff)
			}
			if live := len(now.Live); len(index.held()) != live || index.Revision() != to {
				t.Fatalf("seed %d: an index kept by batches has %d rows at %d, want %d at %d", seed, len(index.held()), index.Revision(), live, to)
			}
			past = append(past, kept{table, now})
		}
		for _, p := range past {
			if diff := cmp.Diff(p.facts, factsOf(p.table, views)); diff != "" {
				t.Fatalf("seed %d: the table of revision %d has changed:\n%s", seed, p.facts.Revision, diff)
			}
		}
	}
}

// Two futures of one table know nothing of each other.
func TestTablesFork(t *testing.T) {
	for seed := range uint64(20) {
		g, past := newGenerator(seed), newStore(t)
		var history []catalog.Mutation
		for range 20 {
			history = append(history, g.mutation())
		}
		changes, to := past.commit(history...)
		base, _ := indexer.NewTable().With(changes, to)
		views := []acl.View{past.view(g.caller(), now), past.view(g.caller(), now)}
		var forks []*indexer.Table
		var want []facts
		for range 2 {
			s := newStore(t)
			s.commit(history...)
			var next []catalog.Mutation
			for range 10 {
				next = append(next, g.mutation())
			}
			changes, to := s.commit(next...)
			fork, _ := base.With(changes, to)
			fresh, _ := indexer.NewTable().With(s.changes(0), to)
			forks, want = append(forks, fork), append(want, factsOf(fresh, views))
		}
		for i, fork := range forks {
			if diff := cmp.Diff(want[i], factsOf(fork, views)); diff != "" {
				t.Fatalf("seed %d, fork %d (- alone, + beside the other):\n%s", seed, i, diff)
			}
		}
	}
}

// Who supersedes whom follows declarations within a source, as they come and go.
func TestSuccessors(t *testing.T) {
	s, table := newStore(t), indexer.NewTable()
	old := catalog.DocumentID{Source: "handbook", ID: "old"}
	declare := func(source, id string, version int64, supersedes ...string) catalog.PutDocument {
		p := page(id, version, "text")
		p.Document.Source = source
		for _, name := range supersedes {
			p.Document.Supersedes = append(p.Document.Supersedes, catalog.DocumentID{Source: "handbook", ID: name})
		}
		return p
	}
	for _, step := range []struct {
		name string
		line catalog.Mutation
		want []string
	}{
		{"declared before the old one is there", declare("handbook", "new", 1, "old"), []string{"new"}},
		{"the old one comes", declare("handbook", "old", 1), []string{"new"}},
		{"another source does not count", declare("wiki", "rival", 1, "old"), []string{"new"}},
		{"a second one, first in order", declare("handbook", "also", 1, "old", "old"), []string{"also", "new"}},
		{"nor does the document itself", declare("handbook", "old", 2, "old"), []string{"also", "new"}},
		{"a change of access declares nothing new", catalog.PutAccess{Document: catalog.DocumentID{Source: "handbook", ID: "new"}, Access: readable("user:local/ada")}, []string{"also", "new"}},
		{"a newer version withdraws", declare("handbook", "new", 2), []string{"also"}},
		{"the old one goes", catalog.DeleteDocument{Document: old, Version: 2}, []string{"also"}},
		{"the old one returns", declare("handbook", "old", 3), []string{"also"}},
		{"the successor goes", catalog.DeleteDocument{Document: catalog.DocumentID{Source: "handbook", ID: "also"}, Version: 1}, nil},
	} {
		changes, to := s.commit(step.line)
		table, _ = table.With(changes, to)
		var got []string
		for _, id := range table.Successors(old) {
			got = append(got, id.ID)
		}
		if diff := cmp.Diff(step.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
	}
}
