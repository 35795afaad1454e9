package extract

import (
	"strings"

	xhtml "golang.org/x/net/html"
)

// tag is a start or end tag, with the attributes that matter here, unescaped. Of an
// attribute that is given twice the first counts.
type tag struct {
	name     string // in lower case
	from, to int    // where it stands in the original
	end      bool
	closed   bool // "<name/>"
	attrs    [attributes]string
	has      uint32 // a bit for each attribute that is given
}

type attribute int

const (
	attrStyle attribute = iota
	attrClass
	attrID
	attrHidden
	attrRole
	attrLabel
	attrBgcolor
	attrColor
	attrText
	attrAlt
	attrType
	attrValue
	attrStart
	attrColspan
	attrRowspan
	attrOpen
	attributes
)

var attributeNames = map[string]attribute{
	"style": attrStyle, "class": attrClass, "id": attrID, "hidden": attrHidden, "role": attrRole, "aria-label": attrLabel,
	"bgcolor": attrBgcolor, "color": attrColor, "text": attrText, "alt": attrAlt, "type": attrType, "value": attrValue,
	"start": attrStart, "colspan": attrColspan, "rowspan": attrRowspan, "open": attrOpen,
}

func (t *tag) set(a attribute, value string) {
	if t.has&(1<<a) == 0 {
		t.has |= 1 << a
		t.attrs[a] = value
	}
}

func (t *tag) given(a attribute) bool { return t.has&(1<<a) != 0 }

func (t *tag) get(a attribute) string { return t.attrs[a] }

// names reports whether one of the words of the attribute is among those given.
func (t *tag) names(a attribute, words ...string) bool {
	for field := range strings.FieldsSeq(t.attrs[a]) {
		for _, w := range words {
			if strings.EqualFold(field, w) {
				return true
			}
		}
	}
	return false
}

// scanTag reads the tag that s begins with, as browsers do, and returns its length, 0 if
// there is none. Strict, it takes only what Markdown calls a tag within a line of text: there
// anything else is text.
func scanTag(s string, strict bool) (t tag, length int) {
	i := 1
	if i < len(s) && s[i] == '/' {
		t.end = true
		i++
	}
	begin := i
	if i >= len(s) || !letter(s[i]) {
		return tag{}, 0
	}
	for i < len(s) && !space(s[i]) && s[i] != '/' && s[i] != '>' {
		if strict && !letter(s[i]) && !digit(s[i]) && s[i] != '-' {
			return tag{}, 0
		}
		i++
	}
	t.name = strings.ToLower(s[begin:i])
	for {
		gap := i
		for i < len(s) && (space(s[i]) || s[i] == '/' && !strict) {
			i++
		}
		if strict && strings.HasPrefix(s[i:], "/>") && !t.end {
			t.closed = true
			return t, i + 2
		}
		if i >= len(s) {
			return tag{}, 0
		}
		if s[i] == '>' {
			t.closed = !strict && s[i-1] == '/'
			return t, i + 1
		}
		if strict && (i == gap || t.end) {
			return tag{}, 0
		}
		if i = t.attribute(s, i, strict); i < 0 {
			return tag{}, 0
		}
	}
}

// attribute reads the attribute at s[i:] and returns the index behind it, -1 if the tag ends
// nowhere or may not have it.
func (t *tag) attribute(s string, i int, strict bool) int {
	begin := i
	for i < len(s) && !space(s[i]) && s[i] != '/' && s[i] != '>' && (s[i] != '=' || i == begin) {
		if c := s[i]; strict && !letter(c) && c != '_' && c != ':' && (i == begin || !digit(c) && c != '.' && c != '-') {
			return -1
		}
		i++
	}
	name, known := attributeNames[strings.ToLower(s[begin:i])]
	known = known && !t.end
	next := i
	for next < len(s) && space(s[next]) {
		next++
	}
	if next >= len(s) || s[next] != '=' {
		if known {
			t.set(name, "")
		}
		return i
	}
	for i = next + 1; i < len(s) && space(s[i]); i++ {
	}
	if i >= len(s) {
		return -1
	}
	begin = i
	end := i
	switch c := s[i]; {
	case c == '"' || c == '\'':
		begin++
		n := strings.IndexByte(s[begin:], c)
		if n < 0 {
			return -1
		}
		end = begin + n
		i = end + 1
	default:
		for i < len(s) && !space(s[i]) && s[i] != '>' {
			if strict && strings.IndexByte("\"'=<`", s[i]) >= 0 {
				return -1
			}
			i++
		}
		if end = i; strict && begin == end {
			return -1
		}
	}
	if known {
		t.set(name, xhtml.UnescapeString(s[begin:end]))
	}
	return i
}

func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func digit(c byte) bool { return '0' <= c && c <= '9' }

func space(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f' }
