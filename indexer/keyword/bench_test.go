package keyword

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// zipf makes passages of 60 to 120 words from a vocabulary of 50,000, of which the r-th is
// used 1/r as often as the first. Policy tenth admits about one passage in ten, thousandth
// about one in a thousand, chosen at random.
func zipf(n int) []catalog.Change {
	rng := rand.New(rand.NewPCG(1, 2))
	words := rand.NewZipf(rng, 1.07, 3, 49_999)
	grant := func(names ...acl.Principal) *acl.Policy {
		l := acl.Layer{Allow: []acl.Grant{{Principal: "user:local/everything"}}}
		for _, n := range names {
			l.Allow = append(l.Allow, acl.Grant{Principal: n})
		}
		return &acl.Policy{Layers: []acl.Layer{l}}
	}
	rest, tenth, thousandth := grant(), grant("user:local/tenth"), grant("user:local/tenth", "user:local/thousandth")
	var changes []catalog.Change
	for i := range n {
		var text strings.Builder
		for range 60 + rng.IntN(61) {
			fmt.Fprintf(&text, "t%d ", words.Uint64())
		}
		policy := rest
		switch rng.IntN(1000) {
		case 0:
			policy = thousandth
		default:
			if rng.IntN(10) == 0 {
				policy = tenth
			}
		}
		row := catalog.Row(i + 1)
		changes = append(changes, catalog.Change{Revision: 1, Document: &catalog.DocumentChange{
			Document: catalog.Document{
				DocumentID: catalog.DocumentID{Source: "s", ID: fmt.Sprint(i)}, Version: 1, State: catalog.Present,
				Access: catalog.Access{Policy: policy}, Rows: catalog.Rows{First: row, Count: 1},
			},
			Passages: []catalog.Passage{{Row: row, Text: text.String()}},
		}})
	}
	return changes
}

func visible(b *testing.B, table *indexer.Table, user acl.Principal) *indexer.Visible {
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

// large makes an index of 100,000 passages.
func large(b *testing.B) (*indexer.Table, string) {
	b.Helper()
	const n = 100_000
	table, batch := indexer.NewTable().With(zipf(n), 1)
	dir := b.TempDir()
	x := open(b, dir)
	for i := 0; i < n; i += 1000 {
		if err := x.Apply(b.Context(), indexer.Batch{Add: batch.Add[i : i+1000], To: catalog.Revision(i + 1)}); err != nil {
			b.Fatal(err)
		}
	}
	if err := x.Close(); err != nil {
		b.Fatal(err)
	}
	return table, dir
}

// BenchmarkOpen opens an index of 100,000 passages, which reads all of it to verify it,
// and a reader.
func BenchmarkOpen(b *testing.B) {
	_, dir := large(b)
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

// BenchmarkSearch asks for the best 50 of 100,000 passages, five terms at a time: a very
// common one, two common ones, two rare ones.
func BenchmarkSearch(b *testing.B) {
	table, dir := large(b)
	x := open(b, dir)
	defer x.Close()
	for _, user := range []acl.Principal{"user:local/everything", "user:local/tenth", "user:local/thousandth"} {
		v := visible(b, table, user)
		name := fmt.Sprintf("of=%d", v.Len())
		b.Run(name+"/view=cached", func(b *testing.B) {
			r, err := x.Reader(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			defer r.Close()
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				q := fmt.Sprintf("t%d t%d t%d t%d t%d", i%5, 20+i%30, 60+i%40, 500+i%300, 3000+i%3000)
				if _, err := r.Search(b.Context(), v, indexer.Query{Text: q}, 50); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/view=cold", func(b *testing.B) {
			r, err := x.Reader(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			defer r.Close()
			for b.Loop() {
				newView(r.(*reader).segments, v)
			}
		})
	}
}

// BenchmarkApply adds 1,000 passages at a time, durably.
func BenchmarkApply(b *testing.B) {
	_, batch := indexer.NewTable().With(zipf(20_000), 1)
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
