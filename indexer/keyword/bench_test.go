package keyword

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

var (
	benchPassages = flag.Int("keyword.passages", 100_000, "how many passages the benchmarks search")
	benchData     = flag.String("keyword.data", "", "directory in which the benchmarks keep their indexes; a temporary one if empty")
	benchSlowest  = flag.Bool("keyword.slowest", false, "print the question that took longest")
	benchLimit    = flag.Int("keyword.limit", 100, "how many hits the benchmarks ask for")
)

// shares are those of the callers in the benchmarks, in passages of a thousand.
var shares = []int{1, 10, 100, 500, 900, 1000}

func reads(share int) acl.Principal { return acl.Principal(fmt.Sprintf("user:local/reads%d", share)) }

// zipf makes passages of 60 to 120 words from a vocabulary of 50,000, of which the r-th is
// used about 1/r as often as the first, and questions of three to eight words of one passage.
// A passage is readable by the callers whose share is above a number drawn for it.
func zipf(n int) (changes []catalog.Change, questions []string) {
	rng := rand.New(rand.NewPCG(1, 2))
	words := rand.NewZipf(rng, 1.07, 3, 49_999)
	policies := make([]*acl.Policy, len(shares))
	for i := range policies {
		var l acl.Layer
		for _, share := range shares[i:] {
			l.Allow = append(l.Allow, acl.Grant{Principal: reads(share)})
		}
		policies[i] = &acl.Policy{Layers: []acl.Layer{l}}
	}
	for i := range n {
		var text []string
		for range 60 + rng.IntN(61) {
			text = append(text, fmt.Sprintf("t%d", words.Uint64()))
		}
		draw := rng.IntN(1000)
		policy := policies[slices.IndexFunc(shares, func(share int) bool { return draw < share })]
		row := catalog.Row(i + 1)
		changes = append(changes, catalog.Change{Revision: 1, Document: &catalog.DocumentChange{
			Document: catalog.Document{
				DocumentID: catalog.DocumentID{Source: "s", ID: fmt.Sprint(i)}, Version: 1, State: catalog.Present,
				Access: catalog.Access{Policy: policy}, Rows: catalog.Rows{First: row, Count: 1},
			},
			Passages: []catalog.Passage{{Row: row, Text: strings.Join(text, " ")}},
		}})
		if i%(n/200+1) == 0 {
			var question []string
			for range 3 + rng.IntN(6) {
				question = append(question, text[rng.IntN(len(text))])
			}
			questions = append(questions, strings.Join(question, " "))
		}
	}
	return changes, questions
}

func visible(b testing.TB, table *indexer.Table, user acl.Principal) *indexer.Visible {
	b.Helper()
	c := acl.DefaultScale.UpTo("restricted")
	v, err := (&acl.Directory{}).View(acl.Identity{
		User: user, App: "service:app", Clearance: c, Scope: acl.Scope{AllSources: true, Clearance: c},
	}, catalogTime)
	if err != nil {
		b.Fatal(err)
	}
	return table.Visible(v)
}

// large makes an index of that many passages, or finds the one it made before.
func large(b *testing.B) (table *indexer.Table, dir string, questions []string) {
	b.Helper()
	n := *benchPassages
	changes, questions := zipf(n)
	table, batch := indexer.NewTable().With(changes, 1)
	if dir = filepath.Join(*benchData, fmt.Sprint(n)); *benchData == "" {
		dir = b.TempDir()
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		b.Fatal(err)
	}
	x := open(b, dir)
	for i := int(x.Revision()); i < n; i += 1000 {
		if err := x.Apply(b.Context(), indexer.Batch{Add: batch.Add[i:min(i+1000, n)], To: catalog.Revision(i + 1000)}); err != nil {
			b.Fatal(err)
		}
	}
	if err := x.Close(); err != nil {
		b.Fatal(err)
	}
	return table, dir, questions
}

// BenchmarkOpen opens an index, which reads all of it to verify it, and a reader.
func BenchmarkOpen(b *testing.B) {
	_, dir, _ := large(b)
	for b.Loop() {
		x := open(b, dir)
		r, err := x.Reader(b.Context())
		if err != nil || x.Revision() == 0 {
			b.Fatal(x.Revision(), err)
		}
		b.StopTimer()
		r.Close()
		x.Close()
		b.StartTimer()
	}
}

// BenchmarkSearch asks the questions as callers of every share. The metrics are over
// the questions, in milliseconds: of each the best of five, since machines have other work.
func BenchmarkSearch(b *testing.B) {
	table, dir, questions := large(b)
	x := open(b, dir)
	defer x.Close()
	r, err := x.Reader(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	for _, share := range shares {
		v := visible(b, table, reads(share))
		b.Run(fmt.Sprintf("share=%.1f%%", float64(share)/10), func(b *testing.B) {
			for b.Loop() {
				report(b, questions, func(q string) {
					if _, err := r.Search(b.Context(), v, indexer.Query{Text: q}, *benchLimit); err != nil {
						b.Fatal(err)
					}
				})
			}
		})
	}
}

func report(b *testing.B, questions []string, ask func(string)) {
	best := make([]time.Duration, len(questions))
	for i, q := range questions {
		for n := range 5 {
			start := time.Now()
			ask(q)
			if took := time.Since(start); n == 0 || took < best[i] {
				best[i] = took
			}
		}
	}
	if *benchSlowest {
		slowest := slices.Index(best, slices.Max(best))
		b.Logf("%v for %q", best[slowest], questions[slowest])
	}
	slices.Sort(best)
	b.ReportMetric(best[len(best)/2].Seconds()*1000, "p50-ms")
	b.ReportMetric(best[len(best)*95/100].Seconds()*1000, "p95-ms")
	b.ReportMetric(best[len(best)-1].Seconds()*1000, "max-ms")
}

// BenchmarkView makes views of a caller of every share: of nothing, from that of before
// once a document has been replaced by another, and found again.
func BenchmarkView(b *testing.B) {
	table, dir, _ := large(b)
	x := open(b, dir)
	defer x.Close()
	r, err := x.Reader(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	n := *benchPassages
	gone := catalog.Document{DocumentID: catalog.DocumentID{Source: "s", ID: fmt.Sprint(n / 2)}, Version: 2, State: catalog.Deleted}
	come := catalog.Document{
		DocumentID: catalog.DocumentID{Source: "s", ID: "new"}, Version: 1, State: catalog.Present,
		Access: catalog.Access{Policy: &acl.Policy{Layers: []acl.Layer{{Allow: []acl.Grant{{Principal: acl.Everyone}}}}}},
		Rows:   catalog.Rows{First: catalog.Row(n + 1), Count: 1},
	}
	for _, share := range shares {
		visible(b, table, reads(share)) // so that the next table brings it along
	}
	next, batch := table.With([]catalog.Change{
		{Revision: 2, Document: &catalog.DocumentChange{Document: gone}},
		{Revision: 2, Document: &catalog.DocumentChange{Document: come, Passages: []catalog.Passage{{Row: catalog.Row(n + 1), Text: "t1 t2 t3"}}}},
	}, 2)
	to := x.Revision()
	batch.To = to
	if err := x.Apply(b.Context(), batch); err != nil {
		b.Fatal(err)
	}
	after, err := x.Reader(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer after.Close()
	for _, share := range shares {
		v, w := visible(b, table, reads(share)), visible(b, next, reads(share))
		made := newView(r.(*reader).segments, v, nil)
		name := fmt.Sprintf("share=%.1f%%", float64(share)/10)
		b.Run(name+"/cold", func(b *testing.B) {
			for b.Loop() {
				newView(r.(*reader).segments, v, nil)
			}
		})
		b.Run(name+"/after one document", func(b *testing.B) {
			for b.Loop() {
				newView(after.(*reader).segments, w, made)
			}
		})
		b.Run(name+"/cached", func(b *testing.B) {
			for b.Loop() {
				x.views.get(1, r.(*reader).segments, v)
			}
		})
	}
}

// BenchmarkApply adds 1,000 passages at a time, durably.
func BenchmarkApply(b *testing.B) {
	changes, _ := zipf(20_000)
	_, batch := indexer.NewTable().With(changes, 1)
	x := open(b, b.TempDir())
	defer x.Close()
	added := 0
	for b.Loop() {
		from := added % len(batch.Add)
		add := append([]indexer.Entry(nil), batch.Add[from:from+1000]...)
		for i := range add {
			add[i].Row = catalog.Row(added + i + 1)
		}
		added += len(add)
		if err := x.Apply(b.Context(), indexer.Batch{Add: add, To: catalog.Revision(added)}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(added)/b.Elapsed().Seconds(), "passages/s")
}
