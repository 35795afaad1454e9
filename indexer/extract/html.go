package extract

import (
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

// read takes the whole page, token by token.
func (p *page) read() {
	z := xhtml.NewTokenizer(strings.NewReader(p.original))
	from := 0
	for {
		kind := z.Next()
		to := from + len(z.Raw())
		switch kind {
		case xhtml.TextToken:
			p.textToken(from, to)
		case xhtml.StartTagToken, xhtml.SelfClosingTagToken:
			t := readTag(z)
			t.from, t.to, t.closed = from, to, kind == xhtml.SelfClosingTagToken
			p.start(&t)
		case xhtml.EndTagToken:
			name, _ := z.TagName()
			p.finish(string(name))
		case xhtml.CommentToken:
			p.comment(p.original[from:to])
		case xhtml.ErrorToken:
			// What begins a tag that never ends is not shown.
			p.unseen.comment(p.original[from:])
			p.close()
			return
		}
		from = to
	}
}

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
