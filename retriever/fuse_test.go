package retriever

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	cmpdiff "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// rows is a view of n passages, one of each document, in rows 1 to n.
func rows(t testing.TB, n int) *indexer.Visible {
	var changes []catalog.Change
	for i := range n {
		d := catalog.Document{
			DocumentID: catalog.DocumentID{Source: "s", ID: fmt.Sprintf("%03d", (i*37)%n)}, Version: 1, State: catalog.Present,
			Access: catalog.Access{Policy: &acl.Policy{Layers: []acl.Layer{{Allow: []acl.Grant{{Principal: acl.Everyone}}}}}},
			Rows:   catalog.Rows{First: catalog.Row(i + 1), Count: 1},
		}
		changes = append(changes, catalog.Change{Revision: 1, Document: &catalog.DocumentChange{Document: d, Passages: []catalog.Passage{{Row: d.Rows.First}}}})
	}
	table, _ := indexer.NewTable().With(changes, 1)
	c := acl.DefaultScale.UpTo("internal")
	view, err := new(acl.Directory).View(acl.Identity{
		User: "user:local/ada", App: "service:desk", Clearance: c, Scope: acl.Scope{AllSources: true, Clearance: c},
	}, time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	v := table.Visible(view)
	if v.Len() != n {
		t.Fatalf("%d rows in view, want %d", v.Len(), n)
	}
	return v
}

// leg draws what one index found: few scores, so that many are equal.
func leg(t *rapid.T, name string, n int) []indexer.Hit {
	list := rapid.SliceOfNDistinct(rapid.IntRange(1, n), 0, n, rapid.ID[int]).Draw(t, name)
	var hits []indexer.Hit
	for _, row := range list {
		hits = append(hits, indexer.Hit{Row: catalog.Row(row), Score: rapid.SampledFrom([]float64{0.25, 0.5, 1, 2, 3}).Draw(t, "score"), Coverage: 0.5})
	}
	sortHits(hits)
	return hits
}

func sortHits(hits []indexer.Hit) {
	slices.SortStableFunc(hits, func(a, b indexer.Hit) int { return cmp.Compare(b.Score, a.Score) })
}

// shuffled changes the order of hits with equal scores.
func shuffled(t *rapid.T, hits []indexer.Hit) []indexer.Hit {
	if len(hits) == 0 {
		return nil
	}
	other := rapid.Permutation(hits).Draw(t, "order")
	sortHits(other)
	return other
}

// The fused order is one of scores and passage ids: the order in which a leg happened to
// give hits of equal score decides nothing.
func TestFusionDependsOnScoresAlone(t *testing.T) {
	const n = 40
	v := rows(t, n)
	rapid.Check(t, func(t *rapid.T) {
		weight := rapid.Float64Range(0, 1).Draw(t, "weight")
		found := hits{leg(t, "keyword", n), leg(t, "vector", n)}
		want := fuse(v, found, weight)
		got := fuse(v, hits{shuffled(t, found.keyword), shuffled(t, found.vector)}, weight)
		if diff := cmpdiff.Diff(want, got, cmpdiff.AllowUnexported(candidate{})); diff != "" {
			t.Fatalf("the order of equal hits shows:\n%s", diff)
		}
		seen := map[catalog.PassageID]bool{}
		for i, c := range got {
			if c.score < 0 || c.score > 1 || c.id == (catalog.PassageID{}) || seen[c.id] {
				t.Fatalf("candidate %d is %+v", i, c)
			}
			if i > 0 && cmp.Or(cmp.Compare(c.score, got[i-1].score), got[i-1].id.Compare(c.id)) > 0 {
				t.Fatalf("candidate %d is out of order: %+v after %+v", i, c, got[i-1])
			}
			seen[c.id] = true
		}
	})
}

// With all the weight on one leg its order is the fused one, as far as the leg goes.
func TestFusionAtTheEnds(t *testing.T) {
	const n = 40
	v := rows(t, n)
	rapid.Check(t, func(t *rapid.T) {
		found := hits{leg(t, "keyword", n), leg(t, "vector", n)}
		for _, tc := range []struct {
			name   string
			weight float64
			only   []indexer.Hit
		}{{"keyword", 0, found.keyword}, {"vector", 1, found.vector}} {
			if len(tc.only) == 0 {
				continue // the other leg alone has to do
			}
			best := tc.only[0].Score
			score := map[catalog.PassageID]float64{}
			for _, h := range tc.only {
				score[v.ID(h.Row)] = h.Score / best
			}
			for _, c := range fuse(v, found, tc.weight) {
				if want, found := score[c.id]; found && c.score != want {
					t.Fatalf("%s alone: %v has %v, want %v", tc.name, c.id, c.score, want)
				}
			}
		}
	})
}

// A leg that found nothing leaves the order to the other, with its scores in full.
func TestFusionOfOneLeg(t *testing.T) {
	v := rows(t, 3)
	one := []indexer.Hit{{Row: 1, Score: 4}, {Row: 2, Score: 2}}
	for name, found := range map[string]hits{
		"only words":             {keyword: one},
		"only vectors":           {vector: one},
		"vectors all turned off": {keyword: one, vector: []indexer.Hit{{Row: 3, Score: 0}}},
		"vectors all opposed":    {keyword: one, vector: []indexer.Hit{{Row: 3, Score: -0.5}}},
	} {
		got := fuse(v, found, 0.3)
		if len(got) != 2 || got[0].id != v.ID(1) || got[0].score != 1 || got[1].score != 0.5 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := fuse(v, hits{}, 0.3); len(got) != 0 {
		t.Errorf("nothing found gives %+v", got)
	}
}
