package folder

import (
	"path"
	"strings"
)

// pattern is one line of the language of .gitignore, which CODEOWNERS and the key ignore
// of .muniment.yaml share.
type pattern struct {
	segments []string // of a path; "**" stands for any number of them
	negated  bool     // takes back what an earlier pattern said
	dirOnly  bool     // means directories alone
}

// parsePattern reads a line without its line break; ok is false for comments, blank lines
// and lines that can match nothing.
func parsePattern(line string) (p pattern, ok bool) {
	line = trimSpaces(strings.TrimSuffix(line, "\r"))
	if line == "" || line[0] == '#' {
		return p, false
	}
	line, p.negated = strings.CutPrefix(line, "!")
	line, p.dirOnly = strings.CutSuffix(line, "/")
	anchored := strings.Contains(line, "/")
	line = strings.TrimPrefix(line, "/")
	if line == "" || strings.HasPrefix(line, "/") {
		return p, false
	}
	if !anchored {
		p.segments = []string{"**"} // at any depth
	}
	for s := range strings.SplitSeq(line, "/") {
		if s == "**" && !anchored {
			s = "*"
		}
		p.segments = append(p.segments, glob(s))
	}
	return p, true
}

// trimSpaces takes spaces off the end that no backslash escapes.
func trimSpaces(s string) string {
	for strings.HasSuffix(s, " ") {
		body := s[:len(s)-1]
		if escapes := len(body) - len(strings.TrimRight(body, `\`)); escapes%2 == 1 {
			break
		}
		s = body
	}
	return s
}

// glob writes a segment the way path.Match wants it: its classes are negated by "^" only,
// and a "]" that stands first in one must be escaped.
func glob(s string) string {
	var b strings.Builder
	inClass := false
	for i := 0; i < len(s); i++ {
		b.WriteByte(s[i])
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case s[i] == ']':
			inClass = false
		case s[i] == '[' && !inClass:
			inClass = true
			if i+1 < len(s) && (s[i+1] == '!' || s[i+1] == '^') {
				b.WriteByte('^')
				i++
			}
			if i+1 < len(s) && s[i+1] == ']' {
				b.WriteString(`\]`)
				i++
			}
		}
	}
	return b.String()
}

// matches reports whether the pattern means the slash path, which is relative to where
// the pattern stands.
func (p pattern) matches(name string, dir bool) bool {
	return (dir || !p.dirOnly) && matchSegments(p.segments, strings.Split(name, "/"))
}

// matchSegments compares pattern and path from the left. A "**" tries every length; what
// it has tried is not tried again, because only the last "**" can give way.
func matchSegments(pattern, name []string) bool {
	back, backName := -1, 0
	i, j := 0, 0
	for j < len(name) {
		switch {
		case i < len(pattern) && pattern[i] == "**":
			if i == len(pattern)-1 {
				return true // at least one segment is left
			}
			back, backName = i, j
			i++
		case i < len(pattern) && matchSegment(pattern[i], name[j]):
			i++
			j++
		case back >= 0:
			backName++
			i, j = back+1, backName
		default:
			return false
		}
	}
	return i == len(pattern)
}

func matchSegment(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil // a pattern that is none matches nothing
}

// ignoring is the patterns of one file, which mean paths below base.
type ignoring struct {
	base     string // slash path, "" for the top
	patterns []pattern
}

// parseIgnoring reads a file of patterns.
func parseIgnoring(base, text string) ignoring {
	in := ignoring{base: base}
	for line := range strings.SplitSeq(strings.TrimPrefix(text, "\ufeff"), "\n") {
		if p, ok := parsePattern(line); ok {
			in.patterns = append(in.patterns, p)
		}
	}
	return in
}

// ignored reports whether the files of patterns, outermost first, leave the path out: the
// innermost file that says anything decides, and in it the last pattern that matches.
func ignored(files []ignoring, name string, dir bool) bool {
	for i := len(files) - 1; i >= 0; i-- {
		below, ok := under(files[i].base, name)
		if !ok {
			continue
		}
		for k := len(files[i].patterns) - 1; k >= 0; k-- {
			if p := files[i].patterns[k]; p.matches(below, dir) {
				return !p.negated
			}
		}
	}
	return false
}

// under returns name relative to base, and whether it lies below it.
func under(base, name string) (string, bool) {
	if base == "" {
		return name, true
	}
	return strings.CutPrefix(name, base+"/")
}
