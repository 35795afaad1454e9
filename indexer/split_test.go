package indexer

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// checkSplit holds for every text: each passage is the slice of the text its span says,
// passages come in order without overlap, and none is too long.
func checkSplit(t interface {
	Fatalf(string, ...any)
}, mime, doc string) {
	runes := []rune(doc)
	end := 0
	passages, _ := Split(mime, doc)
	for i, p := range passages {
		if p.Span.Start < end || p.Span.End > len(runes) || p.Span.Start >= p.Span.End {
			t.Fatalf("passage %d has span %v after %d in a text of %d", i, p.Span, end, len(runes))
		}
		got := runes[p.Span.Start:p.Span.End]
		if p.Runs == nil && string(got) != p.Text {
			t.Fatalf("passage %d is %q, its span holds %q", i, p.Text, string(got))
		}
		text := []rune(p.Text)
		for _, r := range p.Runs {
			if string(got[r.Original:r.Original+r.Length]) != string(text[r.Text:r.Text+r.Length]) {
				t.Fatalf("passage %d is %q, its span holds %q and not the run %+v", i, p.Text, string(got), r)
			}
		}
		if strings.TrimSpace(p.Text) != p.Text || len(p.Text) > 2*maxBytes {
			t.Fatalf("passage %d is %d bytes: %.80q", i, len(p.Text), p.Text)
		}
		end = p.Span.End
	}
}

func FuzzSplit(f *testing.F) {
	for _, seed := range []string{
		"", "# A\n\ntext\n\n## B\nmore", "---\ntitle: x\n---\n# H\nbody", "Title\n=====\n\npara\n\nSub\n---\nx", "```\n# no heading\n```\n",
		strings.Repeat("word ", 5000), strings.Repeat("x", 50000), strings.Repeat("日本語。", 3000), "a\r\n\r\n# b\r\nc", "> # quoted\n\n- # listed", "<p hidden>x</p><h1>A&amp;B</h1>\u200bc<br>d", "<div hidden>\n\n# A\n\n</div>\n\nb <i>c</i>", "#\n\n##  \n\nx",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, doc string) {
		if !utf8.ValidString(doc) || strings.ContainsRune(doc, 0) {
			return // refused before it is split
		}
		checkSplit(t, "text/markdown", doc)
		checkSplit(t, "text/plain", doc)
		checkSplit(t, "text/html", doc)
	})
}

func TestSplitKeepsSpans(t *testing.T) {
	piece := rapid.SampledFrom([]string{"# H\n", "\n\n", "Some words here. ", "ünïcödé ", "```\n", "- item\n", "| a | b |\n", "東京都。", "\n", "===\n", "---\n", strings.Repeat("long ", 300)})
	rapid.Check(t, func(t *rapid.T) {
		doc := strings.Join(rapid.SliceOfN(piece, 0, 40).Draw(t, "pieces"), "")
		checkSplit(t, "text/markdown", doc)
		checkSplit(t, "text/plain", doc)
	})
}

func TestSplitFollowsHeadings(t *testing.T) {
	doc := `---
title: Leave
---
Opening words.

# Leave

General rules.

## Annual

28 days.

` + "```\n# not a heading\n```" + `

Sick
----

Call in.

## Empty at the end
`
	type passage struct {
		Headings string
		Text     string
	}
	want := []passage{
		{"", "Opening words."},
		{"Leave", "General rules."},
		{"Leave/Annual", "28 days.\n\n```\n# not a heading\n```"},
		{"Leave/Sick", "Call in."},
		{"Leave", "## Empty at the end"},
	}
	var got []passage
	passages, hidden := Split("text/markdown", doc)
	if hidden != 0 {
		t.Errorf("%d characters are hidden", hidden)
	}
	for _, p := range passages {
		got = append(got, passage{strings.Join(p.Headings, "/"), p.Text})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("passages (-want +got):\n%s", diff)
	}
}

// Every word of a text is in a passage: nothing that could be searched for is lost.
func TestSplitLosesNoWord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.StringMatching(`[a-z]{1,12}[.!?,]?`), 1, 2000).Draw(t, "words")
		sep := rapid.SampledFrom([]string{" ", "\n", "\n\n"})
		var doc strings.Builder
		for _, w := range words {
			doc.WriteString(w + sep.Draw(t, "sep"))
		}
		var got []string
		passages, _ := Split("text/plain", doc.String())
		for _, p := range passages {
			got = append(got, strings.Fields(p.Text)...)
		}
		if diff := cmp.Diff(words, got); diff != "" {
			t.Fatal(diff)
		}
	})
}
