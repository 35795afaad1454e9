package keyword

import (
	"math"

	"github.com/RoaringBitmap/roaring/v2"
	api "github.com/blevesearch/scorch_segment_api/v2"
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
}

// count adds what the view shows of a segment.
func (s *statistics) count(p part) {
	outside := p.except
	inside := roaring.Flip(outside, 0, uint64(len(p.rows)))
	s.passages += inside.GetCardinality()
	inside.Iterate(func(doc uint32) bool {
		s.terms += uint64(p.lengths[doc])
		return true
	})
}

// frequency is in how many passages the term of the postings occurs; the postings leave
// out what is not in view.
func frequency(l api.PostingsList) uint64 { return l.Count() }

// idf is the weight of a term that df of the passages have, always above 0.
func (s statistics) idf(df uint64) float64 {
	return math.Log(1 + (float64(s.passages-df)+0.5)/(float64(df)+0.5))
}

// score is what a term adds to the score of a passage of that many terms in which it
// occurs tf times. The conversions keep compilers from fusing operations, which would
// round differently on different machines.
func (s statistics) score(idf float64, tf uint64, terms uint32) float64 {
	average := float64(s.terms) / float64(s.passages)
	held := float64(saturation*(1-lengthShare)) + float64(float64(saturation*lengthShare)*(float64(terms)/average))
	f := float64(tf)
	return float64(idf*float64(f*(saturation+1))) / (f + held)
}
