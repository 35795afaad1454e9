package extract

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/muniment/muniment/freshness"
)

type fataler interface {
	Helper()
	Fatalf(string, ...any)
}

// checkDocument holds for every text: what is kept stands in the original where the document
// says, headings are in order, and nothing more would be left out if it were asked again.
func checkDocument(t fataler, mime, text string) Document {
	t.Helper()
	d := Extract(mime, text)
	if !utf8.ValidString(d.Plain) {
		t.Fatalf("%s %q gives invalid text %q", mime, text, d.Plain)
	}
	var plain, original int32
	for _, r := range d.runs {
		if r.plain < plain || r.from < original || r.length <= 0 || r.to < r.from || int(r.end()) > len(d.Plain) || int(r.to) > len(text) {
			t.Fatalf("%s %q: run %+v is out of order", mime, text, r)
		}
		if r.verbatim && d.Plain[r.plain:r.end()] != text[r.from:r.to] {
			t.Fatalf("%s %q: %q does not stand at %d", mime, text, d.Plain[r.plain:r.end()], r.from)
		}
		plain, original = r.end(), r.from
		if r.verbatim {
			original = r.to
		}
	}
	at := 0
	for _, h := range d.Headings {
		if h.Start < at || h.End <= h.Start || h.End > len(d.Plain) || h.Title == "" || h.Level < 1 || h.Level > 6 {
			t.Fatalf("%s %q: heading %+v behind %d", mime, text, h, at)
		}
		at = h.End
	}
	if again, n := Visible(d.Plain); again != d.Plain || n != 0 {
		t.Fatalf("%s %q: of %q another %d characters have no shape", mime, text, d.Plain, n)
	}
	if n := utf8.RuneCountInString(text); d.Hidden < 0 || d.Hidden > n {
		t.Fatalf("%s %q: %d of %d characters are hidden", mime, text, d.Hidden, n)
	}
	return d
}

// Each word is found where it stands, alone and within any stretch of text around it.
func TestEveryWordMapsBack(t *testing.T) {
	markup := []string{"<p>", "</p>", "<b>", "</b>", "<span hidden>", "</span>", "<div hidden>\n", "</div>\n", "<!-- c -->", "<br>", "&amp;", "&#8203;",
		"<table><tr><td>", "</table>", "<h2>", "</h2>", "<pre>", "</pre>", "<ul><li>", "</ul>", "> ", "- ", "\n\n", "\n", "# ", "`", "```\n", "\u200b", "ü", "日", "\U000e0041", "[//]: # (x)\n", "---\n", "\t", "    "}
	kept := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		mime := rapid.SampledFrom([]string{"text/html", "text/markdown", "text/plain"}).Draw(t, "mime")
		var text strings.Builder
		for range rapid.IntRange(1, 40).Draw(t, "length") {
			if rapid.Bool().Draw(t, "word") {
				text.WriteString(" " + rapid.StringMatching(`w[a-z]{3}[0-9]{3}w`).Draw(t, "w") + " ")
			} else {
				text.WriteString(rapid.SampledFrom(markup).Draw(t, "markup"))
			}
		}
		original := text.String()
		d := checkDocument(t, mime, original)
		runes, at := []rune(original), d.Locator()
		from := rapid.IntRange(0, len(d.Plain)).Draw(t, "from")
		to := rapid.IntRange(from, len(d.Plain)).Draw(t, "to")
		for !utf8.ValidString(d.Plain[from:]) || !utf8.ValidString(d.Plain[:from]) {
			from--
		}
		for !utf8.ValidString(d.Plain[:to]) {
			to--
		}
		if from >= to {
			from, to = 0, len(d.Plain)
		}
		if from == to {
			return
		}
		passage, runs := at.Locate(from, to)
		for _, m := range word4.FindAllStringIndex(d.Plain, -1) {
			w := d.Plain[m[0]:m[1]]
			span, alone := at.Locate(m[0], m[1])
			if got := string(runes[span.Start:span.End]); got != w || alone != nil {
				t.Fatalf("%s %q: %q is found at %v, where %q stands", mime, original, w, span, got)
			}
			if m[0] >= from && m[1] <= to {
				begin := utf8.RuneCountInString(d.Plain[from:m[0]])
				within := freshness.Origin(passage, runs, freshness.Span{Start: begin, End: begin + len(w)})
				if within != span {
					t.Fatalf("%s %q: %q is at %v, and within %q at %v", mime, original, w, span, d.Plain[from:to], within)
				}
			}
			kept[mime]++
		}
	})
	for _, mime := range []string{"text/html", "text/markdown", "text/plain"} {
		if kept[mime] == 0 {
			t.Errorf("no word of %s was kept", mime)
		}
	}
}

// What is plain stands in its passages one to one: there is nothing to remember.
func TestCleanTextHasNoRuns(t *testing.T) {
	for _, mime := range []string{"text/markdown", "text/plain"} {
		d := Extract(mime, "# Léave\n\nTwo <3 `<b>` days.\n\n- a\n- b\n")
		if d.Plain != d.original || d.Hidden != 0 {
			t.Errorf("%s: %q, %d hidden", mime, d.Plain, d.Hidden)
		}
		if span, runs := d.Locator().Locate(2, 8); runs != nil || span != (freshness.Span{Start: 2, End: 7}) {
			t.Errorf("%s: %v, %v", mime, span, runs)
		}
	}
}
