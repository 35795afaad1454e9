package freshness

import (
	"cmp"
	"context"
	"maps"
	"math"
	"math/bits"
	"slices"
)

// The bounds of looking for counterparts. Prose stays far below them: in a corpus of 100,000 sentences a sentence shares its
// rarer words with a few hundred. Only texts made of the same few words come near.
const (
	maxVisits = 10_000 // places that are looked up for one line
	maxProbes = 2_000  // lines that one line is held against
	maxRivals = 50     // documents that one document is judged beside
)

// An index finds lines of other documents that share words with a line and state a value of the same thing.
type index struct {
	entries  []entry
	sketches []uint64           // of the entries: what is looked at most often lies together
	docs     []int32            // of the entries
	postings map[uint64][]int32 // entries by word and thing, in order
}

// An entry is a line of a document. Entries are in the order of their number of words, so that those behind an entry
// have at least as many.
type entry struct {
	*line
	doc    int
	things []uint64 // what its values are of, each once
}

// things are what the values of the line can be compared with: values of one kind and unit, and for what is counted, of one
// noun; in a table, of one row and column.
func (l *line) things() []uint64 {
	var list []uint64
	for _, q := range l.Quantities {
		base, per := splitUnit(q.Unit)
		if base == baseMonths {
			base = baseTime // "30 days" and "one month"
		}
		h := uint64(hash(base+"/"+per))<<8 | uint64(q.Kind)
		if q.Kind == Count || q.Kind == Ordinal {
			h = h*31 + uint64(q.Head)
		}
		if l.Row != 0 {
			h = (h*31+uint64(q.Label))*31 + uint64(l.Row)
		}
		if !slices.Contains(list, h) {
			list = append(list, h)
		}
	}
	return list
}

func term(stem uint32, thing uint64) uint64 {
	return (thing*0x9e3779b97f4a7c15 ^ uint64(stem)) * 0xbf58476d1ce4e5b9
}

func newIndex(docs []document, leave func(*line) bool) *index {
	x := &index{postings: make(map[uint64][]int32)}
	for d := range docs {
		for i := range docs[d].lines {
			if l := &docs[d].lines[i]; len(l.stems) >= minShared && !l.stamped && !leave(l) {
				x.entries = append(x.entries, entry{l, d, l.things()})
			}
		}
	}
	slices.SortStableFunc(x.entries, func(a, b entry) int { return cmp.Compare(len(a.stems), len(b.stems)) })
	for i, e := range x.entries {
		x.sketches, x.docs = append(x.sketches, e.sketch), append(x.docs, int32(e.doc))
		for _, thing := range e.things {
			for _, w := range e.stems {
				t := term(w, thing)
				x.postings[t] = append(x.postings[t], int32(i))
			}
		}
	}
	return x
}

// near calls yield with each entry behind i, of another document, that may pass the gate. A line that shares at least n
// of i's words has one of the rarest len − n + 1 of them, so the other words need not be looked up.
func (x *index) near(i int, seen []int32, yield func(j int)) {
	e := &x.entries[i]
	need := max(minShared, int(math.Ceil(minContainment*float64(len(e.stems)))))
	// Words that share a bit of the sketch are fewer in it than they are.
	bitsNeeded := need - (len(e.stems) - bits.OnesCount64(e.sketch))
	visits, probes := 0, 0
	lists := make([][]int32, len(e.stems))
	for _, thing := range e.things {
		for k, w := range e.stems {
			lists[k] = x.postings[term(w, thing)]
		}
		slices.SortFunc(lists, func(a, b []int32) int { return cmp.Compare(len(a), len(b)) })
		for _, list := range lists[:len(lists)-need+1] {
			at, _ := slices.BinarySearch(list, int32(i)+1)
			for _, j := range list[at:] {
				if visits++; visits > maxVisits {
					return
				}
				if bits.OnesCount64(x.sketches[j]&e.sketch) < bitsNeeded || seen[j] == int32(i)+1 || x.docs[j] == int32(e.doc) {
					continue
				}
				seen[j] = int32(i) + 1
				if probes++; probes > maxProbes {
					return
				}
				yield(int(j))
			}
		}
	}
}

// strangers looks for conflicts between documents that are no relatives. The index finds pairs of lines that differ; the
// documents of each are then judged by themselves, so that what is found is what Between finds, and what the rest of the
// corpus says of it can only take away.
func (s *search) strangers(ctx context.Context) error {
	fields := s.fields()
	x := newIndex(s.docs, fields.has)
	pairs := make(map[[2]int]bool)
	rivals := make([]int, len(s.docs))
	seen := make([]int32, len(x.entries))
	for i := range x.entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		x.near(i, seen, func(j int) {
			a, b := &x.entries[i], &x.entries[j]
			if overlap(a.line, b.line) == 0 {
				return
			}
			pair := [2]int{min(a.doc, b.doc), max(a.doc, b.doc)}
			if pairs[pair] || max(rivals[a.doc], rivals[b.doc]) == maxRivals || len(strangers.suspects(alignment{a.line, b.line, jaccard(a.line, b.line)})) == 0 {
				return
			}
			pairs[pair] = true
			rivals[a.doc]++
			rivals[b.doc]++
		})
	}
	var found []Contested
	for _, p := range slices.SortedFunc(maps.Keys(pairs), func(a, b [2]int) int { return slices.Compare(a[:], b[:]) }) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if a, b := &s.docs[p[0]], &s.docs[p[1]]; relationOf(a, b) == unrelated {
			found = append(found, s.judge(p[0], p[1])...)
		}
	}
	s.found = append(s.found, fields.without(found)...)
	return nil
}
