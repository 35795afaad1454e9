package freshness

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// No recogniser begins where quantityAt does not ask them: in sentences of the words that any
// of them knows, in other words, and between marks.
func TestQuantitiesBeginWhereTheyAreSought(t *testing.T) {
	words := []string{"+", "(", ")", "-", "$", "/", ":", ".", ",", "|", "%", "°", "#", "7", "12", "2024", "1,000", "1.2.3", "v2", "a@b.example",
		"version", "times", "times a day", "per cent", "other", "and", "to", "between", "of", "out of", "noon", "midnight", "May", "Monday", "am", "p.m."}
	for _, table := range []map[string]bool{ruleWords, stampVerbs, labelNouns, versionWords, phoneWords, suffixes, yearPreps, stopWords, abbreviations, beginnings} {
		words = append(words, slices.Collect(maps.Keys(table))...)
	}
	words = append(words, slices.Collect(maps.Keys(units))...)
	words = append(words, slices.Collect(maps.Keys(scales))...)
	words = append(words, slices.Collect(maps.Keys(months))...)
	words = append(words, slices.Collect(maps.Keys(weekdays))...)
	words = append(words, slices.Collect(maps.Keys(ordinals))...)
	words = append(words, slices.Collect(maps.Keys(cadences))...)
	words = append(words, slices.Collect(maps.Keys(smallNumbers))...)
	words = append(words, slices.Collect(maps.Keys(currencies))...)
	words = append(words, slices.Collect(maps.Keys(dollars))...)
	slices.Sort(words)
	rapid.Check(t, func(t *rapid.T) {
		var text strings.Builder
		for _, w := range rapid.SliceOfN(rapid.SampledFrom(words), 1, 12).Draw(t, "words") {
			if rapid.Bool().Draw(t, "upper") {
				w = strings.ToUpper(w[:1]) + w[1:]
			}
			text.WriteString(w + rapid.SampledFrom([]string{" ", " ", ""}).Draw(t, "glue"))
		}
		p := newPage(text.String())
		for _, b := range p.blocks {
			s := scanner{toks: p.tokens(b.lo, b.hi)}
			for i := range s.toks {
				got, ok := s.quantityAt(i)
				if want, known := s.recognise(i); known != ok || !cmp.Equal(got, want, cmp.AllowUnexported(found{})) {
					t.Fatalf("%q: token %q begins %+v (%v), want %+v (%v)", text.String(), s.toks[i].low, got, ok, want, known)
				}
			}
		}
	})
}

// Tokens of a page of ASCII read as they do beside a character that is none.
func TestTokensOfASCIIReadAsOthers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[A-Za-z0-9 .,'_@$-]{0,40}`).Draw(t, "text")
		ascii, other := newPage(text), newPage(text+"\n\né")
		if !ascii.ascii || other.ascii {
			t.Fatal("a page is taken for what it is not")
		}
		for i, b := range ascii.blocks {
			var texts [2][]string
			for j, p := range []*page{ascii, other} {
				for _, token := range p.tokens(b.lo, p.blocks[i].hi) {
					texts[j] = append(texts[j], token.low)
				}
			}
			if diff := cmp.Diff(texts[0], texts[1]); diff != "" {
				t.Fatalf("%q: %s", text, diff)
			}
		}
	})
}
