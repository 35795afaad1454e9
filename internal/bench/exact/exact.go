// Package exact answers queries the slow way that cannot be wrong: it looks at every passage that may
// be read. It shares nothing with the product: it has its own arithmetic, its own order and its own
// parameters, and knows who may read from whoever calls it.
package exact

import (
	"cmp"
	"slices"
)

// Hit is a passage with its score.
type Hit struct {
	Passage int
	Score   float64
}

// best sorts hits by falling score, ties by passage, and keeps the first k.
func best(hits []Hit, k int) []Hit {
	slices.SortFunc(hits, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Passage, b.Passage))
	})
	return hits[:min(k, len(hits))]
}

// Nearest returns the k passages whose vectors have the largest products with the query's, of those
// that readable says may be read. The vectors are of len(query) numbers each.
func Nearest(vectors, query []float32, readable func(passage int) bool, k int) (hits []Hit) {
	n := len(query)
	for i := range len(vectors) / n {
		if !readable(i) {
			continue
		}
		s := float64(dot(vectors[i*n:(i+1)*n], query))
		if len(hits) == 2*k+100 {
			hits = best(hits, k)
		}
		if len(hits) < k || s >= hits[k-1].Score || len(hits) > k {
			hits = append(hits, Hit{i, s})
		}
	}
	return best(hits, k)
}

func dot(a, b []float32) float32 {
	var s0, s1, s2, s3 float32
	b = b[:len(a)]
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return s0 + s1 + s2 + s3
}

// Recall is the share of the exact best k that an answer holds: 1 if it holds all there are. A passage
// that is as near as the last of them, to within rounding, counts as one of them. near says how
// near a passage is; each passage counts once.
func Recall(exact []Hit, answer []int, near func(passage int) float64) float64 {
	if len(exact) == 0 {
		return 1
	}
	enough, held := exact[len(exact)-1].Score-1e-6, 0
	slices.Sort(answer)
	for _, p := range slices.Compact(answer) {
		if near(p) >= enough {
			held++
		}
	}
	return float64(min(held, len(exact))) / float64(len(exact))
}

// Fuse returns the k best passages by reciprocal rank fusion: each list gives 1/(60 + place).
func Fuse(k int, lists ...[]Hit) (passages []int) {
	scores := map[int]float64{}
	for _, list := range lists {
		for place, h := range list {
			scores[h.Passage] += 1 / float64(61+place)
		}
	}
	var hits []Hit
	for p, s := range scores {
		hits = append(hits, Hit{p, s})
	}
	for _, h := range best(hits, k) {
		passages = append(passages, h.Passage)
	}
	return passages
}
