package indexer

import (
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// heading is a top-level heading: its level, words, and the bytes it takes up.
type heading struct {
	level      int
	title      string
	start, end int
}

// blocks parses the block structure alone. What is inline does not matter here, and would
// be the costly part on text made to be slow.
var blocks = parser.NewParser(parser.WithBlockParsers(parser.DefaultBlockParsers()...))

// maxNesting is how many quote and list markers one line may begin with.
const maxNesting = 16

// shallow is the text as the parser gets it: as it is, but for lines that nest deeper
// than anything a person writes. The parser takes quadratic time on those; they hold no
// top-level heading, so blanks of the same length do as well.
func shallow(doc string) []byte {
	source := []byte(doc)
	for start := 0; start < len(source); {
		end := lineEnd(doc, start)
		if nesting(source[start:end]) > maxNesting {
			for i := start; i < end; i++ {
				if source[i] != '\n' {
					source[i] = ' '
				}
			}
		}
		start = end
	}
	return source
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

// headings lists the top-level headings of the Markdown text that starts at begin.
func headings(doc string, begin int) []heading {
	source := shallow(doc[begin:])
	var hs []heading
	root := blocks.Parse(text.NewReader(source))
	for n := root.FirstChild(); n != nil; n = n.NextSibling() {
		h, ok := n.(*ast.Heading)
		if !ok || h.Lines().Len() == 0 {
			continue
		}
		first, last := h.Lines().At(0), h.Lines().At(h.Lines().Len()-1)
		start := begin + strings.LastIndexByte(doc[begin:begin+first.Start], '\n') + 1
		end := lineEnd(doc, begin+last.Start)
		if !strings.HasPrefix(strings.TrimLeft(doc[start:], " "), "#") {
			end = lineEnd(doc, end) // the underline of a setext heading
		}
		title := strings.Join(strings.Fields(string(h.Lines().Value(source))), " ")
		if title != "" {
			hs = append(hs, heading{h.Level, title, start, end})
		}
	}
	return hs
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
	if !strings.HasPrefix(doc, "---\n") && !strings.HasPrefix(doc, "---\r\n") {
		return 0
	}
	for i := lineEnd(doc, 0); i < len(doc); {
		next := lineEnd(doc, i)
		if strings.TrimRight(doc[i:next], "\r\n") == "---" {
			return next
		}
		i = next
	}
	return 0
}
