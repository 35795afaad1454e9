package keyword

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/blevesearch/bleve/v2/analysis"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// byFilters is the analysis as the tokenizer and the filters of the library make it, one
// after the other and for text of any language.
func byFilters(text string) (terms []string, counts map[string]int) {
	tokens := possessive.Filter(wordsOf.Tokenize(normalise(text)))
	for _, t := range tokens {
		t.Term = cut(t.Term)
	}
	tokens = pairs.Filter(stem.Filter(tokens))
	for _, t := range tokens {
		terms = append(terms, string(t.Term))
	}
	counts = map[string]int{}
	for term, tf := range analysis.TokenFrequency(tokens, nil, 0) {
		counts[term] = tf.Frequency()
	}
	return terms, counts
}

// compareAnalyses compares what an analyst makes of the text, at first and once it knows the
// words, with what the filters make of it.
func compareAnalyses(t interface{ Errorf(string, ...any) }, text string) {
	want, counts := byFilters(text)
	a := newAnalyst()
	for _, when := range []string{"at first", "again"} {
		if diff := cmp.Diff(want, append([]string(nil), a.analyse(text)...)); diff != "" {
			t.Errorf("%q %s:\n%s", text, when, diff)
		}
	}
	if diff := cmp.Diff(want, append([]string(nil), analyse(text)...)); diff != "" {
		t.Errorf("%q of an analyst that remembers nothing:\n%s", text, diff)
	}
	frequencies, length := a.frequencies(text)
	got := map[string]int{}
	for term, tf := range frequencies {
		got[term] = tf.Frequency()
	}
	if diff := cmp.Diff(counts, got); diff != "" || length != len(want) {
		t.Errorf("%q counts %d terms, want %d\n%s", text, length, len(want), diff)
	}
}

func TestAnalystsAgreeWithTheFilters(t *testing.T) {
	words := []string{"running", "Shoes", "don't", "owner's", "cats'", "v1.29", "1,000.5", "x_y", "_", "'", ".", ",", ":", ";", "\"", "a", "7", "\n", "\r\n", "\x00", "\x7f",
		"-", "/", "@", "'s", "sses", "ies", "é", "’", "東京", "カナ", "ＡＢ", "\u200b", "\xff", strings.Repeat("ab'", 60), strings.Repeat("9", 120)}
	rapid.Check(t, func(t *rapid.T) {
		n := len(words)
		if rapid.Bool().Draw(t, "ascii") {
			n = 27
		}
		list := rapid.SliceOfN(rapid.SampledFrom(words[:n]), 0, 40).Draw(t, "words")
		compareAnalyses(t, strings.Join(list, rapid.SampledFrom([]string{"", " "}).Draw(t, "glue")))
	})
	// Every sequence of three and four of the bytes that matter to where a word ends.
	of := "aZ0_.:',;\"- s"
	for i := range len(of) * len(of) * len(of) * len(of) {
		text := []byte{of[i%len(of)], of[i/len(of)%len(of)], of[i/len(of)/len(of)%len(of)], of[i/len(of)/len(of)/len(of)]}
		if want, _ := byFilters(string(text)); !cmp.Equal(want, append([]string(nil), analyse(string(text))...)) {
			t.Fatalf("%q: %q, want %q", text, analyse(string(text)), want)
		}
	}
}

// What an analyst remembers stays bounded, and forgetting changes nothing.
func TestAnalystsForget(t *testing.T) {
	a, r, words := newAnalyst(), rand.New(rand.NewPCG(1, 7)), map[string]bool{}
	for range 40 {
		var text strings.Builder
		for range 1000 {
			for range 2 + r.IntN(4) {
				text.WriteByte("abcdefghijklmnopqrstuvwxyzings"[r.IntN(30)])
			}
			text.WriteString(" ")
		}
		text.WriteString(strings.Repeat("long", knownBytes))
		for _, word := range strings.Fields(text.String()) {
			words[word] = true
		}
		if want, _ := byFilters(text.String()); !cmp.Equal(want, a.analyse(text.String())) {
			t.Fatal("the analyses differ")
		}
		if len(a.known) > knownWords || len(a.older) > knownWords || a.known[strings.Repeat("long", knownBytes)] != "" {
			t.Fatalf("%d words are remembered", len(a.known))
		}
	}
	if len(words) <= knownWords || len(a.older) < knownWords {
		t.Fatalf("%d words are not enough to forget any", len(words))
	}
}

func BenchmarkAnalyse(b *testing.B) {
	changes, _ := zipf(1000)
	for _, way := range []struct {
		name string
		do   func(string)
	}{
		{"filters", func(text string) { byFilters(text) }},
		{"analyst", func() func(string) { a := newAnalyst(); return func(text string) { a.frequencies(text) } }()},
		{"forgetful", func(text string) { (&analyst{}).frequencies(text) }},
	} {
		b.Run(way.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := range b.N {
				way.do(changes[i%len(changes)].Document.Passages[0].Text)
			}
		})
	}
}
