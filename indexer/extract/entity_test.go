package extract

import (
	"strings"
	"testing"

	xhtml "golang.org/x/net/html"
	"pgregory.net/rapid"
)

// decoded is s with its entities replaced one by one.
func decoded(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] == '&' {
			if text, n := entity(s[i:]); n > 0 {
				b.WriteString(text)
				i += n
				continue
			}
		}
		b.WriteByte(s[i])
		i++
	}
	return b.String()
}

// Taken one by one, entities stand for what they stand for taken together.
func TestEntities(t *testing.T) {
	for _, s := range []string{
		"&amp;&lt;&gt;", "&notit;", "&notin;", "&not", "&#65;&#x41;&#X41;&#65", "&#;", "&#x;", "&", "&&amp;", "&semi;", "&fjlig;", "&sup1&sup2;&sup&sup;",
		"&nGt;&nGtv;", "&#0;&#128;&#xD800;&#x110000;&#99999999999999999999999999999999999999999999999;", "&#" + strings.Repeat("0", 100) + "65;",
		"&CounterClockwiseContourIntegral;", "&times;&timesb;&timesx;", "&AMPx", "&ZeroWidthSpace;&zwj;&shy;", "&bogus;", "&NewLine;&Tab;&nbsp;",
	} {
		if got, want := decoded(s), xhtml.UnescapeString(s); got != want {
			t.Errorf("%q is %q, want %q", s, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`([&#;xX0-9a-zA-Z ]|&amp|&#x|&no|&lt;|&thetasym;){0,12}`).Draw(t, "s")
		if got, want := decoded(s), xhtml.UnescapeString(s); got != want {
			t.Fatalf("%q is %q, want %q", s, got, want)
		}
	})
}
