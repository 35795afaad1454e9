package keyword

import (
	"context"
	"fmt"
	"math/bits"
	"sync"

	"github.com/muniment/muniment/indexer"
)

// checkEvery is how many postings are read between two looks at the context.
const checkEvery = 4096

// term is one term of a query with its postings in each segment.
type term struct {
	text     string
	bit      uint64 // which of the query's terms it is; there are at most 64
	df       uint64 // in how many passages in view it occurs
	idf      float64
	postings []*postings // by segment
}

// search ranks a window of a segment at a time: the sieve names the documents in view that
// may be among the best, and these are scored. Each passage's shares are added up in the order
// of terms, whatever segment it lies in, so that its score has the same bits in every index.
func search(ctx context.Context, cache *termCache, segments []segment, v *view, visible *indexer.Visible, texts []string, limit int) ([]indexer.Hit, error) {
	found, weight, err := lookUp(ctx, cache, segments, v, texts)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	s := searches.Get().(*searching)
	defer searches.Put(s)
	s.begin(v, visible, found, limit)
	for i := range v.shown {
		if err := s.segment(ctx, i); err != nil {
			s.end()
			return nil, err
		}
	}
	hits := s.best.hits(found, weight)
	s.end()
	return hits, nil
}

// lookUp finds the postings of the terms that occur in view. The others are left out: a
// term that only hidden passages have is a term nobody has. They count in the weight of
// the query, the sum of its terms' IDF, which says how much of the query a passage holds.
func lookUp(ctx context.Context, cache *termCache, segments []segment, v *view, texts []string) (found []term, weight float64, err error) {
	terms := make([]term, len(texts))
	lists := make([]*postings, len(texts)*len(segments))
	for i, text := range texts {
		terms[i] = term{text: text, bit: 1 << i, postings: lists[i*len(segments):][:len(segments)]}
	}
	for i, s := range segments {
		if cache.get(s.columns, terms, i) {
			if err := read(ctx, cache, s, terms, i); err != nil {
				return nil, 0, err
			}
		}
		for n := range terms {
			terms[n].df += frequency(terms[n].postings[i], v.shown[i])
		}
	}
	for _, t := range terms {
		t.idf = v.idf(t.df)
		weight += t.idf
		if t.df > 0 {
			found = append(found, t)
		}
	}
	return found, weight, nil
}

// read decodes from the i-th segment the postings that the cache did not know.
func read(ctx context.Context, cache *termCache, s segment, terms []term, i int) error {
	dictionary, err := s.data.Dictionary(textField) // not shared: it keeps a place in the file
	if err != nil {
		return err
	}
	for n := range terms {
		t := &terms[n]
		if t.postings[i] != nil {
			continue
		}
		if t.postings[i], err = decode(ctx, dictionary, t.text, len(s.rows)); err != nil {
			return fmt.Errorf("segment %x: %w", s.id, err)
		}
		cache.put(s.columns, t.text, t.postings[i])
	}
	return ctx.Err()
}

// searching is the state of one search; searches keeps the memory of those that are over.
type searching struct {
	view  *view
	terms []term
	lanes []lane // by term
	sieve
	best  ranking
	floor float64 // what a passage has to score at least
}

var searches = sync.Pool{New: func() any { return new(searching) }}

// A diagram is made anew once the floor has risen by a part in floorStep.
const floorStep = 1.02

func (s *searching) begin(v *view, visible *indexer.Visible, terms []term, limit int) {
	s.view, s.terms, s.floor = v, terms, 0
	s.best = ranking{limit: limit, visible: visible, heap: s.best.heap[:0]}
	for len(s.lanes) < len(terms) {
		s.lanes = append(s.lanes, lane{})
	}
	bounds := make([]bound, len(terms))
	for i, t := range terms {
		bounds[i] = bound{lane: i, once: v.score(t.idf, 1, v.shortest), most: v.scoreAtMost(t.idf)}
		// As many passages as are wanted have this term, and score that at least.
		if t.df >= uint64(limit) {
			s.floor = max(s.floor, v.score(t.idf, 1, v.longest))
		}
	}
	s.set(bounds)
	s.make(s.floor)
}

// end lets go of what should not be kept in memory.
func (s *searching) end() {
	s.view, s.terms, s.best.visible = nil, nil, nil
	for i := range s.lanes {
		s.lanes[i].postings = nil
	}
}

// segment ranks what is shown of the i-th segment.
func (s *searching) segment(ctx context.Context, i int) error {
	in, lanes, occurs := s.view.shown[i], s.lanes[:len(s.terms)], false
	for n := range s.terms {
		p := s.terms[n].postings[i]
		lanes[n].begin(p)
		occurs = occurs || p != noPostings
	}
	if !occurs {
		return nil
	}
	for n, w := range in.windows {
		if w == nil {
			continue
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		for j := range lanes {
			if lanes[j].postings != noPostings {
				lanes[j].enter(n)
			}
		}
		s.window(in.of, n, w)
	}
	return nil
}

// window ranks the i-th window of a segment.
func (s *searching) window(of *columns, i int, w *window) {
	for j, shown := range &w.words {
		if shown == 0 {
			continue
		}
		for pass := shown & s.pass(s.lanes, j); pass != 0; pass &= pass - 1 {
			n := bits.TrailingZeros64(pass)
			s.document(of, i*windowDocs+j*64+n, j, 1<<n)
		}
		if s.floor > s.sieve.floor*floorStep {
			s.make(s.floor)
		}
	}
}

// document scores the document of that bit in the word, and offers it to the ranking.
func (s *searching) document(of *columns, doc, word int, bit uint64) {
	h := ranked{}
	for i := range s.terms {
		l := &s.lanes[i]
		if l.words[word]&bit != 0 {
			h.held |= s.terms[i].bit
			h.Score += s.view.score(s.terms[i].idf, l.frequencyIn(word, bit), of.lengths[doc])
		}
	}
	if s.best.full() && h.Score < s.best.heap[0].Score {
		return
	}
	h.Row = of.rows[doc]
	if s.best.offer(h); s.best.full() {
		s.floor = max(s.floor, s.best.heap[0].Score)
	}
}
