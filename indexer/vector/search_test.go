package vector

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// TestExact compares the answers for small views, to the bit, with those of comparing
// everything in full.
func TestExact(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	name := func(row int) catalog.DocumentID {
		return named([]string{"rare", "half", "half", "half", "rest", "rest", "rest", "rest"}[row%8], row)
	}
	for _, c := range []struct {
		n, dimensions, centres int
		spread                 float64
	}{
		{1, 4, 1, 1}, {50, 1, 1, 1}, {300, 3, 5, 0.3}, {3000, 33, 20, 0.5},
		{2000, 100, 10, 0.01},  // within clusters, all nearly alike
		{2000, 100, 10, 1e-6},  // alike but for the last bits
		{2000, 100, 1, 0},      // all alike
		{5000, 100, 5000, 0.1}, // unlike
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			corpus := newCorpus(clusters(random, c.n, c.dimensions, c.centres, c.spread), name)
			x := corpus.index(t)
			x.few = 5000 // so that sketches have no part in it
			for _, sources := range [][]string{nil, {"half"}, {"rare"}, {"nothing"}} {
				v := corpus.view(t, sources...)
				for _, limit := range []int{1, 10, 100, 2 * c.n} {
					query := unit(normal(random, c.dimensions))
					if limit == 10 {
						query = corpus.vectors[catalog.Row(1+random.IntN(c.n))]
					}
					if diff := cmp.Diff(corpus.best(v, query, limit), search(t, x, v, query, limit), cmpopts.EquateEmpty()); diff != "" {
						t.Fatalf("the best %d of %v (-by definition +found):\n%s", limit, sources, diff)
					}
				}
			}
		})
	}
}

// TestBounds: what a code tells is never further off than it says.
func TestBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Float32Range(-1e10, 1e10)
		if rapid.Bool().Draw(t, "small") {
			size = rapid.Float32Range(-1e-10, 1e-10)
		}
		n := rapid.IntRange(1, 40).Draw(t, "dimensions")
		v := rapid.SliceOfN(size, n, n).Draw(t, "vector")
		r := rotationOf(n)
		q32 := rapid.SliceOfN(rapid.Float32Range(-3, 3), n, n).Draw(t, "query")
		q, ok := ask(r, q32)
		if !ok || !usable(v) {
			return
		}
		values := make([]uint8, r.width)
		c := new(coder).encode(r, v, values, make([]uint64, r.width/64))
		near, off, _ := q.near(values, &c, math.Inf(-1))
		roughly, off2, far := q.near(values, &c, math.Inf(1))
		exact := product(q32, v)
		if !(math.Abs(exact-near) <= off) || !(math.Abs(exact-roughly) <= off2) || !far {
			t.Fatalf("the product is %g, the code says %g ± %g, and roughly %g ± %g", exact, near, off, roughly, off2)
		}
		if limit := 0.02 * q.length * float64(c.length+c.lost) * math.Sqrt(float64(n)); off > limit && c.scale > 0 {
			t.Fatalf("the code is off by up to %g, more than %g", off, limit)
		}
	})
}

// TestHidden adds passages that the view does not have, odd ones included, and asks again.
func TestHidden(outer *testing.T) {
	rapid.Check(outer, func(t *rapid.T) {
		value := rapid.Float32Range(-1, 1)
		vector := rapid.SliceOfN(value, 6, 6)
		vectors := rapid.SliceOfN(vector, 1, 60).Draw(t, "visible")
		hidden := rapid.SliceOfN(rapid.OneOf(vector, rapid.SampledFrom(vectors), rapid.SliceOfN(rapid.Float32(), 0, 9)), 0, 60).Draw(t, "hidden")
		query, limit := vector.Draw(t, "query"), rapid.IntRange(1, 70).Draw(t, "limit")
		answer := func(hidden [][]float32) []answered {
			c := newCorpus(slices.Concat(hidden, vectors), func(row int) catalog.DocumentID {
				if row <= len(hidden) {
					return named("hidden", row)
				}
				return named("visible", row-len(hidden))
			})
			x := c.index(outer)
			defer x.Close()
			v := c.view(outer, "visible")
			var list []answered
			for _, h := range search(outer, x, v, query, limit) {
				list = append(list, answered{v.ID(h.Row), math.Float64bits(h.Score)})
			}
			return list
		}
		if diff := cmp.Diff(answer(nil), answer(hidden), cmp.AllowUnexported(answered{})); diff != "" {
			t.Fatalf("(-alone +among hidden):\n%s", diff)
		}
	})
}

// answered is what a caller could tell apart.
type answered struct {
	passage catalog.PassageID
	score   uint64 // the bits
}

// TestUnusable: vectors without a direction are as if they were not there.
func TestUnusable(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	good := []float32{0.6, 0.8}
	c := newCorpus([][]float32{good, {nan, 1}, {inf, 0}, {0, 0}, {}, nil, {1, 0, 0}, {math.MaxFloat32, 1}, {0, 1}}, one)
	x := c.index(t)
	v := c.view(t)
	want := []indexer.Hit{{Row: 1, Score: product(good, good)}, {Row: 9, Score: product(good, []float32{0, 1})}}
	if diff := cmp.Diff(want, search(t, x, v, good, 10)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, query := range [][]float32{nil, {}, {0, 0}, {nan, 1}, {inf, 1}, {1, 2, 3, 4}} {
		if hits := search(t, x, v, query, 10); len(hits) != 0 {
			t.Errorf("%v finds %v", query, hits)
		}
	}
	// The same rows again, the good one without a vector now.
	apply(t, x, indexer.Batch{To: 2, Add: []indexer.Entry{{Row: 1, Space: here}, {Row: 9, Space: "other", Vector: good}}})
	if hits := search(t, x, v, good, 10); len(hits) != 0 {
		t.Errorf("vectors that were taken back are found: %v", hits)
	}
}

// impatient is a context that is cancelled when it is asked for the n-th time.
type impatient struct {
	context.Context
	n int
}

func (c *impatient) Err() error {
	if c.n--; c.n < 0 {
		return context.Canceled
	}
	return nil
}

func TestCancelledWithin(t *testing.T) {
	c := newCorpus(clusters(rand.New(rand.NewPCG(2, 2)), 10_000, 4, 1, 0), one)
	x := c.index(t)
	r, err := x.Reader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	v, q := c.view(t), indexer.Query{Space: here, Vector: c.vectors[1]}
	for n := range 7 { // twice while sketches are compared, then while vectors are
		if _, err := r.Search(&impatient{context.Background(), n}, v, q, 10); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled at the check %d: %v", n, err)
		}
	}
}

func TestClosed(t *testing.T) {
	c := newCorpus([][]float32{{1, 0}}, one)
	x := c.index(t)
	r, err := x.Reader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	q := indexer.Query{Space: here, Vector: []float32{1, 0}}
	if hits, err := r.Search(t.Context(), c.view(t), q, 1); err != nil || len(hits) != 1 {
		t.Errorf("a reader from before: %v, %v", hits, err)
	}
	for range 2 {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := r.Search(t.Context(), c.view(t), q, 1); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed reader: %v", err)
	}
	if _, err := x.Reader(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("Reader: %v", err)
	}
	if err := x.Apply(t.Context(), c.batch); !errors.Is(err, ErrClosed) {
		t.Errorf("Apply: %v", err)
	}
	if err := x.Close(); err != nil || x.Revision() != 0 {
		t.Errorf("closed twice: %v, at revision %d", err, x.Revision())
	}
}
