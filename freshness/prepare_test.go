package freshness

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "rewrite testdata/quantities.txt from what Prepare finds")

// TestQuantities reads the transcript: a text, a line of dashes, the values that it states.
func TestQuantities(t *testing.T) {
	const file = "testdata/quantities.txt"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, record := range strings.Split(strings.TrimSpace(string(data)), "\n\n") {
		text, want, _ := strings.Cut(record+"\n", "----\n")
		got := transcript(text)
		if !*update && got != want {
			t.Errorf("%s%s", text, cmp.Diff(want, got))
		}
		out = append(out, strings.TrimSpace(text+"----\n"+got))
	}
	if *update {
		if err := os.WriteFile(file, []byte(strings.Join(out, "\n\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// transcript says what values a text states, one a line: kind, how it is bounded, the normalised
// value, its unit, and the text in quotes.
func transcript(text string) string {
	var b strings.Builder
	bounds := [...]string{"", " about", " at most", " at least", " less than", " more than"}
	for _, st := range Prepare(text) {
		for _, q := range st.Quantities {
			value := fmt.Sprintf("%.13g", q.Low)
			if q.Kind == Email {
				value = "address"
			}
			if q.Width > 0 {
				value += fmt.Sprintf(" to %.13g", q.Low+q.Width)
			}
			if q.Alt != 0 {
				value += fmt.Sprintf(" or %.13g", q.Alt)
			}
			if q.Unit != "" {
				value += " " + q.Unit
			}
			fmt.Fprintf(&b, "%s%s %s %q\n", q.Kind, bounds[q.Bound], value, q.textIn(&st))
		}
	}
	return b.String()
}

// checkStatements fails if a statement does not lie in its text.
func checkStatements(t interface{ Fatalf(string, ...any) }, text string, sts []Statement) {
	runes := []rune(text)
	if len(sts) > maxStatements {
		t.Fatalf("%d statements", len(sts))
	}
	for _, s := range sts {
		if s.Span.Start < 0 || s.Span.Start >= s.Span.End || s.Span.End > len(runes) {
			t.Fatalf("span %v of %d", s.Span, len(runes))
		}
		if cut := string(runes[s.Span.Start:s.Span.End]); cut != s.Text {
			t.Fatalf("span cuts %q, text is %q", cut, s.Text)
		}
		if len(s.Quantities) == 0 || len(s.Words)%3 != 0 {
			t.Fatalf("%d quantities, %d bytes of words", len(s.Quantities), len(s.Words))
		}
		for _, q := range s.Quantities {
			if q.Start < 0 || q.Len <= 0 || q.Start+q.Len > s.Span.End-s.Span.Start {
				t.Fatalf("value [%d +%d) in a sentence of %d", q.Start, q.Len, s.Span.End-s.Span.Start)
			}
			if q.Kind.String() == "" || q.At < 0 || q.At*3 >= len(s.Words) || unpackWords(s.Words)[q.At].class() != value {
				t.Fatalf("quantity %+v", q)
			}
		}
	}
}

// fragments are what random texts are made of: enough structure for every recogniser to start and
// to be cut short.
var fragments = []string{"30", " ", "days", "$", "%", "1,000", "1.5", ".", "-", "within", "May", "2024", ":", "/", "\n", "|", "# ", "```", "`", "(", ")",
	"[", "](", "<", "<!--", "e.g.", "é", "日本", "\u00a0", "a@b.example", "+44", "twenty", "hundred", "v1.2", "3rd", "every", "twice a", "week", "---\n", "\\", "12:30", "pm", "and", "to", "\xff", "٣", "x7"}

func randomText(t *rapid.T) string {
	return strings.Join(rapid.SliceOfN(rapid.SampledFrom(fragments), 0, 60).Draw(t, "text"), rapid.SampledFrom([]string{"", " "}).Draw(t, "glue"))
}

func TestSpansLieInTheText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := randomText(t)
		sts := Prepare(text)
		checkStatements(t, text, sts)
		if diff := cmp.Diff(sts, Prepare(text)); diff != "" {
			t.Fatalf("prepared twice: %s", diff)
		}
	})
}

func FuzzPrepare(f *testing.F) {
	for _, file := range []string{"testdata/quantities.txt", "../testdata/conflicts/flagged.txt"} {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, record := range strings.Split(string(data), "\n\n") {
			f.Add(record)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		sts := Prepare(text)
		checkStatements(t, text, sts)
		if got := Compare(sts, sts); len(got) > 0 {
			t.Fatalf("a text contradicts itself: %+v", got)
		}
		if s := Sign(text); s != nil && s.Similarity(s) != 1 {
			t.Fatalf("a text is no copy of itself")
		}
	})
}

func TestStatementsStaySmall(t *testing.T) {
	text := strings.Repeat("Every supplier is paid within 30 days of the receipt of a correct invoice, and sums above $5,000 need the signature of two officers. ", 9)
	sts := Prepare(text)
	if len(sts) != 9 {
		t.Fatalf("%d statements", len(sts))
	}
	stored := 0
	for _, s := range sts {
		// As a binary encoding stores it: text and words as they are, numbers and names in JSON, which
		// is longer than any binary form.
		stored += len(s.Text) + len(s.Words)
		s.Text, s.Words = "", nil
		for i := range s.Quantities {
			q := s.Quantities[i]
			data, err := json.Marshal([]any{q.Kind, q.Bound, q.Unit, q.Low, q.Width, q.Alt, q.Coarse, q.Head, q.Label, q.At, q.Start, q.Len})
			if err != nil {
				t.Fatal(err)
			}
			stored += len(data)
		}
	}
	if stored > 5*len(text)/2 {
		t.Errorf("%d bytes for a text of %d, all of whose sentences state values", stored, len(text))
	}
	if plain := Prepare(strings.Repeat("The committee listens to everybody who wishes to speak. ", 20)); len(plain) > 0 {
		t.Errorf("%d statements without a value", len(plain))
	}
}

func TestLongInputIsBounded(t *testing.T) {
	sts := Prepare(strings.Repeat("The pump moves 40 litres of water per minute. ", 5000))
	if len(sts) != maxStatements {
		t.Errorf("%d statements", len(sts))
	}
	for _, unit := range []string{".", "!", "](", "<!--", "<a", "`", "a://", "a.", "1,", "[^", "&", "#", "> ", "|", "a@", "\\", ". (", "- ", "\n1"} {
		Prepare(strings.Repeat(unit, 200_000) + "x") // quadratic work on any of these would take minutes
		Sign(strings.Repeat(unit, 200_000) + "x")
	}
	if sts := Prepare(strings.Repeat("7 litres ", 5000)); len(sts) > 0 {
		t.Errorf("a sentence of 45,000 letters gave %d statements", len(sts))
	}
}
