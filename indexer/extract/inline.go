package extract

import (
	"regexp"
	"strings"
)

// inline takes the lines of a paragraph, or what is like one: text with tags and comments.
// What Markdown shows as written, code and what a backslash stands before, is copied.
func (f *flow) inline(p *part) {
	l := joinLines(f.original, p.lines)
	f.inside, f.out.fresh = true, -1
	s := scanner{text: l.text}
	s.definitions()
	for s.next() {
		f.copyTo(l.place(s.from))
		f.at = l.behind(s.to)
		switch token := l.text[s.from:s.to]; {
		case s.kind == definition:
			if !f.top().place.unseen {
				f.unseen.comment(s.said)
			}
		case f.open:
			f.unseen.count(token)
			f.open = s.kind != comment || !strings.Contains(token, "-->")
		case s.kind == comment:
			f.comment(token)
		case s.kind == shapelessEntity:
			if f.shows() {
				f.unseen.n++
			}
		case s.tag.end:
			f.finish(s.tag.name)
		default:
			s.tag.from, s.tag.to = l.place(s.from), f.at
			f.start(&s.tag)
		}
	}
	f.copyTo(p.lines[len(p.lines)-1].to)
}

// scanner finds what is no text in a paragraph. It takes time in proportion to its length:
// what has been looked for in vain is not looked for again.
type scanner struct {
	text     string
	at       int
	from, to int // what was found
	kind     tokenKind
	tag      tag
	said     string   // by a definition
	found    []string // titles of definitions, in order
	ends     []int    // where those end
	missing  map[string]bool
	ticks    map[int][]int // where runs of backticks begin, by their length
}

type tokenKind uint8

const (
	markupTag tokenKind = iota
	comment
	definition
	shapelessEntity
)

// remark matches a definition of a link that leads nowhere, which authors write to say
// something that is not shown: [//]: # (like this).
var remark = regexp.MustCompile(`^ {0,3}\[(?:[^\[\]\\]|\\.)+\]:[ \t]*\n?[ \t]*(?:#|<#?>)(?:[ \t]+\r?\n?|\r?\n)[ \t]*` +
	`(\((?:[^()\\]|\\(?s:.))*\)|"(?:[^"\\]|\\(?s:.))*"|'(?:[^'\\]|\\(?s:.))*')[ \t]*\r?(?:\n|$)`)

// definitions finds those that the paragraph begins with. Further down they are text.
func (s *scanner) definitions() {
	for at := 0; strings.HasPrefix(strings.TrimLeft(s.text[at:min(at+4, len(s.text))], " "), "["); {
		m := remark.FindStringSubmatchIndex(s.text[at:])
		if m == nil {
			return
		}
		s.found = append(s.found, s.text[at+m[2]+1:at+m[3]-1])
		at += m[1]
		s.ends = append(s.ends, at)
	}
}

// next finds the next thing that is no text.
func (s *scanner) next() bool {
	if len(s.ends) > 0 {
		s.from, s.to, s.kind, s.said = s.at, s.ends[0], definition, s.found[0]
		s.at, s.ends, s.found = s.to, s.ends[1:], s.found[1:]
		return true
	}
	for {
		n := strings.IndexAny(s.text[s.at:], "\\`<&")
		if n < 0 {
			return false
		}
		s.at += n
		switch s.text[s.at] {
		case '\\':
			s.at++
			if s.at < len(s.text) {
				s.at++
			}
		case '`':
			s.skipCode()
		case '&':
			text, n := entity(s.text[s.at:])
			if n > 0 && strings.TrimFunc(text, ignored) == "" {
				return s.is(shapelessEntity, n)
			}
			s.at++
		default:
			if s.markup() {
				return true
			}
			s.at++
		}
	}
}

// ignored reports whether an entity for r is left out. Joiners may shape what is beside them.
func ignored(r rune) bool { return shapeless(r) && r != joiner && r != nonJoiner }

func (s *scanner) is(kind tokenKind, n int) bool {
	s.kind, s.from, s.to = kind, s.at, s.at+n
	s.at = s.to
	return true
}

// markup finds a tag, a comment, or the like.
func (s *scanner) markup() bool {
	rest := s.text[s.at:]
	for _, pair := range [][2]string{{"<!--", "-->"}, {"<?", "?>"}, {"<![CDATA[", "]]>"}, {"<!", ">"}} {
		if !strings.HasPrefix(rest, pair[0]) {
			continue
		}
		if rest = rest[len(pair[0]):]; pair[0] == "<!--" {
			for _, short := range []string{">", "->"} { // nothing is in it
				if strings.HasPrefix(rest, short) {
					return s.is(comment, len(pair[0])+len(short))
				}
			}
		}
		if pair[0] == "<!" && (rest == "" || !letter(rest[0])) || s.missing[pair[1]] {
			return false
		}
		n := strings.Index(rest, pair[1])
		if n < 0 {
			if s.missing == nil {
				s.missing = map[string]bool{}
			}
			s.missing[pair[1]] = true
			return false
		}
		return s.is(comment, len(pair[0])+n+len(pair[1]))
	}
	t, n := scanTag(rest)
	if n == 0 {
		return false
	}
	s.tag = t
	return s.is(markupTag, n)
}

// skipCode goes behind the code that begins here, or behind the backticks if none does.
func (s *scanner) skipCode() {
	if s.ticks == nil {
		s.ticks = map[int][]int{}
		for i := s.at; i < len(s.text); i++ {
			if n := ticksAt(s.text, i); n > 0 {
				s.ticks[n] = append(s.ticks[n], i)
				i += n
			}
		}
	}
	n := ticksAt(s.text, s.at)
	s.at += n
	ends := s.ticks[n]
	for len(ends) > 0 && ends[0] < s.at {
		ends = ends[1:]
	}
	if s.ticks[n] = ends; len(ends) > 0 {
		s.at = ends[0] + n
	}
}

func ticksAt(s string, i int) (n int) {
	for i+n < len(s) && s[i+n] == '`' {
		n++
	}
	return n
}
