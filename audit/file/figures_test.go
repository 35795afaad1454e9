package file

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/audit/audittest"
)

// figureRecords is how many records BenchmarkFigures writes before it measures.
var figureRecords = flag.Int("figures.records", 20_000, "how many records BenchmarkFigures writes before it measures; the documented figures are of 1000000")

// answer is the record of a retrieval with ten passages.
func answer(n int) audit.Record {
	r := audittest.Record(n)
	r.User, r.Retrieval.Options = fmt.Sprintf("user:corp/%d", n%1000), []byte(`{"limit":10}`)
	source := r.Retrieval.Sources[0]
	r.Retrieval.Sources = nil
	for rank := range 10 {
		source.ID, source.Rank = fmt.Sprintf("handbook/%d.md", (n*7+rank)%5000), rank+1
		r.Retrieval.Sources = append(r.Retrieval.Sources, source)
	}
	return r
}

// worked is how long this process has worked, by the kernel's account.
func worked() time.Duration {
	var use syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &use)
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// BenchmarkFigures writes a log of retrievals, on disk with its register, and measures what
// docs/performance.md has: the work of an append beyond encoding the record (its salt and
// commitment, the tree, the register, the queue and the writes; not the waiting for the disk),
// a proof, a search and a verification from end to end.
func BenchmarkFigures(b *testing.B) {
	figures := map[string]float64{} // the loop forgets what is reported before it
	figure := func(value float64, unit string) { figures[unit] = value }
	dir := b.TempDir()
	s, err := Open(filepath.Join(dir, "audit"))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	c := audittest.Keys(b)
	if c.Shelf, err = OpenShelf(filepath.Join(dir, "register")); err != nil {
		b.Fatal(err)
	}
	l := audittest.Open(b, s, c)
	ctx, next := context.Background(), 0
	lot := func(n int) []audit.Record {
		records := make([]audit.Record, n)
		for i := range records {
			records[i], next = answer(next), next+1
		}
		return records
	}
	for next < *figureRecords {
		if _, err := l.AppendAll(ctx, lot(1000)); err != nil {
			b.Fatal(err)
		}
	}
	var appends, encoding []time.Duration
	for range 20 {
		records := lot(1000)
		before := worked()
		for i := range records {
			if _, err := json.Marshal(&records[i]); err != nil {
				b.Fatal(err)
			}
		}
		encoded := worked()
		if _, err := l.AppendAll(ctx, records); err != nil {
			b.Fatal(err)
		}
		encoding, appends = append(encoding, (encoded-before)/1000), append(appends, (worked()-encoded)/1000)
	}
	figure(float64(median(appends)-median(encoding)), "ns-beyond-encoding/append")
	figure(float64(median(encoding)), "ns-encoding/append")

	size := l.Size()
	proof := took(b, 200, func(i int) error {
		_, err := l.Inclusion(ctx, int64(i)*7919%size, size)
		return err
	})
	consistency := took(b, 200, func(i int) error {
		_, err := l.Consistency(ctx, 1+int64(i)*7919%size, size)
		return err
	})
	figure(float64(proof), "ns/inclusion")
	figure(float64(consistency), "ns/consistency")
	find := func(subject func(int) audit.Subject) time.Duration {
		return took(b, 50, func(i int) error {
			found := 0
			for _, err := range l.Find(ctx, subject(i), audit.Newest) {
				if err != nil {
					return err
				}
				if found++; found == 50 {
					break
				}
			}
			return nil
		})
	}
	figure(float64(find(func(i int) audit.Subject { return audit.ByUser(fmt.Sprintf("user:corp/%d", i)) })), "ns/50-of-a-user")
	figure(float64(find(func(i int) audit.Subject { return audit.WithID(fmt.Sprintf("record/%d", int64(i)*7919%size)) })), "ns/one-by-its-id")
	figure(float64(find(func(i int) audit.Subject { return audit.WithID("none") })), "ns/none")
	audittest.Close(b, l)
	var bytes int64
	filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			if info, err := d.Info(); err == nil {
				bytes += info.Size()
			}
		}
		return err
	})
	figure(float64(bytes)/float64(size), "bytes/record")
	before := worked()
	for b.Loop() {
		r, err := OpenReadOnly(filepath.Join(dir, "audit"))
		if err != nil {
			b.Fatal(err)
		}
		if report, err := audit.Verify(ctx, r, note.VerifierList(c.Verifier), nil); err != nil || !report.OK || report.Proven != size {
			b.Fatal(report, err)
		}
		r.Close()
	}
	figure(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(size), "ns-verifying/record")
	figure(float64(worked()-before)/float64(b.N)/float64(size), "cpu-ns-verifying/record")
	for unit, value := range figures {
		b.ReportMetric(value, unit)
	}
}

// took is how long a thing takes, the median of so many.
func took(b *testing.B, n int, f func(int) error) time.Duration {
	b.Helper()
	var list []time.Duration
	for i := range n {
		start := time.Now()
		if err := f(i); err != nil {
			b.Fatal(err)
		}
		list = append(list, time.Since(start))
	}
	return median(list)
}

func median(list []time.Duration) time.Duration {
	slices.Sort(list)
	return list[len(list)/2]
}
