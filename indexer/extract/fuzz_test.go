package extract

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func seed(f *testing.F) {
	for _, s := range hostile {
		f.Add(strings.Repeat(s, 20))
	}
	for _, s := range []string{
		"", "<p hidden>a<b>b</p>c", "<div>\n\n# a\n\n</div>", "<!--", "<![CDATA[x]]>", "</", "<svg><desc><p>a</svg>b", "<table><td><table><tr>a",
		"[//]: # (a\nb)\nc", "> <!-- a\n> b --> c", "``a` <b>``", "- - - <i>\n   x", "<pre>\r\na\r\n</pre>", "\ufeff---\na: b\n---\n# c",
		"<h1><table><td>a<h2>b", "<style>p{display:none}</style><p>a", "<plaintext><b>", "&#x200b;&zwj;&", "<q><rt>a</q>", "<a href='\n\n'>b",
	} {
		f.Add(s)
	}
}

func FuzzHTML(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, text string) {
		if utf8.ValidString(text) {
			checkDocument(t, "text/html", text)
		}
	})
}

func FuzzMarkdown(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, text string) {
		if utf8.ValidString(text) && !strings.ContainsRune(text, 0) {
			checkDocument(t, "text/markdown", text)
		}
	})
}

// hostile are pieces of text that are slow to read, many times over, for a reader that looks
// for the end of each from its beginning.
var hostile = []string{
	"<b>", "<b hidden>", "<p>", "</p>", "<div>", "<i><p>", "<a><p>", "<table><tr><td>", "<table>", "<td>", "<li>", "<ul><li>", "<svg>", "<!--", "<!-- -",
	"<a b='", "<a b=\"", "<a b ", "<", "</", "<?", "<!", "<![CDATA[", "&", "&a", "&#0000000", "`", "``` ", "` `` ", "[", "[a]: # (b)\n", "[a]: # (", "\\",
	"> ", "- ", "1. ", "> > > > a\n", "# a\n", "a\n=\n", "<b>\n\n", "<div>\n\n", "<!--\n\n", "<table>\n\n", "- a\n", "\u200b", "\u200ba", "🏴\U000e0067",
	"<style>a{b:c}</style>", "<style>", "<p style='font:1px'>", "<font color=white>", "<h1>", "<h1>a", "<blockquote>", "<pre>\n", "<code>a", "<q>", "<sup>2",
	"<td rowspan=99 colspan=99>", "<table><td>a<td>", "<select><option>", "<form>", "<body a=b>", "<button><p>", "<nobr>", "<template>", "<object><b>",
	"<!-- x -->", "\t", " ", "\n", "* * *\n", "    a\n\n", "<span\n", "a <!-- b\n", "<p title=\"\n\n", "</b></i>", "<i><b></i>", "<x-y><b>",
}

// However a text is made, the time is in proportion to its length: with n² steps a single
// one of these would take minutes.
func TestHostileTextsTakeNoLongerThanOthers(t *testing.T) {
	const limit = 30 * time.Second
	size := 1 << 19
	if testing.Short() {
		size = 1 << 16
	}
	for _, s := range hostile {
		text := strings.Repeat(s, size/len(s))
		for _, mime := range []string{"text/html", "text/markdown"} {
			begin := time.Now()
			d := Extract(mime, text)
			at := d.Locator()
			for from := 0; from+100 < len(d.Plain); from += 100 {
				if utf8.RuneStart(d.Plain[from]) && utf8.RuneStart(d.Plain[from+100]) {
					at.Locate(from, from+100)
				}
			}
			if took := time.Since(begin); took > limit || testing.Verbose() && took > time.Second {
				t.Logf("%s of %q took %v", mime, s, took)
				if took > limit {
					t.Errorf("%s of %q is not linear", mime, s)
				}
			}
			if len(d.Plain) > 8*len(text)+100 {
				t.Errorf("%s of %q: %d bytes grew to %d", mime, s, len(text), len(d.Plain))
			}
		}
	}
}
