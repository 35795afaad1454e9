package extract

import (
	"sort"
	"unicode/utf8"

	"github.com/muniment/muniment/freshness"
)

// run says which bytes of the original a stretch of the plain text was made of, in bytes.
// Runs are in order in both texts. What lies between them in the plain text was added;
// what lies between them in the original was left out.
type run struct {
	plain, length int32
	from, to      int32
	verbatim      bool // the stretch stands like this in the original
}

func (r run) end() int32 { return r.plain + r.length }

// writer puts a plain text together and remembers where it comes from.
type writer struct {
	plain []byte
	runs  []run
}

// copy appends original[from:to].
func (w *writer) copy(original string, from, to int) {
	if from >= to {
		return
	}
	w.runs = appendRun(w.runs, run{int32(len(w.plain)), int32(to - from), int32(from), int32(to), true})
	w.plain = append(w.plain, original[from:to]...)
}

// replace appends what original[from:to] stands for.
func (w *writer) replace(text string, from, to int) {
	if text != "" {
		w.runs = appendRun(w.runs, run{int32(len(w.plain)), int32(len(text)), int32(from), int32(to), false})
		w.plain = append(w.plain, text...)
	}
}

// add appends text that does not stand in the original.
func (w *writer) add(text string) { w.plain = append(w.plain, text...) }

// appendRun appends r, joined with the run before if it goes straight on.
func appendRun(runs []run, r run) []run {
	if n := len(runs) - 1; n >= 0 && r.verbatim && runs[n].verbatim && runs[n].end() == r.plain && runs[n].to == r.from {
		runs[n].length += r.length
		runs[n].to = r.to
		return runs
	}
	return append(runs, r)
}

// Locator finds stretches of a document's plain text in the original.
type Locator struct {
	d      *Document
	points []int32 // code points of the original before each step bytes
	at, n  int     // the code points before one more place, the last that was asked for
}

// step is how far apart the known code points are: finding one reads at most step bytes.
const step = 1024

// Locator returns a Locator for the document.
func (d *Document) Locator() *Locator {
	l := &Locator{d: d, points: make([]int32, 1, len(d.original)/step+2)}
	for at := 0; at < len(d.original); at += step {
		n := startsIn(d.original[at:min(at+step, len(d.original))])
		l.points = append(l.points, l.points[len(l.points)-1]+int32(n))
	}
	return l
}

// startsIn counts the code points that begin in s, which may begin and end within one.
func startsIn(s string) (n int) {
	for i := range len(s) {
		if utf8.RuneStart(s[i]) {
			n++
		}
	}
	return n
}

// point is the number of code points of the original before byte at.
func (l *Locator) point(at int) int {
	if at < l.at || at-l.at > step {
		l.at, l.n = at/step*step, int(l.points[at/step])
	}
	l.n += startsIn(l.d.original[l.at:at])
	l.at = at
	return l.n
}

// Locate says where the bytes Plain[start:end] come from: span is the stretch of the
// original that they cover, in code points, and runs say which of them stand in it word for
// word, counted from the beginning of each. runs is nil if all do, one to one.
func (l *Locator) Locate(start, end int) (span freshness.Span, runs []freshness.Run) {
	all := l.d.runs
	first := sort.Search(len(all), func(i int) bool { return int(all[i].end()) > start })
	last := first
	for ; last < len(all) && int(all[last].plain) < end; last++ {
	}
	if first == last { // all of it was added: it stands for what was left out there
		from, to := 0, len(l.d.original)
		if first > 0 {
			from = int(all[first-1].to)
		}
		if first < len(all) {
			to = int(all[first].from)
		}
		return freshness.Span{Start: l.point(from), End: l.point(max(from, to))}, []freshness.Run{{}}
	}
	head, tail := all[first].within(start, end), all[last-1].within(start, end)
	span = freshness.Span{Start: l.point(int(head.from))}
	if head.verbatim && int(head.length) == end-start {
		span.End = span.Start + utf8.RuneCountInString(l.d.Plain[start:end])
		return span, nil
	}
	at, points := start, 0
	for _, r := range all[first:last] {
		if r = r.within(start, end); r.verbatim {
			points += utf8.RuneCountInString(l.d.Plain[at:r.plain])
			at = int(r.plain)
			runs = append(runs, freshness.Run{
				Text: points, Original: l.point(int(r.from)) - span.Start,
				Length: utf8.RuneCountInString(l.d.original[r.from:r.to]),
			})
		}
	}
	if runs == nil {
		runs = []freshness.Run{{}} // nothing stands there word for word
	}
	span.End = l.point(int(tail.to))
	return span, runs
}

// within is the part of the run that lies in Plain[start:end].
func (r run) within(start, end int) run {
	before, behind := max(0, int32(start)-r.plain), max(0, r.end()-int32(end))
	r.plain += before
	r.length -= before + behind
	if r.verbatim {
		r.from += before
		r.to -= behind
	}
	return r
}
