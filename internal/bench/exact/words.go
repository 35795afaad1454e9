package exact

import (
	"math"
	"slices"
)

// The parameters of BM25.
const (
	k1 = 1.2
	b  = 0.75
)

// Words ranks passages by BM25. It holds, for the words that will be asked for, how often each passage has them.
type Words struct {
	lengths []int
	counts  map[uint16][]count
}

type count struct{ passage, times int32 }

// NewWords reads the words of n passages and keeps what is needed to ask for some.
func NewWords(n int, words func(passage int) []uint16, asked []uint16) *Words {
	w := &Words{lengths: make([]int, n), counts: map[uint16][]count{}}
	var wanted [1 << 16]bool
	for _, a := range asked {
		wanted[a] = true
	}
	for p := range n {
		list := words(p)
		w.lengths[p] = len(list)
		times := map[uint16]int32{}
		for _, word := range list {
			if wanted[word] {
				times[word]++
			}
		}
		for word, n := range times {
			w.counts[word] = append(w.counts[word], count{int32(p), n})
		}
	}
	return w
}

// Statistics are what BM25 knows of the passages that may be read.
type Statistics struct {
	Passages int
	Mean     float64 // words of a passage
}

// Statistics counts what may be read.
func (w *Words) Statistics(readable func(passage int) bool) (s Statistics) {
	sum := 0
	for p, n := range w.lengths {
		if readable(p) {
			s.Passages++
			sum += n
		}
	}
	s.Mean = float64(sum) / float64(max(s.Passages, 1))
	return s
}

// Rank scores all passages that may be read and have one of the words, best first.
func (w *Words) Rank(query []uint16, s Statistics, readable func(passage int) bool) []Hit {
	query = slices.Clone(query)
	slices.Sort(query)
	scores := map[int]float64{}
	for _, word := range slices.Compact(query) {
		var read []count
		for _, c := range w.counts[word] {
			if readable(int(c.passage)) {
				read = append(read, c)
			}
		}
		n, df := float64(s.Passages), float64(len(read))
		idf := math.Log(1 + (n-df+0.5)/(df+0.5))
		for _, c := range read {
			tf, length := float64(c.times), float64(w.lengths[c.passage])
			scores[int(c.passage)] += idf * tf * (k1 + 1) / (tf + k1*(1-b+b*length/s.Mean))
		}
	}
	hits := make([]Hit, 0, len(scores))
	for p, score := range scores {
		hits = append(hits, Hit{p, score})
	}
	return best(hits, len(hits))
}

// Agrees reports whether an answer is what Rank says, cut at a limit: as many passages, each with its
// score and in its place. Sums of one passage may be made in another order, so scores are compared
// to nine digits, and passages whose scores are equal to that may have changed places.
func Agrees(ranked, answer []Hit, limit int) bool {
	if len(answer) != min(limit, len(ranked)) {
		return false
	}
	scores := make(map[int]float64, len(ranked))
	for _, h := range ranked {
		scores[h.Passage] = h.Score
	}
	seen := map[int]bool{}
	for i, h := range answer {
		own, ranks := scores[h.Passage]
		if !ranks || seen[h.Passage] || !alike(own, h.Score) || !alike(own, ranked[i].Score) {
			return false
		}
		seen[h.Passage] = true
	}
	return true
}

func alike(a, b float64) bool { return math.Abs(a-b) <= 1e-9*math.Max(math.Abs(a), math.Abs(b)) }
