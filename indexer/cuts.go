package indexer

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// piece is a stretch of bytes that is not cut further.
type piece struct{ from, to int }

// cuts divides text[start:end], without gaps, at blank lines outside code fences; blocks
// longer than a passage at the ends of sentences, and sentences that still are at spaces.
func (s *splitter) cuts(start, end int) []piece {
	var pieces []piece
	for _, block := range s.blocks(start, end) {
		if words(s.text[block.from:block.to]) <= targetWords && block.to-block.from <= maxBytes {
			pieces = append(pieces, block)
			continue
		}
		for _, sentence := range s.sentences(block) {
			pieces = append(pieces, s.chop(sentence)...)
		}
	}
	return pieces
}

func (s *splitter) blocks(start, end int) []piece {
	var pieces []piece
	fence, from := "", start
	for i := start; i < end; {
		next := min(lineEnd(s.text, i), end)
		line := strings.TrimSpace(s.text[i:next])
		switch {
		case fence != "":
			if strings.HasPrefix(line, fence) {
				fence = ""
			}
		case strings.HasPrefix(line, "```"), strings.HasPrefix(line, "~~~"):
			fence = line[:3]
		case line == "" && i > from:
			pieces = append(pieces, piece{from, next})
			from = next
		}
		i = next
	}
	if from < end {
		pieces = append(pieces, piece{from, end})
	}
	return pieces
}

// sentences cuts after ".", "!", "?" before white space, after their full-width forms,
// and after line breaks, which end the items of lists and tables.
func (s *splitter) sentences(p piece) []piece {
	var pieces []piece
	from, ended := p.from, false
	for i, r := range s.text[p.from:p.to] {
		at := p.from + i
		switch {
		case strings.ContainsRune("。！？", r), r == '\n':
			pieces = append(pieces, piece{from, at + utf8.RuneLen(r)})
			from, ended = at+utf8.RuneLen(r), false
		case ended && unicode.IsSpace(r):
			pieces = append(pieces, piece{from, at})
			from, ended = at, false
		default:
			ended = strings.ContainsRune(".!?", r) || ended && strings.ContainsRune(`"')]*_’”`, r)
		}
	}
	if from < p.to {
		pieces = append(pieces, piece{from, p.to})
	}
	return pieces
}

// chop cuts a piece that alone is too long for a passage, at spaces where there are some.
func (s *splitter) chop(p piece) []piece {
	var pieces []piece
	for p.to-p.from > maxBytes || words(s.text[p.from:p.to]) > wholeWords {
		cut := p.from + chopAt(s.text[p.from:p.to])
		pieces = append(pieces, piece{p.from, cut})
		p.from = cut
	}
	return append(pieces, p)
}

// chopAt is where to end the first part of a text too long for a passage, never 0.
func chopAt(t string) int {
	space, n := 0, 0
	for i, r := range t {
		switch {
		case unicode.IsSpace(r):
			space = i
			n++
		case ideographic(r):
			n++
		}
		if i > 0 && (n > targetWords || i >= maxBytes/2) {
			if space > 0 {
				return space
			}
			return i
		}
	}
	return len(t)
}

// lineEnd is the index after the line break at or after i.
func lineEnd(doc string, i int) int {
	if n := strings.IndexByte(doc[i:], '\n'); n >= 0 {
		return i + n + 1
	}
	return len(doc)
}
