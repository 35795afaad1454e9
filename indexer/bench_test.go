package indexer_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// largeTable has 100,000 passages in 25,000 documents under 5,000 policies; everybody is in
// a tenth of the 50 groups that the policies name.
func largeTable() *indexer.Table {
	var changes []catalog.Change
	for i := range 25_000 {
		p := &acl.Policy{Layers: []acl.Layer{{Allow: []acl.Grant{
			{Principal: acl.Principal(fmt.Sprintf("group:g%d", i%50))}, {Principal: acl.Principal(fmt.Sprintf("user:local/owner%d", i%5000))},
		}}}}
		d := catalog.Document{
			DocumentID: catalog.DocumentID{Source: "handbook", ID: fmt.Sprintf("d%d", i)}, Version: 1, State: catalog.Present,
			Access: catalog.Access{Policy: p}, Rows: catalog.Rows{First: catalog.Row(4*i + 1), Count: 4},
		}
		changes = append(changes, catalog.Change{Revision: 1, Document: &catalog.DocumentChange{Document: d}})
	}
	table, _ := indexer.NewTable().With(changes, 1)
	return table
}

func groupedView(b *testing.B, name string) acl.View {
	directory := new(acl.Directory)
	for g := range 5 {
		directory = directory.With(acl.Change{Group: acl.Principal(fmt.Sprintf("group:g%d", g)), Members: []acl.Principal{person(name).User}})
	}
	view, err := directory.View(person(name), now)
	if err != nil {
		b.Fatal(err)
	}
	return view
}

func BenchmarkVisibleCold(b *testing.B) {
	table := largeTable()
	views := make([]acl.View, 1000)
	for i := range views {
		views[i] = groupedView(b, fmt.Sprintf("n%d", i))
	}
	for i := 0; b.Loop(); i++ {
		if i%len(views) == 0 { // a table of its own has no view yet
			b.StopTimer()
			table, _ = table.With(nil, table.Revision())
			b.StartTimer()
		}
		if n := table.Visible(views[i%len(views)]).Len(); n != 10_000 {
			b.Fatalf("%d rows in view", n)
		}
	}
}

func BenchmarkVisibleCached(b *testing.B) {
	table, view := largeTable(), groupedView(b, "ada")
	table.Visible(view)
	for b.Loop() {
		if n := table.Visible(view).Len(); n != 10_000 {
			b.Fatalf("%d rows in view", n)
		}
	}
}

func BenchmarkTableAfterOneDocument(b *testing.B) {
	table := largeTable()
	d := catalog.Document{DocumentID: catalog.DocumentID{Source: "handbook", ID: "new"}, Version: 1, State: catalog.Present, Rows: catalog.Rows{First: 100_001, Count: 4}}
	changes := []catalog.Change{{Revision: 2, Document: &catalog.DocumentChange{Document: d}}}
	for b.Loop() {
		table.With(changes, 2)
	}
}

func BenchmarkSplit(b *testing.B) {
	var text strings.Builder
	for i := 0; text.Len() < 100<<10; i++ {
		fmt.Fprintf(&text, "%s Section %d\n\n%s\n\n- one\n- two\n\n```\n# code\n```\n\n", strings.Repeat("#", 1+i%3), i, strings.Repeat("The ferry leaves from pier nine at noon. ", 5+i%90))
	}
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		passages, _ := indexer.Split("text/markdown", text.String())
		if n := len(passages); n < 50 {
			b.Fatalf("%d passages", n)
		}
	}
}

// BenchmarkInForce narrows a view to what is in force: of no document with a validity, and of a
// table in which one in a hundred has one.
func BenchmarkInForce(b *testing.B) {
	table, view := largeTable(), groupedView(b, "ada")
	some, _ := table.With(nil, 2)
	var changes []catalog.Change
	for i := 0; i < 25_000; i += 100 {
		changes = append(changes, catalog.Change{Revision: 3, Document: &catalog.DocumentChange{Document: catalog.Document{
			DocumentID: catalog.DocumentID{Source: "handbook", ID: fmt.Sprintf("d%d", i)}, Version: 2, State: catalog.Present,
			Access:    catalog.Access{Policy: &acl.Policy{Layers: []acl.Layer{{Allow: []acl.Grant{{Principal: acl.Everyone}}}}}},
			ValidFrom: now.AddDate(-1, 0, 0), Rows: catalog.Rows{First: catalog.Row(4*i + 1), Count: 4},
		}}})
	}
	some, _ = some.With(changes, 3)
	for name, table := range map[string]*indexer.Table{"no validity": table, "some": some} {
		state := &indexer.State{Table: table}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if v, err := state.Visible(b.Context(), view, indexer.Filter{}, now); err != nil || v.Len() < 10_000 {
					b.Fatal(err)
				}
			}
		})
	}
}
