package extract

import (
	"strconv"
	"strings"
)

// opened writes what an element begins with. It is called with the element on the stack.
func (p *page) opened(t *tag) {
	e, parent := p.top(), &p.stack[len(p.stack)-2]
	at := int32(len(p.stack) - 1)
	if e.place.unseen {
		return
	}
	p.breakFor(e.name, e.traits, &parent.place)
	p.tableOpened(t, e)
	level := headingLevel(t.name)
	switch {
	case level > 0 && p.measuring:
		if g := e.place.grid; g != nil {
			p.survey.shapes[g.index].nested = true
		}
	case level > 0 && !e.place.oneLine && len(p.out.containers) == 0 && !p.inside:
		p.out.heading = &Heading{Level: level, Start: -1}
		e.place.oneLine = true
		e.owner = true
	case e.place.oneLine:
	case t.name == "ul" || t.name == "ol" || t.name == "menu" || t.name == "dir":
		e.number = -1
		if t.name == "ol" {
			e.number = max(0, number(t.get(attrStart), 1))
		}
	case t.name == "li":
		p.out.containers = append(p.out.containers, container{marker: p.bullet()})
	case t.name == "blockquote":
		p.out.containers = append(p.out.containers, container{marker: "> ", quote: true})
	case e.traits&verbatim != 0:
		e.place.pre = at
	}
	switch t.name {
	case "code", "kbd", "samp", "tt":
		if e.place.pre == 0 && e.place.code == 0 {
			e.place.code = at
		}
	case "sup":
		p.out.power = true
	case "q", "rt":
		if p.visible() {
			p.mark(map[string]string{"q": `"`, "rt": "("}[t.name])
			e.marked = true
		}
	}
}

// closing writes what the innermost element ends with.
func (p *page) closing() {
	e := p.top()
	at := int32(len(p.stack) - 1)
	if e.place.unseen {
		return
	}
	r := &p.out
	switch {
	case e.owner:
		p.endHeading()
	case e.place.pre == at && e.marked:
		if tail := strings.TrimRight(string(r.plain[max(0, len(r.plain)-100):]), " >"); !strings.HasSuffix(tail, "\n") {
			r.newline(1)
		}
		r.add("```")
	case e.place.code == at && e.marked:
		r.add("`")
	case e.name == "q" && e.marked:
		r.add(`"`)
	case e.name == "rt" && e.marked:
		r.add(")")
	case e.name == "sup":
		r.power = false
	}
	r.containers = r.containers[:min(len(r.containers), e.place.containers)]
	if g := e.place.grid; g != nil && g.data {
		switch parent := &p.stack[at-1].place; {
		case e.place.cell && !parent.cell:
			if g.begun == g.column {
				r.bars(g, g.column)
			}
		case !e.place.cell && (e.name == "tr" || e.name == "table" || e.name == "tbody" || e.name == "thead"):
			p.endRow(g)
		}
	}
	p.breakFor(e.name, e.traits, &p.stack[at-1].place)
}

// void writes what stands for an element without content.
func (p *page) void(t *tag) {
	p.breakFor(t.name, traits[t.name], &p.top().place)
	look := p.top().look.of(t, p.sheet)
	hidden := p.lost || look.hidden()
	switch {
	case t.name == "input" && strings.EqualFold(t.get(attrType), "hidden"):
		p.unseen.comment(t.get(attrValue))
	case t.name != "img" || p.top().place.unseen:
	case hidden:
		p.unseen.count(t.get(attrAlt))
	default:
		p.text(strings.Join(strings.Fields(t.get(attrAlt)), " "), t.from, t.to, false)
	}
}

// breakFor asks for the line breaks around an element that stands in pl.
func (p *page) breakFor(name string, own trait, pl *place) {
	n := 0
	switch {
	case own&tablePart != 0 && pl.grid != nil && pl.grid.data && !pl.cell:
		if name != "tr" {
			return
		}
		n = 1
	case own&block != 0:
		n = 2
	case own&line != 0:
		n = 1
	default:
		return
	}
	if pl.oneLine {
		if !p.out.space {
			p.out.space, p.out.spaceAt = true, -1
		}
		return
	}
	if (name == "ul" || name == "ol") && len(p.out.containers) > 0 {
		n = 1
	}
	p.out.breaks(n)
}

// bullet is the marker of the list item that begins.
func (p *page) bullet() string {
	list := p.open("ul", "ol", "menu", "dir")
	if list < 0 || p.stack[list].number < 0 {
		return "- "
	}
	n := p.stack[list].number
	p.stack[list].number++
	return strconv.Itoa(n) + ". "
}

func number(value string, otherwise int) int {
	if n, err := strconv.Atoi(strings.TrimSpace(value)); err == nil && n < 1_000_000 {
		return n
	}
	return otherwise
}

// mark writes a mark that is shown although it is not in the text.
func (p *page) mark(text string) {
	p.flush(p.top())
	p.out.add(text)
}

// endHeading ends the open heading; without words there is none.
func (p *page) endHeading() {
	r := &p.out
	h := r.heading
	r.heading = nil
	if h == nil || h.Start < 0 {
		return
	}
	h.Title, h.End = titleOf(r.plain[r.title:]), len(r.plain)
	r.headings = append(r.headings, *h)
}

// maxTitle bounds the bytes of a heading's title, which every passage below it repeats.
const maxTitle = 1024

// titleOf is the title of a heading with these words.
func titleOf(words []byte) string {
	title := strings.Join(strings.Fields(string(words)), " ")
	if len(title) > maxTitle {
		title = strings.ToValidUTF8(title[:maxTitle], "")
	}
	return title
}

// visible reports whether text that stands here is written.
func (p *page) visible() bool {
	pl := &p.top().place
	return !p.measuring && !pl.unseen && !pl.furniture && !p.hidden() && !p.beside()
}

// text takes text that stands for original[from:to], or stands there.
func (p *page) text(text string, from, to int, verbatim bool) {
	if p.top().name == "head" && strings.TrimSpace(text) != "" {
		p.popTo(p.open("head"))
	}
	pl := &p.top().place
	switch {
	case text == "" || pl.unseen:
	case p.hidden():
		p.unseen.count(text)
	case p.measuring:
		if !pl.furniture {
			p.measure(len(strings.TrimSpace(text)))
		}
	case !pl.furniture && !p.beside():
		p.unseen.text, p.unseen.gap = false, false
		p.seen(text, from, to, verbatim)
	}
}

// escaped takes text in which entities stand for characters: original[from:to].
func (p *page) escaped(from, to int) {
	if p.top().place.unseen {
		return
	}
	if p.measuring {
		p.text(p.original[from:to], from, to, true)
		return
	}
	for from < to {
		at := strings.IndexByte(p.original[from:to], '&')
		if at < 0 {
			p.text(p.original[from:to], from, to, true)
			return
		}
		p.text(p.original[from:from+at], from, from+at, true)
		from += at
		if text, n := entity(p.original[from:to]); n > 0 {
			p.text(text, from, from+n, false)
			from += n
		} else {
			p.text("&", from, from+1, true)
			from++
		}
	}
}
