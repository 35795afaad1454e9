package folder

import (
	"path"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
	"golang.org/x/net/html"
)

// maxTitle is the longest title, and titleWithin how much of a text is searched for one,
// in bytes.
const (
	maxTitle    = 4096
	titleWithin = 64 << 10
)

// kind is a sort of document that is read.
type kind struct {
	mime  string
	title func(body string) string // the first heading, "" if there is none
}

// kinds are the documents that are read, by the ends of their names.
var kinds = map[string]kind{
	".md": {"text/markdown", markdownTitle}, ".markdown": {"text/markdown", markdownTitle}, ".mdx": {"text/markdown", markdownTitle},
	".html": {"text/html", htmlTitle}, ".htm": {"text/html", htmlTitle},
	".txt": {"text/plain", noTitle}, ".text": {"text/plain", noTitle},
	".rst": {"text/plain", underlinedTitle}, ".adoc": {"text/plain", markedTitle}, ".asciidoc": {"text/plain", markedTitle},
	".org": {"text/plain", markedTitle},
}

// kindOf returns the kind of a file by its name.
func kindOf(name string) (kind, bool) {
	k, ok := kinds[strings.ToLower(path.Ext(name))]
	return k, ok
}

// titleOf is the document's own title, or its file name without the ending.
func titleOf(k kind, name, body string) string {
	base := path.Base(name)
	body = cut(body, titleWithin)
	title := strings.Join(strings.Fields(k.title(body)), " ")
	return first(title, strings.TrimSuffix(base, path.Ext(base)), base)
}

// cut is the beginning of a text, at most n bytes of it and no half character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

func noTitle(string) string { return "" }

func markdownTitle(body string) string {
	source := []byte(body)
	var title string
	root := goldmark.New().Parser().Parse(text.NewReader(source))
	ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if _, ok := n.(*ast.Heading); !ok || !entering {
			return ast.WalkContinue, nil
		}
		if title = inlineText(n, source); strings.TrimSpace(title) == "" {
			return ast.WalkSkipChildren, nil
		}
		return ast.WalkStop, nil
	})
	return title
}

// inlineText is the words of a heading without its markup.
func inlineText(n ast.Node, source []byte) string {
	var b strings.Builder
	ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Text:
			b.Write(n.Segment.Value(source))
			if n.SoftLineBreak() || n.HardLineBreak() {
				b.WriteByte(' ')
			}
		case *ast.String:
			b.Write(n.Value)
		case *ast.AutoLink:
			b.Write(n.Label(source))
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

// htmlTitle is the text of <title>, else of the first <h1>.
func htmlTitle(body string) string {
	z := html.NewTokenizer(strings.NewReader(body))
	z.SetMaxBuf(1 << 20)
	var heading, open string
	var words strings.Builder
	for {
		switch z.Next() {
		case html.ErrorToken:
			return heading
		case html.StartTagToken:
			name, _ := z.TagName()
			if tag := string(name); open == "" && (tag == "title" || tag == "h1" && heading == "") {
				open = tag
				words.Reset()
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			if open == "" || string(name) != open {
				continue
			}
			if text := strings.TrimSpace(words.String()); text != "" {
				if open == "title" {
					return text
				}
				heading = text
			}
			open = ""
		case html.TextToken:
			if open != "" {
				words.Write(z.Text())
				words.WriteByte(' ')
			}
		}
	}
}

var markedHeading = regexp.MustCompile(`(?mi)^(?:=\s+|#\+title:\s*|\*\s+)(\S.*)$`)

// markedTitle is the first heading of AsciiDoc or Org.
func markedTitle(body string) string {
	if m := markedHeading.FindStringSubmatch(body); m != nil {
		return m[1]
	}
	return ""
}

var rule = regexp.MustCompile(`^[-=~^"'*+#<>:_.` + "`" + `]{3,}\s*$`)

// underlinedTitle is the first heading of reStructuredText: a line with a rule below it
// that is as long.
func underlinedTitle(body string) string {
	var above string
	for line := range strings.Lines(body) {
		line = strings.TrimRight(line, " \t\r\n")
		if rule.MatchString(line) && above != "" && !rule.MatchString(above) && len([]rune(line)) >= len([]rune(above)) {
			return above
		}
		above = line
	}
	return ""
}
