package indexer

import (
	"strings"
	"unicode"
	"unicode/utf8"

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
