package freshness

import "strings"

// shortLine is the length below which a line that is followed by a capital or a digit was not
// wrapped but ended: two lines "Opening: 9am" and "Closing: 5pm" are two statements.
const shortLine = 45

// cutBlocks finds the blocks of the page line by line, blanking what is no prose: front matter,
// code, list numbers, heading marks, rules and the addresses of reference links.
func (p *page) cutBlocks() {
	open := block{lo: -1}
	flush := func() {
		if open.lo >= 0 {
			p.blocks = append(p.blocks, open)
		}
		open = block{lo: -1}
	}
	lo, fence := p.frontMatter(), rune(0)
	p.blank(0, lo)
	for lo < len(p.mask) {
		hi := lo
		for hi < len(p.mask) && p.mask[hi] != '\n' {
			hi++
		}
		first := p.skipSpace(lo, hi)
		mark := p.fenceAt(first, hi)
		switch {
		case fence != 0:
			p.blank(lo, hi)
			if mark == fence {
				fence = 0
			}
		case mark != 0:
			flush()
			p.blank(lo, hi)
			fence = mark
		case first == hi || p.isRule(first, hi) || p.isReference(first, hi):
			flush()
			p.blank(lo, hi)
		case p.isRow(first, hi):
			flush()
			p.blocks = append(p.blocks, block{lo: first, hi: hi, row: true})
		default:
			body, alone := p.stripMarks(first, hi)
			if alone || body != first || open.lo >= 0 && p.ended(open, body) {
				flush()
			}
			if open.lo < 0 {
				open.lo = body
			}
			open.hi = hi
			if alone {
				flush()
			}
		}
		lo = hi + 1
	}
	flush()
}

// ended reports whether the last line of the open block ends there rather than flowing into the
// line that begins at next.
func (p *page) ended(open block, next int) bool {
	if next >= len(p.mask) || !(isDigit(p.mask[next]) || isUpper(p.mask[next])) {
		return false
	}
	length := 0
	for i := open.hi - 1; i >= open.lo && p.mask[i] != '\n'; i-- {
		length++
	}
	return length < shortLine
}

// frontMatter returns where the text begins after a leading "---" block, else 0.
func (p *page) frontMatter() int {
	const open = "---\n"
	if len(p.mask) < len(open) || string(p.mask[:len(open)]) != open {
		return 0
	}
	lo := len(open)
	for lo < len(p.mask) {
		hi := lo
		for hi < len(p.mask) && p.mask[hi] != '\n' {
			hi++
		}
		if line := strings.TrimRight(string(p.mask[lo:hi]), " \r"); line == "---" || line == "..." {
			return hi
		}
		lo = hi + 1
	}
	return 0
}

func (p *page) skipSpace(lo, hi int) int {
	for lo < hi && (p.mask[lo] == ' ' || p.mask[lo] == '\t' || p.mask[lo] == '\r') {
		lo++
	}
	return lo
}

// fenceAt returns the mark of a code fence that begins at i, else 0.
func (p *page) fenceAt(i, hi int) rune {
	if i+2 < hi && (p.mask[i] == '`' || p.mask[i] == '~') && p.mask[i+1] == p.mask[i] && p.mask[i+2] == p.mask[i] {
		return p.mask[i]
	}
	return 0
}

// isRule reports whether the line holds no word at all: a rule, an underline, a table's separator.
func (p *page) isRule(lo, hi int) bool {
	for i := lo; i < hi; i++ {
		if isWord(p.mask[i]) {
			return false
		}
	}
	return true
}

// isReference recognises the line "[name]: address".
func (p *page) isReference(lo, hi int) bool {
	if p.mask[lo] != '[' {
		return false
	}
	end := p.find(']', lo, min(hi, lo+100))
	return end > 0 && end+1 < hi && p.mask[end+1] == ':'
}

func (p *page) isRow(lo, hi int) bool {
	bars := 0
	for i := lo; i < hi; i++ {
		if p.mask[i] == '|' && (i == 0 || p.mask[i-1] != '\\') {
			bars++
		}
	}
	return p.mask[lo] == '|' && bars > 1 || bars > 2
}

// stripMarks blanks quote marks, list marks and heading marks at the line's start and returns
// where its words begin, and whether the line is a heading, which stands alone.
func (p *page) stripMarks(lo, hi int) (body int, heading bool) {
	i := lo
	for i < hi {
		next := i
		switch r := p.mask[i]; {
		case r == '>':
			next = i + 1
		case r == '#' && !heading:
			for next < hi && p.mask[next] == '#' {
				next++
			}
			if next < hi && p.mask[next] != ' ' {
				return i, false
			}
			heading = true
		case (r == '-' || r == '*' || r == '+') && i+1 < hi && p.mask[i+1] == ' ':
			next = i + 2
		case r == '[' && i+2 < hi && p.mask[i+2] == ']' && (p.mask[i+1] == ' ' || p.mask[i+1]|0x20 == 'x'):
			next = i + 3
		case isDigit(r):
			next = p.listNumber(i, hi, heading)
		}
		if next == i {
			break
		}
		p.blank(i, next)
		i = p.skipSpace(next, hi)
	}
	return i, heading
}

// listNumber returns the end of a list number ("1.", "12)") or, in a heading, of a section number
// ("2.1", "3"), else i. "3 days" in a list item is a value, so a bare number counts in headings only
// when a capital follows.
func (p *page) listNumber(i, hi int, heading bool) int {
	j, dots := i, 0
	for j < hi && (isDigit(p.mask[j]) || p.mask[j] == '.') && j-i < 12 {
		if p.mask[j] == '.' {
			dots++
		}
		j++
	}
	closed := j < hi && p.mask[j] == ')'
	if closed {
		j++
	}
	if j >= hi || p.mask[j] != ' ' {
		return i
	}
	trailing := p.mask[j-1] == '.'
	if trailing && dots == 1 && j-i <= 4 || closed && dots == 0 && j-i <= 4 {
		return j
	}
	body := p.skipSpace(j, hi)
	if heading && dots > 0 && body < hi && isUpper(p.mask[body]) {
		return j
	}
	return i
}
