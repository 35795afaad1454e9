package freshness

import (
	"strings"
	"unicode"
)

// maxSentence is the longest run of code points that is still read as one sentence. What is
// longer is no prose (a minified table, a dump) and holds no statement.
const maxSentence = 1200

func isUpper(r rune) bool {
	return r >= 'A' && r <= 'Z' || r >= 0x80 && unicode.IsUpper(r)
}

// abbreviations are the words after which a full stop ends no sentence.
var abbreviations = set("e.g i.e etc mr mrs ms dr st no nos vs approx inc ltd co corp fig sec ch dept est min max " +
	"a.m p.m u.s u.k cf ca c al jan feb mar apr jun jul aug sep sept oct nov dec tel ext vol pp p para art")

// sentences cuts a block into sentences and calls yield with the bounds of each, without the
// space around it.
func (p *page) sentences(b block, yield func(lo, hi int)) {
	emit := func(lo, hi int) {
		for lo < hi && unicode.IsSpace(p.mask[lo]) {
			lo++
		}
		for hi > lo && unicode.IsSpace(p.mask[hi-1]) {
			hi--
		}
		if lo < hi && hi-lo <= maxSentence {
			yield(lo, hi)
		}
	}
	if b.row {
		emit(b.lo, b.hi)
		return
	}
	lo := b.lo
	for i := b.lo; i < b.hi; i++ {
		if p.opaque[i] {
			continue
		}
		if end := p.sentenceEnd(i, lo, b.hi); end > 0 {
			emit(lo, end)
			lo, i = end, end-1
		}
	}
	emit(lo, b.hi)
}

// sentenceEnd returns the end of the sentence that the mark at i closes, else 0.
func (p *page) sentenceEnd(i, lo, hi int) int {
	m := p.mask
	switch m[i] {
	case '。', '！', '？':
		return i + 1
	case '!', '?', '.':
	default:
		return 0
	}
	// Both looks ahead are short: a page of dots must not be looked through once for each dot.
	end := i + 1
	for end < min(hi, i+8) && (m[end] == '"' || m[end] == ')' || m[end] == '\'' || m[end] == ']' || m[end] == '.') {
		end++
	}
	if end < hi && !unicode.IsSpace(m[end]) {
		return 0
	}
	next := end
	for next < min(hi, end+80) && (unicode.IsSpace(m[next]) || m[next] == '"' || m[next] == '(' || m[next] == '[') {
		next++
	}
	if next == hi {
		return end
	}
	if unicode.IsLower(m[next]) || m[next] == ',' {
		return 0
	}
	if m[i] == '.' && p.abbreviated(i, lo) {
		return 0
	}
	return end
}

// abbreviated reports whether the full stop at i belongs to the word before it. "p.m." before a
// capital is read as an end unless a weekday or month could follow, which costs less than
// splitting "Dr. Jones".
func (p *page) abbreviated(i, lo int) bool {
	from := i
	for from > lo && i-from < 8 && (isLetter(p.mask[from-1]) || p.mask[from-1] == '.') {
		from--
	}
	word := strings.ToLower(string(p.mask[from:i]))
	return len([]rune(word)) == 1 && isUpper(p.mask[from]) || abbreviations[word]
}

// set makes a lookup table of space-separated words.
func set(words string) map[string]bool {
	m := make(map[string]bool)
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}
