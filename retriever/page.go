package retriever

import (
	"context"
	"slices"

	"github.com/muniment/muniment/indexer"
)

// MostResults is how many passages a query gives, on all its pages together.
const MostResults = 1000

// How many hits each leg gives to the fusion at first: enough that a passage that is good
// for both legs is not lost to one that is best for one. And at most.
const (
	leastDepth = 50
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
func find(ctx context.Context, all *layers, visible *indexer.Visible, q question, from, limit int) (page found, err error) {
	end := min(from+limit, MostResults)
	state, view, last := all.sources.state, all.sources.view, false // last: the legs have nothing below
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
		if err := all.add(ctx, fuse(visible, suggested, q.weight), end+1); err != nil {
			return found{}, err
		}
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
