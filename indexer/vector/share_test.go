package vector

import (
	"cmp"
	"flag"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

var shareRows = flag.Int("vector.rows", 200_000, "passages that BenchmarkShare asks")

// shared is a corpus of which callers see different shares, with an index of it.
type shared struct {
	*corpus
	*cloud
	x         *Index
	questions [][]float32
	products  map[int][]float64          // by question, all
	best      map[string][][]indexer.Hit // by view; of the first questions
}

// shares are what callers see of it, as sources of which each has what the one before lacks.
var shares = []struct {
	name    string
	sources []string
	percent float64
}{
	{"0.1%", []string{"a"}, 0.1},
	{"1%", []string{"a", "b"}, 1},
	{"10%", []string{"a", "b", "c"}, 10},
	{"50%", []string{"a", "b", "c", "d"}, 50},
	{"90%", []string{"a", "b", "c", "d", "e"}, 90},
	{"100%", nil, 100},
}

// theShared is made once. Documents have five passages, which stand in neighbouring rows;
// who sees them depends for half of the documents on their topic.
var theShared = sync.OnceValue(func() *shared {
	n := *shareRows
	s := &shared{cloud: newCloud(7, 384, 2000), best: map[string][][]indexer.Hit{}}
	vectors, topics := make([][]float32, n), make([]int, n)
	for i := range n {
		if topics[i] = s.random.IntN(len(s.centres)); i%5 > 0 {
			topics[i] = topics[i-1]
		}
		vectors[i] = s.text(topics[i])
	}
	s.corpus = newCorpus(vectors, func(row int) catalog.DocumentID {
		document := (row - 1) / 5
		by := document * 7919 % 1_000_003
		if document%2 == 0 {
			by = topics[row-1] * 104_729 % 1_000_003
		}
		part := 100 * float64(by) / 1_000_003
		for i, share := range shares[:5] {
			if part < share.percent {
				return named(shares[4].sources[i], row)
			}
		}
		return named("f", row)
	})
	for i := range 200 {
		s.questions = append(s.questions, s.question(vectors[i*1997%n]))
	}
	return s
})

// BenchmarkShare asks as callers who see different shares of the passages and reports the
// median, the 95th percentile and how many of the ten best are found.
func BenchmarkShare(b *testing.B) {
	s := theShared()
	if s.x == nil {
		s.x = open(b, b.TempDir())
		b.Cleanup(func() { s.x.Close(); s.x = nil })
		for list := range slices.Chunk(s.batch.Add, 10_000) {
			apply(b, s.x, indexer.Batch{Add: list, To: 1})
		}
	}
	for _, limit := range []int{10, 100} {
		for _, share := range shares {
			b.Run(fmt.Sprintf("limit=%d/share=%s", limit, share.name), func(b *testing.B) {
				s.measure(b, s.view(b, share.sources...), share.name, limit)
			})
		}
	}
}

func (s *shared) measure(b *testing.B, v *indexer.Visible, name string, limit int) {
	const judged = 20
	r, err := s.x.Reader(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	if s.best[name] == nil {
		for i := range judged {
			s.best[name] = append(s.best[name], s.truth(v, i))
		}
	}
	var took []time.Duration
	ten, all := 0.0, 0.0
	for i := range judged {
		hits, err := r.Search(b.Context(), v, indexer.Query{Space: here, Vector: s.questions[i]}, limit)
		if err != nil {
			b.Fatal(err)
		}
		best := s.best[name][i]
		ten += recall(best[:min(10, len(best))], hits[:min(10, len(hits))]) / judged
		all += recall(best[:min(limit, len(best))], hits) / judged
	}
	b.ResetTimer()
	for i := 0; b.Loop(); i++ {
		q := indexer.Query{Space: here, Vector: s.questions[i%len(s.questions)]}
		start := time.Now()
		if _, err := r.Search(b.Context(), v, q, limit); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/10].Microseconds()), "p10-µs")
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*95/100].Microseconds()), "p95-µs")
	b.ReportMetric(ten, "recall@10")
	b.ReportMetric(all, fmt.Sprintf("recall@%d-all", limit))
}

// truth are the best hundred for a question, by definition.
func (s *shared) truth(v *indexer.Visible, question int) []indexer.Hit {
	if s.products == nil {
		s.products = map[int][]float64{}
	}
	if s.products[question] == nil {
		for row := range len(s.vectors) {
			s.products[question] = append(s.products[question], product(s.vectors[catalog.Row(row+1)], s.questions[question]))
		}
	}
	var hits []indexer.Hit
	for i, p := range s.products[question] {
		if row := catalog.Row(i + 1); v.Has(row) {
			hits = append(hits, indexer.Hit{Row: row, Score: p})
		}
	}
	slices.SortFunc(hits, func(a, b indexer.Hit) int { return cmp.Or(cmp.Compare(b.Score, a.Score), v.Compare(a.Row, b.Row)) })
	return hits[:min(100, len(hits))]
}
