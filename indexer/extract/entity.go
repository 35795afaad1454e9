package extract

import (
	"strings"

	xhtml "golang.org/x/net/html"
)

// longestEntity bounds the names that are looked up; the longest has 32 letters.
const longestEntity = 40

// entity is the character reference that s begins with, what it stands for and its length,
// which is 0 if s begins with none.
func entity(s string) (text string, length int) {
	end := 1
	if strings.HasPrefix(s, "&#") {
		end = 2
		hex := end < len(s) && s[end]|0x20 == 'x'
		if hex {
			end++
		}
		digits := end
		for end < len(s) && (digit(s[end]) || hex && 'a' <= s[end]|0x20 && s[end]|0x20 <= 'f') {
			end++
		}
		if end == digits {
			return "", 0
		}
		reference := s[:end]
		if end < len(s) && s[end] == ';' {
			end++
		}
		if len(reference) > longestEntity { // a number with zeros before it, or no character
			number := strings.TrimLeft(reference[digits:], "0")
			reference = s[:digits] + "0" + number[:min(len(number), longestEntity)]
		}
		return xhtml.UnescapeString(reference + ";"), end
	}
	for end < len(s) && end < longestEntity && (letter(s[end]) || digit(s[end])) {
		end++
	}
	if end < len(s) && s[end] == ';' {
		name := s[:end+1]
		text := xhtml.UnescapeString(name)
		if text != name && (text[len(text)-1] != ';' || name == "&semi;") {
			return text, end + 1
		}
	}
	for end = min(end, 1+longestOld); end > 2; end-- {
		if oldNames[s[1:end]] {
			return xhtml.UnescapeString(s[:end]), end
		}
	}
	return "", 0
}

const longestOld = 6 // of oldNames, in letters

// oldNames are the entities that need no semicolon, and may stand before other letters.
var oldNames = func() map[string]bool {
	m := map[string]bool{}
	for name := range strings.FieldsSeq(`
		AElig AMP Aacute Acirc Agrave Aring Atilde Auml COPY Ccedil ETH Eacute Ecirc Egrave Euml GT Iacute Icirc Igrave Iuml
		LT Ntilde Oacute Ocirc Ograve Oslash Otilde Ouml QUOT REG THORN Uacute Ucirc Ugrave Uuml Yacute aacute acirc acute
		aelig agrave amp aring atilde auml brvbar ccedil cedil cent copy curren deg divide eacute ecirc egrave eth euml frac12
		frac14 frac34 gt iacute icirc iexcl igrave iquest iuml laquo lt macr micro middot nbsp not ntilde oacute ocirc ograve
		ordf ordm oslash otilde ouml para plusmn pound quot raquo reg sect shy sup1 sup2 sup3 szlig thorn times uacute ucirc
		ugrave uml uuml yacute yen yuml`) {
		m[name] = true
	}
	return m
}()
