package freshness

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// mirror returns what swapping the two lists must give.
func mirror(cs []Conflict) []Conflict {
	var out []Conflict
	for _, c := range cs {
		c.A, c.B = 1, 0 // so that ordered swaps it
		c = c.ordered()
		out = append(out, c)
	}
	slices.SortFunc(out, byPlace)
	return out
}

// policyText draws a text of sentences like those of a handbook, so that two of them often differ
// in a value, a subject or nothing.
func policyText(t *rapid.T, label string) string {
	subject := rapid.SampledFrom([]string{"Employees", "Contractors", "Guests in Norway", "The finance team"})
	verb := rapid.SampledFrom([]string{"must file expense claims", "may book meeting rooms", "receive paid leave"})
	link := rapid.SampledFrom([]string{"within", "at least", "for", "up to", "about", "more than"})
	val := rapid.SampledFrom([]string{"30 days", "two weeks", "14 days", "3 months", "$50", "$60 per month", "5%", "twelve rooms", "9:00", "5 March", "4-6 weeks"})
	var b strings.Builder
	for i := range rapid.IntRange(0, 6).Draw(t, label) {
		fmt.Fprintf(&b, "%s %s %s %s and %s %s.%s", subject.Draw(t, "subject"), verb.Draw(t, "verb"), link.Draw(t, "link"), val.Draw(t, "value"),
			link.Draw(t, "link"), val.Draw(t, "value"), []string{" ", "\n\n", "\n- "}[i%3])
	}
	return b.String()
}

func TestCompareIsSymmetric(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := Prepare(policyText(t, "a")), Prepare(policyText(t, "b"))
		ab, ba := Compare(a, b), Compare(b, a)
		if diff := cmp.Diff(mirror(ab), ba); diff != "" {
			t.Fatalf("swapped (-mirrored +got):\n%s", diff)
		}
		if self := Compare(a, a); len(self) > 0 {
			t.Fatalf("a text contradicts itself: %+v", self)
		}
		for _, c := range ab {
			if c.Confidence < threshold || c.Confidence > 1 || c.ValueA == "" || c.ValueB == "" || c.ValueA == c.ValueB {
				t.Fatalf("conflict %+v", c)
			}
		}
	})
}

func TestValueSpans(t *testing.T) {
	a := "Welcome. – Café guests pay **€4** for a cup of tea. Thank you."
	b := "Café guests pay\n€5 for a cup of tea."
	cs := Compare(Prepare(a), Prepare(b))
	if len(cs) != 1 {
		t.Fatalf("%d conflicts", len(cs))
	}
	c, ra, rb := cs[0], []rune(a), []rune(b)
	got := []string{
		string(ra[c.ValueSpanA.Start:c.ValueSpanA.End]), string(rb[c.ValueSpanB.Start:c.ValueSpanB.End]),
		string(ra[c.SpanA.Start:c.SpanA.End]), string(rb[c.SpanB.Start:c.SpanB.End]), c.Explanation,
	}
	want := []string{"€4", "€5", "– Café guests pay **€4** for a cup of tea.", b, "«€4» against «€5» for “Café guests pay”"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestAmbiguityIsSilent checks that a sentence with two equally good counterparts is left alone.
func TestAmbiguityIsSilent(t *testing.T) {
	a := Prepare("Mean time to repair: 40 minutes.")
	two := Prepare("Mean time to repair: 50 minutes.\n\nMean time to repair: 60 minutes.")
	one := Prepare("Mean time to repair: 50 minutes.")
	if cs := Compare(a, two); len(cs) > 0 {
		t.Errorf("two counterparts, and yet %s", describe(cs))
	}
	if cs := Compare(a, one); len(cs) != 1 {
		t.Errorf("one counterpart, %d conflicts", len(cs))
	}
}

func TestRelate(t *testing.T) {
	one := func(text string) Quantity {
		sts := Prepare(text + " crates arrived")
		if len(sts) != 1 || len(sts[0].Quantities) != 1 {
			t.Fatalf("%q states %d sentences", text, len(sts))
		}
		return sts[0].Quantities[0]
	}
	for _, tc := range []struct {
		a, b          string
		loose, strict relation
	}{
		{"14 days", "two weeks", same, same},
		{"$1,000", "1000 dollars", same, same},
		{"9:00", "9am", same, same},
		{"1:00", "13:00", same, same},
		{"50%", "50 percent", same, same},
		{"50%", "50 dollars", apart, apart},
		{"$5 per month", "$60 per year", apart, apart},
		{"5 business days", "5 days", apart, apart},
		{"30 days", "one month", same, same},
		{"40 days", "one month", different, different},
		{"365 days", "12 months", same, same},
		{"1.000", "1,000", same, same},
		{"7.64", "7.6", same, same},
		{"7.64", "7.7", different, different},
		{"$4.2 million", "$4,187,000", same, same},
		{"about 20 minutes", "21 minutes", agreeing, agreeing},
		{"about 20 minutes", "40 minutes", different, different},
		{"within 30 days", "30 days", agreeing, agreeing},
		{"within 30 days", "14 days", agreeing, different},
		{"within 14 days", "30 days", different, different},
		{"within 30 days", "within 14 days", different, different},
		{"more than 30 days", "more than 14 days", agreeing, different},
		{"at least 10 days", "at most 6 days", different, different},
		{"at least 6 days", "at most 10 days", agreeing, agreeing},
		{"fewer than 6", "no more than 5", agreeing, agreeing},
		{"4-6 weeks", "5 weeks", agreeing, different},
		{"4-6 weeks", "8 weeks", different, different},
		{"4-6 weeks", "4-8 weeks", different, different},
		{"5 March", "5 March 2026", same, same},
		{"March 2026", "5 March 2026", same, same},
		{"5 March 2025", "5 March 2026", different, different},
		{"before 5 March 2026", "3 March 2026", agreeing, agreeing},
		{"version 4.2", "version 4.2.1", same, same},
		{"version 4.2", "version 4.3", different, different},
		{"1 GB", "1024 MB", same, same},
		{"7 miles", "11.3 km", same, same},
		{"weekly", "every 7 days", same, same},
		{"biweekly", "every two weeks", same, same},
		{"weekly", "monthly", different, different},
	} {
		qa, qb := one(tc.a), one(tc.b)
		for _, strict := range []bool{false, true} {
			want := tc.loose
			if strict {
				want = tc.strict
			}
			if got := relate(qa, qb, strict); got != want {
				t.Errorf("%q and %q, strict %v: relation %d, want %d", tc.a, tc.b, strict, got, want)
			}
			if got := relate(qb, qa, strict); got != want {
				t.Errorf("%q and %q, strict %v: relation %d, want %d", tc.b, tc.a, strict, got, want)
			}
		}
	}
}

// TestDamagedStatements checks that statements which do not hold together, as from a damaged store,
// are compared without a panic.
func TestDamagedStatements(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sts := Prepare("Guests pay 5 euros for parking in the yard. Staff pay 2 euros for parking in the hall.")
		other := Prepare("Guests pay 6 euros for parking in the yard. Staff pay 3 euros for parking in the hall.")
		s := &sts[rapid.IntRange(0, len(sts)-1).Draw(t, "statement")]
		n := rapid.IntRange(-50, 5000)
		q := &s.Quantities[0]
		q.At, q.Start, q.Len, q.Kind = n.Draw(t, "at"), n.Draw(t, "start"), n.Draw(t, "len"), Kind(rapid.Byte().Draw(t, "kind"))
		s.Words = s.Words[:rapid.IntRange(0, len(s.Words)).Draw(t, "words")]
		Compare(sts, other)
		Compare(other, sts)
	})
}
