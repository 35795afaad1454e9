package extract

import (
	"regexp"
	"strings"

	xhtml "golang.org/x/net/html"
)

// html extracts a page.
func html(text string) Document {
	p := newPage(text)
	p.site = true
	p.twice(p.read)
	return Document{
		Plain: string(p.out.plain), Headings: p.out.headings, Hidden: p.unseen.n,
		original: text, runs: p.out.runs,
	}
}

// read takes the whole page.
func (p *page) read() {
	if p.original != "" {
		l := joinLines(p.original, []stretch{{0, len(p.original)}})
		p.tokens(&l, 0)
	}
	p.close()
}

// tokens takes a piece of HTML behind from, token by token. open reports whether it ends
// within a comment.
func (p *page) tokens(l *lines, from int) (open bool) {
	z := xhtml.NewTokenizer(strings.NewReader(l.text[from:]))
	for {
		kind := z.Next()
		to := from + len(z.Raw())
		switch kind {
		case xhtml.TextToken:
			l.each(from, to, p.textToken)
		case xhtml.StartTagToken, xhtml.SelfClosingTagToken:
			t := readTag(z)
			t.from, t.to, t.closed = l.place(from), l.behind(to), kind == xhtml.SelfClosingTagToken
			p.start(&t)
		case xhtml.EndTagToken:
			name, _ := z.TagName()
			p.finish(string(name))
		case xhtml.CommentToken:
			raw := l.text[from:to]
			p.comment(raw)
			open = to == len(l.text) && strings.HasPrefix(raw, "<!--") && !endsComment.MatchString(raw)
		case xhtml.ErrorToken:
			// What begins a tag that never ends is not shown. In a quotation, nor is what follows.
			rest := l.text[from:]
			p.unseen.comment(rest)
			p.lost = p.lost || strings.Count(rest, `"`)%2 == 1 || strings.Count(rest, "'")%2 == 1
			return open
		}
		from = to
	}
}

var endsComment = regexp.MustCompile(`^<!---?>$|--!?>$`)

func readTag(z *xhtml.Tokenizer) (t tag) {
	name, more := z.TagName()
	t.name = string(name)
	for more {
		var key, value []byte
		key, value, more = z.TagAttr()
		if a, known := attributeNames[string(key)]; known {
			t.set(a, string(value))
		}
	}
	return t
}

func (p *page) textToken(from, to int) {
	switch p.top().name {
	case "style":
		if p.measuring {
			p.sheet.add(p.original[from:to])
		}
	case "plaintext", "xmp":
		p.text(p.original[from:to], from, to, true)
	default:
		p.escaped(from, to)
	}
}

// comment counts what a comment says. Instructions to programs, "<?", are no text.
func (p *page) comment(raw string) {
	if strings.HasPrefix(raw, "<?") || p.top().place.unseen {
		return
	}
	for _, mark := range []string{"<!--", "<!", "</"} {
		if rest, ok := strings.CutPrefix(raw, mark); ok {
			raw = rest
			break
		}
	}
	p.unseen.comment(strings.TrimSuffix(strings.TrimSuffix(raw, ">"), "--"))
}
