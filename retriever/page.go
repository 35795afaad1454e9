package retriever

import (
	"context"
	"slices"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/freshness"
	"github.com/muniment/muniment/indexer"
)

// MostResults is how many passages a query gives, on all its pages together.
const MostResults = 1000

// How many hits each leg gives to the fusion at first: enough that a passage that is good
// for both legs is not lost to one that is best for one. And at most.
const (
	leastDepth = 100
	mostDepth  = 12_800
)

// found is one page.
type found struct {
	results  []Result
	more     bool // a passage of the view follows, and there is a page for it
	degraded []Degradation
}

// find searches, fuses and reads until it has the page that begins after the first from
// passages, and knows whether another follows.
//
// Pages have to continue one another, whatever their length. The simple version, one search
// deep enough for the page, does not do that: a deeper search finds more of the words of a
// passage that was found by its vector alone, and so changes the order of what was shown
// before. So the order is made of layers. The first is what the shallowest search finds, put
// in order; each later one is what a search four times as deep finds besides. Where a page
// begins and ends has no part in it, and what no search needs to be made for is not made.
func find(ctx context.Context, state *indexer.State, view acl.View, visible *indexer.Visible, q question, from, limit int) (page found, err error) {
	end := min(from+limit, MostResults)
	all, last := newLayers(), false // last: the legs have nothing below
	for depth := leastDepth; ; depth = min(4*depth, mostDepth) {
		suggested, failed, err := search(ctx, state, visible, q.Query, depth)
		if err != nil {
			return found{}, err
		}
		for _, d := range failed {
			if !slices.Contains(page.degraded, d) {
				page.degraded = append(page.degraded, d)
			}
		}
		layer, err := judge(ctx, state, view, all.beyond(fuse(visible, suggested, q.weight))) // the truth decides
		if err != nil {
			return found{}, err
		}
		all.add(order(layer))
		last = len(suggested.keyword) < depth && len(suggested.vector) < depth
		if len(all.results) > end || last || depth >= mostDepth {
			break
		}
	}
	// One passage too many is read: only what is read is known to be in view.
	n := len(all.results)
	page.results, err = readPassages(ctx, state, view, all.results[min(from, n):min(end+1, n)])
	if k := len(page.results) - 1; err == nil && n > end && k >= 0 && page.results[k].Passage.ID == all.results[end].Passage.ID {
		page.more, page.results = true, page.results[:k]
	}
	if page.more && end == MostResults || n <= end && !last {
		page.more, page.degraded = false, append(page.degraded, CutOff)
	}
	return page, err
}

// layers is the order of results as far as it is known, without the passages' texts.
type layers struct {
	results []Result
	placed  map[catalog.PassageID]bool // also those left out because of their document
	count   map[catalog.DocumentID]int
}

func newLayers() *layers {
	return &layers{placed: map[catalog.PassageID]bool{}, count: map[catalog.DocumentID]int{}}
}

// beyond are the candidates that have no place yet and may get one.
func (l *layers) beyond(candidates []candidate) []candidate {
	return slices.DeleteFunc(candidates, func(c candidate) bool {
		return l.placed[c.id] || l.count[c.id.Document] >= perDocument
	})
}

// add appends a layer, but for what would be too much of one document.
func (l *layers) add(layer []Result) {
	for _, r := range layer {
		l.placed[r.Passage.ID] = true
		if id := r.Document.DocumentID; l.count[id] < perDocument {
			l.count[id]++
			l.results = append(l.results, r)
		}
	}
}

// judge takes the candidates to the catalog, which alone decides what the view may have,
// and judges their sources.
func judge(ctx context.Context, state *indexer.State, view acl.View, candidates []candidate) ([]Result, error) {
	documents, err := readDocuments(ctx, state, view, candidates)
	if err != nil {
		return nil, err
	}
	var results []Result
	for _, c := range candidates {
		j, ok := documents[c.id.Document]
		if !ok {
			continue
		}
		score := c.score
		if j.finding.State == freshness.Superseded {
			score *= demotion
		}
		results = append(results, Result{
			Passage: catalog.Passage{ID: c.id}, Document: j.Document, Score: score, Coverage: c.coverage,
			Finding: j.finding, SupersededBy: j.supersededBy,
		})
	}
	return results, nil
}
