package freshness

import (
	"slices"
	"strings"
	"time"
)

// copySimilarity is the signature similarity from which two documents count as copies.
const copySimilarity = 0.5

// Source is one visible passage among those returned to one caller.
type Source struct {
	Key        string      // the document version; sources with equal keys are never compared
	Lineage    string      // equal and not empty: versions of one document
	Related    []string    // keys of the documents that this one declares to supersede
	ReplacedBy []string    // keys of the documents that this one declares to be superseded by
	Signature  Signature   // of the whole document
	Section    string      // heading path of the passage, "" if not known; tells short sentences apart
	Statements []Statement // of the passage
	Modified   time.Time   // zero if not known
	Verified   time.Time   // zero if never, or lapsed
	Superseded bool        // by a document that the same caller can see
}

// Conflicts returns the differences of value between the versions and copies among the sources: pairs
// of one lineage, pairs of which one declares to supersede the other, and pairs whose signatures say
// that they are copies. All passages of a document take part in each of its pairs, and nothing else
// does: no pair is judged, or brought together, through a third document. The result is ordered by
// source indexes, A below B, then by place. It does at most DefaultWork.
func Conflicts(sources []Source) []Conflict {
	out, _ := ConflictsWithin(sources, DefaultWork)
	return out
}

// DefaultWork is how many comparisons of two sentences or two values Conflicts makes at most. 50
// passages of 200 words, all versions of one page, need about a tenth of it.
const DefaultWork = 2_000_000

// ConflictsWithin is Conflicts with a limit of its own on the work, in comparisons of two sentences or
// two values. complete reports whether the limit was enough; if not, the pairs of the first sources
// have been compared and the rest have not.
func ConflictsWithin(sources []Source, work int) (conflicts []Conflict, complete bool) {
	docs := group(sources)
	var out []Conflict
	for i := range docs {
		for j := i + 1; j < len(docs); j++ {
			a, b := &docs[i], &docs[j]
			rel := relationOf(a, b)
			if rel == unrelated {
				continue
			}
			a.unpack(sources)
			b.unpack(sources)
			found := inRelatives(a, b, rel, &work)
			if work < 0 {
				slices.SortStableFunc(out, byPlace)
				return out, false
			}
			out = append(out, preferring(found, a, b)...)
		}
	}
	slices.SortStableFunc(out, byPlace)
	return out, true
}

// inRelatives returns the differences between two related documents; below zero of work, they are not complete.
func inRelatives(a, b *document, rel kinship, work *int) []difference {
	found := relatives.differences(a.lines, b.lines, work)
	if rel == copied && siblings(found, a, b) {
		return nil
	}
	return found
}

// preferring turns differences between a and b into conflicts that say whom to believe.
func preferring(found []difference, a, b *document) []Conflict {
	var out []Conflict
	side, why := prefer(a, b)
	for _, d := range found {
		d.Preferred, d.PreferredReason = side, why
		out = append(out, d.Conflict.ordered())
	}
	return out
}

// A document is the sources of one key.
type document struct {
	*Source        // the first of them, for what all have in common
	passages []int // indexes of all
	lines    []line
	unpacked bool
}

func group(sources []Source) []document {
	var docs []document
	at := make(map[string]int, len(sources))
	for i := range sources {
		d, ok := at[sources[i].Key]
		if !ok {
			d = len(docs)
			at[sources[i].Key] = d
			docs = append(docs, document{Source: &sources[i]})
		}
		docs[d].passages = append(docs[d].passages, i)
	}
	return docs
}

func (d *document) unpack(sources []Source) {
	if d.unpacked {
		return
	}
	d.unpacked = true
	seen := make(map[string]bool)
	for _, i := range d.passages {
		d.lines = addLines(d.lines, seen, sources[i].Statements, i, sources[i].Section)
	}
}

type kinship uint8

const (
	unrelated kinship = iota
	versions          // of one document, by lineage or declaration
	copied            // by signature alone
)

func relationOf(a, b *document) kinship {
	switch {
	case a.Lineage != "" && a.Lineage == b.Lineage, declares(a, b), declares(b, a):
		return versions
	case a.Signature.Similarity(b.Signature) >= copySimilarity && !series(a.Key, b.Key):
		return copied
	}
	return unrelated
}

// series reports whether two keys, or their last segments, differ in their digits only:
// "minutes/2024-03" and "minutes/2024-04" are issues of a series, made to differ.
func series(a, b string) bool {
	last := func(s string) string { return s[strings.LastIndexByte(s, '/')+1:] }
	return digitsApart(a, b) || digitsApart(last(a), last(b))
}

// digitsApart reports whether two keys are equal but for digits, and some of those are a year, a date or
// a small number. Longer runs of digits are identifiers or versions, which say nothing of a series.
func digitsApart(a, b string) bool {
	apart := false
	for a != "" && b != "" {
		x, y := leadingRun(a), leadingRun(b)
		if x != y {
			if !isDigit(rune(x[0])) || !isDigit(rune(y[0])) {
				return false
			}
			apart = apart || len(x) <= 4 && len(y) <= 4 || len(x) == 8 && len(y) == 8
		}
		a, b = a[len(x):], b[len(y):]
	}
	return apart && a == b
}

// leadingRun returns the digits, or the other characters, that s begins with.
func leadingRun(s string) string {
	i := 1
	for i < len(s) && isDigit(rune(s[i])) == isDigit(rune(s[0])) {
		i++
	}
	return s[:i]
}

// siblings reports whether two documents that only look like copies were filled in from one template:
// most of what could be compared differs, a differing sentence is about somebody else, or one and
// the same year has been replaced throughout.
func siblings(found []difference, a, b *document) bool {
	if len(found) >= 4 && 2*len(found) > min(len(a.lines), len(b.lines)) {
		return true
	}
	years := make(map[string]int)
	for _, d := range found {
		if d.renamed {
			return true
		}
		if d.Kind == Date.String() {
			if years[d.ValueA+"|"+d.ValueB]++; years[d.ValueA+"|"+d.ValueB] > 1 {
				return true
			}
		}
	}
	return false
}

// prefer says which of two documents to believe, 1 for a, 2 for b, 0 for neither, and why.
func prefer(a, b *document) (int, string) {
	switch {
	case declares(a, b) != declares(b, a):
		newer, older := a, b
		if declares(b, a) {
			newer, older = b, a
		}
		if slices.Contains(newer.Related, older.Key) {
			return pick(newer == a), "it declares to supersede the other"
		}
		return pick(newer == a), "the other declares to be superseded by it"
	case a.Superseded != b.Superseded:
		return pick(b.Superseded), "the other has been superseded"
	case !a.Verified.Equal(b.Verified):
		return pick(a.Verified.After(b.Verified)), "it was verified later"
	case !a.Modified.Equal(b.Modified) && !a.Modified.IsZero() && !b.Modified.IsZero():
		return pick(a.Modified.After(b.Modified)), "it was modified later"
	}
	return 0, ""
}

// declares reports whether one of the two declares that newer supersedes older.
func declares(newer, older *document) bool {
	return slices.Contains(newer.Related, older.Key) || slices.Contains(older.ReplacedBy, newer.Key)
}

func pick(a bool) int {
	if a {
		return 1
	}
	return 2
}

// ordered returns the conflict with its lower source index as A.
func (c Conflict) ordered() Conflict {
	if c.A <= c.B {
		return c
	}
	about := c.Explanation[len(opposed(c.ValueA, c.ValueB)):]
	c.Explanation = opposed(c.ValueB, c.ValueA) + about
	c.A, c.B = c.B, c.A
	c.SpanA, c.SpanB = c.SpanB, c.SpanA
	c.ValueSpanA, c.ValueSpanB = c.ValueSpanB, c.ValueSpanA
	c.ValueA, c.ValueB = c.ValueB, c.ValueA
	if c.Preferred != 0 {
		c.Preferred = 3 - c.Preferred
	}
	return c
}
