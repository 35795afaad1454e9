package peer

import (
	"os"
	"slices"
	"testing"

	"github.com/muniment/muniment/internal/bench/draw"
)

func drawn(t *testing.T) *draw.Data {
	t.Helper()
	d, err := draw.Draw(draw.Params{Passages: 2000, Policies: 400, Groups: 400, Callers: 60, Clusters: 60, Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// hidden counts the passages that the query's caller may not read.
func hidden(d *draw.Data, q int, found []int) (n int) {
	for _, p := range found {
		if !d.Readable(d.Queries[q].Caller, p) {
			n++
		}
	}
	return n
}

// TestBleveFilters: both filters give the same passages, and none that is hidden; without one some are.
func TestBleveFilters(t *testing.T) {
	d := drawn(t)
	b, err := NewBleve(t.TempDir()+"/bleve", d)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	leaks, found := 0, 0
	for q, query := range d.Queries {
		var sets [2][]int
		for i, how := range []Way{Must, Filter} {
			if sets[i], err = b.Search(t.Context(), how, query.Text, d.Callers[query.Caller].Groups, 5000); err != nil {
				t.Fatal(err)
			}
			if n := hidden(d, q, sets[i]); n > 0 {
				t.Fatalf("query %d: %d hidden passages", q, n)
			}
			slices.Sort(sets[i])
		}
		if !slices.Equal(sets[0], sets[1]) {
			t.Errorf("query %d: %d and %d passages", q, len(sets[0]), len(sets[1]))
		}
		found += len(sets[0])
		all, err := b.Search(t.Context(), Unfiltered, query.Text, nil, 5000)
		if err != nil {
			t.Fatal(err)
		}
		leaks += hidden(d, q, all)
	}
	if found == 0 || leaks == 0 {
		t.Errorf("%d passages found, %d hidden ones without a filter: nothing was tested", found, leaks)
	}
}

// TestPostgresFilters: the predicate and row-level security give ten passages, none of which is hidden.
func TestPostgresFilters(t *testing.T) {
	url := os.Getenv("MUNIMENT_BENCH_POSTGRES")
	if url == "" {
		t.Skip("needs PostgreSQL with pgvector: set MUNIMENT_BENCH_POSTGRES")
	}
	d := drawn(t)
	p, err := NewPostgres(t.Context(), url, d)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	same := 0
	for q, query := range d.Queries {
		groups := d.Callers[query.Caller].Groups
		a, err := p.Predicate(t.Context(), query, groups, 10)
		if err != nil {
			t.Fatal(err)
		}
		b, err := p.Secured(t.Context(), query, groups, 10)
		if err != nil {
			t.Fatal(err)
		}
		if n := hidden(d, q, a) + hidden(d, q, b); n > 0 || len(a) == 0 || len(b) == 0 {
			t.Errorf("query %d: %d and %d passages, %d hidden ones", q, len(a), len(b), n)
		}
		if slices.Equal(a, b) {
			same++
		}
	}
	if same < len(d.Queries)/2 {
		t.Errorf("both ways give the same for %d of %d queries", same, len(d.Queries))
	}
}
