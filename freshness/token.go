package freshness

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

type tokenKind uint8

const (
	tokWord tokenKind = iota
	tokNumber
	tokName // a word with digits in it, inline code, a web address: never a value
	tokEmail
	tokPunct
)

// A token is a word, a number or a mark of a sentence.
type token struct {
	kind   tokenKind
	lo, hi int    // in the page
	low    string // lower case, composed
	upper  bool   // begins with a capital
	glued  bool   // follows the token before it without a space
}

// tokens scans a sentence. Words end at hyphens, so that "two-week" is three tokens, unless a digit
// follows the hyphen: "guide-3" is one name. The tokens are good until the next call.
func (p *page) tokens(lo, hi int) []token {
	toks := p.toks[:0]
	for i := lo; i < hi; {
		r := p.mask[i]
		if unicode.IsSpace(r) {
			i++
			continue
		}
		t := token{lo: i}
		switch {
		case p.opaque[i]:
			t.kind = tokName
			for i < hi && p.opaque[i] {
				i++
			}
		case isDigit(r):
			t.kind, i = p.numberToken(i, hi)
		case isWord(r):
			t.kind, i = p.wordToken(i, hi)
			t.upper = isUpper(r)
		case r == '@' && i+1 < hi && isWord(p.mask[i+1]) && !p.opaque[i+1]:
			t.kind = tokName
			for i++; i < hi && (isWord(p.mask[i]) || p.mask[i] == '-' || p.mask[i] == '_') && !p.opaque[i]; i++ {
			}
		default:
			t.kind = tokPunct
			i++
		}
		t.hi = i
		t.low = p.lower(t.lo, t.hi)
		t.glued = len(toks) > 0 && toks[len(toks)-1].hi == t.lo
		toks = append(toks, t)
	}
	p.toks = toks
	return toks
}

// lower returns a token in lower case, composed. In a page of ASCII it is cut out of a copy of the
// page, since an allocation for each word takes longer than reading it.
func (p *page) lower(lo, hi int) string {
	if p.ascii {
		if p.low == "" {
			low := make([]byte, len(p.mask))
			for i, r := range p.mask {
				low[i] = byte(r)
				if r >= 'A' && r <= 'Z' {
					low[i] = byte(r | 0x20)
				}
			}
			p.low = string(low)
		}
		return p.low[lo:hi]
	}
	rs := p.mask[lo:hi]
	s := strings.ToLower(string(rs))
	for _, r := range rs {
		if r >= 0x80 {
			return norm.NFC.String(s)
		}
	}
	return s
}

// numberToken scans digits with their separators. A run that mixes digits and letters in any way
// other than digits then a unit ("30days", "19th") is a name.
func (p *page) numberToken(i, hi int) (tokenKind, int) {
	m := p.mask
	end := i
	for end < hi && !p.opaque[end] && (isDigit(m[end]) ||
		(m[end] == '.' || m[end] == ',' || m[end] == '\'') && end+1 < hi && isDigit(m[end+1]) && isDigit(m[end-1])) {
		end++
	}
	run, changes := end, 0
	for run < hi && !p.opaque[run] && (isWord(m[run]) || m[run] == '_') {
		if isDigit(m[run]) != isDigit(m[run-1]) {
			changes++
		}
		run++
	}
	switch {
	case run < hi && m[run] == '@' && run+1 < hi && isWord(m[run+1]):
		return p.address(i, run, hi)
	case changes > 1 || run-end > 12:
		return tokName, run
	}
	return tokNumber, end
}

// wordToken scans letters. Digits inside, or behind a hyphen or a stop, make it a name.
func (p *page) wordToken(i, hi int) (tokenKind, int) {
	m := p.mask
	kind, end := tokWord, i
	behindDigit := i > 0 && isDigit(m[i-1]) // "7am-9am": a unit, not the name "am-9"
	for end < hi && !p.opaque[end] {
		r := m[end]
		next := rune(0)
		if end+1 < hi && !p.opaque[end+1] {
			next = m[end+1]
		}
		switch {
		case isDigit(r):
			kind = tokName
		case isWord(r), r == '\'' && isLetter(next):
		case r == '_' && isWord(next):
			kind = tokName
		case (r == '-' && !behindDigit || r == '.' && kind == tokName) && isDigit(next):
			kind = tokName
		case r == '.' && dotted(m[i:end]) && isLetter(next) && (end+2 >= hi || !isLetter(m[end+2])):
			// The inner stop of "p.m." and "U.S."
		case r == '@' && isWord(next):
			return p.address(i, end, hi)
		case (r == '.' || r == '+' || r == '-') && isWord(next) && p.emailAhead(end, hi):
		default:
			return kind, end
		}
		end++
	}
	return kind, end
}

// dotted reports whether rs is single letters with stops between them.
func dotted(rs []rune) bool {
	for i, r := range rs {
		if (i%2 == 0) != isLetter(r) {
			return false
		}
	}
	return len(rs)%2 == 1
}

// emailAhead reports whether an e-mail address's "@" follows within its local part.
func (p *page) emailAhead(i, hi int) bool {
	for end := min(hi, i+40); i < end; i++ {
		switch r := p.mask[i]; {
		case r == '@':
			return i+1 < hi && isWord(p.mask[i+1])
		case !isWord(r) && r != '.' && r != '-' && r != '+' && r != '_':
			return false
		}
	}
	return false
}

// address scans the host of an e-mail address whose "@" is at i.
func (p *page) address(lo, at, hi int) (tokenKind, int) {
	end, dots := at+1, 0
	for end < hi && (isWord(p.mask[end]) || (p.mask[end] == '.' || p.mask[end] == '-') && end+1 < hi && isWord(p.mask[end+1])) {
		if p.mask[end] == '.' {
			dots++
		}
		end++
	}
	if dots == 0 || lo == at {
		return tokName, end
	}
	return tokEmail, end
}
