package freshness

import (
	"cmp"
	"math"
	"slices"
)

// threshold is the confidence from which a value difference is called a conflict.
const threshold = 0.5

// edited is the similarity from which two sentences are one sentence, edited.
const edited = 0.9

// Conflict is a value difference between two statements of two sources.
type Conflict struct {
	A, B                   int      // indexes of the two sources; 0 and 1 from Compare
	SpanA, SpanB           Span     // the sentences, each in its passage
	ValueSpanA, ValueSpanB Span     // the values themselves, each in its passage
	Kind                   string   // "money", "percent", "duration", …
	ValueA, ValueB         string   // as written
	Confidence             float64  // 0 to 1
	Explanation            string   // a sentence a person can read
	Sentences              [32]byte // names the two sentences, whichever comes first: see PairHash
	Preferred              int      // 0 neither, 1 A, 2 B
	PreferredReason        string   // why; "" if neither
}

// Ordered returns the conflict with its lower source index as A.
func (c Conflict) Ordered() Conflict { return c.ordered() }

// Compare returns the values on which two lists of statements differ, in the order of the first
// list, whatever the relation of the two documents. Swapping the lists mirrors the result. It is
// meant for versions or copies of one document; between independent documents most of what it finds
// is no conflict.
func Compare(a, b []Statement) []Conflict {
	var out []Conflict
	work := DefaultWork
	for _, d := range relatives.differences(lines(a, 0), lines(b, 1), &work) {
		out = append(out, d.Conflict)
	}
	slices.SortFunc(out, byPlace)
	return out
}

// byPlace orders conflicts by their sources, then by where they stand.
func byPlace(x, y Conflict) int {
	return cmp.Or(cmp.Compare(x.A, y.A), cmp.Compare(x.B, y.B),
		cmp.Compare(x.ValueSpanA.Start, y.ValueSpanA.Start), cmp.Compare(x.ValueSpanB.Start, y.ValueSpanB.Start))
}

// lines unpacks the statements of one passage, each text once.
func lines(sts []Statement, source int) []line {
	into := make([]line, 0, len(sts))
	seen := make(map[string]bool, len(sts))
	return addLines(into, seen, sts, source, "")
}

func addLines(into []line, seen map[string]bool, sts []Statement, source int, section string) []line {
	for i := range sts[:min(len(sts), maxStatements)] {
		if !seen[sts[i].Text] {
			seen[sts[i].Text] = true
			into = append(into, newLine(&sts[i], source, section))
		}
	}
	return into
}

// A difference is a conflict with what speaks for it.
type difference struct {
	Conflict
	evidence
}

// A test says how two documents are compared: which lines may be counterparts, and from what evidence a
// difference between them is a conflict.
type test struct {
	alike      func(a, b *line) float64 // 0 to 1; 0 if they cannot be counterparts
	confidence func(evidence) float64   // 0 to 1
	threshold  float64                  // the confidence from which a difference is a conflict
}

// relatives compares versions and copies.
var relatives = test{similarity, evidence.confidence, threshold}

func (t *test) differences(as, bs []line, work *int) []difference {
	var out []difference
	for _, al := range t.align(as, bs, work) {
		out = append(out, t.differencesIn(al)...)
	}
	return out
}

// A slot is a value of one line beside a value of the other, and how alike the words around are.
type slot struct {
	i, j    int
	context float64
}

// A suspect is a slot whose values differ, and how likely they are a conflict.
type suspect struct {
	slot
	evidence
	confidence float64
}

// suspects compares the values of two aligned lines. First every value that the other side also
// states is set aside, equal ones before merely agreeing ones; what is left on both sides, of one
// kind and unit, is a difference.
func (t *test) suspects(al alignment) []suspect {
	a, b := al.a, al.b
	usedA, usedB := make([]bool, len(a.Quantities)), make([]bool, len(b.Quantities))
	oneSentence := al.sim >= edited
	strict := a.Rule && b.Rule || oneSentence
	take := func(want relation, fits func(slot) bool) (taken []slot) {
		var slots []slot
		for i, q := range a.Quantities {
			for j, r := range b.Quantities {
				if usedA[i] || usedB[j] || relate(q, r, strict) != want {
					continue
				}
				if s := (slot{i, j, contextAt(a, b, q, r)}); fits(s) {
					slots = append(slots, s)
				}
			}
		}
		// The order is the same from either side: by context, then by distance in the two lists.
		slices.SortStableFunc(slots, func(x, y slot) int {
			return cmp.Or(cmp.Compare(y.context, x.context), cmp.Compare(abs(x.i-x.j), abs(y.i-y.j)), cmp.Compare(x.i+x.j, y.i+y.j))
		})
		for _, s := range slots {
			if !usedA[s.i] && !usedB[s.j] {
				usedA[s.i], usedB[s.j] = true, true
				taken = append(taken, s)
			}
		}
		return taken
	}
	anywhere := func(slot) bool { return true }
	take(same, anywhere)
	take(agreeing, anywhere)
	rest := take(different, func(s slot) bool {
		return sameSlot(a.Quantities[s.i], b.Quantities[s.j], a.Row != 0, oneSentence && s.context >= edited)
	})

	var out []suspect
	for _, s := range rest {
		q, r := a.Quantities[s.i], b.Quantities[s.j]
		if !oneSentence && elsewhere(a, b, q, r) {
			continue
		}
		e := evidenceFor(al, s, q, r, len(rest))
		if p := t.confidence(e); p >= t.threshold {
			out = append(out, suspect{s, e, p})
		}
	}
	return out
}

// differencesIn says the suspects of two aligned lines as conflicts.
func (t *test) differencesIn(al alignment) []difference {
	a, b := al.a, al.b
	var out []difference
	for _, s := range t.suspects(al) {
		q, r := a.Quantities[s.i], b.Quantities[s.j]
		out = append(out, difference{Conflict{
			A: a.source, B: b.source, SpanA: a.Span, SpanB: b.Span,
			ValueSpanA: q.spanIn(a.Statement), ValueSpanB: r.spanIn(b.Statement),
			Kind: q.Kind.String(), ValueA: q.textIn(a.Statement), ValueB: r.textIn(b.Statement),
			Confidence: math.Round(s.confidence*1000) / 1000, Explanation: explain(a.Statement, b.Statement, q, r),
			Sentences: PairHash(a.Text, b.Text),
		}, s.evidence})
	}
	return out
}

// sameSlot reports whether two values can be values of one thing. In a table they must stand in one
// column. What is counted must be the same; a bare number must follow the same word, unless it stands
// in one place of one edited sentence.
func sameSlot(q, r Quantity, row, inPlace bool) bool {
	switch {
	case row && (q.Label == 0 || q.Label != r.Label):
		return false
	case q.Kind != Ordinal && q.Kind != Count:
		return true
	case q.Head != r.Head:
		return false
	case q.Head == 0:
		return q.Label == r.Label && (q.Label != 0 || inPlace)
	}
	return true
}

func (q Quantity) spanIn(s *Statement) Span {
	return Span{s.Span.Start + q.Start, s.Span.Start + q.Start + q.Len}
}

// place returns where the value begins and ends in its sentence, in bytes. Offsets that lie outside, as
// a damaged store might hold, give an empty place.
func (q Quantity) place(text string) (start, end int) {
	n := 0
	start, end = len(text), len(text)
	for i := range text {
		if n == q.Start {
			start = i
		}
		if n == q.Start+q.Len {
			end = i
			break
		}
		n++
	}
	return min(start, end), end
}

func (q Quantity) textIn(s *Statement) string {
	start, end := q.place(s.Text)
	return s.Text[start:end]
}

func abs(n int) int { return max(n, -n) }
