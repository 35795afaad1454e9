package indexer

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// The table knows of every address exactly the documents that stand there, after any changes, and
// so do the tables before them.
func TestPlacesAreWhereDocumentsStand(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	table := NewTable()
	stored, row := map[string]catalog.Document{}, catalog.Row(1)
	check := func(table *Table, stored map[string]catalog.Document) {
		t.Helper()
		for u := range 4 {
			uri := fmt.Sprintf("https://pages.example/%d", u)
			var want, got []string
			for id, d := range stored {
				if d.URI == uri && d.Rows.Count > 0 {
					want = append(want, id)
				}
			}
			for e := range table.at(placeOf(uri)) {
				got = append(got, e.ID)
			}
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(want, got) {
				t.Fatalf("at %s stand %v, want %v", uri, got, want)
			}
		}
	}
	for range 300 {
		before, was := table, maps.Clone(stored)
		var changes []catalog.Change
		for range 1 + r.IntN(4) {
			id := fmt.Sprint(r.IntN(12))
			d, known := stored[id]
			switch n := r.IntN(10); {
			case n < 3 && known:
				d.State = catalog.Deleted
				delete(stored, id)
			case n < 5 && known:
				d.Access.Policy = &acl.Policy{} // the rows stay
				stored[id] = d
			default:
				d = catalog.Document{DocumentID: catalog.DocumentID{Source: "s", ID: id}, State: catalog.Present, Rows: catalog.Rows{First: row, Count: uint32(r.IntN(3))}}
				if u := r.IntN(6); u < 4 {
					d.URI = fmt.Sprintf("https://pages.example/%d", u)
				}
				row += 3
				stored[id] = d
			}
			changes = append(changes, catalog.Change{Document: &catalog.DocumentChange{Document: d}})
		}
		table, _ = table.With(changes, table.Revision()+1)
		check(table, stored)
		check(before, was)
	}
}
