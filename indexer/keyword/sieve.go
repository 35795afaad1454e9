package keyword

import (
	"cmp"
	"math"
	"slices"
)

// sieve finds, among 64 documents at a time, those that can still come into the ranking.
//
// The simple version adds up the scores of all documents that have a term of the query.
// Nearly all of that is for nothing: to be among the best, a document needs a rare term or
// many of the others. What each term can add at most is known: so much if a document has
// it once, so much if it has it more often. A document whose most does not reach what the
// worst of the ranking has needs no score. That question depends on nothing but which
// terms it has, once and more often: a Boolean function, monotone in each of them, which
// is worked out for 64 documents at once with the bits that postings are made of.
//
// The function is a decision diagram over the terms, the one that adds most first: of each
// term, what to ask next of a document that has it more than once, once, or not at all.
// Diagrams of sums stay small because what is still lacking matters only as far as the
// remaining terms can tell it apart: nodes are shared for the whole interval of lacks (low, high] that
// lead to the same answers.
//
// Invariants: a document is passed over only if its score is below the floor, whatever
// its frequencies and length; rounding is made up for by slack. How much can be passed
// over changes no answer, only how long it takes. The bounds come from the view alone.
type sieve struct {
	bounds []bound // by falling most
	after  []float64
	nodes  []node
	root   uint8
	floor  float64 // that it was made for
	memo   [][]known
	full   bool
}

// bound is what a term adds to a score at most.
type bound struct {
	lane int     // which term
	once float64 // if a document has it once
	most float64 // however often
}

// node is one question. Its answers are numbers of nodes+decided, or none or all.
type node struct {
	lane             uint8
	more, once, lack uint8
}

const (
	none = iota // no document passes
	all         // every one
	decided
)

// maxNodes is how large a diagram may grow before the terms that add least are taken for
// present in every document.
const maxNodes = 48

// slack makes up for what adding up in another order may round differently.
const slack = 1 - 1e-9

type known struct {
	low, high float64
	answer    uint8
}

// set takes the bounds of a query's terms. The sieve lets nothing pass until it is made.
func (s *sieve) set(bounds []bound) {
	s.bounds = append(s.bounds[:0], bounds...)
	slices.SortFunc(s.bounds, func(a, b bound) int { return cmp.Or(cmp.Compare(b.most, a.most), a.lane-b.lane) })
	s.after = slices.Grow(s.after[:0], len(bounds)+1)[:len(bounds)+1]
	s.after[len(bounds)] = 0
	for i := len(bounds) - 1; i >= 0; i-- {
		s.after[i] = s.after[i+1] + s.bounds[i].most
	}
	for len(s.memo) < len(bounds) {
		s.memo = append(s.memo, nil)
	}
	s.floor = -1
}

// make builds the diagram for documents of at least that score.
func (s *sieve) make(floor float64) {
	s.floor = floor
	need := max(floor*slack, math.SmallestNonzeroFloat64) // a document without any term never passes
	for terms := len(s.bounds); ; terms = min(terms-1, 16) {
		lack := need - s.after[terms]
		if lack <= 0 && terms < len(s.bounds) {
			break
		}
		s.nodes, s.full = s.nodes[:0], false
		for i := range s.memo[:terms] {
			s.memo[i] = s.memo[i][:0]
		}
		s.root, _, _ = s.build(0, terms, lack)
		if !s.full {
			return
		}
	}
	// Too many terms that matter: whatever has one of them.
	s.nodes, s.root = s.nodes[:0], none
	for _, b := range s.bounds {
		s.nodes = append(s.nodes, node{uint8(b.lane), all, all, s.root})
		s.root = uint8(len(s.nodes) - 1 + decided)
	}
}

// build returns the node that asks for the i-th term of a document that lacks so much,
// and the interval of lacks for which it is the same.
func (s *sieve) build(i, terms int, lack float64) (answer uint8, low, high float64) {
	rest := s.after[i] - s.after[terms]
	switch {
	case lack <= 0 || s.full:
		return all, math.Inf(-1), 0
	case lack > rest || i == terms:
		return none, rest, math.Inf(1)
	}
	for _, k := range s.memo[i] {
		if k.low < lack && lack <= k.high {
			return k.answer, k.low, k.high
		}
	}
	b := s.bounds[i]
	more, l1, h1 := s.build(i+1, terms, lack-b.most)
	once, l2, h2 := s.build(i+1, terms, lack-b.once)
	answer, low, high = s.build(i+1, terms, lack)
	low, high = max(low, l1+b.most, l2+b.once), min(high, h1+b.most, h2+b.once)
	if more != answer {
		if len(s.nodes) == maxNodes && terms > 1 {
			s.full = true
			return all, low, high
		}
		s.nodes = append(s.nodes, node{uint8(b.lane), more, once, answer})
		answer = uint8(len(s.nodes) - 1 + decided)
	}
	s.memo[i] = append(s.memo[i], known{low, high, answer})
	return answer, low, high
}

// pass says which of 64 documents can reach the floor.
func (s *sieve) pass(lanes []lane, word int) uint64 {
	var answers [decided + 64]uint64
	answers[all] = ^uint64(0)
	for i, n := range s.nodes {
		l := &lanes[n.lane]
		has := l.words[word]
		answer := answers[n.lack] | has&answers[n.once]
		if n.more != n.once {
			answer |= l.more[word] & answers[n.more]
		}
		answers[i+decided] = answer
	}
	return answers[s.root]
}
