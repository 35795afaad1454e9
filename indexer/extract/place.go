package extract

import "strings"

// place is where text stands, inherited from element to element.
type place struct {
	unseen     bool  // it is code, or the fallback for something that is no text
	furniture  bool  // it leads about the site and is not what the page is about
	main       bool  // in the part that the page calls its main part
	article    bool  // in an article
	oneLine    bool  // line breaks are spaces: in a heading, or a cell
	pre        int32 // the element that keeps white space, 0 if none does
	code       int32 // the element of code within a line, 0 if there is none
	cell       bool
	grid       *grid // the table it is in
	containers int   // how many list items and quotations it is in
}

// placeOf is where the text of a new element stands.
func (p *page) placeOf(t *tag, e *element) place {
	pl := p.top().place
	pl.containers = len(p.out.containers)
	pl.unseen = pl.unseen || e.traits&unseen != 0
	pl.furniture = pl.furniture || p.isFurniture(t)
	pl.main = pl.main || t.name == "main" || t.names(attrRole, "main")
	pl.article = pl.article || t.name == "article" || t.names(attrRole, "article")
	if p.measuring && (pl.main || pl.article) {
		p.survey.landmarks = true
	}
	return pl
}

// isFurniture reports whether the element is navigation, or a header or footer of the site
// rather than of an article. Of class names, only those are believed that mean nothing else.
func (p *page) isFurniture(t *tag) bool {
	if t.name == "nav" || t.names(attrRole, "navigation") {
		return true
	}
	if !p.site || t.name == "body" || t.name == "main" || t.name == "article" {
		return false
	}
	if t.names(attrRole, "banner", "contentinfo", "search", "menu", "menubar") || t.names(attrLabel, "breadcrumb", "breadcrumbs") ||
		t.names(attrClass, furniture...) || t.names(attrID, furniture...) {
		return true
	}
	if t.name == "a" && p.out.heading != nil {
		return t.names(attrClass, "headerlink", "header-anchor", "hash-link", "anchorjs-link", "heading-anchor")
	}
	pl := p.top().place
	switch t.name {
	case "header", "aside":
		return p.survey.landmarks && !pl.main && !pl.article
	case "footer":
		return !pl.main && !pl.article && p.open("section", "blockquote", "td", "li", "figure") < 0
	}
	return false
}

var furniture = strings.Fields("breadcrumb breadcrumbs skip-link skiplink skip-nav skip-to-content site-header site-footer site-nav site-navigation")

// survey is what a first reading finds out about a page as a whole.
type survey struct {
	total, mains, articles int // bytes of text, in all and in those parts
	landmarks              bool
	html, body             tag
	shapes                 []shape // of the tables, in order
	table                  int     // how many tables have been met in this reading
}

// root takes over attributes of the elements that are around everything.
func (s *survey) root(t *tag) {
	to := &s.html
	if t.name == "body" {
		to = &s.body
	}
	to.name = t.name
	for a := range attributes {
		if t.given(a) {
			to.set(a, t.get(a))
		}
	}
}

// measure counts a piece of text.
func (p *page) measure(n int) {
	pl := p.top().place
	p.survey.total += n
	if pl.main {
		p.survey.mains += n
	}
	if pl.article {
		p.survey.articles += n
	}
}

// beside reports whether text that stands here is left out because the page has a main part,
// or articles, that hold most of its text.
func (p *page) beside() bool {
	pl, s := &p.top().place, &p.survey
	switch {
	case !p.site:
		return false
	case 2*s.mains > s.total:
		return !pl.main
	case 2*s.articles > s.total:
		return !pl.article
	}
	return false
}
