package freshness

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// library draws a corpus: documents of sentences like those of handbooks, some of them versions, copies or dated.
func library(t *rapid.T) []Source {
	key := rapid.SampledFrom([]string{"a", "b", "c", "d", "north/rules", "south/fees", "minutes-2024", "x/y"})
	lineage := rapid.SampledFrom([]string{"", "", "", "rules"})
	var out []Source
	seen := map[string]Source{}
	for range rapid.IntRange(1, 7).Draw(t, "passages") {
		text := policyText(t, "text")
		k := key.Draw(t, "key")
		s, known := seen[k]
		if !known {
			s = Source{Key: k, Lineage: lineage.Draw(t, "lineage"), Superseded: rapid.IntRange(0, 5).Draw(t, "superseded") == 0}
			if rapid.Bool().Draw(t, "signed") {
				s.Signature = Sign(text)
			}
			seen[k] = s
		}
		s.Statements = Prepare(text)
		s.Section = rapid.SampledFrom([]string{"", "Leave", "Fees"}).Draw(t, "section")
		out = append(out, s)
	}
	return out
}

// told is what a search found without the places of the sources in the list, and each pair one way round.
func told(t interface{ Fatalf(string, ...any) }, sources []Source, found []Contested) []string {
	var out []string
	for _, c := range found {
		if c.A >= c.B || sources[c.A].Key == sources[c.B].Key {
			t.Fatalf("sources %d and %d", c.A, c.B)
		}
		if sources[c.A].Key > sources[c.B].Key {
			c.A, c.B = c.B, c.A
			c.ValueA, c.ValueB, c.SpanA, c.SpanB = c.ValueB, c.ValueA, c.SpanB, c.SpanA
			c.ValueSpanA, c.ValueSpanB, c.Preferred = c.ValueSpanB, c.ValueSpanA, (3-c.Preferred)%3
		}
		out = append(out, fmt.Sprint(c.Tier, sources[c.A].Key, sources[c.A].Section, sources[c.B].Key, sources[c.B].Section,
			c.ValueA, c.ValueB, c.SpanA, c.SpanB, c.ValueSpanA, c.ValueSpanB, c.Confidence, c.Preferred, c.Sentences))
	}
	slices.Sort(out)
	return out
}

func searched(t interface{ Fatalf(string, ...any) }, sources []Source) []Contested {
	found, err := Search(context.Background(), sources)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return found
}

// TestSearchKnowsNoOrder shuffles a corpus: what is found stays the same.
func TestSearchKnowsNoOrder(t *testing.T) {
	hits := 0
	rapid.Check(t, func(t *rapid.T) {
		sources := library(t)
		found := searched(t, sources)
		hits += len(found)
		want := told(t, sources, found)
		shuffled := rapid.Permutation(sources).Draw(t, "shuffled")
		if diff := cmp.Diff(want, told(t, shuffled, searched(t, shuffled)), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("in another order (-want +got):\n%s", diff)
		}
	})
	if hits < 20 && !testing.Short() {
		t.Errorf("only %d conflicts in all corpora", hits)
	}
}

// TestSearchFindsWhatBetweenFinds takes each pair of documents by itself. Conflicts of tier A are the same; of tier B
// a third document may take some away, and can add none.
func TestSearchFindsWhatBetweenFinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sources := library(t)
		byKey := map[string][]Source{}
		for _, s := range sources {
			byKey[s.Key] = append(byKey[s.Key], s)
		}
		var alone []string
		for a := range byKey {
			for b := range byKey {
				if a < b {
					pair := Between(byKey[a], byKey[b])
					both := append(slices.Clone(byKey[a]), byKey[b]...)
					alone = append(alone, told(t, both, pair)...)
					// Turning the two round turns the result.
					turned := append(slices.Clone(byKey[b]), byKey[a]...)
					if diff := cmp.Diff(told(t, both, pair), told(t, turned, Between(byKey[b], byKey[a])), cmpopts.EquateEmpty()); diff != "" {
						t.Fatalf("turned round: %s", diff)
					}
				}
			}
		}
		slices.Sort(alone)
		all := told(t, sources, searched(t, sources))
		tierA := func(list []string) []string {
			return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return !strings.HasPrefix(s, fmt.Sprint(TierA)) })
		}
		if diff := cmp.Diff(tierA(alone), tierA(all), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("tier A, pair by pair and together: %s", diff)
		}
		for _, s := range all {
			if _, ok := slices.BinarySearch(alone, s); !ok {
				t.Fatalf("only a third document made this a conflict: %s", s)
			}
		}
		var conflicts []Contested
		for _, c := range Conflicts(sources) {
			conflicts = append(conflicts, Contested{c, TierA})
		}
		if diff := cmp.Diff(values(t, sources, conflicts), values(t, sources, searched(t, sources)), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("Conflicts and tier A of Search: %s", diff)
		}
	})
}

// values are the values of the conflicts of tier A, by documents.
func values(t interface{ Fatalf(string, ...any) }, sources []Source, found []Contested) []string {
	var out []string
	for _, c := range found {
		if c.Tier == TierA {
			a, b := sources[c.A].Key+c.ValueA, sources[c.B].Key+c.ValueB
			out = append(out, min(a, b)+" "+max(a, b))
		}
	}
	slices.Sort(out)
	return out
}

// TestBandsMissNoCopy draws pairs of signatures that agree in just half of their places.
func TestBandsMissNoCopy(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		places := rapid.Permutation(slices.Collect(func(yield func(int) bool) {
			for i := range permutations {
				if !yield(i) {
					return
				}
			}
		})).Draw(t, "places")
		same := map[int]bool{}
		for _, p := range places[:permutations/2] {
			same[p] = true
		}
		if !slices.ContainsFunc(bands, func(b [2]int) bool { return same[b[0]] && same[b[1]] }) {
			t.Fatalf("no band holds two of %v", places[:permutations/2])
		}
	})
	// Half of the places, one of each pair of neighbours: what 32 bands of two places each would miss.
	for side := range 2 {
		if !slices.ContainsFunc(bands, func(b [2]int) bool { return b[0]%2 == side && b[1]%2 == side }) {
			t.Errorf("signatures that agree in every second place, from %d, share no band", side)
		}
	}
}

func TestSearchRemembersForms(t *testing.T) {
	meeting := func(key, at string) Source {
		return Source{Key: key, Statements: Prepare("The members of this working group meet in the small hall at " + at + " on the first floor.")}
	}
	two := []Source{meeting("storage", "9:30"), meeting("network", "14:00")}
	if n := len(searched(t, two)); n != 1 {
		t.Errorf("two documents that differ: %d conflicts", n)
	}
	if found := searched(t, append(two, meeting("security", "16:30"))); len(found) > 0 {
		t.Errorf("three documents with three values are a form, and yet %+v", found)
	}
	if found := searched(t, append(two, meeting("security", "14:00"))); len(found) == 0 {
		t.Errorf("three documents with two values are no form")
	}
}

func TestSearchStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Search(ctx, synthetic(100)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// synthetic draws n sentences, ten a document and two a passage, of words that follow Zipf's law. Every tenth document is a
// copy of the one before with other values.
func synthetic(n int) []Source {
	r := rand.New(rand.NewPCG(7, 11))
	zipf := rand.NewZipf(r, 1.1, 150, 20_000) // without the 150 commonest, which are function words
	units := []string{"days", "euros", "percent", "kilometres", "crates", "hours", "tickets", "seats", "GB", "people"}
	var out []Source
	var before []string
	for d := 0; d*10 < n; d++ {
		var text []string
		for i := range 10 {
			if d%10 == 9 {
				words := strings.Fields(before[i])
				if r.IntN(5) == 0 {
					words[len(words)-3] = fmt.Sprint(2 + r.IntN(90))
				}
				text = append(text, strings.Join(words, " "))
				continue
			}
			var b strings.Builder
			for range 8 + r.IntN(10) {
				fmt.Fprintf(&b, "w%s ", letters26(zipf.Uint64()))
			}
			fmt.Fprintf(&b, "takes %d %s now.", 2+r.IntN(90), units[r.IntN(len(units))])
			text = append(text, b.String())
		}
		before = text
		sign := Sign(strings.Join(text, "\n\n"))
		for i := 0; i < 10; i += 2 {
			out = append(out, Source{
				Key: fmt.Sprint("doc", letters26(uint64(d))), Signature: sign, Section: fmt.Sprint(i), Statements: Prepare(text[i] + "\n\n" + text[i+1]),
			})
		}
	}
	return out
}

// letters26 writes a number in letters, since a word with a digit in it is a name.
func letters26(n uint64) string {
	s := ""
	for ; n > 0 || s == ""; n /= 26 {
		s += string(rune('a' + n%26))
	}
	return s
}

// TestHostileCorpora counts what a search keeps of texts that are made to be slow; that it ends is the test's own
// time limit.
func TestHostileCorpora(t *testing.T) {
	words := strings.Fields("berth crane harbour pilot quay tariff vessel anchor lantern ferry")
	r := rand.New(rand.NewPCG(3, 5))
	permuted := func(n int, unit string) string {
		r.Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
		return strings.Join(words, " ") + fmt.Sprintf(" takes %d %s here.\n\n", n, unit)
	}
	const documents = 500
	for name, text := range map[string]func(d int) string{
		"identical sentences":          func(int) string { return strings.Repeat("The pilot of the harbour is paid 30 euros an hour.\n\n", 128) },
		"one sentence, many values":    func(d int) string { return fmt.Sprintf("The pilot of the harbour is paid %d euros an hour.", d) },
		"128 statements of same words": func(d int) string { return strings.Repeat(permuted(d, "crates"), 1+127*(d%100/99)) },
		"the same words in any order":  func(d int) string { return permuted(d, "crates") + permuted(d+1, "euros") + permuted(d+2, "days") },
	} {
		for _, signed := range []bool{true, false} {
			var sources []Source
			for d := range documents {
				s := Source{Key: "d" + letters26(uint64(d)), Statements: Prepare(text(d))}
				if signed {
					s.Signature = Sign(text(d))
				}
				sources = append(sources, s)
			}
			found := searched(t, sources)
			sentences := 0
			for _, s := range sources {
				sentences += len(s.Statements)
			}
			if most := sentences * perSentence / perConflict; len(found) > most {
				t.Errorf("%s: %d conflicts in %d sentences, at most %d", name, len(found), sentences, most)
			}
		}
	}
}

func BenchmarkSearch100000Sentences(b *testing.B) {
	sources := synthetic(100_000)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n = len(searched(b, sources))
	}
	b.ReportMetric(float64(n), "conflicts")
}
