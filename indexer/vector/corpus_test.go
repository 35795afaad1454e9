package vector

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

const here = "test/space"

// corpus is a table of documents of one passage each that everybody may read, with their
// vectors. Narrow takes views of it by source.
type corpus struct {
	table   *indexer.Table
	batch   indexer.Batch
	vectors map[catalog.Row][]float32
}

// newCorpus puts a vector into every row from 1 on, as the document that name gives it.
func newCorpus(vectors [][]float32, name func(row int) catalog.DocumentID) *corpus {
	c := &corpus{vectors: map[catalog.Row][]float32{}}
	everyone := &acl.Policy{Layers: []acl.Layer{{Allow: []acl.Grant{{Principal: acl.Everyone}}}}}
	var changes []catalog.Change
	for i, v := range vectors {
		id := name(i + 1)
		d := catalog.Document{
			DocumentID: id, Version: 1, State: catalog.Present, VectorSpace: here,
			Access: catalog.Access{Policy: everyone}, Rows: catalog.Rows{First: catalog.Row(i + 1), Count: 1},
		}
		changes = append(changes, catalog.Change{Revision: 1, Document: &catalog.DocumentChange{
			Document: d, Passages: []catalog.Passage{{ID: catalog.PassageID{Document: id, Version: 1}, Row: catalog.Row(i + 1), Vector: v}},
		}})
		c.vectors[catalog.Row(i+1)] = v
	}
	c.table, c.batch = indexer.NewTable().With(changes, 1)
	return c
}

// named is a document of the source; ids are not in the order of numbers.
func named(source string, n int) catalog.DocumentID {
	return catalog.DocumentID{Source: source, ID: fmt.Sprintf("d%08d", n*7919%1_000_003)}
}

func one(row int) catalog.DocumentID { return named("one", row) }

// view is everything of the given sources, of all if there are none.
func (c *corpus) view(t testing.TB, sources ...string) *indexer.Visible {
	t.Helper()
	all := acl.DefaultScale.UpTo(acl.DefaultScale.Top())
	v, err := (&acl.Directory{}).View(acl.Identity{
		User: "user:local/ada", App: "service:app", Clearance: all, Scope: acl.Scope{AllSources: true, Clearance: all},
	}, time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	return c.table.Visible(v).Narrow(indexer.Filter{Sources: sources})
}

// best is the answer by definition.
func (c *corpus) best(v *indexer.Visible, query []float32, limit int) []indexer.Hit {
	var hits []indexer.Hit
	for row, x := range c.vectors {
		if v.Has(row) && len(x) == len(query) {
			hits = append(hits, indexer.Hit{Row: row, Score: product(x, query)})
		}
	}
	slices.SortFunc(hits, func(a, b indexer.Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), v.Compare(a.Row, b.Row))
	})
	return hits[:min(limit, len(hits))]
}

func product(a, b []float32) float64 {
	sum := 0.0
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

// index opens an index that holds the corpus.
func (c *corpus) index(t testing.TB) *Index {
	t.Helper()
	x := open(t, t.TempDir())
	t.Cleanup(func() { x.Close() })
	apply(t, x, c.batch)
	return x
}

func apply(t testing.TB, x *Index, batches ...indexer.Batch) {
	t.Helper()
	for _, b := range batches {
		if err := x.Apply(context.Background(), b); err != nil {
			t.Fatal(err)
		}
	}
}

func search(t testing.TB, x *Index, v *indexer.Visible, query []float32, limit int) []indexer.Hit {
	t.Helper()
	r, err := x.Reader(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	hits, err := r.Search(context.Background(), v, indexer.Query{Space: here, Vector: query}, limit)
	if err != nil {
		t.Fatal(err)
	}
	return hits
}

// clusters makes unit vectors around a few centres, as texts of a few topics have them.
func clusters(random *rand.Rand, n, dimensions, centres int, spread float64) [][]float32 {
	middle := make([][]float64, centres)
	for i := range middle {
		middle[i] = normal(random, dimensions)
	}
	list := make([][]float32, n)
	for i := range list {
		m, off := middle[random.IntN(centres)], normal(random, dimensions)
		for d := range off {
			off[d] = m[d] + off[d]*spread
		}
		list[i] = unit(off)
	}
	return list
}

func normal(random *rand.Rand, dimensions int) []float64 {
	v := make([]float64, dimensions)
	for d := range v {
		v[d] = random.NormFloat64()
	}
	return v
}

func unit(v []float64) []float32 {
	sum := 0.0
	for _, x := range v {
		sum += x * x
	}
	out := make([]float32, len(v))
	for d, x := range v {
		out[d] = float32(x / math.Sqrt(sum))
	}
	return out
}
