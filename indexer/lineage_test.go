package indexer_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// sight is all a resolved view says, for comparison.
type sight struct {
	Chunks   []*indexer.Chunk
	Len      int
	Withheld []string
}

func sightOf(v *indexer.Visible) sight {
	chunks := v.Chunks()
	for n := len(chunks); n > 0 && chunks[n-1] == nil; n-- {
		chunks = chunks[:n-1] // how long the table is does not matter
	}
	return sight{chunks, v.Len(), v.Withheld()}
}

// large is a document of as many passages as a chunk has rows.
func large(id string) catalog.PutDocument {
	p := page(id, 1, "x")
	p.Passages = make([]catalog.Passage, indexer.ChunkRows)
	for i := range p.Passages {
		p.Passages[i].Text = "x"
	}
	return p
}

// A view that was resolved at an earlier revision and is brought along is what a table that
// knows nothing of the past makes of it: whatever has changed since, at whatever instant it
// is asked for, with a filter and without.
func TestViewsAreBroughtAlong(t *testing.T) {
	seen := 0
	for seed := range uint64(20) {
		g, s := newGenerator(seed), newStore(t)
		changes, to := s.commit(large("big0"), large("big1"), large("big2"))
		table, _ := indexer.NewTable().With(changes, to)
		callers := []acl.Identity{g.caller(), g.caller()}
		filters := []indexer.Filter{{}, {Sources: []string{"handbook"}}, g.filter()}
		instants := []time.Time{g.instant(), g.instant()}
		for range 25 {
			var mutations []catalog.Mutation
			for range 1 + g.IntN(3) {
				mutations = append(mutations, g.mutation())
			}
			if g.chance(30) {
				id := catalog.DocumentID{Source: "handbook", ID: fmt.Sprintf("big%d", g.IntN(3))}
				mutations = append(mutations, catalog.PutAccess{Document: id, Access: g.access()})
			}
			changes, to := s.commit(mutations...)
			table, _ = table.With(changes, to)
			fresh, _ := indexer.NewTable().With(s.changes(0), to)
			for range 10 {
				view, filter := s.view(pick(g, callers...), pick(g, instants...)), pick(g, filters...)
				want, got := fresh.Visible(view).Narrow(filter), table.Visible(view).Narrow(filter)
				if diff := cmp.Diff(sightOf(want), sightOf(got)); diff != "" {
					t.Fatalf("seed %d, revision %d, filter %+v (- made at once, + brought along):\n%s", seed, to, filter, diff)
				}
				seen += got.Len()
			}
		}
	}
	if seen == 0 {
		t.Error("nobody saw anything")
	}
}

// What a commit does not touch is shared with the view of before, so that an index may
// share what it derived from that.
func TestViewsShareWhatDidNotChange(t *testing.T) {
	s := newStore(t)
	changes, to := s.commit(large("big0"), large("big1"), page("small", 1, "text"))
	table, _ := indexer.NewTable().With(changes, to)
	view := s.view(person("ada"), now)
	before := table.Visible(view)
	north := indexer.Filter{Sources: []string{"handbook"}}
	narrow := before.Narrow(north)
	changes, to = s.commit(page("new", 1, "text"))
	table, _ = table.With(changes, to)
	after := table.Visible(s.view(person("ada"), now.Add(time.Minute)))
	if after == before || after.Len() != before.Len()+1 || after.Key() != before.Key() {
		t.Fatalf("the view of the next revision has %d rows, of %d", after.Len(), before.Len())
	}
	last := len(after.Chunks()) - 1
	for i, c := range before.Chunks()[:last] {
		if c == nil || after.Chunks()[i] != c || after.Narrow(north).Chunks()[i] != narrow.Chunks()[i] {
			t.Errorf("chunk %d of %d is not shared", i, last)
		}
	}
	if after.Chunks()[last] == before.Chunks()[last] {
		t.Error("the chunk with the new row is shared")
	}
	if again := after.Narrow(north); again != after.Narrow(north) || again.Key() == after.Key() {
		t.Error("a narrowed view is made again for each request, or takes the place of the whole one")
	}
}

// A document whose access changes without end does not make the table grow without end, and
// nobody sees a wrong row when governances are numbered anew.
func TestGovernancesThatNobodyHasAreDropped(t *testing.T) {
	s := newStore(t)
	changes, to := s.commit(page("a", 1, "a"), page("b", 1, "b"), page("c", 1, "c"))
	table, _ := indexer.NewTable().With(changes, to)
	ada, ben := person("ada"), person("ben")
	most := 0
	for i := range 1000 {
		changes, to := s.commit(catalog.PutAccess{
			Document: catalog.DocumentID{Source: "handbook", ID: "b"}, Access: readable("user:local/ada", acl.Principal(fmt.Sprintf("user:local/n%d", i))),
		})
		table, _ = table.With(changes, to)
		most = max(most, table.Governances())
		if i%7 == 0 {
			if a, b := table.Visible(s.view(ada, now)).Len(), table.Visible(s.view(ben, now)).Len(); a != 3 || b != 2 {
				t.Fatalf("after %d changes %d and %d rows are in view, want 3 and 2", i+1, a, b)
			}
		}
	}
	if most > 200 {
		t.Errorf("%d governances for 3 documents", most)
	}
}
