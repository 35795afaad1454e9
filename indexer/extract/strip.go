package extract

import (
	"strings"
	"unicode/utf8"
)

// stretch is a range of bytes.
type stretch struct{ from, to int }

// strip leaves out of a document the characters that have no shape of their own, and counts
// them. A byte order mark at the very beginning says how the text is encoded and does not
// count.
func strip(d Document) Document {
	if strings.IndexFunc(d.Plain, shapeless) < 0 {
		return d
	}
	var kept []stretch
	at := 0
	invisible(d.Plain, func(from, to int) {
		if from > at {
			kept = append(kept, stretch{at, from})
		}
		if from > 0 || to > len(mark) || d.Plain[:to] != mark {
			d.Hidden += utf8.RuneCountInString(d.Plain[from:to])
		}
		at = to
	})
	return d.only(append(kept, stretch{at, len(d.Plain)}))
}

const mark = "\ufeff" // the byte order mark

// only is the document reduced to what is kept of its plain text.
func (d Document) only(kept []stretch) Document {
	var w writer
	heads := make([]stretch, len(d.Headings))
	runs, starts, ends := d.runs, 0, 0
	for _, k := range kept {
		// moved is where a place up to the end of k has gone.
		moved := func(at int) int { return len(w.plain) + max(0, at-k.from) }
		for ; starts < len(heads) && d.Headings[starts].Start <= k.to; starts++ {
			heads[starts].from = moved(d.Headings[starts].Start)
		}
		for ; ends < len(heads) && d.Headings[ends].End <= k.to; ends++ {
			heads[ends].to = moved(d.Headings[ends].End)
		}
		for len(runs) > 0 && int(runs[0].plain) < k.to {
			if part := runs[0].within(k.from, k.to); part.length > 0 {
				part.plain = int32(moved(int(part.plain)))
				w.runs = appendRun(w.runs, part)
			}
			if int(runs[0].end()) > k.to {
				break
			}
			runs = runs[1:]
		}
		w.add(d.Plain[k.from:k.to])
	}
	headings := d.Headings
	d.Plain, d.runs, d.Headings = string(w.plain), w.runs, nil
	for i, h := range headings {
		h.Start, h.End = heads[i].from, heads[i].to
		if h.Title, _ = Visible(h.Title); h.Title != "" {
			d.Headings = append(d.Headings, h)
		}
	}
	return d
}

// Visible returns a short text, such as a title, without the characters that have no shape
// of their own, and how many those were.
func Visible(text string) (string, int) {
	d := Extract("text/plain", text)
	return d.Plain, d.Hidden
}
