// Package peer is what people would use instead, fed with the same data: the benchmark asks both in turn.
package peer

import (
	"context"
	"fmt"
	"strconv"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/analysis/analyzer/keyword"
	"github.com/blevesearch/bleve/v2/analysis/lang/en"
	"github.com/blevesearch/bleve/v2/index/scorch"
	"github.com/blevesearch/bleve/v2/mapping"
	"github.com/blevesearch/bleve/v2/search/query"
	index "github.com/blevesearch/bleve_index_api"

	"github.com/muniment/muniment/internal/bench/draw"
)

// Bleve is an index of bleve with the usual means against showing too much: each passage carries the
// groups that may read it, and a query filters by those that the caller is in. Its statistics count every
// passage, hidden ones too. Text is analysed as English and ranked by BM25; nothing is stored that
// searching does not need.
type Bleve struct{ index bleve.Index }

// NewBleve indexes the passages in a new directory, in batches of 1,000 that are not synced one by one.
func NewBleve(dir string, d *draw.Data) (*Bleve, error) {
	lean := func(analyzer string) *mapping.FieldMapping {
		f := bleve.NewTextFieldMapping()
		f.Analyzer, f.Store, f.IncludeTermVectors, f.IncludeInAll, f.DocValues = analyzer, false, false, false, false
		return f
	}
	passage := bleve.NewDocumentStaticMapping()
	passage.AddFieldMappingsAt("text", lean(en.AnalyzerName))
	passage.AddFieldMappingsAt("groups", lean(keyword.Name))
	m := bleve.NewIndexMapping()
	m.DefaultMapping, m.ScoringModel = passage, index.BM25Scoring
	x, err := bleve.NewUsing(dir, m, scorch.Name, scorch.Name, map[string]any{"unsafe_batch": true})
	if err != nil {
		return nil, err
	}
	groups := make([][]string, len(d.Policies))
	for p, list := range d.Policies {
		groups[p] = tokens(list)
	}
	batch := x.NewBatch()
	for p := range d.Passages {
		if err := batch.Index(strconv.Itoa(p), map[string]any{"text": d.Text(p), "groups": groups[d.Policy(p)]}); err != nil {
			return nil, err
		}
		if batch.Size() == 1000 || p == d.Passages-1 {
			if err := x.Batch(batch); err != nil {
				return nil, err
			}
			batch.Reset()
		}
	}
	return &Bleve{x}, nil
}

// tokens are the groups as they stand in the index.
func tokens(groups []int) (list []string) {
	for _, g := range groups {
		list = append(list, "g"+strconv.Itoa(g))
	}
	return list
}

// Close closes the index.
func (b *Bleve) Close() error { return b.index.Close() }

// Way is how the index is asked.
type Way uint8

// Ways of asking: without regard to who asks; with the caller's groups as a second condition beside the words,
// without weight; or with them as bleve's filter.
const (
	Unfiltered Way = iota
	Must
	Filter
)

// Search returns the best passages that have one of the words.
func (b *Bleve) Search(ctx context.Context, how Way, text string, groups []int, limit int) ([]int, error) {
	words := bleve.NewMatchQuery(text)
	words.SetField("text")
	var q query.Query = words
	if how != Unfiltered {
		var any []query.Query
		for _, g := range tokens(groups) {
			t := bleve.NewTermQuery(g)
			t.SetField("groups")
			t.SetBoost(0)
			any = append(any, t)
		}
		both := bleve.NewBooleanQuery()
		both.AddMust(words)
		if of := bleve.NewDisjunctionQuery(any...); how == Must {
			both.AddMust(of)
		} else {
			both.AddFilter(of)
		}
		q = both
	}
	found, err := b.index.SearchInContext(ctx, bleve.NewSearchRequestOptions(q, limit, 0, false))
	if err != nil {
		return nil, err
	}
	passages := make([]int, 0, len(found.Hits))
	for _, h := range found.Hits {
		p, err := strconv.Atoi(h.ID)
		if err != nil {
			return nil, fmt.Errorf("a hit that is no passage: %w", err)
		}
		passages = append(passages, p)
	}
	return passages, nil
}
