package keyword

import (
	"slices"
	"testing"
	"time"

	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// BenchmarkMerge has everybody's caller ask while an index grows from nothing by batches of
// 1,000 passages, so that segments are merged again and again: after each batch a reader is
// opened, as the publisher does, and asked at once. The metrics are the slowest query and
// reader of all, and the medians, in milliseconds.
func BenchmarkMerge(b *testing.B) {
	changes, questions := zipf(*benchPassages)
	x := open(b, b.TempDir())
	defer x.Close()
	table := indexer.NewTable()
	var query, reader []time.Duration
	for b.Loop() {
		for i := 0; i < len(changes); i += 1000 {
			var batch indexer.Batch
			to := catalog.Revision(i/1000 + 1)
			table, batch = table.With(changes[i:min(i+1000, len(changes))], to)
			if err := x.Apply(b.Context(), batch); err != nil {
				b.Fatal(err)
			}
			start := time.Now()
			r, err := x.Reader(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			reader = append(reader, time.Since(start))
			v := visible(b, table, reads(1000))
			for range 3 {
				start = time.Now()
				if _, err := r.Search(b.Context(), v, indexer.Query{Text: questions[len(query)%len(questions)]}, *benchLimit); err != nil {
					b.Fatal(err)
				}
				query = append(query, time.Since(start))
			}
			r.Close()
		}
	}
	for name, times := range map[string][]time.Duration{"query": query, "reader": reader} {
		slices.Sort(times)
		b.ReportMetric(times[len(times)/2].Seconds()*1000, name+"-p50-ms")
		b.ReportMetric(times[len(times)-1].Seconds()*1000, name+"-max-ms")
	}
}
