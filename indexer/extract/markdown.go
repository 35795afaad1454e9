package extract

import "strings"

// flow reads Markdown. Its text is copied as it stands. A page follows the HTML in it and
// decides what of the text is seen: an element that begins in one paragraph reaches into
// those that follow.
type flow struct {
	*page
	parts []part
	begin int
	at    int  // in the original: what lies before is taken
	open  bool // a comment that a block of HTML begins has not ended: only HTML can end it
}

// markdown extracts Markdown. Front matter is left out: it speaks to programs.
func markdown(text string) Document {
	begin := frontMatter(text)
	f := flow{page: newPage(text), parts: partsOf(text, begin), begin: begin}
	f.twice(f.read)
	return Document{
		Plain: string(f.out.plain), Headings: f.out.headings, Hidden: f.unseen.n,
		original: text, runs: f.out.runs,
	}
}

// read takes the text, part by part.
func (f *flow) read() {
	f.at, f.open = f.begin, false
	for i := range f.parts {
		p := &f.parts[i]
		switch {
		case p.level > 0:
			f.heading(p)
		case p.kind == code:
			f.structure(p.lines[0].from)
			f.copyTo(p.lines[len(p.lines)-1].to)
		case p.kind == raw:
			f.structure(p.lines[0].from)
			f.raw(p)
		default:
			f.structure(p.lines[0].from)
			f.inline(p)
		}
	}
	f.structure(len(f.original))
	f.close()
}

// heading takes a heading at the top. One of which nothing is seen is none.
func (f *flow) heading(p *part) {
	f.structure(p.from)
	start := len(f.out.plain)
	f.structure(p.lines[0].from)
	words := len(f.out.plain)
	f.inline(p)
	title := titleOf(f.out.plain[min(words, len(f.out.plain)):])
	f.structure(p.to)
	if title != "" {
		f.out.headings = append(f.out.headings, Heading{p.level, title, start, len(f.out.plain)})
	}
}

// shows reports whether text that is copied here is seen.
func (f *flow) shows() bool { return !f.open && f.visible() }

// structure takes what lies between parts up to a place. It is not counted: it is no text.
func (f *flow) structure(to int) {
	if from := f.at; from < to && f.shows() {
		f.put(from, to)
	}
	f.at = max(f.at, to)
}

// copyTo takes text up to a place, as it stands.
func (f *flow) copyTo(to int) {
	from := f.at
	if from >= to {
		return
	}
	f.at = to
	switch pl := &f.top().place; {
	case f.top().name == "style" && f.measuring:
		f.sheet.add(f.original[from:to])
	case f.shows():
		f.unseen.text, f.unseen.gap = false, false
		f.put(from, to)
	case f.open, f.hidden() && !pl.unseen:
		f.unseen.count(f.original[from:to])
	}
}

// put copies a stretch. A break that an element asked for is a space here: in a row of a
// table, a line break would end the row.
func (f *flow) put(from, to int) {
	r := &f.out
	if n := len(r.plain); (r.gap > 0 || r.space) && n > 0 && !space(r.plain[n-1]) && !space(f.original[from]) {
		r.add(" ")
	}
	r.gap, r.space, r.power = 0, false, false
	r.copy(f.original, from, to)
}

// raw takes a block of HTML. It is written as a page is.
func (f *flow) raw(p *part) {
	l := joinLines(f.original, p.lines)
	end := p.lines[len(p.lines)-1].to
	f.at = end
	from := 0
	if f.open {
		n := strings.Index(l.text, "-->")
		if n < 0 {
			f.unseen.count(l.text)
			return
		}
		f.unseen.count(l.text[:n])
		f.open, from = false, n+3
	}
	r := &f.out
	r.gap, r.space, r.fresh, f.inside = 0, false, len(r.plain), !p.top
	f.open = f.tokens(&l, from)
	f.endHeading()
	f.breakTables()
	if n := len(r.plain); n > r.fresh && r.plain[n-1] != '\n' && f.original[end-1] == '\n' {
		if last := len(r.runs) - 1; last >= 0 && int(r.runs[last].to) == end {
			r.add("\n") // the line break stands in code, and is taken
		} else {
			r.copy(f.original, end-1, end)
		}
	}
	r.gap, r.space = 0, false
}

// breakTables says of the tables that are open that Markdown goes on in them. The outer ones
// of a table that is broken are too.
func (f *flow) breakTables() {
	for at := f.page.open("table"); f.measuring && at > 0; at = f.stack[at].prev {
		g := f.stack[at].place.grid
		if g == nil || f.survey.shapes[g.index].broken {
			return
		}
		f.survey.shapes[g.index].broken = true
	}
}
