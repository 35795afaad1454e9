package retriever

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/freshness"
	"github.com/muniment/muniment/indexer"
)

// layers is the order of results as far as it is known, without the passages' texts.
type layers struct {
	results []Result
	placed  map[catalog.PassageID]bool // also those left out because of their document
	count   map[catalog.DocumentID]int
	sources sources
}

func newLayers(state *indexer.State, view acl.View, f indexer.Filter, at time.Time) *layers {
	return &layers{
		placed: map[catalog.PassageID]bool{}, count: map[catalog.DocumentID]int{},
		sources: sources{state: state, view: view, succession: state.Succession(view, at), filter: f, at: at, judged: map[catalog.DocumentID]*judged{}},
	}
}

// add appends the candidates that have no place yet, best first, as one layer, until there
// are enough results or no candidate is left.
//
// Judging all candidates, putting them in order and cutting is the simple version: it reads
// well over a hundred documents to show ten passages. Only a few need to be looked at,
// because judging never raises a score. When candidates are judged best first, what is
// already judged has its final place as far down as no candidate to come could reach it.
func (l *layers) add(ctx context.Context, candidates []candidate, enough int) error {
	candidates = slices.DeleteFunc(candidates, func(c candidate) bool {
		return l.placed[c.id] || l.count[c.id.Document] >= perDocument
	})
	var open []Result // judged, and without a place
	for len(candidates) > 0 && len(l.results) < enough {
		n := min(len(candidates), 2*(enough-len(l.results)))
		next, err := l.judge(ctx, candidates[:n]) // the truth decides
		if err != nil {
			return err
		}
		candidates = candidates[n:]
		highest := math.Inf(-1)
		if len(candidates) > 0 {
			highest = candidates[0].score
		}
		open = append(open, next...)
		byScore(open)
		for len(open) > 0 && open[0].Score*(1-tie) > highest {
			n := tied(open)
			l.place(open[:n])
			open = open[n:]
		}
	}
	return nil
}

// place appends results that tie, newer first, but for what would be too much of one
// document.
func (l *layers) place(tied []Result) {
	for _, r := range newest(tied) {
		l.placed[r.Passage.ID] = true
		if id := r.Document.DocumentID; l.count[id] < perDocument {
			l.count[id]++
			l.results = append(l.results, r)
		}
	}
}

// judge takes the candidates to the catalog, which alone decides what the view may have,
// and judges their sources.
func (l *layers) judge(ctx context.Context, candidates []candidate) ([]Result, error) {
	if err := l.sources.read(ctx, candidates); err != nil {
		return nil, err
	}
	var results []Result
	for _, c := range candidates {
		j := l.sources.judged[c.id.Document]
		if j == nil {
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
