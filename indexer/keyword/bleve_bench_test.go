package keyword

import (
	"context"
	"fmt"
	"testing"

	bleve "github.com/blevesearch/bleve/v2/search"
	"github.com/blevesearch/bleve/v2/search/collector"
	"github.com/blevesearch/bleve/v2/search/searcher"
	index "github.com/blevesearch/bleve_index_api"

	"github.com/muniment/muniment/indexer"
)

// BenchmarkBleve asks the same questions of the same index in the way of bleve: of all
// passages, and with a filter of fifty terms that each passage has one of, as if these were
// the groups that may read it. Neither hides hidden passages from the statistics. Beside them,
// the view that shows everything, and that of a tenth.
func BenchmarkBleve(b *testing.B) {
	table, dir, questions := large(b)
	x := open(b, dir)
	defer x.Close()
	r, err := x.Reader(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	snapshot := r.(*reader).snapshot
	ctx := context.WithValue(b.Context(), bleve.GetScoringModelCallbackKey, bleve.GetScoringModelCallbackFn(func() string { return index.BM25Scoring }))
	options := bleve.SearcherOptions{}
	disjunction := func(field string, terms []string) bleve.Searcher {
		var list []bleve.Searcher
		for _, term := range terms {
			s, err := searcher.NewTermSearcher(ctx, snapshot, term, field, 1, options)
			if err != nil {
				b.Fatal(err)
			}
			list = append(list, s)
		}
		s, err := searcher.NewDisjunctionSearcher(ctx, snapshot, list, 1, options)
		if err != nil {
			b.Fatal(err)
		}
		return s
	}
	var groups []string
	for i := range uint32(50) {
		groups = append(groups, string(columnTerm(rowHigh, i*uint32(*benchPassages>>rowBits)/50)))
	}
	ask := func(question string, filtered bool) {
		terms, err := queryTerms(question)
		if err != nil {
			b.Fatal(err)
		}
		s := disjunction(textField, terms)
		if filtered {
			if s, err = searcher.NewConjunctionSearcher(ctx, snapshot, []bleve.Searcher{s, disjunction(columnsField, groups)}, options); err != nil {
				b.Fatal(err)
			}
		}
		defer s.Close()
		if err := collector.NewTopNCollector(*benchLimit, 0, bleve.SortOrder{&bleve.SortScore{Desc: true}}).Collect(ctx, s, snapshot); err != nil {
			b.Fatal(err)
		}
	}
	for _, c := range []struct {
		name string
		ask  func(string)
	}{
		{"bleve, everything", func(q string) { ask(q, false) }},
		{"bleve, 50 groups", func(q string) { ask(q, true) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				report(b, questions[:50], c.ask)
			}
		})
	}
	for _, share := range []int{1000, 100} {
		v := visible(b, table, reads(share))
		b.Run(fmt.Sprintf("view, of %d", v.Len()), func(b *testing.B) {
			for b.Loop() {
				report(b, questions[:50], func(q string) {
					if _, err := r.Search(b.Context(), v, indexer.Query{Text: q}, *benchLimit); err != nil {
						b.Fatal(err)
					}
				})
			}
		})
	}
}
