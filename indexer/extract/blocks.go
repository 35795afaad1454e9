package extract

import (
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// part is a stretch of Markdown of one kind. What lies between parts is structure: the
// markers of lists, quotations, headings and code, and blank lines.
type part struct {
	kind  partKind
	lines []stretch // without the markers that the lines begin with
	top   bool      // it lies in no list or quotation
	// Of a heading at the top: its rank and all that it takes up.
	level    int
	from, to int
}

type partKind uint8

const (
	prose partKind = iota // text with markup within its lines
	code                  // shown as it is
	raw                   // a block of HTML
)

// blocks parses the block structure alone. What is inline does not matter to it, and would
// be the costly part on text made to be slow.
var blocks = parser.NewParser(parser.WithBlockParsers(parser.DefaultBlockParsers()...))

// maxNesting is how many quote and list markers one line may begin with.
const maxNesting = 16

// shallow is the text as the parser gets it: as it is, but for lines that nest deeper
// than anything a person writes. The parser takes quadratic time on those; they hold no
// top-level heading, so blanks of the same length do as well. They are returned, too.
func shallow(doc string) (source []byte, deep []stretch) {
	source = []byte(doc)
	for start := 0; start < len(source); {
		end := lineEnd(doc, start)
		if nesting(source[start:end]) > maxNesting {
			deep = append(deep, stretch{start, end})
			for i := start; i < end; i++ {
				if source[i] != '\n' {
					source[i] = ' '
				}
			}
		}
		start = end
	}
	return source, deep
}

// nesting counts the quote and list markers a line begins with: ">", and "-", "*", "+",
// "1." or "1)" before white space.
func nesting(line []byte) (markers int) {
	for i, c := range line {
		spaced := i+1 < len(line) && (line[i+1] == ' ' || line[i+1] == '\t')
		switch {
		case c == '>', strings.IndexByte("-*+.)", c) >= 0 && spaced:
			markers++
		case c == ' ', c == '\t', '0' <= c && c <= '9':
		default:
			return markers
		}
	}
	return markers
}

// partsOf lists the parts of the Markdown text behind begin, in order.
func partsOf(doc string, begin int) []part {
	source, deep := shallow(doc[begin:])
	var parts []part
	at := 0 // behind the last part
	add := func(n ast.Node, p part, closure *text.Segment) {
		segments := n.Lines().Sliced(0, n.Lines().Len())
		if closure != nil {
			segments = append(segments, *closure)
		}
		for _, s := range segments {
			if start := max(s.Start, at); start < s.Stop {
				p.lines = append(p.lines, stretch{begin + start, begin + s.Stop})
				at = s.Stop
			}
		}
		if len(p.lines) == 0 {
			return
		}
		first := p.lines[0].from
		for ; len(deep) > 0 && begin+deep[0].from < first; deep = deep[1:] {
			parts = appendDeep(parts, stretch{begin + deep[0].from, begin + deep[0].to})
		}
		for len(deep) > 0 && deep[0].from < at {
			deep = deep[1:] // a line of code, or of HTML
		}
		if p.level > 0 {
			p.from = begin + strings.LastIndexByte(doc[begin:first], '\n') + 1
			p.to = lineEnd(doc, p.lines[len(p.lines)-1].from)
			if !strings.HasPrefix(strings.TrimLeft(doc[p.from:], " "), "#") {
				p.to = lineEnd(doc, p.to) // the underline
			}
			at = p.to - begin
		}
		parts = append(parts, p)
	}
	var walk func(n ast.Node, top bool)
	walk = func(n ast.Node, top bool) {
		for ; n != nil; n = n.NextSibling() {
			switch n := n.(type) {
			case *ast.Heading:
				p := part{kind: prose, top: top}
				if top {
					p.level = n.Level
				}
				add(n, p, nil)
			case *ast.Paragraph, *ast.TextBlock:
				add(n, part{kind: prose, top: top}, nil)
			case *ast.CodeBlock, *ast.FencedCodeBlock:
				add(n, part{kind: code, top: top}, nil)
			case *ast.HTMLBlock:
				var closure *text.Segment
				if n.HasClosure() {
					closure = &n.ClosureLine
				}
				add(n, part{kind: raw, top: top}, closure)
			default:
				walk(n.FirstChild(), false)
			}
		}
	}
	walk(blocks.Parse(text.NewReader(source)).FirstChild(), true)
	for _, s := range deep {
		parts = appendDeep(parts, stretch{begin + s.from, begin + s.to})
	}
	return parts
}

// appendDeep adds a line that the parser did not see, joined with the one before it.
func appendDeep(parts []part, s stretch) []part {
	if n := len(parts) - 1; n >= 0 && parts[n].kind == prose && parts[n].level == 0 {
		if last := parts[n].lines; last[len(last)-1].to == s.from && !parts[n].top {
			parts[n].lines = append(last, s)
			return parts
		}
	}
	return append(parts, part{kind: prose, lines: []stretch{s}})
}

// lineEnd is the index after the line break at or after i.
func lineEnd(doc string, i int) int {
	if n := strings.IndexByte(doc[min(i, len(doc)):], '\n'); n >= 0 {
		return i + n + 1
	}
	return len(doc)
}

// frontMatter is the index after a leading "---" block, 0 without one.
func frontMatter(doc string) int {
	begin := 0
	if strings.HasPrefix(doc, mark) {
		begin = len(mark)
	}
	if !strings.HasPrefix(doc[begin:], "---\n") && !strings.HasPrefix(doc[begin:], "---\r\n") {
		return 0
	}
	for i := lineEnd(doc, begin); i < len(doc); {
		next := lineEnd(doc, i)
		if strings.TrimRight(doc[i:next], "\r\n") == "---" {
			return next
		}
		i = next
	}
	return 0
}
