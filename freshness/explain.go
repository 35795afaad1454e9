package freshness

import (
	"slices"
	"strings"
	"unicode"
)

// contextWords is how many words an explanation quotes at most.
const contextWords = 6

// explain says the difference in a sentence: the two values, and the words before them that both
// sentences share (or behind them, where they begin with the value). The words come from the same one
// of the two sentences whichever is asked first.
func explain(a, b *Statement, q, r Quantity) string {
	out := opposed(q.textIn(a), r.textIn(b))
	from, other, v := a, b, q
	if b.Text < a.Text {
		from, other, v = b, a, r
	}
	known := plainWords(other.Text)
	for i := range known {
		known[i] = bare(known[i])
	}
	shared := func(w string) bool {
		w = bare(w)
		return w == "" || slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(k, w) })
	}
	start, end := v.place(from.Text)
	before := plainWords(from.Text[:start])
	lo := len(before)
	for lo > 0 && len(before)-lo < contextWords && shared(before[lo-1]) {
		lo--
	}
	if words := phrase(before[lo:]); words != "" {
		return out + " for “" + words + "”"
	}
	after := plainWords(from.Text[end:])
	hi := 0
	for hi < len(after) && hi < contextWords && shared(after[hi]) {
		hi++
	}
	if words := phrase(after[:hi]); words != "" {
		return out + " before “" + words + "”"
	}
	return out
}

// plainWords returns the words of a sentence without Markdown's marks and the addresses of links.
func plainWords(text string) []string {
	for from := 0; ; {
		i := strings.Index(text[from:], "](")
		if i < 0 {
			break
		}
		from += i + 1
		if j := strings.IndexByte(text[from:], ')'); j > 0 {
			text = text[:from] + text[from+j+1:]
		}
	}
	return strings.FieldsFunc(text, func(r rune) bool {
		switch r {
		case '*', '`', '[', ']', '|', '\\':
			return true
		}
		return unicode.IsSpace(r)
	})
}

// opposed is the beginning of every explanation.
func opposed(a, b string) string { return "«" + flat(a) + "» against «" + flat(b) + "»" }

// phrase joins words without the marks at its ends.
func phrase(words []string) string {
	s := strings.TrimLeftFunc(strings.Join(words, " "), func(r rune) bool { return !isWord(r) && r != '(' })
	return strings.TrimRightFunc(s, func(r rune) bool { return !isWord(r) && r != ')' && r != '%' })
}

func bare(w string) string {
	return strings.TrimFunc(w, func(r rune) bool { return !isWord(r) })
}

// flat joins a value that was wrapped over two lines. Most texts are flat already, and then it copies nothing.
func flat(s string) string {
	space := true // at the beginning none may stand
	for _, r := range s {
		if next := unicode.IsSpace(r); next && (space || r != ' ') {
			return strings.Join(strings.Fields(s), " ")
		} else {
			space = next
		}
	}
	if space {
		return strings.Join(strings.Fields(s), " ")
	}
	return s
}
