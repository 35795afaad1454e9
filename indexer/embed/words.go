package embed

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const maxWord = 32 // bytes of the longest word of a table

// scanner splits a text into words, in the form in which the table has them: lower case,
// ASCII, letters and digits.
//
// A word is a longest run of letters, marks and numbers. Hyphens and underscores separate,
// so that "well-known" and "well known" are the same text. Of an English contraction the
// first part is kept ("she'll": she), and nothing of a negation ("don't"), whose first part
// would be another word. Accents are dropped and compatibility forms resolved: "Café" is
// cafe, "CO₂" is co2, a ligature is its letters. Soft hyphens and joiners are not there.
// Bytes that are not UTF-8 separate.
type scanner struct {
	text string
	pos  int
	buf  [maxWord]byte
	n    int // bytes of the word; over maxWord if it is too long to be known
}

// word is the word that next found, valid until the next call; empty for a word that is
// too long to be in a table.
func (s *scanner) word() []byte {
	if s.n > maxWord {
		return nil
	}
	return s.buf[:s.n]
}

// next moves to the next word and reports whether there is one.
func (s *scanner) next() bool {
	for s.run() {
		if s.dropped() {
			continue
		}
		return true
	}
	return false
}

// asciiWord maps an ASCII letter or digit to its lower case, all else to 0.
var asciiWord = func() (t [utf8.RuneSelf]byte) {
	for c := byte('0'); c <= '9'; c++ {
		t[c] = c
	}
	for c := byte('a'); c <= 'z'; c++ {
		t[c], t[c-'a'+'A'] = c, c
	}
	return t
}()

// run reads the next run of word characters into buf and reports whether there is one.
func (s *scanner) run() bool {
	s.n = 0
	started := false
	for s.pos < len(s.text) {
		if c := s.text[s.pos]; c < utf8.RuneSelf {
			lower := asciiWord[c]
			if lower == 0 && started {
				break
			}
			s.pos++
			if lower != 0 {
				started = true
				s.append(lower)
			}
			continue
		}
		r, size := utf8.DecodeRuneInString(s.text[s.pos:])
		if isWord(r) {
			started = true
			s.fold(r, s.text[s.pos:s.pos+size])
		} else if started && !ignored(r) {
			break
		}
		s.pos += size
	}
	return started
}

func (s *scanner) append(c byte) {
	if s.n < maxWord {
		s.buf[s.n] = c
		s.n++
	} else {
		s.n = maxWord + 1
	}
}

// fold appends the table's form of a character beyond ASCII. As marks are dropped, their
// order does not matter, and characters can be decomposed one by one. Other scripts stay as
// they are: their words are not found.
func (s *scanner) fold(r rune, encoded string) {
	parts := norm.NFKD.PropertiesString(encoded).Decomposition()
	if len(parts) == 0 {
		s.letter(r)
	}
	for len(parts) > 0 {
		part, size := utf8.DecodeRune(parts)
		s.letter(part)
		parts = parts[size:]
	}
}

func (s *scanner) letter(r rune) {
	if unicode.Is(unicode.M, r) {
		return
	}
	r = unicode.ToLower(r)
	if letters := undivided(r); letters != "" {
		for i := range len(letters) {
			s.append(letters[i])
		}
		return
	}
	var encoded [utf8.UTFMax]byte
	for _, c := range encoded[:utf8.EncodeRune(encoded[:], r)] {
		s.append(c)
	}
}

// undivided is the usual ASCII spelling of Latin letters that Unicode does not decompose.
func undivided(r rune) string {
	switch r {
	case 'ß':
		return "ss"
	case 'æ':
		return "ae"
	case 'œ':
		return "oe"
	case 'ø':
		return "o"
	case 'ł':
		return "l"
	case 'đ', 'ð':
		return "d"
	case 'þ':
		return "th"
	case 'ı':
		return "i"
	}
	return ""
}

// dropped reads over the rest of an English contraction behind the word in buf, if there
// is one, and reports whether the word itself goes too.
func (s *scanner) dropped() bool {
	rest, ok := afterApostrophe(s.text[s.pos:])
	if !ok {
		return false
	}
	end := 0
	for end < len(rest) && end < 3 && rest[end] < utf8.RuneSelf && asciiWord[rest[end]] != 0 {
		end++
	}
	if r, _ := utf8.DecodeRuneInString(rest[end:]); isWord(r) || ignored(r) {
		return false
	}
	negation := false
	switch strings.ToLower(rest[:end]) {
	case "s", "d", "m", "ll", "re", "ve":
	case "t":
		if s.n < 1 || s.n > maxWord || s.buf[s.n-1] != 'n' {
			return false
		}
		negation = true
	default:
		return false
	}
	s.pos = len(s.text) - len(rest) + end
	return negation
}

func afterApostrophe(text string) (rest string, ok bool) {
	if text == "" || text[0] != '\'' && text[0] < utf8.RuneSelf {
		return "", false // most words, at once
	}
	for _, mark := range [...]string{"'", "’", "ʼ"} {
		if rest, ok = strings.CutPrefix(text, mark); ok {
			return rest, true
		}
	}
	return "", false
}

func isWord(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= 0 && asciiWord[r] != 0
	}
	return r != utf8.RuneError && r != 'ʼ' && unicode.In(r, unicode.L, unicode.M, unicode.N)
}

// ignored reports whether a character inside a word does not belong to its spelling: soft
// hyphen, zero-width joiners, word joiner, byte order mark.
func ignored(r rune) bool {
	switch r {
	case 0xAD, 0x200C, 0x200D, 0x2060, 0xFEFF:
		return true
	}
	return false
}
