package retriever_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
	"github.com/muniment/muniment/retriever"
)

// What cannot be done as usual is named, and what can still be done is done.
func TestDegradations(t *testing.T) {
	withoutKeyword := func(s *indexer.State) { s.Keyword = nil }
	withoutVector := func(s *indexer.State) { s.Vector = nil }
	damaged := script{err: fmt.Errorf("%w: checksum", indexer.ErrIndexFailed)}
	failing := embedder(func(context.Context, []string) ([][]float32, error) { return nil, errors.New("no route to host") })
	blocking := embedder(func(ctx context.Context, _ []string) ([][]float32, error) {
		if end, ok := ctx.Deadline(); !ok || time.Until(end) > 250*time.Millisecond {
			return nil, nil // waiting for ever would hang the test
		}
		<-ctx.Done()
		return nil, ctx.Err()
	})
	gives := func(v ...[]float32) embedder {
		return func(context.Context, []string) ([][]float32, error) { return v, nil }
	}
	hundred := func(x float32) []float32 { return append(make([]float32, 99), x) }
	for name, tc := range map[string]struct {
		legs     func(s *indexer.State)
		embedder retriever.Embedder
		want     []retriever.Degradation
		err      error
	}{
		"as usual":                            {},
		"the embedder fails":                  {embedder: failing, want: []retriever.Degradation{retriever.KeywordOnly}},
		"the embedder hangs":                  {embedder: blocking, want: []retriever.Degradation{retriever.KeywordOnly}},
		"the embedder gives no vector":        {embedder: gives(), want: []retriever.Degradation{retriever.KeywordOnly}},
		"the embedder gives two":              {embedder: gives(hundred(1), hundred(1)), want: []retriever.Degradation{retriever.KeywordOnly}},
		"the embedder gives NaN":              {embedder: gives(hundred(float32(math.NaN()))), want: []retriever.Degradation{retriever.KeywordOnly}},
		"the embedder gives infinity":         {embedder: gives(hundred(float32(math.Inf(1)))), want: []retriever.Degradation{retriever.KeywordOnly}},
		"the embedder gives zeros":            {embedder: gives(hundred(0)), want: []retriever.Degradation{retriever.KeywordOnly}},
		"the embedder gives another size":     {embedder: gives([]float32{1, 0}), want: []retriever.Degradation{retriever.KeywordOnly}},
		"the query has no vector":             {embedder: gives(nil)},
		"no vector index":                     {legs: withoutVector, want: []retriever.Degradation{retriever.VectorRebuilding}},
		"no keyword index":                    {legs: withoutKeyword, want: []retriever.Degradation{retriever.KeywordRebuilding}},
		"no vector index, the embedder fails": {legs: withoutVector, embedder: failing, want: []retriever.Degradation{retriever.VectorRebuilding}},
		"no keyword index, the embedder fails": {
			legs: withoutKeyword, embedder: failing, err: retriever.ErrUnavailable,
		},
		"the keyword index turns out damaged": {
			legs: func(s *indexer.State) { s.Keyword = damaged }, want: []retriever.Degradation{retriever.KeywordRebuilding},
		},
		"the vector index turns out damaged": {
			legs: func(s *indexer.State) { s.Vector = damaged }, want: []retriever.Degradation{retriever.VectorRebuilding},
		},
		"both indexes turn out damaged": {
			legs: func(s *indexer.State) { s.Keyword, s.Vector = damaged, damaged }, err: retriever.ErrUnavailable,
		},
		"the only index turns out damaged": {
			legs: func(s *indexer.State) { s.Keyword, s.Vector = damaged, nil }, err: retriever.ErrUnavailable,
		},
		"neither index": {legs: func(s *indexer.State) { s.Keyword, s.Vector = nil, nil }, err: retriever.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.send(t, leave("leave.md", "14 days", acl.Everyone))
			if tc.legs != nil {
				d.legs(tc.legs)
			}
			if tc.embedder != nil {
				d.Embedder = tc.embedder
			}
			before := d.log.Size()
			a, err := d.Retrieve(t.Context(), ada, retriever.Request{ID: "request", Query: "parental leave", Limit: 10})
			if !errors.Is(err, tc.err) {
				t.Fatalf("error is %v, want %v", err, tc.err)
			}
			if err != nil {
				if n := d.log.Size(); n != before {
					t.Errorf("%d records of an answer that never was", n-before)
				}
				return
			}
			if diff := cmp.Diff(tc.want, a.Degradations); diff != "" {
				t.Errorf("degradations (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{"leave.md"}, ids(a)); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
			record, _, err := d.log.Record(t.Context(), a.Entry.Index)
			must(t, err)
			var names []string
			for _, degradation := range tc.want {
				names = append(names, degradation.String())
			}
			if diff := cmp.Diff(names, record.Retrieval.Degradations); diff != "" {
				t.Errorf("recorded degradations (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDegradationNames(t *testing.T) {
	want := map[retriever.Degradation]string{
		retriever.KeywordOnly: "KEYWORD_ONLY", retriever.KeywordRebuilding: "KEYWORD_REBUILDING", retriever.VectorRebuilding: "VECTOR_REBUILDING",
		retriever.PendingEmbedding: "PENDING_EMBEDDING", retriever.SourceWithheld: "SOURCE_WITHHELD",
	}
	for d, name := range want {
		if d.String() != name {
			t.Errorf("%d is %q, want %q", d, d.String(), name)
		}
	}
}

// Evidence is how much of the query the best passages hold.
func TestEvidence(t *testing.T) {
	d := newDesk(t)
	d.send(t, page("dock.md", "Dock", "The ferry is repaired in the dock.", acl.Everyone), page("menu.md", "Menu", "Soup and bread.", acl.Everyone))
	d.Weight = 0
	d.legs(func(s *indexer.State) { s.Vector = nil }) // every text is a little near to every other
	for query, want := range map[string]retriever.Evidence{
		"ferry dock":                           retriever.Strong,
		"ferry dock xyzzy":                     retriever.Moderate,
		"ferry xyzzy plugh frobnicate quuxing": retriever.Weak,
		"xyzzy plugh":                          retriever.None,
	} {
		if got := d.ask(t, ada, retriever.Request{Query: query}).Evidence; got != want {
			t.Errorf("evidence for %q is %d, want %d", query, got, want)
		}
	}
}

// Whatever fails on the way fails the whole answer.
func TestErrorsEndTheRequest(t *testing.T) {
	d := newDesk(t)
	d.send(t, leave("leave.md", "14 days", acl.Everyone))
	broken := errors.New("broken")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	soon, stop := context.WithTimeout(t.Context(), time.Millisecond)
	defer stop()
	nobody := ada
	nobody.User = ""
	for name, tc := range map[string]struct {
		ctx    context.Context
		legs   func(s *indexer.State)
		caller acl.Identity
		req    retriever.Request
		want   error
	}{
		"nobody asks":            {caller: nobody, req: retriever.Request{Query: "leave"}, want: acl.ErrIdentity},
		"too many words":         {req: retriever.Request{Query: manyWords(indexer.MaxTerms + 1)}, want: indexer.ErrTooManyTerms},
		"the keyword leg fails":  {legs: func(s *indexer.State) { s.Keyword = script{err: broken} }, req: retriever.Request{Query: "leave"}, want: broken},
		"the vector leg fails":   {legs: func(s *indexer.State) { s.Vector = script{err: broken} }, req: retriever.Request{Query: "leave"}, want: broken},
		"the caller has gone":    {ctx: cancelled, req: retriever.Request{Query: "leave"}, want: context.Canceled},
		"a revision not reached": {ctx: soon, req: retriever.Request{Query: "leave", AtLeast: 1000}, want: indexer.ErrBehind},
	} {
		t.Run(name, func(t *testing.T) {
			d.States = d.indexer
			if tc.legs != nil {
				d.legs(tc.legs)
			}
			if tc.ctx == nil {
				tc.ctx = t.Context()
			}
			if tc.caller.App == "" {
				tc.caller = ada
			}
			tc.req.ID, tc.req.Limit = "request", 10
			a, err := d.Retrieve(tc.ctx, tc.caller, tc.req)
			if !errors.Is(err, tc.want) {
				t.Errorf("error is %v, want %v", err, tc.want)
			}
			if diff := cmp.Diff(retriever.Answer{}, a); diff != "" {
				t.Errorf("a failed answer holds:\n%s", diff)
			}
		})
	}
	d.States = d.indexer
	if a := d.ask(t, ada, retriever.Request{Query: manyWords(indexer.MaxTerms)}); a.Evidence == 0 {
		t.Error("no answer to as many words as are allowed")
	}
	if _, err := d.Retrieve(t.Context(), ada, retriever.Request{ID: "r", Query: "leave", Limit: 10, AtLeast: catalog.Revision(1)}); err != nil {
		t.Errorf("asking for a revision that is there: %v", err)
	}
}

func manyWords(n int) string {
	words := make([]string, n)
	for i := range words {
		words[i] = "w" + strings.Repeat("x", i+1)
	}
	return strings.Join(words, " ")
}
