package file

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/audit/audittest"
)

// edge is a storage that keeps the tree and forgets the records: what an append costs without a disk.
type edge struct{ audittest.Memory }

func (e *edge) Append(_ context.Context, b audit.Batch) error {
	e.Hash = append(e.Hash, b.Hashes...) // the only reader is the writer, which waits
	return nil
}

// BenchmarkBeyond measures the CPU of an append beyond encoding the record, in batches of a
// thousand, on a log of -figures.records: of the retrievals of ten documents, about 2.4 kB each,
// and of changes, 0.4 kB; in memory without a register, and on disk with one. CPU is the kernel's account of
// the whole process, its collector included; hash is what one SHA-256 of a body costs on this machine,
// which no commitment can do without.
func BenchmarkBeyond(b *testing.B) {
	for _, kind := range []struct {
		name   string
		record func(int) audit.Record
	}{{"retrieval", answer}, {"change", change}} {
		for _, where := range []string{"memory", "disk"} {
			b.Run(kind.name+"/"+where, func(b *testing.B) {
				var s audit.Storage = &edge{}
				c := audittest.Keys(b)
				if where == "disk" {
					s, c.Shelf = onDisk(b)
				}
				l := audittest.Open(b, s, c)
				defer audittest.Close(b, l)
				beyond(b, l, kind.record)
			})
		}
	}
}

func onDisk(b *testing.B) (*Storage, Shelf) {
	dir := b.TempDir()
	s, err := Open(filepath.Join(dir, "audit"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	shelf, err := OpenShelf(filepath.Join(dir, "register"))
	if err != nil {
		b.Fatal(err)
	}
	return s, shelf
}

func change(n int) audit.Record {
	r := audittest.Record(n)
	r.Kind, r.Retrieval = audit.KindChange, nil
	r.Change = &audit.Change{Revision: uint64(n), Op: "put", Source: "handbook", ID: fmt.Sprintf("handbook/%d.md", n%5000), Version: 3, ContentHash: fmt.Sprintf("%064x", n)}
	return r
}

// beyond appends to the log and reports what that costs.
func beyond(b *testing.B, l *audit.Log, record func(int) audit.Record) {
	next := 0
	lot := func() []audit.Record {
		records := make([]audit.Record, 1000)
		for i := range records {
			records[i], next = record(next), next+1
		}
		return records
	}
	for next < *figureRecords {
		if _, err := l.AppendAll(b.Context(), lot()); err != nil {
			b.Fatal(err)
		}
	}
	var encoding, hashing, appending time.Duration
	for b.Loop() {
		records, bodies := lot(), make([][]byte, 0, 1000)
		t0 := worked()
		for i := range records {
			body, err := json.Marshal(&records[i])
			if err != nil {
				b.Fatal(err)
			}
			bodies = append(bodies, body)
		}
		t1 := worked()
		for _, body := range bodies {
			sha256.Sum256(body)
		}
		t2 := worked()
		if _, err := l.AppendAll(b.Context(), records); err != nil {
			b.Fatal(err)
		}
		encoding, hashing, appending = encoding+t1-t0, hashing+t2-t1, appending+worked()-t2
	}
	n := float64(b.N * 1000)
	b.ReportMetric(0, "ns/op") // most of it is waiting
	b.ReportMetric(float64(encoding)/n, "encoding-ns/record")
	b.ReportMetric(float64(hashing)/n, "hash-ns/record")
	b.ReportMetric(float64(appending-encoding)/n, "beyond-ns/record")
}
