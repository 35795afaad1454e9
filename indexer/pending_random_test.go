package indexer_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// In random histories with an embedder that fails half of the time, everything has its
// vectors in the end, and table and indexes are those of the catalog.
func TestLateVectorsInRandomHistories(t *testing.T) {
	said := map[bool]int{}
	for seed := range uint64(30) {
		synctest.Test(t, func(t *testing.T) {
			g, b := newGenerator(seed), newBench(t, nil)
			b.embedder.set(func(ctx context.Context, texts []string) ([][]float32, error) {
				if len(texts)%2 == int(seed%2) {
					return nil, errDown
				}
				return unit{}.Embed(ctx, texts)
			})
			for range 60 {
				m := g.mutation()
				if put, ok := m.(catalog.PutDocument); ok {
					put.Document.Supersedes = nil
					if g.chance(50) && len(put.Passages) > 0 {
						put.Document.VectorSpace = "other/2" // brought
						for i := range put.Passages {
							put.Passages[i].Vector = []float32{0, 1}
						}
					}
					m = put
				}
				submit(t, b.Indexer, m)
				time.Sleep(time.Duration(g.IntN(3000)) * time.Millisecond)
				if g.chance(20) {
					checkWaiting(t, b, g, said)
				}
			}
			b.embedder.set(nil)
			time.Sleep(3 * time.Hour) // some have been put aside
			if pending, bare := b.waiting(); len(pending)+len(bare) > 0 || b.Waiting() > 0 {
				t.Errorf("seed %d: %v are pending, %v without vectors, %d wait", seed, pending, bare, b.Waiting())
			}
			b.check(t)
		})
	}
	if said[true] < 20 || said[false] < 20 {
		t.Errorf("views said %v: the histories are too plain", said)
	}
}

// checkWaiting compares what views say of waiting documents with the catalog, and counts
// what they said.
func checkWaiting(t *testing.T, b *bench, g *generator, said map[bool]int) {
	t.Helper()
	state := newest(t, b.Indexer)
	defer state.Release()
	all := 0
	for _, c := range b.store.changes(0) {
		if c.Document != nil && c.Document.Document.State == catalog.Present && c.Document.Document.Pending {
			all++
		}
	}
	if b.Waiting() != all && state.Revision() == b.store.head() {
		t.Errorf("%d documents wait, and the catalog has %d", b.Waiting(), all)
	}
	for range 4 {
		view, err := state.View(g.caller(), now)
		if err != nil {
			t.Fatal(err)
		}
		filter := indexer.Filter{}
		if g.chance(50) {
			filter.Sources = []string{pick(g, sources...)}
		}
		want := false
		for _, c := range b.store.changes(0) {
			if c.Document == nil {
				continue
			}
			d := c.Document.Document
			if len(filter.Sources) > 0 && d.Source != filter.Sources[0] {
				continue
			}
			seen, err := state.Documents(t.Context(), view, []catalog.DocumentID{d.DocumentID})
			if err != nil {
				t.Fatal(err)
			}
			want = want || len(seen) > 0 && seen[0].Pending
		}
		if got := state.Table.Visible(view).Narrow(filter).Waiting(); got != want {
			t.Errorf("a view says that a document waits: %t, but the catalog: %t", got, want)
		}
		said[want]++
	}
	var nobody *indexer.Visible
	if nobody.Waiting() || state.Table.Visible(acl.View{}).Waiting() {
		t.Error("who may read nothing is told of a document that waits")
	}
}
