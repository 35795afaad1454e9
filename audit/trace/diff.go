package trace

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of a comparison: cells of its table, and bytes of each side that are shown.
const (
	mostCells = 4 << 20
	mostShown = 16 << 10
)

// around returns the lines of the old text on which the stretch [start, end) of its code points
// lies, and what stands in their place in the new text. Where lines at the edges of the stretch
// are gone, both sides reach to the next line that is still there.
//
// The two are aligned by a longest common subsequence of lines; what they begin and end with
// alike is set aside first. If what is left is too long for that, none of it is alike.
func around(before, after string, start, end int) (was, is string) {
	old, new := strings.SplitAfter(before, "\n"), strings.SplitAfter(after, "\n")
	match := align(old, new)
	from, to := linesOf(old, start, end)
	newFrom, newTo := 0, len(new)
	for from > 0 && match[from] < 0 && match[from-1] < 0 {
		from--
	}
	if match[from] >= 0 {
		newFrom = match[from]
	} else if from > 0 {
		newFrom = match[from-1] + 1
	}
	for to < len(old) && match[to-1] < 0 && match[to] < 0 {
		to++
	}
	if match[to-1] >= 0 {
		newTo = match[to-1] + 1
	} else if to < len(old) {
		newTo = match[to]
	}
	return shorten(strings.Join(old[from:to], "")), shorten(strings.Join(new[newFrom:newTo], ""))
}

// linesOf returns the lines [from, to) on which the stretch lies, at least one.
func linesOf(lines []string, start, end int) (from, to int) {
	at := 0
	from, to = -1, len(lines)
	for i, line := range lines {
		at += utf8.RuneCountInString(line)
		if from < 0 && at > start {
			from = i
		}
		if from >= 0 && at >= end {
			return from, i + 1
		}
	}
	if from < 0 {
		from = len(lines) - 1
	}
	return from, to
}

// align says of each old line which new line it is, -1 if none. The numbers rise.
func align(old, new []string) []int {
	match := slices.Repeat([]int{-1}, len(old))
	head := 0
	for head < len(old) && head < len(new) && old[head] == new[head] {
		match[head] = head
		head++
	}
	tail := 0
	for tail < len(old)-head && tail < len(new)-head && old[len(old)-1-tail] == new[len(new)-1-tail] {
		match[len(old)-1-tail] = len(new) - 1 - tail
		tail++
	}
	a, b := old[head:len(old)-tail], new[head:len(new)-tail]
	if len(a) == 0 || len(b) == 0 || len(a)*len(b) > mostCells {
		return match
	}
	width := len(b) + 1
	longest := make([]uint32, (len(a)+1)*width) // common to a[i:] and b[j:]
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				longest[i*width+j] = 1 + longest[(i+1)*width+j+1]
			} else {
				longest[i*width+j] = max(longest[(i+1)*width+j], longest[i*width+j+1])
			}
		}
	}
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] == b[j]:
			match[head+i] = head + j
			i, j = i+1, j+1
		case longest[(i+1)*width+j] >= longest[i*width+j+1]:
			i++
		default:
			j++
		}
	}
	return match
}

// cut is the stretch [start, end) of the text's code points, as far as it reaches.
func cut(text string, start, end int) string {
	runes := []rune(text)
	end = min(max(end, 0), len(runes))
	return string(runes[min(max(start, 0), end):end])
}

// shorten cuts what is too long to be shown.
func shorten(text string) string {
	if len(text) <= mostShown {
		return text
	}
	n := mostShown
	for !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + "…"
}
