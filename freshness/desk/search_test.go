package desk

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/audit/audittest"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/catalog/catalogtest"
	"github.com/muniment/muniment/indexer"
	"github.com/muniment/muniment/indexer/embed"
	"github.com/muniment/muniment/indexer/keyword"
	"github.com/muniment/muniment/indexer/vector"
)

// table is a desk over everything that is real but the catalog, which is in memory.
type table struct {
	*Desk
	t testing.TB
}

func newTable(t testing.TB) *table {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	words, err := keyword.Open(t.TempDir(), catalog.ID{}, quiet)
	must(t, err)
	vectors, err := vector.Open(t.TempDir(), catalog.ID{}, quiet)
	must(t, err)
	embedder, err := embed.Default()
	must(t, err)
	space := indexer.Space{ID: embedder.Space().ID, Dimensions: embedder.Space().Dimensions}
	x, err := indexer.Open(t.Context(), indexer.Config{
		Store: catalogtest.NewMemory(), Keyword: words, Vector: vectors, Embedder: embedder, Space: space, Spaces: []indexer.Space{space}, Scale: acl.DefaultScale, Log: quiet,
	})
	must(t, err)
	t.Cleanup(func() {
		for _, c := range []io.Closer{x, words, vectors} {
			must(t, c.Close())
		}
	})
	log := audittest.Open(t, &audittest.Memory{}, audittest.Keys(t))
	return &table{&Desk{Indexer: x, Log: log, Now: func() time.Time { return start }}, t}
}

// put stores a version of a page that states a price, for those who may read it.
func (d *table) put(id string, version int64, price string, readers ...acl.Principal) {
	d.t.Helper()
	policy := &acl.Policy{Layers: []acl.Layer{{}}}
	for _, p := range readers {
		policy.Layers[0].Allow = append(policy.Layers[0].Allow, acl.Grant{Principal: p})
	}
	m, err := d.Indexer.Prepare(d.t.Context(), catalog.PutDocument{
		Document: catalog.Document{DocumentID: catalog.DocumentID{Source: "pier", ID: id}, Version: version, URI: "https://example.org/berths"},
		Text:     fmt.Sprintf("A berth at the northern quay costs %s a night for boats of any length.", price),
		Access:   catalog.AccessPatch{Version: version, Policy: policy},
	})
	must(d.t, err)
	_, _, err = d.submit(d.t.Context(), acl.Identity{User: "service:test", App: "service:test"}, m)
	must(d.t, err)
}

var (
	everything = Office{Has: func(string) bool { return true }, Name: "all"}
	ada        = acl.Identity{User: "user:local/ada", App: "service:app", Clearance: acl.Clearance{acl.DefaultSensitivity: true}, Scope: acl.Scope{AllSources: true, Clearance: acl.Clearance{acl.DefaultSensitivity: true}}}
)

// list is the conflicts that somebody sees, by their values.
func (d *table) list(who acl.Identity) (values []string, searching bool) {
	d.t.Helper()
	c, err := d.Conflicts(d.t.Context(), who, everything, ConflictQuery{Limit: 100})
	must(d.t, err)
	for _, cluster := range c.Clusters {
		for _, x := range cluster.Conflicts {
			values = append(values, x.A.Value+" "+x.B.Value)
		}
	}
	slices.Sort(values) // those as sure as each other come in no order that says anything
	return values, c.Searching
}

// done waits until the search has ended and demands the conflicts.
func (d *table) done(who acl.Identity, want ...string) {
	d.t.Helper()
	for range 1000 {
		if got, searching := d.list(who); !searching {
			if fmt.Sprint(got) != fmt.Sprint(want) {
				d.t.Errorf("%v, want %v", got, want)
			}
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	d.t.Error("the search does not end")
}

// now demands what is seen while a search is held up.
func (d *table) now(what string, who acl.Identity, want ...string) {
	d.t.Helper()
	if got, searching := d.list(who); fmt.Sprint(got) != fmt.Sprint(want) || !searching {
		d.t.Errorf("%s: %v, want %v; searching: %v", what, got, want, searching)
	}
}

// TestLargeViewsAreSearchedBehind: in a large view nobody waits. What was found before is shown
// as far as it holds for the view that asks, now: what was edited, taken away or hidden since is
// not, before any new search has ended.
func TestLargeViewsAreSearchedBehind(t *testing.T) {
	d := newTable(t)
	d.searches.limit = 1
	d.searches.large.Lock()
	d.put("a", 1, "£40", "everyone")
	d.put("b", 1, "£45", "everyone")
	d.put("c", 1, "£50", "everyone")
	d.now("before the first search", ada)
	d.searches.large.Unlock()
	d.done(ada, "£40 £45", "£40 £50", "£45 £50")

	d.searches.large.Lock()
	d.put("b", 2, "£60", "everyone")
	d.now("after an edit", ada, "£40 £50")
	d.put("c", 2, "£50", "user:local/bo")
	d.now("after a revocation", ada)
	d.put("c", 3, "£50", "everyone")
	d.now("given back, as another version", ada)
	d.searches.large.Unlock()
	d.done(ada, "£40 £50", "£40 £60", "£60 £50")
}

// TestSearchesAreForOneView: what was found for one is not shown to another who sees less, nor
// for another office, and is not sought again while nothing in view changes.
func TestSearchesAreForOneView(t *testing.T) {
	d := newTable(t)
	d.put("a", 1, "£40", "everyone")
	d.put("b", 1, "£45", "user:local/bo")
	bo := ada
	bo.User = "user:local/bo"
	d.done(bo, "£40 £45")
	d.done(ada)
	none := Office{Has: func(source string) bool { return source == "elsewhere" }, Name: "elsewhere"}
	if c, err := d.Conflicts(t.Context(), bo, none, ConflictQuery{Limit: 1}); err != nil || c.Total != 0 {
		t.Errorf("who looks after nothing sees %v, %v", c, err)
	}
	before := d.results(bo)
	d.put("c", 1, "£70", "user:local/cy")
	d.done(bo, "£40 £45")
	if after := d.results(bo); &before[0] != &after[0] {
		t.Error("something that is hidden has made a new search")
	}
}

// results is what is kept of a view.
func (d *table) results(who acl.Identity) []*found {
	state, err := d.Indexer.Pin(d.t.Context(), 0)
	must(d.t, err)
	defer state.Release()
	view, err := state.View(who, d.Now())
	must(d.t, err)
	d.searches.mu.Lock()
	defer d.searches.mu.Unlock()
	return d.searches.kept[everything.key(state.Table.Visible(view))].list
}

// TestFewViewsAreKept: memory is bounded, however many stewards ask at once.
func TestFewViewsAreKept(t *testing.T) {
	d := newTable(t)
	d.put("a", 1, "£40", "everyone")
	d.put("b", 1, "£45", "everyone")
	for _, limit := range []int{0, 1} {
		d.searches.limit = limit
		var asking sync.WaitGroup
		for i := range 4 * mostViews {
			asking.Go(func() {
				who := ada
				who.User = acl.Principal(fmt.Sprint("user:local/u", i%(3*mostViews)))
				if _, err := d.Conflicts(context.Background(), who, everything, ConflictQuery{Limit: 1}); err != nil {
					t.Error(err)
				}
			})
		}
		asking.Wait()
	}
	for range 1000 {
		d.done(ada, "£40 £45")
		d.searches.mu.Lock()
		n := len(d.searches.kept)
		d.searches.mu.Unlock()
		if n <= mostViews {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("more than %d views are kept", mostViews)
}
