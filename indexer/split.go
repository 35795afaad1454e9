package indexer

import (
	"strings"
	"unicode"

	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer/extract"
)

// How long passages are. A section of at most wholeWords is one passage; a longer one is
// cut at blocks, else at sentences, into passages of about targetWords.
const (
	targetWords = 200
	wholeWords  = 320
	maxBytes    = 8192 // a passage is cut here even within a sentence
)

// Split cuts a document's text into passages along its headings and blocks, never across
// a heading. Every passage is a verbatim slice of what a reader sees of the text; Span says
// which stretch of the original it is, and Runs which of it stands there word for word, so
// that a citation points into the original. hidden is how many code points of the text its
// readers do not see.
func Split(mime, doc string) (passages []catalog.Passage, hidden int) {
	d := extract.Extract(mime, doc)
	return split(&d), d.Hidden
}

func split(d *extract.Document) []catalog.Passage {
	s := splitter{text: d.Plain, at: d.Locator()}
	s.sections(d.Headings)
	return s.passages
}

// splitter collects passages.
type splitter struct {
	text     string
	at       *extract.Locator
	passages []catalog.Passage
}

// sections makes each stretch of text between two headings a section of its own.
func (s *splitter) sections(hs []extract.Heading) {
	var path []extract.Heading
	at := 0
	for i := 0; i <= len(hs); i++ {
		end := len(s.text)
		if i < len(hs) {
			end = hs[i].Start
		}
		before := len(s.passages)
		s.section(at, end, titles(path))
		if i > 0 && len(s.passages) == before && (i == len(hs) || hs[i].Level <= hs[i-1].Level) {
			// A heading with nothing below it would be found by nobody.
			s.add(hs[i-1].Start, hs[i-1].End, titles(path[:len(path)-1]))
		}
		if i == len(hs) {
			return
		}
		for len(path) > 0 && path[len(path)-1].Level >= hs[i].Level {
			path = path[:len(path)-1]
		}
		path = append(path, hs[i])
		at = hs[i].End
	}
}

func titles(path []extract.Heading) []string {
	var t []string
	for _, h := range path {
		t = append(t, h.Title)
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
	span, runs := s.at.Locate(start, start+len(trimmed))
	s.passages = append(s.passages, catalog.Passage{Text: trimmed, Headings: headings, Span: span, Runs: runs})
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
