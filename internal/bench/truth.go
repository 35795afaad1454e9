package main

import (
	"runtime"
	"slices"
	"sync"

	"github.com/muniment/muniment/internal/bench/exact"
)

// How deep answers are compared: as deep as the legs are measured.
const (
	nearest   = 10 // results of the vector leg
	fused     = 50 // of each leg, in the fusion that PostgreSQL does
	bestWords = 50 // results of the keyword leg
	limit     = 10 // results of a hybrid query
)

// truth is the exact answer to a query, over what its caller may read.
type truth struct {
	near  []exact.Hit // the nearest
	words []exact.Hit // the best, and all that are as good as the last of them
	ranks []int       // the best by reciprocal rank fusion of the two
	most  int         // results that there are at most, of two of a document, up to limit
}

// findTruths answers every query the slow way.
func (r *run) findTruths() {
	var asked []uint16
	for _, q := range r.data.Queries {
		asked = append(asked, q.Words...)
	}
	words := exact.NewWords(r.data.Passages, r.data.Words, asked)
	r.truths = make([]truth, len(r.data.Queries))
	var todo, done = make(chan int), sync.WaitGroup{}
	for range runtime.GOMAXPROCS(0) {
		done.Go(func() {
			for q := range todo {
				r.truths[q] = r.findTruth(words, q)
			}
		})
	}
	for q := range r.truths {
		todo <- q
	}
	close(todo)
	done.Wait()
}

func (r *run) findTruth(words *exact.Words, q int) (t truth) {
	query := r.data.Queries[q]
	readable := func(passage int) bool { return r.data.Readable(query.Caller, passage) }
	t.near = exact.Nearest(r.data.Vectors, query.Vector, readable, fused)
	t.words = words.Rank(query.Words, words.Statistics(readable), readable)
	if n := len(t.words); n > bestWords {
		last := t.words[bestWords-1].Score
		end, _ := slices.BinarySearchFunc(t.words, last, func(h exact.Hit, last float64) int {
			if h.Score > last*(1-1e-9) {
				return -1
			}
			return 1
		})
		t.words = slices.Clone(t.words[:max(end, bestWords)])
	}
	t.ranks = exact.Fuse(limit, t.near, t.words[:min(fused, len(t.words))])
	t.near = t.near[:min(nearest, len(t.near))]
	for _, d := range r.data.Documents {
		if t.most >= limit {
			break
		}
		if readable(d.First) {
			t.most += min(2, d.Count) // every passage has a vector, so the vector leg finds it
		}
	}
	t.most = min(t.most, limit)
	return t
}

// judgeNear judges an answer of the vector leg.
func (r *run) judgeNear(q int, hits []exact.Hit) (float64, bool) {
	var passages []int
	for _, h := range hits {
		passages = append(passages, h.Passage)
	}
	query := r.data.Queries[q].Vector
	near := func(p int) float64 {
		if !r.data.Readable(r.data.Queries[q].Caller, p) {
			return -2
		}
		sum := 0.0
		for i, x := range r.data.Vector(p) {
			sum += float64(x) * float64(query[i])
		}
		return sum
	}
	return exact.Recall(r.truths[q].near, passages, near), len(hits) < len(r.truths[q].near)
}

// judgeWords judges an answer of the keyword leg: right or not.
func (r *run) judgeWords(q int, hits []exact.Hit) (float64, bool) {
	short := len(hits) < min(bestWords, len(r.truths[q].words))
	if exact.Agrees(r.truths[q].words, hits, bestWords) {
		return 1, short
	}
	return 0, short
}

// judgeLength judges of a hybrid answer only how long it is; NaN leaves the other column empty.
func (r *run) judgeLength(q int, hits []exact.Hit) (float64, bool) {
	return nothing, len(hits) < r.truths[q].most
}

// judgeRanks judges a hybrid answer that fuses ranks, against the exact fusion.
func (r *run) judgeRanks(q int, hits []exact.Hit) (float64, bool) {
	held := 0
	for _, h := range hits {
		if slices.Contains(r.truths[q].ranks, h.Passage) {
			held++
		}
	}
	return float64(held) / float64(max(len(r.truths[q].ranks), 1)), len(hits) < len(r.truths[q].ranks)
}
