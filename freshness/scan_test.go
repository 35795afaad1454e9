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
		"version", "times", "times a day", "per cent", "other", "and", "to", "between", "of", "out of", "noon", "midday", "midnight", "bi", "every", "once", "twice", "am", "p.m."}
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
	for _, w := range words {
		for _, behind := range []string{"", " 5", "5", "$5", "-weekly", " other day", " a day", " day", " times a day", " of May", "415) 335-0253", "49 30 1234567"} {
			compareBeginnings(t, w+behind)
			compareBeginnings(t, "In "+strings.ToUpper(w[:1])+w[1:]+behind)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		var text strings.Builder
		for _, w := range rapid.SliceOfN(rapid.SampledFrom(words), 1, 12).Draw(t, "words") {
			text.WriteString(w + rapid.SampledFrom([]string{" ", " ", ""}).Draw(t, "glue"))
		}
		compareBeginnings(t, text.String())
	})
}

func compareBeginnings(t interface{ Fatalf(string, ...any) }, text string) {
	p := newPage(text)
	for _, b := range p.blocks {
		s := scanner{toks: p.tokens(b.lo, b.hi)}
		for i := range s.toks {
			got, ok := s.quantityAt(i)
			if want, known := s.recognise(i); known != ok || got != want {
				t.Fatalf("%q: token %q begins %+v (%v), want %+v (%v)", text, s.toks[i].low, got, ok, want, known)
			}
		}
	}
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

// What was made of one text stays as it is while others are read with the same memory.
func TestStatementsOutliveTheirPage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, other := randomText(t)+" within 30 days of May 3, 2024, 5 metres per second", randomText(t)
		sts, sig := Prepare(text), Sign(text)
		Prepare(other)
		Sign(strings.ToUpper(other))
		if diff := cmp.Diff(Prepare(text), sts) + cmp.Diff(Sign(text), sig); diff != "" {
			t.Fatalf("%q and %q: %s", text, other, diff)
		}
		checkStatements(t, text, sts)
	})
}
