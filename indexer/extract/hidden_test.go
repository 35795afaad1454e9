package extract

import (
	"strings"
	"testing"
)

// CON-03: each way to hide a text from a reader keeps it out of what is indexed, and what it
// hides is counted.
func TestHiddenTextIsLeftOut(t *testing.T) {
	tags := strings.Map(func(r rune) rune { return 0xE0000 + r }, "secret")
	for name, tc := range map[string]struct {
		mime, text string
		hidden     int
	}{
		"display:none":              {"html", `<p style="display:none">secret</p>`, 6},
		"display none, escaped":     {"html", `<p style="d\69splay:n\6fne">secret</p>`, 6},
		"display none, a comment":   {"html", `<p style="display:/**/none/**/!important">secret</p>`, 6},
		"display none, by class":    {"html", `<style>.a{color:red;display:none}</style><p class="b a">secret</p>`, 6},
		"display none, around":      {"html", `<div style="display:none"><p><b>secret</b></p></div>`, 6},
		"visibility:hidden":         {"html", `<p style="visibility:hidden">secret</p>`, 6},
		"the attribute hidden":      {"html", `<p hidden>secret</p>`, 6},
		"white on white":            {"html", `<p style="color:#fffffe">secret</p>`, 6},
		"white on white, by hsl":    {"html", `<p style="color:hsl(0 0% 100%)">secret</p>`, 6},
		"the colour of the cell":    {"html", `<table><tr><td bgcolor="#000"><font color="black">secret</font></table>`, 6},
		"transparent":               {"html", `<p style="color:transparent">secret</p>`, 6},
		"opacity":                   {"html", `<p style="opacity:0">secret</p>`, 6},
		"no size":                   {"html", `<p style="font-size:0">secret</p>`, 6},
		"one pixel":                 {"html", `<p style="font:1px/1 serif">secret</p>`, 6},
		"off the page":              {"html", `<p style="position:absolute;left:-9999px">secret</p>`, 6},
		"indented away":             {"html", `<p style="text-indent:-9999px">secret</p>`, 6},
		"clipped":                   {"html", `<p style="position:absolute;clip:rect(0,0,0,0)">secret</p>`, 6},
		"no room":                   {"html", `<p style="height:0;overflow:hidden">secret</p>`, 6},
		"scaled to nothing":         {"html", `<p style="transform:scale(0)">secret</p>`, 6},
		"a comment":                 {"html", `<!-- secret -->`, 6},
		"a comment that is cut off": {"html", `<!-- secret`, 6},
		"a tag that is cut off":     {"html", `<p title="secret`, 16},
		"a hidden field":            {"html", `<input type="hidden" value="secret">`, 6},
		"what a picture says":       {"html", `<img hidden alt="secret">`, 6},
		"a closed dialog":           {"html", `<dialog>secret</dialog>`, 6},
		"tag characters":            {"plain", tags, 6},
		"tag characters, Markdown":  {"markdown", tags, 6},
		"tag characters, entities":  {"html", `&#xE0073;&#xE0065;&#xE0063;`, 3},
		"a Markdown comment":        {"markdown", `[//]: # (secret)`, 6},
		"a comment in Markdown":     {"markdown", "a <!-- secret\nsecret --> b", 13},
		"a span in Markdown":        {"markdown", `a <span style="color:white">secret</span> b`, 6},
		"around Markdown":           {"markdown", "<div hidden>\n\nsecret `secret`\n\n    secret\n\n</div>", 21},
		"in a list in Markdown":     {"markdown", "- <i hidden>secret</i>\n  1. <p hidden>secret\n     secret</p>\n", 19},
		"deep in quotations":        {"markdown", strings.Repeat("> ", 20) + "<i hidden>secret</i>", 6},
		"a heading in Markdown":     {"markdown", `# <i hidden>secret</i>`, 6},
		"in a quotation mark":       {"markdown", "<div title=\"\n\nsecret\n", 18},
	} {
		for _, around := range []string{"", "before\n\n"} {
			d := checkDocument(t, "text/"+tc.mime, around+tc.text)
			if strings.Contains(d.Plain, "secret") || len(d.Headings) > 0 || around != "" && !strings.HasPrefix(d.Plain, "before") {
				t.Errorf("%s: %q, %v", name, d.Plain, d.Headings)
			}
			if d.Hidden != tc.hidden {
				t.Errorf("%s: %d characters are hidden, want %d", name, d.Hidden, tc.hidden)
			}
		}
	}
}

// CON-03: characters that nobody sees do not part the words that they stand in.
func TestInvisibleCharactersAreLeftOut(t *testing.T) {
	for _, r := range "\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2062\u2066\u2069\u061c\u00ad\ufeff\ufe0f\u180e\u115f\u3164\U000e0001\U000e0041\U000e0100" {
		for _, mime := range []string{"text/plain", "text/markdown", "text/html"} {
			d := checkDocument(t, mime, "pay"+string(r)+"roll")
			if d.Plain != "payroll" || d.Hidden != 1 {
				t.Errorf("%s with %U: %q, %d hidden", mime, r, d.Plain, d.Hidden)
			}
		}
	}
}

// What readers see stays, although it looks much like what they do not.
func TestVisibleTextStays(t *testing.T) {
	for _, text := range []string{
		`<p style="display:block">shown</p>`, `<p style="color:white;background:#003">shown</p>`, `<p style="opacity:.5">shown</p>`,
		`<p style="color:white;background:url(a.png)">shown</p>`, `<div style="visibility:hidden"><p style="visibility:visible">shown</p></div>`,
		`<style>.a .b{display:none}</style><p class=b>shown</p>`, `<style>@media print{p{display:none}}</style><p>shown</p>`,
		`<p style="font-size:0"><span style="font-size:12px">shown</span></p>`, `<p aria-hidden="true">shown</p>`,
		`<p style="position:relative;left:-2px">shown</p>`, `<p style="display:none">x</p>shown`, `<dialog open>shown</dialog>`,
		`<p style="x:'display:none'">shown</p>`, `<b/hidden=>x</b>shown`, `<!--[if mso]>x<![endif]-->shown`,
	} {
		if d := checkDocument(t, "text/html", text); !strings.Contains(d.Plain, "shown") {
			t.Errorf("%s: %q", text, d.Plain)
		}
	}
}
