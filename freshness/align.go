package freshness

import (
	"math/bits"
	"slices"
)

// The production gate of a candidate pair of sentences.
const (
	minSimilarity = 0.3 // Jaccard over the words that carry meaning
	minShared     = 3   // of those words
)

// A line is a statement unpacked for comparison.
type line struct {
	*Statement
	source  int      // index of its source
	section string   // of its passage, "" if not known
	words   []word   // in order
	stems   []uint32 // of the bearing words, sorted, each once
	names   []uint32 // those of them that are names
	sketch  uint64   // one bit per stem: a quick upper bound of what two lines share
	kinds   uint32   // bit set of the kinds of its quantities
	stamped bool     // holds a date that is no value of it: "as of 3 May"
}

func newLine(s *Statement, source int, section string) line {
	l := line{Statement: s, source: source, section: section, words: unpackWords(s.Words)}
	dates := 0 // that are no values
	for _, w := range l.words {
		if w.bearing() {
			l.stems = append(l.stems, w.stem())
			l.sketch |= 1 << (w.stem() & 63)
			if w.class() == name {
				l.names = append(l.names, w.stem())
			}
		}
		if w == newWord(uint32(Date), value) {
			dates++
		}
	}
	slices.Sort(l.stems)
	l.stems = slices.Compact(l.stems)
	for _, q := range s.Quantities {
		l.kinds |= 1 << q.Kind
		if q.Kind == Date {
			dates--
		}
	}
	l.stamped = dates > 0
	return l
}

// similarity is the Jaccard coefficient of the words of two lines, 0 if the pair does not pass the
// gate. The sketch rejects most pairs without looking at a word.
func similarity(a, b *line) float64 {
	row := a.Row != 0 // and then the two rows are of one name, which is all that a row must share
	if a.kinds&b.kinds == 0 || a.Row != b.Row || !row && bits.OnesCount64(a.sketch&b.sketch) < minShared-1 || a.foreign(b) {
		return 0
	}
	shared := a.shared(b)
	union := len(a.stems) + len(b.stems) - shared
	if shared < minShared && !(shared == 2 && union == 2) && !row {
		return 0
	}
	if sim := float64(shared) / float64(union); sim >= minSimilarity {
		return sim
	}
	return 0
}

// jaccard is the share of the words of both lines that both have.
func jaccard(a, b *line) float64 {
	shared := a.shared(b)
	return float64(shared) / float64(len(a.stems)+len(b.stems)-shared)
}

// shared counts the words that both lines have.
func (l *line) shared(other *line) int {
	n := 0
	for i, j := 0, 0; i < len(l.stems) && j < len(other.stems); {
		switch {
		case l.stems[i] < other.stems[j]:
			i++
		case l.stems[i] > other.stems[j]:
			j++
		default:
			n, i, j = n+1, i+1, j+1
		}
	}
	return n
}

// shortWords is how many words a sentence needs to say by itself what it is about.
const shortWords = 4

// foreign reports whether two short sentences stand in different sections: "Price: $5 per user" under
// "Basic" and under "Premium".
func (l *line) foreign(other *line) bool {
	return l.section != other.section && l.section != "" && other.section != "" && min(len(l.stems), len(other.stems)) < shortWords
}

// agreementWeight is what equal values add to the similarity of two sentences, which decides between
// counterparts that are otherwise alike.
const agreementWeight = 0.1

// An alignment is a pair of lines that are each other's single best counterpart.
type alignment struct {
	a, b *line
	sim  float64
}

// align pairs the lines of two documents. A line takes part only if its best counterpart has it as
// best counterpart too, if that choice is unique, and if neither has an identical twin on the other
// side: then the value is in both documents and the rest is another sentence. Every comparison is
// taken off work; below zero, what has been found is not complete.
func (t *test) align(as, bs []line, work *int) []alignment {
	bestA, bestB := make([]best, len(as)), make([]best, len(bs))
	// Two versions share most sentences letter by letter. Those are twins already, and cannot be the
	// counterpart of one another's neighbours either, so that pairs of them need no comparison.
	texts := make(map[string]int, len(as))
	for i := range as {
		texts[as[i].Text] = i
	}
	for j := range bs {
		if i, ok := texts[bs[j].Text]; ok {
			bestA[i].twin, bestB[j].twin = true, true
		}
	}
	for i := range as {
		for j := range bs {
			if bestA[i].twin && bestB[j].twin {
				continue
			}
			if *work--; *work < 0 {
				return nil
			}
			sim := t.alike(&as[i], &bs[j])
			if sim == 0 || sim < 1 && sim+agreementWeight < min(bestA[i].score, bestB[j].score) {
				continue // no counterpart, or not the best one for either
			}
			*work -= len(as[i].Quantities) * len(bs[j].Quantities)
			agreed := agreement(&as[i], &bs[j])
			twin := sim == 1 && agreed == 1
			score := sim + agreementWeight*agreed
			bestA[i].offer(j, score, twin)
			bestB[j].offer(i, score, twin)
		}
	}
	var out []alignment
	for i := range as {
		j := bestA[i].other
		if !bestA[i].single() || !bestB[j].single() || bestB[j].other != i {
			continue
		}
		out = append(out, alignment{&as[i], &bs[j], jaccard(&as[i], &bs[j])})
	}
	return out
}

// best is the best counterpart of a line so far.
type best struct {
	other      int
	score      float64
	tied, twin bool
}

func (b *best) offer(other int, score float64, twin bool) {
	switch {
	case score > b.score:
		b.other, b.score, b.tied = other, score, false
	case score == b.score:
		b.tied = true
	}
	b.twin = b.twin || twin
}

func (b *best) single() bool { return b.score > 0 && !b.tied && !b.twin }

// agreement is the share of values that have an equal on the other side, 0 to 1.
func agreement(a, b *line) float64 {
	count := func(x, y *line) int {
		n := 0
		for _, q := range x.Quantities {
			if slices.ContainsFunc(y.Quantities, func(r Quantity) bool {
				rel := relate(q, r, false)
				return rel == same || rel == agreeing && equalValues(q, r)
			}) {
				n++
			}
		}
		return n
	}
	return float64(count(a, b)+count(b, a)) / float64(len(a.Quantities)+len(b.Quantities))
}
