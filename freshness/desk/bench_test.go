package desk

import (
	"fmt"
	"testing"
	"time"

	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/audit/audittest"
	"github.com/muniment/muniment/audit/file"
)

// BenchmarkUses reads the retrievals of a log on disk, of ten passages each, as the first report
// after a start does.
func BenchmarkUses(b *testing.B) {
	const records = 20_000
	storage, err := file.Open(b.TempDir())
	must(b, err)
	log := audittest.Open(b, storage, audittest.Keys(b))
	ids := make([]string, 10)
	pending := make(chan audit.Record)
	done := make(chan error)
	for range 16 {
		go func() {
			for r := range pending {
				if _, err := log.Append(b.Context(), r); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for n := range records {
		for i := range ids {
			ids[i] = fmt.Sprintf("pages/some/where/%06d.md", (n*7+i*13)%50_000)
		}
		r := retrieval(start, ids...)
		for i := range r.Retrieval.Sources {
			r.Retrieval.Sources[i].ContentHash, r.Retrieval.Sources[i].Policies = fmt.Sprintf("%064x", n), fmt.Sprintf("%064x", i)
			r.Retrieval.Sources[i].URI = "https://pages.example/" + ids[i]
		}
		pending <- r
	}
	close(pending)
	for range 16 {
		must(b, <-done)
	}
	b.ResetTimer()
	for b.Loop() {
		var u uses
		must(b, u.level(b.Context(), log, start.Add(time.Hour)))
		b.ReportMetric(float64(len(u.counts)), "documents")
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/records, "µs/retrieval")
}
