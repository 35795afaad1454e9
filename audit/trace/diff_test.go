package trace

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestAround(t *testing.T) {
	const old = "# Dues\n\nBerth dues are £40 a week.\nPay in advance.\n\nDogs are free.\n"
	for _, c := range []struct {
		what, passage, new, was, is string
	}{
		{"an edited line", "Berth dues are £40 a week.", "# Dues\n\nBerth dues are £45 a week.\nPay in advance.\n\nDogs are free.\n", "Berth dues are £40 a week.\n", "Berth dues are £45 a week.\n"},
		{"an edit elsewhere, and new lines before", "Dogs are free.", "News.\n\n# Dues\n\nBerth dues are £45 a week.\nPay in advance.\n\nDogs are free.\n", "Dogs are free.\n", "Dogs are free.\n"},
		{"a line that is gone", "Pay in advance.", "# Dues\n\nBerth dues are £40 a week.\n\nDogs are free.\n", "Pay in advance.\n", ""},
		{"half a line", "dues are", "# Dues\n\nBerth dues are £45 a week.\nPay in advance.\n\nDogs are free.\n", "Berth dues are £40 a week.\n", "Berth dues are £45 a week.\n"},
		{"two lines, of which one was edited", "Berth dues are £40 a week.\nPay in advance.", "# Dues\n\nBerth dues are £40 a week.\nPay afterwards.\n\nDogs are free.\n", "Berth dues are £40 a week.\nPay in advance.\n", "Berth dues are £40 a week.\nPay afterwards.\n"},
		{"another text", "Dogs are free.", "All is new.", old, "All is new."},
		{"no text", "Dogs are free.", "", old, ""},
	} {
		start := utf8.RuneCountInString(old[:strings.Index(old, c.passage)])
		was, is := around(old, c.new, start, start+utf8.RuneCountInString(c.passage))
		if was != c.was || is != c.is {
			t.Errorf("%s: was %q, is %q; want %q, %q", c.what, was, is, c.was, c.is)
		}
	}
	long := strings.Repeat("ü", mostShown)
	if was, is := around(long, "", 0, 1); len(was) > mostShown+len("…") || !utf8.ValidString(was) || is != "" {
		t.Errorf("%d bytes are shown", len(was))
	}
	around("", "", 0, 0)
	around("a", "b", 5, 9) // a stretch that the text does not have
}

// TestAroundIsTheEdit edits only the lines of the stretch, its first and last among them, in a
// text in which no line comes twice: putting the new lines in the place of the old makes the new
// text, and the old lines are those of the stretch.
func TestAroundIsTheEdit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := func(name string, least int) (list []string) {
			for i := range rapid.IntRange(least, 5).Draw(t, name) {
				list = append(list, fmt.Sprintf("%s ü %d\n", name, i))
			}
			return list
		}
		head, body, edit, tail := strings.Join(lines("before", 0), ""), lines("of it", 1), lines("new", 0), strings.Join(lines("after", 0), "")
		for i, line := range body {
			if i > 0 && i < len(body)-1 && rapid.Bool().Draw(t, "stays") {
				edit = append(edit, line, fmt.Sprintf("more %d\n", i))
			}
		}
		stretch, new := strings.Join(body, ""), strings.Join(edit, "")
		start := utf8.RuneCountInString(head)
		was, is := around(head+stretch+tail, head+new+tail, start, start+utf8.RuneCountInString(stretch))
		if was != stretch || is != new {
			t.Fatalf("was %q, is %q; want %q, %q", was, is, stretch, new)
		}
	})
}
