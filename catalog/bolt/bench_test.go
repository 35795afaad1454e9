package bolt

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/freshness"
)

const (
	benchDimensions = 100
	benchPassages   = 5 // of a document
)

var words = strings.Fields("the leave policy of each team says that members may take up to 28 days within a year and must ask 14 days before they go")

// prose is about 90 words, as a passage has.
func prose(r *rand.Rand) string {
	var b strings.Builder
	for range 90 {
		b.WriteString(words[r.IntN(len(words))])
		b.WriteByte(' ')
	}
	return b.String()
}

// lines makes documents for commits of 1,000 passages.
func benchLines(r *rand.Rand, documents int) (ms []catalog.Mutation) {
	for range documents {
		id := fmt.Sprintf("pages/%016x.md", r.Uint64())
		m := catalog.PutDocument{Document: catalog.Document{
			DocumentID: catalog.DocumentID{Source: "handbook", ID: id}, Version: 1, Title: "Title of " + id, MIME: "text/markdown",
			URI: "https://example.org/" + id, Owner: "group:people", Modified: time.Unix(1_700_000_000, 0), Signature: make(freshness.Signature, 128),
		}}
		for i := range m.Document.Signature {
			m.Document.Signature[i] = r.Uint32()
		}
		for range benchPassages {
			text := prose(r)
			v := make([]float32, benchDimensions)
			for i := range v {
				v[i] = r.Float32()
			}
			m.Passages = append(m.Passages, catalog.Passage{
				Text: text, Headings: []string{"Leave", "Paid leave"}, Vector: v,
				Statements: []freshness.Statement{{Text: text[:100], Words: make([]byte, 60), Quantities: make([]freshness.Quantity, 2)}},
			})
			m.Text += text + "\n"
		}
		m.Access = catalog.AccessPatch{Policy: &acl.Policy{Layers: []acl.Layer{{Allow: []acl.Grant{{Principal: "group:staff"}, {Principal: acl.Everyone}}}}}}
		ms = append(ms, m)
	}
	return ms
}

func benchStore(b *testing.B, commits int) (s *Store, ids []catalog.PassageID) {
	b.Helper()
	s, err := Open(file(b), Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	r := rand.New(rand.NewPCG(1, 2))
	for range commits {
		ms := benchLines(r, 200)
		commit(b, s, ms...)
		for _, m := range ms {
			ids = append(ids, catalog.PassageID{Document: m.(catalog.PutDocument).Document.DocumentID, Version: 1, Ordinal: r.IntN(benchPassages)})
		}
	}
	return s, ids
}

// BenchmarkCommit commits 1,000 passages at a time, on disk before it goes on.
func BenchmarkCommit(b *testing.B) {
	s, _ := benchStore(b, 0)
	r := rand.New(rand.NewPCG(1, 2))
	record := func(catalog.Revision, int, catalog.Outcome) [][]byte { return [][]byte{make([]byte, 300)} }
	passages := 0
	for b.Loop() {
		b.StopTimer()
		ms := benchLines(r, 200)
		b.StartTimer()
		if _, err := s.Commit(context.Background(), catalog.Commit{Mutations: ms, At: time.Unix(1_800_000_000, 0), Record: record}); err != nil {
			b.Fatal(err)
		}
		passages += 200 * benchPassages
	}
	b.ReportMetric(float64(passages)/b.Elapsed().Seconds(), "passages/s")
}

// BenchmarkCommitInSync does the same while a sync session is open, each document under a
// request of its own.
func BenchmarkCommitInSync(b *testing.B) {
	s, _ := benchStore(b, 0)
	at := time.Unix(1_800_000_000, 0)
	commit(b, s, catalog.StartSync{Source: "handbook", Session: catalog.Session{ID: "s", Life: time.Hour}})
	r := rand.New(rand.NewPCG(1, 2))
	record := func(catalog.Revision, int, catalog.Outcome) [][]byte { return [][]byte{make([]byte, 300)} }
	passages := 0
	for b.Loop() {
		b.StopTimer()
		c := catalog.Commit{Mutations: benchLines(r, 200), At: at, Record: record}
		for range c.Mutations {
			c.Requests = append(c.Requests, catalog.Request{By: "service:job", ID: fmt.Sprintf("%016x", r.Uint64())})
		}
		b.StartTimer()
		if _, err := s.Commit(context.Background(), c); err != nil {
			b.Fatal(err)
		}
		passages += 200 * benchPassages
	}
	b.ReportMetric(float64(passages)/b.Elapsed().Seconds(), "passages/s")
}

// BenchmarkSync sees 100,000 documents that are stored already, 1,000 at a time, and commits
// the session.
func BenchmarkSync(b *testing.B) {
	const documents = 100_000
	s, err := Open(file(b), Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	var puts, seen []catalog.Mutation
	for i := range documents {
		m := line(fmt.Sprintf("pages/%06d.md", i), 1)
		m.Passages = nil
		puts = append(puts, m)
		seen = append(seen, catalog.SeeDocument{Document: m.Document.DocumentID, Stored: true, Version: 1})
	}
	for ms := range slices.Chunk(puts, 1000) {
		commit(b, s, ms...)
	}
	var ending time.Duration
	for b.Loop() {
		commit(b, s, catalog.StartSync{Source: "handbook", Session: catalog.Session{ID: "s", Life: time.Hour}})
		for ms := range slices.Chunk(seen, 1000) {
			commit(b, s, ms...)
		}
		start := time.Now()
		commit(b, s, catalog.CommitSync{Source: "handbook", Session: "s", Documents: documents})
		ending += time.Since(start)
	}
	b.ReportMetric(float64(b.N)*documents/b.Elapsed().Seconds(), "documents/s")
	b.ReportMetric(float64(ending.Milliseconds())/float64(b.N), "ms/end")
}

// BenchmarkContainer changes the policy of a container: an access change in force.
func BenchmarkContainer(b *testing.B) {
	s, _ := benchStore(b, 20)
	i := int64(0)
	for b.Loop() {
		i++
		commit(b, s, catalog.PutContainer{Container: catalog.Container{DocumentID: catalog.DocumentID{Source: "handbook", ID: "f"}, Version: i}})
	}
}

// BenchmarkPassages reads 10 passages of 10 documents out of 20,000.
func BenchmarkPassages(b *testing.B) {
	s, ids := benchStore(b, 20)
	r := rand.New(rand.NewPCG(3, 4))
	n := pin(b, s, 0)
	v := view(b, n)
	ask := make([]catalog.PassageID, 10)
	for b.Loop() {
		for i := range ask {
			ask[i] = ids[r.IntN(len(ids))]
		}
		got, err := n.Passages(context.Background(), v, ask)
		if err != nil || len(got) != 10 {
			b.Fatal(len(got), err)
		}
	}
}

// BenchmarkChanges is a rebuild over 20,000 passages.
func BenchmarkChanges(b *testing.B) {
	s, _ := benchStore(b, 20)
	passages := 0
	for b.Loop() {
		for c, err := range s.Changes(context.Background(), 0, catalog.Contents) {
			if err != nil {
				b.Fatal(err)
			}
			passages += len(c.Document.Passages)
		}
	}
	b.ReportMetric(float64(passages)/b.Elapsed().Seconds(), "passages/s")
}

// BenchmarkOpen opens a file of 20,000 passages in 4,000 documents.
func BenchmarkOpen(b *testing.B) {
	s, _ := benchStore(b, 20)
	path := s.db.Path()
	s.Close()
	for b.Loop() {
		s, err := Open(path, Options{})
		if err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}
