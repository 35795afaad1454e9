package extract

// page follows the elements of HTML, and hands on what a reader sees of them. It keeps the
// stack of open elements much as browsers do, because a page decides by it what is hidden:
// where an end tag is missing or misplaced, text that a browser hides must not be taken for
// visible. Where the two may differ, more is hidden, not less.
//
// Simply comparing each end tag with the element opened last would be neither: real pages
// leave out end tags, and made ones misplace them. Every step takes constant time: an
// element knows where the next one out of its name is, and where the nearest element is that
// end tags do not reach past.
type page struct {
	original string
	sheet    sheet
	stack    []element
	last     map[string]int32 // where the innermost open element of a name is
	over     []string         // elements open beyond the deepest that is kept
	lost     bool             // one of those was hidden: nothing behind it is seen
	unseen   tally
	doubt    bool // a formatting element that is around foreign content has been ended within it
	once     bool // of the cells that are closed together only one forgets its formatting
	form     bool // a form has begun and not been ended, even if what it was in has
	out      renderer

	survey    survey
	measuring bool
	site      bool // a page of a web site, with what surrounds its content
	inside    bool // within a list or a quotation of Markdown, where no heading divides the text
}

// element is an open element, with what it inherits.
type element struct {
	name    string
	traits  trait
	prev    int32 // the next open element out of the same name, -1 if there is none
	scope   int32 // the nearest element that is a boundary, this one included, -1 if none is
	special int32 // the nearest that is special
	wall    int32 // the nearest that is special and no address, div or p
	foreign int32 // the element of SVG or MathML that it is in, -1 if it is in none
	look    look
	again   *tag // of a formatting element
	ended   bool // its end tag came before that of an element within
	place   place
	number  int  // of the next item of a list, -1 if its items have none
	owner   bool // it is the open heading
	marked  bool // the mark that it begins with is written
}

// The deepest nesting that is followed; what lies deeper is taken as if it lay there. The
// names of elements beyond are kept, up to a number.
const (
	maxDepth = 512
	maxOver  = 1 << 20
)

// twice reads the page once to find out its rules of style, which tables hold data and
// which parts most of the text, and once to write it.
func (p *page) twice(read func()) {
	p.measuring = true
	read()
	p.measuring = false
	p.begin()
	read()
}

func newPage(original string) *page {
	p := &page{original: original, sheet: sheet{}}
	p.begin()
	return p
}

// begin makes the page ready to read the original from the beginning.
func (p *page) begin() {
	p.last = map[string]int32{}
	look := plainLook.of(&p.survey.html, p.sheet).of(&p.survey.body, p.sheet)
	p.stack = append(p.stack[:0], element{prev: -1, scope: -1, special: -1, wall: -1, foreign: -1, look: look})
	p.over, p.lost, p.doubt, p.once, p.form, p.unseen, p.out = nil, false, false, false, false, tally{}, renderer{}
	p.survey.table = 0
}

func (p *page) top() *element { return &p.stack[len(p.stack)-1] }

// open is where the innermost open element of a name is, -1 if there is none.
func (p *page) open(names ...string) int32 {
	at := int32(-1)
	for _, name := range names {
		if i, ok := p.last[name]; ok {
			at = max(at, i)
		}
	}
	return at
}

// hidden reports whether a reader sees nothing of text that stands here.
func (p *page) hidden() bool { return p.lost || p.top().look.hidden() }

// push opens an element.
func (p *page) push(t *tag, own trait) {
	parent := p.top()
	e := element{
		name: t.name, traits: own, prev: p.open(t.name), scope: parent.scope, special: parent.special, wall: parent.wall,
		foreign: parent.foreign, look: parent.look.of(t, p.sheet),
	}
	if len(p.stack) >= maxDepth {
		p.over = append(p.over, t.name)
		p.breakFor(t.name, e.traits, &parent.place)
		p.lost = p.lost || e.look.hidden() || len(p.over) > maxOver
		return
	}
	at := int32(len(p.stack))
	if e.traits&boundary != 0 {
		e.scope = at
	}
	if e.traits&special != 0 {
		e.special = at
		if e.name != "address" && e.name != "div" && e.name != "p" {
			e.wall = at
		}
	}
	switch {
	case e.traits&foreign != 0 && e.foreign < 0:
		e.foreign = at
	case e.traits&boundary != 0: // of which one may stand in foreign content: HTML again
		e.foreign = -1
	}
	if e.traits&formatting != 0 {
		e.again = bareTags[t.name]
		if t.has != 0 {
			again := *t
			e.again = &again
		}
	}
	e.place = p.placeOf(t, &e)
	p.last[t.name] = at
	p.stack = append(p.stack, e)
	p.opened(t)
}

// pop closes the innermost element.
func (p *page) pop() {
	p.closing()
	e := p.top()
	if e.prev < 0 {
		delete(p.last, e.name)
	} else {
		p.last[e.name] = e.prev
	}
	p.stack = p.stack[:len(p.stack)-1]
}

// maxAgain is how many formatting elements go on in the next block. With more, what is
// hidden stays so to the end.
const maxAgain = 8

// bareTags are the start tags of formatting elements without attributes.
var bareTags = func() map[string]*tag {
	m := map[string]*tag{}
	for name, own := range traits {
		if own&formatting != 0 {
			m[name] = &tag{name: name}
		}
	}
	return m
}()

// popTo closes the element at a place and all within it. Formatting elements that were
// not ended go on behind it, unless it is a cell or the like.
func (p *page) popTo(at int32) {
	var again [maxAgain]*tag
	n, objects, hidden := 0, 0, p.hidden()
	once, kept := p.once, false
	p.once = false
	for i := len(p.stack) - 1; i >= int(at); i-- {
		if e := &p.stack[i]; e.again != nil && !e.ended {
			if n < maxAgain {
				again[n] = e.again
			}
			n++
		}
		e := &p.stack[i]
		object := !e.ended && (e.name == "object" || e.name == "applet" || e.name == "marquee")
		switch {
		case once && (object || e.traits&marker != 0):
			n, once, kept = 0, false, true
		case kept:
		case e.traits&marker != 0 && objects > 0:
			objects-- // the browser forgets the formatting within the object, and keeps the rest
		case e.traits&marker != 0:
			n = 0
		case object:
			objects++
		}
	}
	for len(p.stack) > int(at) {
		p.pop()
	}
	for p.top().ended {
		p.pop()
	}
	if n > maxAgain {
		p.lost = p.lost || hidden
		n = maxAgain
	}
	for ; n > 0; n-- {
		p.push(again[n-1], traits[again[n-1].name])
	}
}

// close closes everything: the text has ended.
func (p *page) close() {
	for len(p.stack) > 1 {
		p.pop()
	}
}
