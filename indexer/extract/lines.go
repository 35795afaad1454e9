package extract

import (
	"sort"
	"strings"
)

// lines is a text that is put together of stretches of the original, such as the lines of
// a paragraph without the markers before them.
type lines struct {
	text   string
	of     []stretch
	starts []int // where each stretch begins in text
}

// joinLines puts stretches together, which must be in order and not empty.
func joinLines(original string, of []stretch) lines {
	l := lines{of: of, starts: make([]int, len(of))}
	whole, n := true, 0
	for i, s := range of {
		l.starts[i] = n
		n += s.to - s.from
		whole = whole && (i == 0 || of[i-1].to == s.from)
	}
	if whole {
		l.text = original[of[0].from:of[len(of)-1].to]
		return l
	}
	var b strings.Builder
	b.Grow(n)
	for _, s := range of {
		b.WriteString(original[s.from:s.to])
	}
	l.text = b.String()
	return l
}

// line is the stretch that the byte at stands in.
func (l *lines) line(at int) int {
	return sort.Search(len(l.starts), func(i int) bool { return l.starts[i] > at }) - 1
}

// place is where the byte at stands in the original.
func (l *lines) place(at int) int {
	i := l.line(at)
	return l.of[i].from + at - l.starts[i]
}

// behind is where the text before at, which is not empty, ends in the original.
func (l *lines) behind(at int) int { return l.place(at-1) + 1 }

// each calls yield for each stretch of the original that text[from:to] is made of.
func (l *lines) each(from, to int, yield func(from, to int)) {
	if from >= to {
		return
	}
	for i := l.line(from); from < to; i++ {
		s := l.of[i]
		begin := s.from + from - l.starts[i]
		end := min(s.to, begin+to-from)
		for j := i + 1; j < len(l.of) && l.of[j].from == end && end-begin < to-from; j++ { // goes straight on
			end = min(l.of[j].to, begin+to-from)
			i = j
		}
		yield(begin, end)
		from += end - begin
	}
}
