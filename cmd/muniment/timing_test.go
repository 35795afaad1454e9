package main

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
	"github.com/muniment/muniment/internal/prove"
	"github.com/muniment/muniment/retriever"
)

// TestTimingOfHiddenTerms measures, and reports, whether the time that a query takes tells a
// term that only hidden documents hold from one that nothing holds (LEAK-19). Timing is not
// among the promises, so no figure fails the test; that too few were taken does.
//
// The samples are as sharp as can be had: in the process itself, through the whole
// retriever over the real catalog and indexes, without the audit log's wait for the disk,
// which is the same for every query and hundreds of times what is looked for; what a query
// takes with it is reported beside. Each term is asked for once, so that no cache knows it,
// and both kinds are made alike and interleaved at random.
func TestTimingOfHiddenTerms(t *testing.T) {
	n := prove.Count(500, 20_000)
	e, err := open(t.Context(), testConfig(t.TempDir()), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	random := rand.New(rand.NewPCG(19, 19))
	hidden := storeHiddenTerms(t, e, random, n)
	r := *e.server.Retriever
	r.Log = forgets{}
	caller := acl.Identity{User: "user:local/ada", App: "service:desk", Clearance: acl.DefaultScale.UpTo("internal"), Scope: acl.Scope{AllSources: true, Clearance: acl.DefaultScale.UpTo("internal")}}
	through := func(r *retriever.Retriever, term string) time.Duration {
		start := time.Now()
		a, err := r.Retrieve(t.Context(), caller, retriever.Request{ID: "timing", Query: term, Limit: 10})
		took := time.Since(start)
		if err != nil {
			t.Fatal(err)
		}
		for _, result := range a.Results {
			if strings.Contains(result.Passage.Text, term) {
				t.Fatalf("%q is not hidden", term)
			}
		}
		return took
	}
	ask := func(term string) time.Duration { return through(&r, term) }
	for range 200 { // what a process does only at first
		ask(freshTerm(random))
	}
	var with, without []time.Duration
	for _, i := range random.Perm(2 * n) {
		if i < n {
			with = append(with, ask(hidden[i]))
		} else {
			without = append(without, ask(freshTerm(random)))
		}
	}
	if len(with) != n || len(without) != n {
		t.Errorf("%d and %d samples, want %d", len(with), len(without), n)
	}
	var recorded []time.Duration
	for range prove.Count(50, 1000) {
		recorded = append(recorded, through(e.server.Retriever, freshTerm(random)))
	}
	slices.Sort(with)
	slices.Sort(without)
	slices.Sort(recorded)
	a, b := summed(with), summed(without)
	cut := n * 9 / 10 // what the machine does besides is in the slowest samples
	prove.Report(t, "timing (measured, not promised)",
		"%d queries for terms that only hidden documents hold, p50 %v, and %d for terms that none does, p50 %v: means differ by %.2f µs, %.2f %% of p50, Welch's t = %.2f; without the slowest tenth by %.2f µs, t = %.2f; with its record made durable a query takes %v (p50)",
		n, with[n/2], n, without[n/2], a.mean-b.mean, 100*(a.mean-b.mean)/micros(without[n/2]), welch(a, b),
		summed(with[:cut]).mean-summed(without[:cut]).mean, welch(summed(with[:cut]), summed(without[:cut])), recorded[len(recorded)/2])
}

// forgets is a log that remembers nothing.
type forgets struct{}

func (forgets) Append(context.Context, audit.Record) (audit.Entry, error) { return audit.Entry{}, nil }

// freshTerm is a word that nobody has written before.
func freshTerm(random *rand.Rand) string {
	b := make([]byte, 12)
	for i := range b {
		b[i] = byte('a' + random.IntN(26))
	}
	return string(b)
}

// storeHiddenTerms stores a thousand documents for everyone and hidden ones that hold the n
// terms it returns, each of them in twenty documents.
func storeHiddenTerms(t *testing.T, e *engine, random *rand.Rand, n int) (terms []string) {
	t.Helper()
	common := strings.Fields("harbour manager receipt approval budget winter summer contract office training safety captain vessel deck passenger insurance")
	var tickets []indexer.Ticket
	put := func(id, text string, by acl.Principal) {
		m, err := e.server.Indexer.Prepare(t.Context(), catalog.PutDocument{
			Document: catalog.Document{DocumentID: catalog.DocumentID{Source: "handbook", ID: id}, Version: 1, MIME: "text/plain"}, Text: text,
			Access: catalog.AccessPatch{Policy: &acl.Policy{Layers: []acl.Layer{{Allow: []acl.Grant{{Principal: by}}}}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		ticket, err := e.server.Indexer.Submit(t.Context(), indexer.Actor{}, m, catalog.Request{})
		if err != nil {
			t.Fatal(err)
		}
		tickets = append(tickets, ticket)
	}
	for i := range 1000 {
		var words []string
		for range 150 {
			words = append(words, common[random.IntN(len(common))])
		}
		put(fmt.Sprint("open ", i), strings.Join(words, " ")+".", acl.Everyone)
	}
	const together = 500 // terms in a document
	for len(terms) < n {
		var some []string
		for range together {
			some = append(some, freshTerm(random))
		}
		for copied := range 20 {
			random.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
			put(fmt.Sprint("closed ", len(terms), " ", copied), strings.Join(some, " ")+".", "user:local/bo")
		}
		terms = append(terms, some...)
	}
	for _, ticket := range tickets {
		if o, _, err := ticket.Wait(t.Context()); err != nil || o.Refused != nil {
			t.Fatal(o.Refused, err)
		}
	}
	return terms[:n]
}

// moments is what Welch's test takes of a sample, in µs.
type moments struct{ n, mean, variance float64 }

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func summed(sample []time.Duration) (m moments) {
	m.n = float64(len(sample))
	for _, d := range sample {
		m.mean += micros(d) / m.n
	}
	for _, d := range sample {
		m.variance += (micros(d) - m.mean) * (micros(d) - m.mean) / (m.n - 1)
	}
	return m
}

// welch is the difference of the means in standard errors.
func welch(a, b moments) float64 {
	return (a.mean - b.mean) / math.Sqrt(a.variance/a.n+b.variance/b.n)
}

func TestWelch(t *testing.T) {
	ms := func(list ...int) (out []time.Duration) {
		for _, n := range list {
			out = append(out, time.Duration(n)*time.Microsecond)
		}
		return out
	}
	// By hand: means 3 and 6, variances 2.5 and 10, so −3/√(2.5/5+10/5).
	got := welch(summed(ms(1, 2, 3, 4, 5)), summed(ms(2, 4, 6, 8, 10)))
	if want := -3 / math.Sqrt(2.5); math.Abs(got-want) > 1e-12 {
		t.Errorf("t = %v, want %v", got, want)
	}
}
