package indexer_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// folders looks containers up in the catalog as it is.
func (s store) folders() func(source string) func(id string) (catalog.Container, bool) {
	known := map[catalog.DocumentID]catalog.Container{}
	for _, c := range s.changes(0) {
		if c.Container != nil {
			known[c.Container.DocumentID] = *c.Container
		}
	}
	return func(source string) func(string) (catalog.Container, bool) {
		return func(id string) (catalog.Container, bool) {
			c, ok := known[catalog.DocumentID{Source: source, ID: id}]
			return c, ok
		}
	}
}

// admitted is the rows the view may have, found by asking the rule for each document.
func (s store) admitted(view acl.View, keep func(catalog.Document) bool) (rows []catalog.Row) {
	folders := s.folders()
	for _, c := range s.changes(0) {
		if c.Document == nil || c.Document.Document.State != catalog.Present {
			continue
		}
		d := c.Document.Document
		if view.Admits(d.Governed(folders(d.Source))) && keep(d) {
			for i := range d.Rows.Count {
				rows = append(rows, d.Rows.First+catalog.Row(i))
			}
		}
	}
	slices.Sort(rows)
	return rows
}

// withheld is the sources that show the view less than the rule would without withholding.
func (s store) withheld(view acl.View, keep func(catalog.Document) bool) (sources []string) {
	folders := s.folders()
	for _, c := range s.changes(0) {
		if c.Document == nil || c.Document.Document.State != catalog.Present || c.Document.Document.Rows.Count == 0 {
			continue
		}
		d := c.Document.Document
		a := d.Governed(folders(d.Source))
		if view.Regardless().Admits(a) && !view.Admits(a) && keep(d) {
			sources = append(sources, d.Source)
		}
	}
	slices.Sort(sources)
	return slices.Compact(sources)
}

func everything(catalog.Document) bool { return true }

// world is a random catalog and its table.
func world(t testing.TB, g *generator, lines int) (store, *indexer.Table) {
	s := newStore(t)
	var list []catalog.Mutation
	for range lines {
		list = append(list, g.mutation())
	}
	changes, to := s.commit(list...)
	table, _ := indexer.NewTable().With(changes, to)
	return s, table
}

// A view is what the rule says of each document, for every caller and instant, in
// whatever order they come: what was found for one is never given to another.
func TestVisibleIsTheRule(t *testing.T) {
	seen, withheld := 0, 0
	for seed := range uint64(30) {
		g := newGenerator(seed)
		s, table := world(t, g, 60)
		callers := []acl.Identity{g.caller(), g.caller(), g.caller()}
		for range 40 {
			view := s.view(pick(g, callers...), g.instant())
			want, got := s.admitted(view, everything), table.Visible(view)
			if diff := cmp.Diff(want, rowsOf(got)); diff != "" {
				t.Fatalf("seed %d (- the rule, + the table):\n%s", seed, diff)
			}
			if got.Len() != len(want) {
				t.Fatalf("seed %d: %d rows in view are counted as %d", seed, len(want), got.Len())
			}
			if diff := cmp.Diff(s.withheld(view, everything), got.Withheld()); diff != "" {
				t.Fatalf("seed %d: withheld (- the rule, + the table):\n%s", seed, diff)
			}
			seen += len(want)
			withheld += len(got.Withheld())
		}
	}
	if seen == 0 || withheld == 0 {
		t.Error("nobody saw anything, or nothing was withheld")
	}
}

// A grant holds until its last instant and not at it, a deny begins at its first, and no
// commit is needed for either.
func TestGrantsEndByThemselves(t *testing.T) {
	s := newStore(t)
	lent, closed := page("lent", 1, "lent"), page("closed", 1, "closed")
	lent.Access.Policy.Layers[0].Allow[0].NotAfter = now
	closed.Access.Policy.Layers[0].Deny = []acl.Grant{{Principal: acl.Everyone, NotBefore: now, NotAfter: now.Add(time.Hour)}}
	changes, to := s.commit(lent, closed)
	table, _ := indexer.NewTable().With(changes, to)
	for _, at := range []time.Duration{-time.Hour, -1, 0, 1, -1, 0, time.Hour - 1, time.Hour, 0, -1} {
		want := 0
		if at < 0 {
			want = 2
		} else if at >= time.Hour {
			want = 1
		}
		v := table.Visible(s.view(person("ada"), now.Add(at)))
		if whole, narrow := v.Len(), v.Narrow(indexer.Filter{Sources: []string{"handbook"}}).Len(); whole != want || narrow != want {
			t.Errorf("%v after the instant %d rows are in view, %d with a filter that keeps all, want %d", at, whole, narrow, want)
		}
	}
}

// More callers than views are kept for are all answered, and answered right.
func TestMoreCallersThanViewsKept(t *testing.T) {
	s := newStore(t)
	changes, to := s.commit(page("a", 1, "a"), catalog.PutAccess{Document: catalog.DocumentID{Source: "handbook", ID: "a"}, Access: readable("user:local/n7")})
	table, _ := indexer.NewTable().With(changes, to)
	for round := range 2 {
		for i := range 1100 {
			want := 0
			if i == 7 {
				want = 1
			}
			if got := table.Visible(s.view(person(fmt.Sprintf("n%d", i)), now)).Len(); got != want {
				t.Fatalf("round %d, caller %d: %d rows in view, want %d", round, i, got, want)
			}
		}
	}
}

// The bitmap, the count and the names of a view are of one mind; nothing is admits nothing.
func TestVisibleBitmap(t *testing.T) {
	g := newGenerator(2)
	s, table := world(t, g, 80)
	v := table.Visible(s.view(person("ada"), now))
	var fromChunks []catalog.Row
	for i, c := range v.Chunks() {
		for bit := range indexer.ChunkRows {
			if c != nil && c[bit/64]>>(bit%64)&1 == 1 {
				fromChunks = append(fromChunks, catalog.Row(i*indexer.ChunkRows+bit))
			}
		}
	}
	if diff := cmp.Diff(rowsOf(v), fromChunks); diff != "" || v.Len() == 0 {
		t.Errorf("Has and Chunks differ:\n%s", diff)
	}
	for row := range catalog.Row(maxRow) {
		if id := v.ID(row); v.Has(row) != (id != catalog.PassageID{}) || v.Has(row) && id != table.ID(row) {
			t.Errorf("row %d in view %t is %v", row, v.Has(row), id)
		}
	}
	for _, a := range fromChunks {
		for _, b := range fromChunks {
			if got, want := v.Compare(a, b), table.ID(a).Compare(table.ID(b)); got != want {
				t.Fatalf("rows %d and %d compare %d, want %d", a, b, got, want)
			}
		}
	}
	var none *indexer.Visible
	if none.Has(fromChunks[0]) || none.Len() != 0 || none.Chunks() != nil || none.ID(fromChunks[0]) != (catalog.PassageID{}) || none.Narrow(indexer.Filter{Sources: sources}) != nil {
		t.Error("the nil view admits something")
	}
	if v := table.Visible(acl.View{}); v.Len() != 0 || len(rowsOf(v)) != 0 {
		t.Errorf("the zero view admits %d rows", v.Len())
	}
}

// filter draws a filter; matches is what it means.
func (g *generator) filter() indexer.Filter {
	var f indexer.Filter
	for g.chance(30) {
		f.Sources = append(f.Sources, pick(g, append(sources, "unknown")...))
	}
	for g.chance(40) {
		f.Containers = append(f.Containers, catalog.DocumentID{Source: pick(g, sources...), ID: pick(g, append(containers, "unknown")...)})
	}
	for g.chance(30) {
		f.Owners = append(f.Owners, pick(g, append(people, "user:local/nobody")...))
	}
	if g.chance(30) {
		f.Labels = map[string]string{pick(g, "team", "team", "unknown"): pick(g, "north", "south", "")}
	}
	return f
}

func matches(f indexer.Filter, d catalog.Document, lookup func(id string) (catalog.Container, bool)) bool {
	in := len(f.Containers) == 0
	passed := map[string]bool{}
	for at := d.Access.Container; at != "" && !passed[at]; {
		passed[at] = true
		in = in || slices.Contains(f.Containers, catalog.DocumentID{Source: d.Source, ID: at})
		c, _ := lookup(at)
		at = c.Parent
	}
	for k, v := range f.Labels {
		got, has := d.Labels[k]
		in = in && has && got == v
	}
	return in && (len(f.Sources) == 0 || slices.Contains(f.Sources, d.Source)) && (len(f.Owners) == 0 || slices.Contains(f.Owners, d.Owner))
}

// A filter keeps what it names of the view, nothing else, and leaves the view as it is.
func TestNarrowIsTheFilter(t *testing.T) {
	kept := 0
	for seed := range uint64(30) {
		g := newGenerator(seed)
		s, table := world(t, g, 80)
		folders := s.folders()
		for range 20 {
			view, f := s.view(g.caller(), g.instant()), g.filter()
			whole := table.Visible(view)
			before := rowsOf(whole)
			want := s.admitted(view, func(d catalog.Document) bool { return matches(f, d, folders(d.Source)) })
			narrow := whole.Narrow(f)
			if diff := cmp.Diff(want, rowsOf(narrow)); diff != "" {
				t.Fatalf("seed %d, filter %+v (-want +got):\n%s", seed, f, diff)
			}
			if narrow.Len() != len(want) {
				t.Fatalf("seed %d: %d rows are counted as %d", seed, len(want), narrow.Len())
			}
			if diff := cmp.Diff(s.withheld(view, func(d catalog.Document) bool { return matches(f, d, folders(d.Source)) }), narrow.Withheld()); diff != "" {
				t.Fatalf("seed %d, filter %+v: withheld (-want +got):\n%s", seed, f, diff)
			}
			if diff := cmp.Diff(before, rowsOf(table.Visible(view))); diff != "" {
				t.Fatalf("seed %d: narrowing changed the view:\n%s", seed, diff)
			}
			if !f.Empty() {
				kept += len(want)
			}
		}
	}
	if kept == 0 {
		t.Error("no filter kept anything")
	}
}
