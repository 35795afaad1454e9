package embed

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWords(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{"Annual leave, 2025.", "annual leave 2025"},
		{"end", "end"},
		{"well-known snake_case and/or e-mail", "well known snake case and or e mail"},
		{"the manager's and the managers' desk", "the manager and the managers desk"},
		{"She'll say they've what I'd rather; I'm", "she say they what i rather i"},
		{"don't can’t WON'T isnʼt", ""},
		{"don't go", "go"},
		{"o'clock rock'n'roll O'Neill t'other 'quoted'", "o clock rock n roll o neill t other quoted"},
		{"it's1 d'etat cat't", "it s1 d etat cat t"},
		{"'s", "s"},
		{"Café Łódź Straße smørrebrød Ærø İstanbul ısı", "cafe lodz strasse smorrebrod aero istanbul isi"},
		{"Cafe\u0301 CO₂ m² ﬁne ＦＵＬＬ", "cafe co2 m2 fine full"},
		{"re\u00adten\u00adtion zero\u200cwidth\u200d \ufeffmark", "retention zerowidth mark"},
		{"a\xffb\xc3", "a b"},
		{"日本語", "日本語"},
		{strings.Repeat("x", 33) + " y", " y"},
		{strings.Repeat("é", 500) + " y", " y"},
		{strings.Repeat("x", 32), strings.Repeat("x", 32)},
	} {
		var words []string
		s := scanner{text: c.text}
		for s.next() {
			words = append(words, string(s.word()))
		}
		if diff := cmp.Diff(c.want, strings.Join(words, " ")); diff != "" {
			t.Errorf("words of %q (-want +got):\n%s", c.text, diff)
		}
	}
}
