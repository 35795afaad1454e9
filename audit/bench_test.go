package audit_test

import (
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/audit/audittest"
)

// answer is a retrieval record as ten passages make it.
func answer(n int) audit.Record {
	r := audittest.Record(n)
	r.Retrieval.Options = []byte(`{"limit":10}`)
	for len(r.Retrieval.Sources) < 10 {
		s := r.Retrieval.Sources[0]
		s.Rank = len(r.Retrieval.Sources) + 1
		r.Retrieval.Sources = append(r.Retrieval.Sources, s)
	}
	return r
}

// BenchmarkAppend measures a record's way into a storage in memory, one caller and many.
func BenchmarkAppend(b *testing.B) {
	for _, callers := range []int{1, 8} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			l := audittest.Open(b, &audittest.Memory{}, audittest.Keys(b))
			b.ReportAllocs()
			b.SetParallelism(callers)
			if callers == 1 {
				r := answer(1)
				for b.Loop() {
					if _, err := l.Append(ctx, r); err != nil {
						b.Fatal(err)
					}
				}
				return
			}
			b.RunParallel(func(pb *testing.PB) {
				r := answer(1)
				for pb.Next() {
					if _, err := l.Append(ctx, r); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// BenchmarkAppendAll measures a record's share in a batch: the CPU without the waiting.
func BenchmarkAppendAll(b *testing.B) {
	for name, record := range map[string]func(int) audit.Record{"change": change, "retrieval": answer} {
		b.Run(name, func(b *testing.B) {
			l := audittest.Open(b, &audittest.Memory{}, audittest.Keys(b))
			records := make([]audit.Record, 1000)
			for n := range records {
				records[n] = record(n)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := l.AppendAll(ctx, records); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(records)), "ns/record")
		})
	}
}

func change(n int) audit.Record {
	r := audittest.Record(n)
	r.Kind, r.Retrieval = audit.KindChange, nil
	r.Change = &audit.Change{Revision: uint64(n), Op: "put", Source: "handbook", ID: "leave.md", Version: 3, ContentHash: fmt.Sprintf("%064x", n)}
	return r
}

// BenchmarkVerify verifies 100,000 retrieval records.
func BenchmarkVerify(b *testing.B) {
	const size = 100_000
	m, c := &audittest.Memory{}, audittest.Keys(b)
	l := audittest.Open(b, m, c)
	for n := 0; n < size; n += 1000 {
		records := make([]audit.Record, 1000)
		for i := range records {
			records[i] = answer(n + i)
		}
		if _, err := l.AppendAll(ctx, records); err != nil {
			b.Fatal(err)
		}
	}
	audittest.Close(b, l)
	for b.Loop() {
		if r, err := audit.Verify(ctx, m, note.VerifierList(c.Verifier), m.Note); err != nil || !r.OK {
			b.Fatal(r, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*size), "ns/record")
}
