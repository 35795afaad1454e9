package keyword

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/blevesearch/bleve/v2/index/scorch"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// library is a random corpus with its table and its index, changed step by step. Its
// documents have one passage each. Words are few and texts repeat, so that scores coincide;
// some words are in nearly every passage and some in hardly any.
type library struct {
	*rand.Rand
	table    *indexer.Table
	index    *Index
	revision catalog.Revision
	rows     catalog.Row
	texts    []string
	batch    indexer.Batch // the last
	live     map[catalog.Row]catalog.Document
	text     map[catalog.Row]string
}

func newLibrary(t testing.TB, seed uint64) *library {
	x := open(t, t.TempDir())
	t.Cleanup(func() { x.Close() })
	return &library{
		Rand: rand.New(rand.NewPCG(seed, 7)), table: indexer.NewTable(), index: x,
		live: map[catalog.Row]catalog.Document{}, text: map[catalog.Row]string{},
	}
}

func (l *library) word() string { return fmt.Sprintf("w%d", int(400*math.Pow(l.Float64(), 4))) }

// passage is a text, now and then one without words, one that there has been before, or
// one that says the same word hundreds of times.
func (l *library) passage() string {
	switch n := l.IntN(200); {
	case n < 60 && len(l.texts) > 0:
		return l.texts[l.IntN(len(l.texts))]
	case n == 60:
		return ""
	case n == 61:
		return strings.Repeat(l.word()+" ", 200+l.IntN(200))
	}
	var words []string
	for range 1 + l.IntN(1+l.IntN(25)) {
		words = append(words, l.word())
	}
	l.texts = append(l.texts, strings.Join(words, " "))
	return l.texts[len(l.texts)-1]
}

// policy admits the readers of a share and of every greater one.
func (l *library) policy() *acl.Policy {
	var p acl.Layer
	for _, share := range shares[l.IntN(len(shares)):] {
		p.Allow = append(p.Allow, acl.Grant{Principal: reads(share)})
	}
	return &acl.Policy{Layers: []acl.Layer{p}}
}

func (l *library) some() catalog.Document {
	rows := make([]catalog.Row, 0, len(l.live))
	for row := range l.live {
		rows = append(rows, row)
	}
	slices.Sort(rows)
	return l.live[rows[l.IntN(len(rows))]]
}

// step adds, removes or re-permits documents in one revision.
func (l *library) step(t testing.TB, add, remove, permit int) {
	t.Helper()
	var changes []catalog.Change
	change := func(d catalog.Document, passages ...catalog.Passage) {
		changes = append(changes, catalog.Change{Revision: l.revision + 1, Document: &catalog.DocumentChange{Document: d, Passages: passages}})
	}
	for range min(remove, len(l.live)) {
		d := l.some()
		delete(l.live, d.Rows.First)
		d.Version, d.State = d.Version+1, catalog.Deleted
		change(d)
	}
	for range min(permit, len(l.live)) {
		d := l.some()
		d.Access.Policy = l.policy()
		l.live[d.Rows.First] = d
		change(d)
	}
	for range add {
		l.rows++
		d := catalog.Document{
			DocumentID: catalog.DocumentID{Source: "s", ID: fmt.Sprintf("%08x", l.Uint32())}, Version: 1, State: catalog.Present,
			Access: catalog.Access{Policy: l.policy()}, Rows: catalog.Rows{First: l.rows, Count: 1},
		}
		l.live[l.rows], l.text[l.rows] = d, l.passage()
		change(d, catalog.Passage{Row: l.rows, Text: l.text[l.rows]})
	}
	l.revision++
	l.table, l.batch = l.table.With(changes, l.revision)
	l.apply(t)
}

// apply applies the last batch, maybe again: its passages are then in a segment of their
// own, and deleted in that where they were.
func (l *library) apply(t testing.TB) {
	t.Helper()
	if err := l.index.Apply(t.Context(), l.batch); err != nil {
		t.Fatal(err)
	}
}

func (l *library) merge(t testing.TB) {
	t.Helper()
	if err := l.index.store.scorch.(*scorch.Scorch).ForceMerge(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
}

func (l *library) reader(t testing.TB) *reader {
	t.Helper()
	r, err := l.index.Reader(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r.(*reader)
}

// question has words of a passage, and now and then one that nobody has.
func (l *library) question() string {
	words := append(strings.Fields(l.passage()), l.word())
	for len(words) < 1+l.IntN(8) {
		words = append(words, l.word())
	}
	l.Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
	if words = words[:1+l.IntN(min(len(words), 12))]; l.IntN(5) == 0 {
		words = append(words, "unobtainium")
	}
	return strings.Join(words, " ")
}
