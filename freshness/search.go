package freshness

import (
	"context"
	"slices"
)

// perSentence is how many comparisons a sentence of a document may cost on average, which keeps a search linear in
// the number of sentences whatever they say. The allowance is the document's own: who floods a corpus with copies uses
// up theirs and that of what they copied, and no other pair's. What is not a comparison counts as several: perPair to begin
// with, and perConflict, which bounds the result.
const (
	perSentence = 20_000
	perPair     = 50
	perConflict = 1_000
)

// A search looks for conflicts among all documents of a corpus.
type search struct {
	docs  []document
	left  []int // of each document's allowance
	found []Contested
}

func newSearch(docs []document) *search {
	s := &search{docs: docs, left: make([]int, len(docs))}
	for i := range docs {
		s.left[i] = perSentence * len(docs[i].lines)
	}
	return s
}

// judge compares two documents by themselves, as far as both can afford it.
func (s *search) judge(i, j int) []Contested {
	a, b := &s.docs[i], &s.docs[j]
	work := min(s.left[i], s.left[j])
	if work <= 0 {
		return nil
	}
	before := work
	found := between(a, b, &work)
	used := before - work + perPair + len(a.lines) + len(b.lines) + perConflict*len(found)
	s.left[i] -= used
	s.left[j] -= used
	return found
}

// bands are pairs of places of a signature. Signatures that agree in half of their places, as those of copies do, agree
// in both places of one of these pairs: from two triangles and 29 lone edges one can pick at most 31 of the 64 places
// without picking both ends of one. So comparing only documents that share a band misses no pair of copies, while
// documents of which a tenth agrees meet in a third of all cases, and unlike ones hardly ever.
var bands = func() [][2]int {
	list := [][2]int{{0, 1}, {1, 2}, {0, 2}, {3, 4}, {4, 5}, {3, 5}}
	for i := 6; i < permutations; i += 2 {
		list = append(list, [2]int{i, i + 1})
	}
	return list
}()

// relatives compares versions and copies, each pair as Conflicts does.
func (s *search) relatives(ctx context.Context) error {
	chains, declared := s.chains(), s.declared()
	seen := make([]int, len(s.docs)) // 1 + the last document beside which this one was looked at
	var beside []int
	for i := range s.docs {
		if err := ctx.Err(); err != nil {
			return err
		}
		beside = beside[:0]
		for _, j := range declared[i] {
			if seen[j] != i+1 {
				seen[j] = i + 1
				beside = append(beside, j)
			}
		}
		for _, next := range chains {
			for j := next[i]; j >= 0 && s.left[i] > 0; j = next[j] {
				s.left[i]--
				if seen[j] != i+1 {
					seen[j] = i + 1
					beside = append(beside, int(j))
				}
			}
		}
		slices.Sort(beside)
		for _, j := range beside {
			if relationOf(&s.docs[i], &s.docs[j]) != unrelated {
				s.found = append(s.found, s.judge(i, j)...)
			}
		}
	}
	return nil
}

// chains links each document to the next that could be its relative for one and the same reason; -1 ends a chain.
// Documents that state no value are in none.
func (s *search) chains() [][]int32 {
	var list [][]int32
	chain := func(keys func(d *document) (uint64, bool)) {
		next, last := make([]int32, len(s.docs)), make(map[uint64]int32)
		for i := range s.docs {
			next[i] = -1
			if len(s.docs[i].lines) == 0 {
				continue
			}
			key, ok := keys(&s.docs[i])
			if !ok {
				continue
			}
			if before, ok := last[key]; ok {
				next[before] = int32(i)
			}
			last[key] = int32(i)
		}
		list = append(list, next)
	}
	for _, b := range bands {
		chain(func(d *document) (uint64, bool) {
			if len(d.Signature) != permutations {
				return 0, false
			}
			return uint64(d.Signature[b[0]])<<32 | uint64(d.Signature[b[1]]), true
		})
	}
	lineages := make(map[string]uint64)
	chain(func(d *document) (uint64, bool) {
		n, ok := lineages[d.Lineage]
		if !ok {
			n = uint64(len(lineages))
			lineages[d.Lineage] = n
		}
		return n, d.Lineage != ""
	})
	return list
}

// declared lists for each document those after it that it declares to supersede, or that declare so of it.
func (s *search) declared() map[int][]int {
	at := make(map[string]int, len(s.docs))
	for i := range s.docs {
		at[s.docs[i].Key] = i
	}
	pairs := make(map[int][]int)
	for i := range s.docs {
		for _, key := range s.docs[i].Related {
			if j, ok := at[key]; ok && j != i {
				pairs[min(i, j)] = append(pairs[min(i, j)], max(i, j))
			}
		}
	}
	return pairs
}
