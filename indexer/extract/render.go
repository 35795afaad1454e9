package extract

import (
	"strings"
	"unicode/utf8"
)

// renderer writes what a reader sees of HTML, in Markdown. Breaks and spaces are written
// when text follows, so that elements without text leave no trace.
type renderer struct {
	writer
	gap        int  // line breaks due before the next text
	space      bool // a space is due
	spaceAt    int  // where the space stands in the original, -1 if something else is shown as one
	containers []container
	heading    *Heading // the open one; Start is -1 until it has text
	title      int      // where its words begin in the plain text
	headings   []Heading
	fresh      int  // where the text begins, or the block of HTML in Markdown: no line break is due there
	power      bool // a superscript begins: what follows is no digit of the number before
}

// container is a list item or a quotation: what its lines begin with.
type container struct {
	marker string // "" = none
	quote  bool
	begun  bool // the marker is written: further lines are indented
}

// maxContainers is how many markers a line begins with at most. All that lies deeper looks
// like what lies there, which keeps the output in proportion to the input.
const maxContainers = 4

// breaks asks for n line breaks before the next text.
func (r *renderer) breaks(n int) {
	if c := len(r.containers); n > 1 && c > 0 && !r.containers[c-1].begun && !r.containers[c-1].quote {
		return // the first block of a list item stands behind the marker
	}
	r.gap, r.space = max(r.gap, n), false
}

// newline begins a line, n lines further down.
func (r *renderer) newline(n int) {
	for i := len(r.plain); i > 0 && n > 0 && r.plain[i-1] == '\n'; i-- {
		n--
	}
	if len(r.plain) > 0 {
		r.add("\n\n"[:min(n, 2)])
	}
	r.prefix()
	r.gap, r.space = 0, false
}

// prefix writes what lines begin with here.
func (r *renderer) prefix() {
	for i := range r.containers[:min(len(r.containers), maxContainers)] {
		c := &r.containers[i]
		if c.begun && !c.quote {
			r.add("        "[:min(len(c.marker), 8)])
		} else {
			r.add(c.marker)
		}
		c.begun = true
	}
}

// flush writes what is due before text that stands at e.
func (p *page) flush(e *element) {
	r := &p.out
	switch g := e.place.grid; {
	case g != nil && g.data && e.place.cell:
		r.cell(g)
	case len(r.plain) == r.fresh:
		r.newline(0)
	case r.gap != 0:
		r.newline(r.gap)
	}
	if h := r.heading; h != nil && h.Start < 0 {
		h.Start = len(r.plain)
		r.add("######"[:h.Level] + " ")
		r.title = len(r.plain)
	}
	if n := len(r.plain); r.space && n > 0 && !space(r.plain[n-1]) {
		if r.spaceAt >= 0 {
			r.copy(p.original, r.spaceAt, r.spaceAt+1)
		} else {
			r.add(" ")
		}
	}
	r.space = false
	switch {
	case e.place.pre > 0:
		if pre := &p.stack[e.place.pre]; !pre.marked {
			pre.marked = true
			r.add("```\n")
			r.prefix()
		}
	case e.place.code > 0:
		if code := &p.stack[e.place.code]; !code.marked {
			code.marked = true
			r.add("`")
		}
	}
}

// write appends text that stands for original[from:to], or stands there.
func (p *page) write(text string, from, to int, verbatim bool) {
	r := &p.out
	if r.power {
		r.power = false
		first, n := text[0], len(r.plain)
		if (digit(first) || first == '+' || first == '-') && !r.space && r.gap == 0 && n > 0 && (letter(r.plain[n-1]) || digit(r.plain[n-1]) || r.plain[n-1] == ')') {
			r.add("^")
		}
	}
	p.flush(p.top())
	if verbatim {
		r.copy(p.original, from, to)
	} else {
		r.replace(text, from, to)
	}
}

// seen writes text of which white space is shown as one space, or in code as it is.
func (p *page) seen(text string, from, to int, verbatim bool) {
	pre := p.top().place.pre > 0
	for i := 0; i < len(text); {
		if !pre && space(text[i]) {
			if !p.out.space {
				p.out.space, p.out.spaceAt = true, -1
				if verbatim && text[i] == ' ' {
					p.out.spaceAt = from + i
				}
			}
			i++
			continue
		}
		j := i
		if pre {
			for j < len(text) && text[j] != '\n' && text[j] != '\r' {
				j++
			}
			if j == i {
				p.newlineInCode(text, from+i, i, verbatim)
				i++
				continue
			}
		} else {
			for j < len(text) && !space(text[j]) {
				j++
			}
		}
		if verbatim {
			p.write(text[i:j], from+i, from+j, true)
		} else {
			p.write(text[i:j], from, to, false)
		}
		i = j
	}
}

// newlineInCode takes the line break at text[i:], of which "\r\n" is one. Those before the
// first line are left out.
func (p *page) newlineInCode(text string, at, i int, verbatim bool) {
	switch {
	case text[i] == '\r' && i+1 < len(text) && text[i+1] == '\n', !p.stack[p.top().place.pre].marked:
	default:
		if verbatim && text[i] == '\n' {
			p.out.copy(p.original, at, at+1)
		} else {
			p.out.add("\n")
		}
		p.out.prefix()
	}
}

// tally counts text that readers do not see. White space counts as one space, and not at
// the ends.
type tally struct {
	n    int
	text bool // something has been counted since the last text that is seen
	gap  bool
}

func (t *tally) count(text string) {
	for _, r := range text {
		if r < utf8.RuneSelf && space(byte(r)) {
			t.gap = t.text
			continue
		}
		if t.gap {
			t.n++
		}
		t.n++
		t.text, t.gap = true, false
	}
}

// comment counts a comment, unless browsers of old were meant to read it.
func (t *tally) comment(text string) {
	if trimmed := strings.TrimSpace(text); strings.HasPrefix(trimmed, "[if ") || strings.HasPrefix(trimmed, "<![") || strings.HasPrefix(trimmed, "[endif]") {
		return
	}
	t.text, t.gap = false, false
	t.count(text)
	t.text, t.gap = false, false
}
