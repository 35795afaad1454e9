package freshness

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func TestDeclared(t *testing.T) {
	by := func(refs ...string) Declaration { return Declaration{ReplacedBy: refs} }
	over := func(refs ...string) Declaration { return Declaration{Replaces: refs} }
	for name, tc := range map[string]struct {
		title, text string
		want        Declaration
	}{
		"front matter":                 {"", "---\ntitle: Leave\nsuperseded_by: hr/leave-2026.md\n---\nText.", by("hr/leave-2026.md")},
		"front matter beside":          {"", "---\nReplaced-By: './leave-2026.md'\n---\n", by("guide/leave-2026.md")},
		"front matter list":            {"", "---\nsupersedes: [a.md, \"../b.md\", ../../etc]\n---\n", over("a.md", "b.md")},
		"front matter list below":      {"", "---\nreplaces:\n  - a.md\n  - /b.md\nother:\n  - c.md\n---\n", over("a.md", "b.md")},
		"front matter TOML":            {"", "+++\nsuperseded_by = \"x.md\"\n+++\n", by("x.md")},
		"front matter address":         {"", "---\nsuperseded_by: https://wiki.example/leave\n---\n", by("https://wiki.example/leave")},
		"front matter words":           {"", "---\nsuperseded_by: the new policy\n---\n", by()},
		"front matter of another kind": {"", "---\ndescription: replaces a.md\n---\n", by()},
		"front matter that never ends": {"", "---\nsuperseded_by: x.md\n", by()},
		"title":                        {"Superseded by leave-2026.md", "Text.", by("guide/leave-2026.md")},
		"title behind its own name":    {"DEPRECATED: use new.md", "Text.", by("guide/new.md")},
		"title in words":               {"Superseded by the new leave policy", "Text.", by()},
		"title about something else":   {"How to use terraform", "It is deprecated.", by()},
		"title of a decision":          {"Deprecating long-lived credentials", "Text.", by()},
		"banner":                       {"", "# Leave\n\nThis page has been replaced by [Leave 2026](leave-2026.md).\n", by("guide/leave-2026.md")},
		"banner from the top":          {"", "Superseded by [wg-api-expression](/wg-api-expression/README.md).", by("wg-api-expression/README.md")},
		"banner in a quotation":        {"", "> **Note:** this document is superseded by the [new one](../hr/new.md#top).", by("hr/new.md")},
		"banner with a warning":        {"", "> [!WARNING]\n> Deprecated. Old text.\n> Deprecated: please use [this](x.md) instead", by("guide/x.md")},
		"banner in HTML":               {"", "<p>This page has moved to <a class=\"x\" href=\"new.html\">there</a>.</p>", by("guide/new.html")},
		"banner with an address":       {"", "This guide has been superseded by https://wiki.example/new.", by("https://wiki.example/new")},
		"banner with spaces":           {"", "Superseded by [x](<new rules.md>).\n\nReplaced by [y](a%20b.md).", by("guide/new rules.md", "guide/a b.md")},
		"banner of the newer one":      {"", "This policy replaces [the old one](old.md).", over("guide/old.md")},
		"both": {"", "---\nsupersedes: a.md\n---\n*This version is superseded by [c](c.md).*",
			Declaration{ReplacedBy: []string{"guide/c.md"}, Replaces: []string{"a.md"}}},
		"itself":              {"", "This page has been replaced by [itself](leave.md).", by()},
		"about another thing": {"", "This project formerly used a queue, it has since been replaced by [Tide](tide.md).", by()},
		"about a part":        {"", "The submit queue has been replaced by [Tide](tide.md).", by()},
		"no link":             {"", "This page has been replaced by our wiki.", by()},
		"a link far behind":   {"", "This page has been replaced by what the office says in [its rules](x.md).", by()},
		"use":                 {"", "Use [the form](form.md). The old form is deprecated.", by()},
		"an instruction":      {"", "The variable is replaced with [its value](value.md).", by()},
		"far below":           {"", strings.Repeat("Words of the text. ", 30) + "\n\nThis page has been replaced by [x](x.md).", by()},
		"a template":          {"", "This page has been replaced by [x]({{ site.url }}/x).", by()},
		"out of the source":   {"", "This page has been replaced by [x](../../x.md).", by()},
		"a mailbox":           {"", "This page has been replaced by [x](mailto:x@example.org).", by()},
	} {
		got := Declared("guide/leave.md", tc.title, tc.text)
		if diff := cmp.Diff(tc.want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

// Whatever the text, what is declared names something: a path below the top or an address.
func TestDeclaredNamesSomething(t *testing.T) {
	words := []string{"this page ", "has been ", "superseded by ", "replaces ", "use ", "deprecated", "[a](", ")", "../", "x.md", "<a href=", "\"", "---\n", "superseded_by: ", "\n", "https://x", "#", "é", "<", ">", "- ", "%ff", "%00", "\xc3"}
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(words), 0, 20).Draw(t, "text"), "")
		d := Declared("a/b.md", strings.Join(rapid.SliceOfN(rapid.SampledFrom(words), 0, 6).Draw(t, "title"), ""), text)
		for _, ref := range append(d.ReplacedBy, d.Replaces...) {
			if ref == "" || ref == "a/b.md" || !utf8.ValidString(ref) || !strings.Contains(ref, "://") && (strings.HasPrefix(ref, "/") || strings.HasPrefix(ref, "../")) {
				t.Errorf("%q declares %q", text, ref)
			}
		}
	})
}

func BenchmarkDeclared(b *testing.B) {
	text := answer(true)[0] + strings.Repeat("Words of the text that replace nothing. ", 100)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		Declared("guide/leave.md", "Leave", text)
	}
}

func BenchmarkDeclaredNothing(b *testing.B) {
	text := strings.Repeat("Words of the text that stand for nothing at all. ", 100)
	for b.Loop() {
		Declared("guide/leave.md", "Leave", text)
	}
}
