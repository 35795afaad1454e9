package vector

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

const benchRows = 100_000

// benchCorpus holds 1 % of its passages in the source "one", 9 % more in "nine".
func benchCorpus(dimensions int) *corpus {
	random := rand.New(rand.NewPCG(9, 9))
	return newCorpus(clusters(random, benchRows, dimensions, 500, 1), func(row int) catalog.DocumentID {
		switch n := row * 7919 % 100; {
		case n < 1:
			return named("one", row)
		case n < 10:
			return named("nine", row)
		}
		return named("rest", row)
	})
}

func BenchmarkSearch(b *testing.B) {
	for _, dimensions := range []int{100, 384} {
		c := benchCorpus(dimensions)
		x := c.index(b)
		for _, view := range []struct {
			name    string
			sources []string
		}{{"all", nil}, {"10%", []string{"one", "nine"}}, {"1%", []string{"one"}}} {
			v := c.view(b, view.sources...)
			for _, limit := range []int{10, 100} {
				b.Run(fmt.Sprintf("dimensions=%d/view=%s/limit=%d", dimensions, view.name, limit), func(b *testing.B) {
					r, err := x.Reader(b.Context())
					if err != nil {
						b.Fatal(err)
					}
					defer r.Close()
					row := 0
					for b.Loop() {
						row += 997
						q := indexer.Query{Space: here, Vector: c.vectors[catalog.Row(row%benchRows+1)]}
						if _, err := r.Search(b.Context(), v, q, limit); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
	}
}

func BenchmarkApply(b *testing.B) {
	c := benchCorpus(384)
	x := open(b, b.TempDir())
	defer x.Close()
	n := 0
	for b.Loop() {
		batch := indexer.Batch{To: catalog.Revision(n + 1)}
		for i := range 1000 {
			e := c.batch.Add[(n*1000+i)%benchRows]
			e.Row = catalog.Row(n*1000 + i + 1)
			batch.Add = append(batch.Add, e)
		}
		apply(b, x, batch)
		n++
	}
	b.ReportMetric(float64(1000*n)/b.Elapsed().Seconds(), "vectors/s")
}

func BenchmarkOpen(b *testing.B) {
	c := benchCorpus(384)
	dir := b.TempDir()
	x := open(b, dir)
	for list := range slices.Chunk(c.batch.Add, 1000) {
		apply(b, x, indexer.Batch{Add: list, To: 1})
	}
	x.Close()
	for b.Loop() {
		x := open(b, dir)
		if x.Revision() != 1 {
			b.Fatal("nothing was read")
		}
		x.Close()
	}
}

// BenchmarkAlike searches passages that all have one vector, in the worst order: the later,
// the earlier by passage id.
func BenchmarkAlike(b *testing.B) {
	vector := newCloud(3, 384, 1).text(0)
	vectors := make([][]float32, benchRows)
	for i := range vectors {
		vectors[i] = vector
	}
	for name, id := range map[string]func(row int) catalog.DocumentID{
		"any": one,
		"backwards": func(row int) catalog.DocumentID {
			return catalog.DocumentID{Source: "one", ID: fmt.Sprintf("d%08d", benchRows-row)}
		},
	} {
		c := newCorpus(vectors, id)
		x := c.index(b)
		v := c.view(b)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				search(b, x, v, vector, 100)
			}
		})
	}
}
