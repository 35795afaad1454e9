package indexer

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"

	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/freshness"
)

// How long passages are. A section of at most wholeWords is one passage; a longer one is
// cut at blocks, else at sentences, into passages of about targetWords.
const (
	targetWords = 200
	wholeWords  = 320
	maxBytes    = 8192 // a passage is cut here even within a sentence
)

// Split cuts a document's text into passages along its headings and blocks, never across
// a heading. Every passage is a verbatim slice of the text, and Span says which, so that
// a citation points into the original. Markdown front matter is left out.
func Split(mime, doc string) []catalog.Passage {
	s := splitter{text: doc}
	if mime == "text/markdown" {
		s.markdown()
	} else {
		s.section(0, len(doc), nil)
	}
	s.spans()
	return s.passages
}

// splitter collects passages; until spans is called, their spans count bytes.
type splitter struct {
	text     string
	passages []catalog.Passage
}

// heading is a top-level heading: its level, words, and the bytes it takes up.
type heading struct {
	level      int
	title      string
	start, end int
}

// markdown makes each stretch of text between two headings a section of its own. Only
// headings come from the parser: what lies between them is kept as written.
func (s *splitter) markdown() {
	begin := frontMatter(s.text)
	var path []heading
	at := begin
	for i, hs := 0, headings(s.text, begin); i <= len(hs); i++ {
		end := len(s.text)
		if i < len(hs) {
			end = hs[i].start
		}
		before := len(s.passages)
		s.section(at, end, titles(path))
		if i > 0 && len(s.passages) == before && (i == len(hs) || hs[i].level <= hs[i-1].level) {
			// A heading with nothing below it would be found by nobody.
			s.add(hs[i-1].start, hs[i-1].end, titles(path[:len(path)-1]))
		}
		if i == len(hs) {
			return
		}
		for len(path) > 0 && path[len(path)-1].level >= hs[i].level {
			path = path[:len(path)-1]
		}
		path = append(path, hs[i])
		at = hs[i].end
	}
}

func titles(path []heading) []string {
	var t []string
	for _, h := range path {
		t = append(t, h.title)
	}
	return t
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

// section adds the passages of doc[start:end].
func (s *splitter) section(start, end int, headings []string) {
	if words(s.text[start:end]) <= wholeWords && end-start <= maxBytes {
		s.add(start, end, headings)
		return
	}
	at, length := start, 0
	for _, cut := range s.cuts(start, end) {
		n := words(s.text[cut.from:cut.to])
		if length > 0 && (length+n > targetWords || cut.to-at > maxBytes) {
			s.add(at, cut.from, headings)
			at, length = cut.from, 0
		}
		length += n
	}
	s.add(at, end, headings)
}

// add appends the passage doc[start:end] without the white space around it.
func (s *splitter) add(start, end int, headings []string) {
	body := s.text[start:end]
	trimmed := strings.TrimLeftFunc(body, unicode.IsSpace)
	start += len(body) - len(trimmed)
	trimmed = strings.TrimRightFunc(trimmed, unicode.IsSpace)
	if trimmed == "" {
		return
	}
	s.passages = append(s.passages, catalog.Passage{
		Text: trimmed, Headings: headings, Span: freshness.Span{Start: start, End: start + len(trimmed)},
	})
}

// spans turns the passages' byte spans into code points, in one walk over the text.
func (s *splitter) spans() {
	bytes, runes := 0, 0
	at := func(b int) int {
		runes += utf8.RuneCountInString(s.text[bytes:b])
		bytes = b
		return runes
	}
	for i := range s.passages {
		span := &s.passages[i].Span
		span.Start = at(span.Start)
		span.End = at(span.End)
	}
}

// words estimates how many words the text has; scripts without spaces count by character.
func words(t string) int {
	n, inWord := 0, false
	for _, r := range t {
		switch {
		case ideographic(r):
			n++
			inWord = false
		case unicode.IsSpace(r):
			inWord = false
		case !inWord:
			inWord = true
			n++
		}
	}
	return n
}

// ideographic reports whether r is of a script that puts no spaces between words.
func ideographic(r rune) bool {
	return r >= 0x2E80 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana)
}
