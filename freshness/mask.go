package freshness

import (
	"slices"
	"sync"
	"unicode"
)

// A page is passage text made ready for scanning: the same number of code points as the original,
// so that every offset holds in both, with markup blanked out, look-alike characters folded, and
// inline code marked as opaque.
type page struct {
	text   []rune // the original
	mask   []rune // what is scanned; text[i] and mask[i] are the same place
	opaque []bool // inside inline code or a web address: a name, whatever digits it holds
	blocks []block
	toks   []token // of the sentence at hand
	ascii  bool    // every place of mask is
	low    string  // then all of mask in lower case, once it is final and somebody asks
}

// A block is a run of lines that sentences may flow through: a paragraph, a list item, a heading
// or one row of a table.
type block struct {
	lo, hi int
	row    bool // a table row
}

// The distances that a search for a closing mark goes at most; they keep masking linear.
const (
	maxInlineCode = 200
	maxTag        = 200
	maxLink       = 300
)

// pages are those that are done with. Their memory is what taking a text in allocates most of,
// and the next text is about as long.
var pages = sync.Pool{New: func() any { return &page{} }}

// maxKept is the longest page, in code points, whose memory is kept.
const maxKept = 64 << 10

// done gives the page's memory to pages to come. Nothing may be in use that was cut out of it, but
// for strings.
func (p *page) done() {
	if cap(p.text) <= maxKept && cap(p.toks) <= maxKept {
		pages.Put(p)
	}
}

// newPage makes a text ready. Who is done with the page should say so.
func newPage(s string) *page {
	p := pages.Get().(*page)
	text, mask := p.text[:0], p.mask[:0]
	p.ascii, p.low, p.blocks = true, "", p.blocks[:0]
	for _, r := range s {
		folded := fold(r)
		text, mask = append(text, r), append(mask, folded)
		p.ascii = p.ascii && folded < 0x80
	}
	p.text, p.mask = text, mask
	p.opaque = slices.Grow(p.opaque[:0], len(text))[:len(text)]
	clear(p.opaque)
	p.joinThousands()
	p.cutBlocks()
	for _, b := range p.blocks {
		p.maskInline(b.lo, b.hi)
	}
	return p
}

// fold maps a character to the plain one it stands for.
func fold(r rune) rune {
	switch {
	case r < 0x80:
		return r
	case r >= '０' && r <= '９':
		return '0' + r - '０'
	case r == '‐' || r == '‑' || r == '‒' || r == '–' || r == '—' || r == '−':
		return '-'
	case r == '‘' || r == '’':
		return '\''
	case r == '“' || r == '”' || r == '«' || r == '»':
		return '"'
	case r == '％':
		return '%'
	case r == '\u2028' || r == '\u2029':
		return '\n'
	case r == '\u00a0' || r == '\u202f' || r == '\u2009':
		return r // a thousands separator, if joinThousands finds it to be one; a space otherwise
	case unicode.IsSpace(r), r == '\u200b', r == '\ufeff', r == '\u00ad':
		return ' '
	}
	return r
}

// joinThousands turns a narrow or unbreakable space between groups of three digits into a comma,
// and every other one into a space.
func (p *page) joinThousands() {
	m := p.mask
	for i, r := range m {
		if r != '\u00a0' && r != '\u202f' && r != '\u2009' {
			continue
		}
		m[i] = ' '
		if i > 0 && isDigit(m[i-1]) && i+3 < len(m) && isDigit(m[i+1]) && isDigit(m[i+2]) && isDigit(m[i+3]) &&
			(i+4 == len(m) || !isDigit(m[i+4])) {
			m[i] = ','
		}
	}
}

// maskInline blanks markup inside [lo, hi): tags, comments, addresses of links, emphasis and
// citation marks. Inline code and bare web addresses stay, marked as opaque.
func (p *page) maskInline(lo, hi int) {
	m := p.mask
	for i := lo; i < hi; i++ {
		switch m[i] {
		case '`':
			end := p.find('`', i+1, min(hi, i+maxInlineCode))
			m[i] = ' '
			if end > 0 {
				p.setOpaque(i+1, end)
				m[end] = ' '
				i = end
			}
		case '\\':
			if i+1 < hi && !isWord(m[i+1]) && m[i+1] != '\n' {
				m[i] = ' ' // an escaped mark stands for itself
			}
		case '<':
			if end := p.tagEnd(i, hi); end > 0 {
				p.blank(i, end)
				i = end - 1
			}
		case '&':
			if end := p.find(';', i+1, min(hi, i+10)); end > 0 && letters(m[i+1:end]) {
				p.blank(i, end+1)
				i = end
			}
		case ']':
			if i+1 < hi && m[i+1] == '(' {
				if end := p.linkEnd(i+2, min(hi, i+maxLink)); end > 0 {
					p.blank(i, end)
					i = end - 1
				}
			}
		case '[':
			if end := p.citationEnd(i, hi); end > 0 {
				p.blank(i, end)
				i = end - 1
			}
		case '*', '_', '~':
			// "~5" is an approximation and "a_b" a name; the rest is emphasis.
			inside := i > lo && i+1 < hi && isWord(m[i-1]) && isWord(m[i+1])
			about := m[i] == '~' && i+1 < hi && (isDigit(m[i+1]) || m[i+1] == '$' || m[i+1] == ' ')
			if !inside && !about {
				m[i] = ' '
			}
		case ':':
			if i+2 < hi && m[i+1] == '/' && m[i+2] == '/' {
				i = p.maskAddress(i, lo, hi)
			}
		}
	}
}

// maskAddress marks the web address around the "://" at i as opaque and returns its last index.
func (p *page) maskAddress(i, lo, hi int) int {
	from := i
	for from > lo && isWord(p.mask[from-1]) {
		from--
	}
	to := i
	for to < hi && !unicode.IsSpace(p.mask[to]) && p.mask[to] != ')' && p.mask[to] != '"' && p.mask[to] != '|' {
		to++
	}
	for to > i && (p.mask[to-1] == '.' || p.mask[to-1] == ',') {
		to--
	}
	p.setOpaque(from, to)
	return to - 1
}

func (p *page) tagEnd(i, hi int) int {
	m := p.mask
	if i+3 < hi && m[i+1] == '!' && m[i+2] == '-' && m[i+3] == '-' {
		for j := i + 4; j+2 < hi; j++ {
			if m[j] == '-' && m[j+1] == '-' && m[j+2] == '>' {
				return j + 3
			}
			if m[j] == '<' {
				return 0
			}
		}
		return 0
	}
	if i+1 >= hi || !(m[i+1] == '/' || isLetter(m[i+1])) {
		return 0
	}
	for j := i + 1; j < min(hi, i+maxTag); j++ {
		if m[j] == '>' {
			return j + 1
		}
		if m[j] == '<' {
			return 0
		}
	}
	return 0
}

func (p *page) linkEnd(i, hi int) int {
	for ; i < hi; i++ {
		switch p.mask[i] {
		case ')':
			return i + 1
		case '(', '[', '\n':
			return 0
		}
	}
	return 0
}

// citationEnd recognises "[12]" and "[^note]".
func (p *page) citationEnd(i, hi int) int {
	j := i + 1
	note := j < hi && p.mask[j] == '^'
	if note {
		j++
	}
	start := j
	for j < hi && j-start < 20 && (isDigit(p.mask[j]) || note && isWord(p.mask[j])) {
		j++
	}
	if j < hi && j > start && p.mask[j] == ']' {
		return j + 1
	}
	return 0
}

func (p *page) find(r rune, lo, hi int) int {
	for i := lo; i < hi; i++ {
		if p.mask[i] == r {
			return i
		}
	}
	return 0
}

func (p *page) setOpaque(lo, hi int) {
	for i := lo; i < hi; i++ {
		p.opaque[i] = true
	}
}

func (p *page) blank(lo, hi int) {
	for i := lo; i < hi; i++ {
		if p.mask[i] != '\n' {
			p.mask[i] = ' '
		}
		p.opaque[i] = false
	}
}

func isDigit(r rune) bool  { return r >= '0' && r <= '9' }
func isLetter(r rune) bool { return r|0x20 >= 'a' && r|0x20 <= 'z' || r >= 0x80 && unicode.IsLetter(r) }
func isWord(r rune) bool   { return isDigit(r) || isLetter(r) || r >= 0x80 && unicode.IsMark(r) }

func letters(rs []rune) bool {
	for _, r := range rs {
		if !isLetter(r) && r != '#' && !isDigit(r) {
			return false
		}
	}
	return len(rs) > 0
}
