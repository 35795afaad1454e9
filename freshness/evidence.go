package freshness

import (
	"math"
	"slices"
	"strings"
)

// evidence is what speaks for and against a difference of values being a conflict. Its fields are
// the whole explanation of the confidence.
type evidence struct {
	context    float64 // 0 to 1: how alike the words next to the two values are
	similarity float64 // 0 to 1: how alike the two sentences are
	head       bool    // both count the same thing
	rule       bool    // both sentences prescribe
	swapped    bool    // next to the values, each side has words that the other sentence lacks
	renamed    bool    // each sentence has names that the other lacks: another subject
	scoped     bool    // one sentence is limited ("in Germany", "for contractors") where the other is not
	added      int     // words next to the value that only one of the sentences has
	others     int     // further differences in the same pair of sentences
	loose      bool    // an ordinal or a day of the week, which change with the subject
	common     bool    // a date, a time, a length of time, a version, an address: a page states several, of anything
}

// confidence is a logistic function with a handful of round weights, chosen on revisions of public
// pages. It needs either a nearly identical sentence or a nearly identical neighbourhood.
func (e evidence) confidence() float64 {
	z := -2.2 + 2.6*e.context + 2.8*e.similarity
	if e.head {
		z += 0.4
	}
	if e.rule {
		z += 0.3
	}
	if e.swapped {
		z -= 3
	}
	if e.renamed {
		z -= 2
	}
	if e.scoped {
		z -= 2.2
	}
	if e.loose {
		z -= 0.3
	}
	z -= 0.4 * float64(min(e.added, 3))
	z -= 0.15 * float64(min(e.others, 4))
	return 1 / (1 + math.Exp(-z))
}

func evidenceFor(al alignment, s slot, q, r Quantity, differences int) evidence {
	a, b := al.a, al.b
	onlyA, onlyB := a.strange(q, b), b.strange(r, a)
	e := evidence{
		context:    s.context,
		similarity: al.sim,
		head:       q.Head != 0 && q.Head == r.Head,
		rule:       a.Rule && b.Rule,
		swapped:    onlyA > 0 && onlyB > 0,
		renamed:    missing(a.names, b.stems) && missing(b.names, a.stems),
		scoped:     a.narrower(b) || b.narrower(a),
		others:     differences - 1,
		loose:      q.Kind == Ordinal || q.Kind == Weekday,
		common:     q.Kind >= Date && q.Kind <= Email || q.Kind == Duration || q.Kind == Frequency,
	}
	if !e.swapped {
		e.added = onlyA + onlyB
	}
	return e
}

// reach is how many words on each side of a value belong to its neighbourhood.
const reach = 4

// strange counts the words near the value that the other sentence does not have.
func (l *line) strange(q Quantity, other *line) int {
	n := 0
	for at := max(0, q.At-reach); at <= q.At+reach && at < len(l.words); at++ {
		w := l.words[at]
		if _, found := slices.BinarySearch(other.stems, w.stem()); w.bearing() && !found {
			n++
		}
	}
	return n
}

// scopes are the words that limit what a sentence holds for.
var scopes = func() map[uint32]bool {
	m := make(map[uint32]bool)
	for w := range set("for in at on during if when unless except outside inside") {
		m[stemHash(w)] = true
	}
	return m
}()

// narrower reports whether l names a scope that the other sentence does not mention: a word behind
// "for", "in" or their like that is missing there.
func (l *line) narrower(other *line) bool {
	for i, w := range l.words {
		if w.class() != stop || !scopes[w.stem()] {
			continue
		}
		for j := i + 1; j < len(l.words) && j <= i+3; j++ {
			next := l.words[j]
			if next.class() == value {
				break
			}
			if next.bearing() {
				if _, found := slices.BinarySearch(other.stems, next.stem()); !found {
					return true
				}
				break
			}
		}
	}
	return false
}

func missing(names, stems []uint32) bool {
	return slices.ContainsFunc(names, func(n uint32) bool {
		_, found := slices.BinarySearch(stems, n)
		return !found
	})
}

// contextAt compares the words around two values, nearer ones counting more, from 0 to 1.
func contextAt(a, b *line, q, r Quantity) float64 {
	return (windows(a.words, b.words, q.At, r.At, -1) + windows(a.words, b.words, q.At, r.At, 1)) / 2
}

// windows compares the words on one side of two values, in the direction step.
func windows(a, b []word, at, bt, step int) float64 {
	hit, total := 0.0, 0.0
	one := func(x, y []word, i, j int) {
		for d := 1; d <= reach; d++ {
			p := i + d*step
			weight := 1 / float64(d)
			if p < 0 || p >= len(x) {
				// The end of the sentence is a neighbour too.
				if k := j + d*step; k < 0 || k >= len(y) {
					hit += weight
				}
				total += weight
				return
			}
			total += weight
			for e := 1; e <= reach; e++ {
				if k := j + e*step; k >= 0 && k < len(y) && sameWord(x[p], y[k]) {
					hit += weight
					break
				}
			}
		}
	}
	one(a, b, at, bt)
	one(b, a, bt, at)
	if total == 0 {
		return 1
	}
	return hit / total
}

// sameWord compares two words regardless of capitals: class only tells places of values from words.
func sameWord(x, y word) bool {
	return x.stem() == y.stem() && (x.class() == value) == (y.class() == value)
}

// elsewhere reports whether one side's number occurs on the other side in another role. Then the
// sentences were rewritten, and the value may be there in words this package did not understand.
func elsewhere(a, b *line, q, r Quantity) bool {
	return mentions(b, a, q) || mentions(a, b, r)
}

func mentions(in, from *line, q Quantity) bool {
	text := q.textIn(from.Statement)
	digits := strings.TrimLeftFunc(text, func(r rune) bool { return !isDigit(r) })
	end := strings.IndexFunc(digits, func(r rune) bool { return !isDigit(r) && r != '.' && r != ',' })
	if end >= 0 {
		digits = digits[:end]
	}
	digits = strings.TrimRight(digits, ".,")
	if len(digits) < 2 || q.Kind == Date || q.Kind == Time {
		return false
	}
	for _, other := range in.Quantities {
		if other.Kind == q.Kind && strings.Contains(other.textIn(in.Statement), digits) {
			return false // seen, and compared
		}
	}
	for rest := in.Text; ; {
		i := strings.Index(rest, digits)
		if i < 0 {
			return false
		}
		end := i + len(digits)
		if (i == 0 || !digitByte(rest[i-1])) && (end == len(rest) || !digitByte(rest[end])) {
			return true
		}
		rest = rest[end:]
	}
}

func digitByte(c byte) bool { return c >= '0' && c <= '9' || c == '.' || c == ',' }
