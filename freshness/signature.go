package freshness

import "math"

// permutations is the number of hash functions of a Signature. The estimate's standard error is at
// most 0.07.
const permutations = 64

// shingle is how many consecutive words are hashed together. Single words would make all pages on
// one subject look alike.
const shingle = 3

// Signature is a MinHash of a text's words, taken three at a time, with 64 fixed permutations. It
// decides whether two documents are copies. Numbers count as equal, since copies are compared for just
// those. A text without words has a nil Signature.
type Signature []uint32

// seeds are the multipliers and offsets of the permutations, fixed for good: stored signatures of
// different ages are compared.
var seeds = func() (s [permutations][2]uint64) {
	x := uint64(0x9e3779b97f4a7c15)
	next := func() uint64 { // splitmix64
		x += 0x9e3779b97f4a7c15
		z := x
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		return z ^ z>>31
	}
	for i := range s {
		s[i] = [2]uint64{next() | 1, next()}
	}
	return s
}()

// Sign returns the signature of a text.
func Sign(text string) Signature {
	p := newPage(text)
	defer p.done()
	var recent [shingle]uint64
	var sig Signature
	words := 0
	for _, b := range p.blocks {
		p.sentences(b, func(lo, hi int) {
			for _, t := range p.tokens(lo, hi) {
				if t.kind == tokPunct {
					continue
				}
				h := uint64(1)
				if t.kind != tokNumber {
					h = uint64(stemHash(t.low)) + 2
				}
				recent[0], recent[1], recent[2] = recent[1], recent[2], h
				if words++; words >= shingle {
					sig = sig.add((recent[0]*0x9e3779b97f4a7c15+recent[1])*0xbf58476d1ce4e5b9 + recent[2])
				}
			}
		})
	}
	if words > 0 && words < shingle {
		sig = sig.add((recent[0]*0x9e3779b97f4a7c15+recent[1])*0xbf58476d1ce4e5b9 + recent[2])
	}
	return sig
}

func (s Signature) add(h uint64) Signature {
	if s == nil {
		s = make(Signature, permutations)
		for i := range s {
			s[i] = math.MaxUint32
		}
	}
	h ^= h >> 32
	for i := range s {
		// Multiply-shift: the high half of an odd multiple is a fair hash of h.
		if v := uint32((h*seeds[i][0] + seeds[i][1]) >> 32); v < s[i] {
			s[i] = v
		}
	}
	return s
}

// Similarity estimates the share of word groups that two texts have in common, 0 to 1. It is 0 if
// either signature is empty or was made otherwise.
func (s Signature) Similarity(t Signature) float64 {
	if len(s) != permutations || len(t) != permutations {
		return 0
	}
	equal := 0
	for i := range s {
		if s[i] == t[i] {
			equal++
		}
	}
	return float64(equal) / permutations
}
