package extract

import "strings"

// start takes a start tag.
func (p *page) start(t *tag) {
	own := traits[t.name]
	if f := p.top().foreign; f >= 0 {
		if own&outside == 0 && !(t.name == "font" && (t.given(attrColor))) {
			if !t.closed {
				if own &= within; t.name == "foreignobject" || t.name == "desc" || t.name == "title" {
					own |= boundary | special // HTML again
				}
				p.push(t, own)
			}
			return
		}
		// An end tag may have ended the foreign content before: what was hidden in it stays so.
		p.lost = p.lost || p.doubt && (p.hidden() || int(f) < len(p.stack)-1)
		p.popTo(f)
	}
	between := p.inTable() && p.open("table") > p.open("td", "th", "caption") // in no cell
	switch {
	case t.name == "form" && (p.form || between):
		p.form = true
		return // there is one at a time, and none in a table
	case t.name == "form":
		p.form = true
	case t.name == "table" && between && len(p.over) == 0:
		p.popTo(p.open("table"))
	}
	if len(p.over) == 0 {
		p.endImplied(t.name, own)
	}
	switch {
	case (own&tablePart != 0 || t.name == "caption" || t.name == "colgroup" || t.name == "col") && !p.inTable():
	case t.name == "html" || t.name == "body":
		// There is one of each, begun or not. Each tag adds attributes that it has not yet.
		if p.measuring {
			p.survey.root(t)
		}
	case own&void != 0:
		p.void(t)
	case own&foreign != 0 && t.closed:
	default:
		p.push(t, own)
	}
}

// endImplied closes what the beginning of an element ends without an end tag.
func (p *page) endImplied(name string, own trait) {
	if p.top().name == "head" {
		switch name {
		case "base", "basefont", "bgsound", "link", "meta", "noframes", "noscript", "script", "style", "template", "title":
		default:
			p.popTo(p.open("head"))
		}
	}
	scope := p.top().scope
	closeIn := func(limit int32, names ...string) {
		if at := p.open(names...); at > max(limit, 0) {
			p.popTo(at)
		}
	}
	switch name {
	case "li":
		closeIn(p.top().wall-1, "li")
	case "dd", "dt":
		closeIn(p.top().wall-1, "dd", "dt")
	case "td", "th":
		p.clearTo("tr", "tbody", "thead", "tfoot")
		if p.inTable() && p.open("tr") < p.open("table") {
			p.start(&tag{name: "tr"})
		}
	case "tr":
		p.clearTo("tbody", "thead", "tfoot")
		if p.inTable() && p.open("tbody", "thead", "tfoot") < p.open("table") {
			p.start(&tag{name: "tbody"})
		}
	case "tbody", "thead", "tfoot", "caption", "colgroup", "col":
		p.clearTo()
	case "a", "nobr":
		if at := p.open(name); at > scope {
			p.end(at, own)
		}
	case "button":
		closeIn(scope, name)
	case "option", "optgroup":
		if p.top().name == "option" {
			p.popTo(p.open("option"))
		}
	case "rt", "rp":
		closeIn(max(scope, p.open("ruby")), "rt", "rp")
	}
	// Whether a table ends a paragraph depends on the page's document type; what is hidden
	// stays hidden.
	if own&endsP != 0 && !(name == "table" && p.hidden()) {
		closeIn(max(p.top().scope, p.open("button")), "p")
	}
	// A browser may have put a formatting element between the two.
	if headingLevel(name) > 0 && headingLevel(p.top().name) > 0 && !p.hidden() {
		p.popTo(int32(len(p.stack) - 1))
	}
}

// clearTo closes what is open in the innermost table, but for the last of the parts named.
func (p *page) clearTo(parts ...string) {
	if !p.inTable() {
		return
	}
	if keep := max(p.open("table"), p.open(parts...)); int(keep)+1 < len(p.stack) {
		p.popTo(keep + 1)
	}
}

// inTable reports whether a table is open to which parts can be added.
func (p *page) inTable() bool { return p.open("table") > p.open("template") }

// finish takes an end tag.
func (p *page) finish(name string) {
	if n := len(p.over); n > 0 {
		if p.over[n-1] == name {
			p.over = p.over[:n-1]
			p.breakFor(name, traits[name], &p.top().place)
		}
		return
	}
	if f := p.top().foreign; f >= 0 && (name == "p" || name == "br") {
		p.popTo(f)
	}
	scope, own := p.top().scope, traits[name]
	limit := scope
	names := []string{name}
	switch name {
	case "html", "body":
		return
	case "form":
		if !p.form {
			return
		}
		p.form = false
	case "br":
		p.start(&tag{name: "br"})
		return
	case "p":
		limit = max(scope, p.open("button"))
		if p.open("p") <= limit {
			p.breakFor(name, own, &p.top().place)
		}
	case "li":
		limit = max(scope, p.open("ul", "ol"))
	case "h1", "h2", "h3", "h4", "h5", "h6":
		names = []string{"h1", "h2", "h3", "h4", "h5", "h6"}
	case "table", "template":
		limit = p.open("template") - 1
	case "tr", "tbody", "thead", "tfoot", "td", "th", "caption":
		limit = max(p.open("table"), p.open("template"))
	}
	at := p.open(names...)
	if own&boundary != 0 && at == scope {
		limit = min(limit, at-1)
	}
	if at <= limit || at < 1 {
		return
	}
	p.end(at, own)
}

// end ends the element at a place, unless an element within keeps its end tag away.
func (p *page) end(at int32, own trait) {
	reached := p.top().special <= at
	switch {
	case strings.EqualFold(p.stack[at].name, "form"), own&formatting != 0 && !reached:
		// What lies within stays open, and so this must.
		if own&formatting != 0 && p.blocksWithin(at) >= maxBlocksWithin {
			return
		}
		if f := p.top().foreign; own&formatting != 0 && f > at {
			p.doubt = true
		}
		p.stack[at].ended = true
		if at == int32(len(p.stack)-1) {
			p.popTo(at)
		}
	case own&special != 0, reached:
		p.stack[at].ended = true
		// However many cells lie within, one of them forgets its formatting.
		switch p.stack[at].name {
		case "applet", "marquee", "object", "template":
			p.once = true
		}
		p.popTo(at)
	}
}

// maxBlocksWithin is how many special elements a formatting element can be taken out of by
// its end tag. In more, browsers leave it open, and it goes on behind them.
const maxBlocksWithin = 8

// blocksWithin counts the special elements within the one at a place, up to the limit.
func (p *page) blocksWithin(at int32) (n int) {
	for i := p.top().special; i > at && n < maxBlocksWithin; i = p.stack[i-1].special {
		n++
	}
	return n
}
