package keyword

import (
	"math"
	"math/bits"
)

// The parameters of BM25.
const (
	saturation  = 1.2  // k1: how soon more of the same term stops counting
	lengthShare = 0.75 // b: how much a long passage is held back
)

// statistics are what BM25 knows of a corpus. The corpus is the view: a number that hidden
// passages have a part in would tell of them through scores and order. Sums are of
// integers, so that neither the order nor the division into segments matters.
type statistics struct {
	passages uint64
	terms    uint64 // in all passages together
	shortest uint32 // length of a passage, of those that have a word
	longest  uint32
}

// count adds what the view shows of a segment.
func (s *statistics) count(in *shown) {
	for _, w := range in.windows {
		if w == nil {
			continue
		}
		if s.passages == 0 {
			s.shortest = w.shortest
		}
		s.passages += uint64(w.documents)
		s.terms += w.terms
		s.shortest = min(s.shortest, w.shortest)
		s.longest = max(s.longest, w.longest)
	}
}

// frequency is in how many of the passages shown of a segment the term of the postings occurs.
func frequency(p *postings, in *shown) (n uint64) {
	if p.words == nil {
		for _, doc := range p.docs {
			if w := in.windows[doc/windowDocs]; w != nil {
				n += w.words[doc%windowDocs/64] >> (doc % 64) & 1
			}
		}
		return n
	}
	for i, w := range in.windows {
		if w != nil {
			for j, word := range (*[windowWords]uint64)(p.words[i*windowWords:]) {
				n += uint64(bits.OnesCount64(word & w.words[j]))
			}
		}
	}
	return n
}

// idf is the weight of a term that df of the passages have, always above 0.
func (s *statistics) idf(df uint64) float64 {
	return math.Log(1 + (float64(s.passages-df)+0.5)/(float64(df)+0.5))
}

// score is what a term adds to the score of a passage of that many terms in which it
// occurs tf times. The conversions keep compilers from fusing operations, which would
// round differently on different machines.
func (s *statistics) score(idf float64, tf uint64, terms uint32) float64 {
	average := float64(s.terms) / float64(s.passages)
	held := float64(saturation*(1-lengthShare)) + float64(float64(saturation*lengthShare)*(float64(terms)/average))
	f := float64(tf)
	return float64(idf*float64(f*(saturation+1))) / (f + held)
}

// scoreAtMost is what score does not exceed, however often the term occurs.
func (s *statistics) scoreAtMost(idf float64) float64 { return idf * (saturation + 1) }
