package retriever_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/audit/audittest"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/catalog/catalogtest"
	"github.com/muniment/muniment/indexer"
	"github.com/muniment/muniment/indexer/embed"
	"github.com/muniment/muniment/indexer/keyword"
	"github.com/muniment/muniment/indexer/vector"
	"github.com/muniment/muniment/retriever"
)

// now is the instant at which every question of these tests is asked.
var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// desk is a retriever over everything that is real but the catalog, which is in memory.
type desk struct {
	*retriever.Retriever
	store   catalog.Store
	indexer *indexer.Indexer
	records *audittest.Memory
	log     *audit.Log
}

// newDesk opens an empty one, closed when the test ends.
func newDesk(t testing.TB) *desk {
	t.Helper()
	return newDeskOn(t, catalogtest.NewMemory())
}

// newDeskOn opens one over the store.
func newDeskOn(t testing.TB, store catalog.Store) *desk {
	t.Helper()
	d := &desk{store: store, records: &audittest.Memory{}}
	d.log = audittest.Open(t, d.records, audittest.Keys(t))
	quiet := slog.New(slog.DiscardHandler)
	words, err := keyword.Open(t.TempDir(), catalog.ID{}, quiet)
	must(t, err)
	t.Cleanup(func() { words.Close() })
	vectors, err := vector.Open(t.TempDir(), catalog.ID{}, quiet)
	must(t, err)
	t.Cleanup(func() { vectors.Close() })
	embedder, err := embed.Default()
	must(t, err)
	space := indexer.Space{ID: embedder.Space().ID, Dimensions: embedder.Space().Dimensions}
	d.indexer, err = indexer.Open(t.Context(), indexer.Config{
		Store: d.store, Keyword: words, Vector: vectors, Embedder: picky{embedder}, Space: space,
		Spaces: []indexer.Space{space, {ID: "brought/2", Dimensions: 2}}, Scale: acl.DefaultScale, Log: quiet,
	})
	must(t, err)
	t.Cleanup(func() { must(t, d.indexer.Close()) })
	d.Retriever = &retriever.Retriever{
		States: d.indexer, Embedder: embedder, Space: space, Weight: embedder.Space().Weight, Log: d.log,
		Hash: func(query string) string { return "hash of " + query }, Now: func() time.Time { return now },
		Spaces: map[string]retriever.Space{
			space.ID: {Dimensions: space.Dimensions}, "brought/2": {Dimensions: 2, Weight: 0.6, Queries: true}, "closed/2": {Dimensions: 2, Weight: 0.5},
		},
	}
	return d
}

// picky embeds no text with the word "indigestible". A document with one waits for its
// vectors for ever.
type picky struct{ *embed.Static }

func (p picky) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	for _, text := range texts {
		if strings.Contains(text, "indigestible") {
			return nil, errors.New("indigestible")
		}
	}
	return p.Static.Embed(ctx, texts)
}

// send takes the mutations in, in order; what is refused stays out, as on the wire.
func (d *desk) send(t testing.TB, mutations ...catalog.Mutation) {
	t.Helper()
	var tickets []indexer.Ticket
	for _, m := range mutations {
		prepared, err := d.indexer.Prepare(t.Context(), m)
		must(t, err)
		ticket, err := d.indexer.Submit(t.Context(), indexer.Actor{}, prepared, catalog.Request{})
		must(t, err)
		tickets = append(tickets, ticket)
	}
	for _, ticket := range tickets {
		if _, _, err := ticket.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// ask is Retrieve for tests that expect an answer.
func (d *desk) ask(t testing.TB, caller acl.Identity, req retriever.Request) retriever.Answer {
	t.Helper()
	if req.ID == "" {
		req.ID = "request"
	}
	if req.Limit == 0 {
		req.Limit = 10
	}
	a, err := d.Retrieve(t.Context(), caller, req)
	if err != nil {
		t.Fatalf("asking %q: %v", req.Query, err)
	}
	return a
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// person is an identity with the clearance that tokens give by default.
func person(name string) acl.Identity {
	c := acl.DefaultScale.UpTo(acl.DefaultSensitivity)
	return acl.Identity{
		User: acl.Principal("user:local/" + name), App: "service:desk", Clearance: c,
		Scope: acl.Scope{AllSources: true, Clearance: c},
	}
}

var (
	ada     = person("ada")
	mallory = person("mallory")
)

// readable is a policy that admits the principals.
func readable(by ...acl.Principal) *acl.Policy {
	p := &acl.Policy{Layers: []acl.Layer{{}}}
	for _, name := range by {
		p.Layers[0].Allow = append(p.Layers[0].Allow, acl.Grant{Principal: name})
	}
	return p
}

// page is a document that the principals may read.
func page(id, title, text string, by ...acl.Principal) catalog.PutDocument {
	return catalog.PutDocument{
		Document: catalog.Document{DocumentID: catalog.DocumentID{Source: "handbook", ID: id}, Version: 1, Title: title, MIME: "text/markdown"},
		Text:     text, Access: catalog.AccessPatch{Policy: readable(by...)},
	}
}

// ids are the documents of the results, in order.
func ids(a retriever.Answer) (list []string) {
	for _, r := range a.Results {
		list = append(list, r.Document.ID)
	}
	return list
}

// recorder is a Recorder made of a function.
type recorder func(ctx context.Context, r audit.Record) (audit.Entry, error)

func (f recorder) Append(ctx context.Context, r audit.Record) (audit.Entry, error) { return f(ctx, r) }

// embedder is an Embedder made of a function.
type embedder func(ctx context.Context, texts []string) ([][]float32, error)

func (f embedder) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	return f(ctx, texts)
}
