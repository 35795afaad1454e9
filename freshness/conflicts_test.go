package freshness

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const refunds = "Shop rules for every branch. Customers may return unopened goods within %s of delivery for a full refund. " +
	"The branch manager signs every refund and files the receipt in the blue folder behind the counter."

// shop returns a source that states how long goods may be returned.
func shop(key, lineage, window string) Source {
	text := fmt.Sprintf(refunds, window)
	return Source{Key: key, Lineage: lineage, Signature: Sign(text), Statements: Prepare(text)}
}

func TestConflictsOnlyBetweenRelatives(t *testing.T) {
	for name, tc := range map[string]struct {
		sources []Source
		want    string
	}{
		"versions by lineage":         {[]Source{unsigned(shop("v1", "rules", "30 days")), unsigned(shop("v2", "rules", "14 days"))}, "duration 30 days / 14 days"},
		"declared to supersede":       {[]Source{unsigned(shop("v1", "", "30 days")), related(unsigned(shop("v2", "", "14 days")), "v1")}, "duration 30 days / 14 days"},
		"copies by signature":         {[]Source{shop("north", "", "30 days"), shop("south", "", "14 days")}, "duration 30 days / 14 days"},
		"strangers":                   {[]Source{unsigned(shop("north", "", "30 days")), unsigned(shop("south", "", "14 days"))}, ""},
		"an empty lineage joins none": {[]Source{unsigned(shop("v1", "", "30 days")), unsigned(shop("v2", "", "14 days"))}, ""},
		"the same document":           {[]Source{shop("v1", "rules", "30 days"), shop("v1", "rules", "14 days")}, ""},
		"issues of a series":          {[]Source{shop("rules/2023-04", "", "30 days"), shop("rules/2024-11", "", "14 days")}, ""},
		"agreeing versions":           {[]Source{shop("v1", "rules", "14 days"), shop("v2", "rules", "two weeks")}, ""},
		"no sources":                  {nil, ""},
	} {
		if got := describe(Conflicts(tc.sources)); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

func TestSeries(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want bool
	}{
		{"minutes/2024-03.md", "minutes/2024-04.md", true},
		{"elections/2021/README.md", "elections/2025/README.md", true},
		{"north/report-7", "south/report-12", true},
		{"log/20240301", "log/20240302", true},
		{"minutes/2024-03@1736878244", "minutes/2024-04@1736999999", true},
		{"pages/10428831", "pages/9920771", false},
		{"leave.md@1736878244", "leave.md@1736999999", false},
		{"leave.md", "leave-copy.md", false},
		{"leave.md", "leave.md", false},
		{"leave-1", "leave-1b", false},
		{"", "", false},
		{"a", "", false},
	} {
		if series(tc.a, tc.b) != tc.want || series(tc.b, tc.a) != tc.want {
			t.Errorf("%q and %q: want %v", tc.a, tc.b, tc.want)
		}
	}
}

// unsigned takes a source's signature away, so that only lineage and declarations are left.
func unsigned(s Source) Source {
	s.Signature = nil
	return s
}

func related(s Source, keys ...string) Source {
	s.Related = keys
	return s
}

// TestConflictsDoNotChain puts a third document beside a pair that has nothing to do with each other:
// its presence must not relate them.
func TestConflictsDoNotChain(t *testing.T) {
	a, c := unsigned(shop("a", "", "30 days")), unsigned(shop("c", "", "14 days"))
	bridge := related(unsigned(shop("b", "", "30 days")), "a", "c")
	for _, x := range Conflicts([]Source{a, bridge, c}) {
		if x.A == 0 && x.B == 2 {
			t.Errorf("a and c were related through b: %+v", x)
		}
	}
	// And a pair is judged alike with and without the third.
	pair := []Source{shop("v1", "rules", "30 days"), shop("v2", "rules", "14 days")}
	alone := Conflicts(pair)
	with := Conflicts(append(pair[:2:2], shop("v3", "rules", "30 days")))
	var same []Conflict
	for _, x := range with {
		if x.A == 0 && x.B == 1 {
			same = append(same, x)
		}
	}
	if diff := cmp.Diff(alone, same); diff != "" {
		t.Errorf("the third changed the pair:\n%s", diff)
	}
}

func TestPreferred(t *testing.T) {
	early, late := noon, noon.Add(time.Hour)
	for name, tc := range map[string]struct {
		change func(a, b *Source)
		want   int
		reason string
	}{
		"nothing known":     {func(a, b *Source) {}, 0, ""},
		"declared":          {func(a, b *Source) { a.Related = []string{"b"}; b.Verified = late }, 1, "it declares to supersede the other"},
		"each declares":     {func(a, b *Source) { a.Related, b.Related = []string{"b"}, []string{"a"} }, 0, ""},
		"superseded":        {func(a, b *Source) { a.Superseded = true; a.Verified = late }, 2, "the other has been superseded"},
		"verified later":    {func(a, b *Source) { a.Verified, b.Verified, b.Modified = late, early, late }, 1, "it was verified later"},
		"one verified":      {func(a, b *Source) { b.Verified = early }, 2, "it was verified later"},
		"modified later":    {func(a, b *Source) { a.Modified, b.Modified = early, late }, 2, "it was modified later"},
		"one date unknown":  {func(a, b *Source) { a.Modified = early }, 0, ""},
		"modified together": {func(a, b *Source) { a.Modified, b.Modified = early, early }, 0, ""},
	} {
		a, b := shop("a", "rules", "30 days"), shop("b", "rules", "14 days")
		tc.change(&a, &b)
		cs := Conflicts([]Source{a, b})
		if len(cs) != 1 || cs[0].Preferred != tc.want || cs[0].PreferredReason != tc.reason {
			t.Errorf("%s: %+v, want %d %q", name, cs, tc.want, tc.reason)
		}
		// Turning the sources round turns the preference.
		if cs := Conflicts([]Source{b, a}); len(cs) != 1 || cs[0].Preferred != (3-tc.want)%3 {
			t.Errorf("%s, turned round: %+v", name, cs)
		}
	}
}

// TestConflictsOrder gives the passages of two documents alternately: A must stay below B.
func TestConflictsOrder(t *testing.T) {
	fees := func(key, fee string) Source {
		return Source{Key: key, Lineage: "rules", Statements: Prepare("The yearly membership of the library costs " + fee + " for residents.")}
	}
	cs := Conflicts([]Source{shop("v1", "rules", "30 days"), fees("v2", "€20"), shop("v2", "rules", "14 days"), fees("v1", "€25")})
	var got []string
	for _, c := range cs {
		got = append(got, fmt.Sprintf("%d-%d %s", c.A, c.B, c.Explanation))
	}
	want := []string{
		"0-2 «30 days» against «14 days» for “Customers may return unopened goods within”",
		"1-3 «€20» against «€25» for “yearly membership of the library costs”",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestWorkIsLimited checks that what does not fit the limit is left out whole, pair by pair.
func TestWorkIsLimited(t *testing.T) {
	sources := []Source{shop("v1", "rules", "30 days"), shop("v2", "rules", "14 days"), shop("v3", "rules", "21 days")}
	all, complete := ConflictsWithin(sources, DefaultWork)
	if len(all) != 3 || !complete {
		t.Fatalf("%d conflicts, complete %v", len(all), complete)
	}
	for work := range 8 {
		part, complete := ConflictsWithin(sources, work)
		if complete != (len(part) == 3) {
			t.Errorf("work %d: %d conflicts, complete %v", work, len(part), complete)
		}
		if diff := cmp.Diff(all[:len(part)], part, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("work %d: %s", work, diff)
		}
	}
}

func TestTemplatesAreNoCopies(t *testing.T) {
	form := "Annual report of the %s chapter. This report was written by the chairs of the %s chapter and read by all members of the board. " +
		"The chapter held %d open meetings in the town hall and printed a newsletter. All members of the board thank the volunteers who came. " +
		"Please send corrections of this report to the board before the next general assembly of the association takes place in the town hall."
	source := func(key, chapter string, meetings int) Source {
		text := fmt.Sprintf(form, chapter, chapter, meetings)
		return Source{Key: key, Signature: Sign(text), Statements: Prepare(strings.ReplaceAll(text, "The chapter", "The "+chapter+" chapter"))}
	}
	a, b := source("reports/harbour", "Harbour", 12), source("reports/hillside", "Hillside", 7)
	if sim := a.Signature.Similarity(b.Signature); sim < copySimilarity {
		t.Fatalf("the two are not alike enough to test anything: %v", sim)
	}
	if cs := Conflicts([]Source{a, b}); len(cs) > 0 {
		t.Errorf("two chapters of one association: %+v", cs)
	}
}

func TestSectionsTellShortSentencesApart(t *testing.T) {
	plan := func(key, section, price string) Source {
		return Source{Key: key, Lineage: "prices", Section: section, Statements: Prepare("Monthly price: " + price + " per seat.")}
	}
	if cs := Conflicts([]Source{plan("v1", "Basic", "$5"), plan("v2", "Basic", "$6")}); len(cs) != 1 {
		t.Errorf("one section: %d conflicts", len(cs))
	}
	if cs := Conflicts([]Source{plan("v1", "Basic", "$5"), plan("v2", "Premium", "$6")}); len(cs) != 0 {
		t.Errorf("two sections: %+v", cs)
	}
}

func TestSignature(t *testing.T) {
	text := fmt.Sprintf(refunds, "30 days")
	other := "The observatory on the hill is open to schools every autumn. Telescopes are lent against a deposit, and clouds are nobody's fault."
	for name, tc := range map[string]struct {
		a, b     string
		min, max float64
	}{
		"itself":        {text, text, 1, 1},
		"other numbers": {text, strings.ReplaceAll(text, "30", "14"), 1, 1},
		"other markup":  {text, "# " + strings.ReplaceAll(text, "every", "**every**"), 1, 1},
		"another text":  {text, other, 0, 0.1},
		"one more line": {text, text + " Children are welcome.", 0.7, 0.99},
		"nothing":       {text, "", 0, 0},
	} {
		a, b := Sign(tc.a), Sign(tc.b)
		if got := a.Similarity(b); got < tc.min || got > tc.max || got != b.Similarity(a) {
			t.Errorf("%s: %v, want %v to %v", name, got, tc.min, tc.max)
		}
	}
	if Sign(" \n--- ") != nil {
		t.Error("a text without words has a signature")
	}
	if len(Sign("one")) != permutations {
		t.Error("a single word has no signature")
	}
	// Stored signatures outlive the program that made them.
	if got := hash(fmt.Sprint(Sign("The bell rings twice before the doors of the theatre close."))); got != signatureOfTheBell {
		t.Errorf("signatures have changed: %d", got)
	}
}

const signatureOfTheBell = 3164272625
