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

// scanTag reads the tag that s begins with and returns its length, 0 if there is none. It takes
// only what Markdown calls a tag within a line of text: there anything else is text.
func scanTag(s string) (t tag, length int) {
	i := 1
	if i < len(s) && s[i] == '/' {
		t.end = true
		i++
	}
	begin := i
	if i >= len(s) || !letter(s[i]) {
		return tag{}, 0
	}
	for i < len(s) && (letter(s[i]) || digit(s[i]) || s[i] == '-') {
		i++
	}
	t.name = strings.ToLower(s[begin:i])
	for {
		gap := i
		for i < len(s) && space(s[i]) {
			i++
		}
		switch {
		case i >= len(s):
			return tag{}, 0
		case s[i] == '>':
			return t, i + 1
		case !t.end && strings.HasPrefix(s[i:], "/>"):
			t.closed = true
			return t, i + 2
		case i == gap, t.end:
			return tag{}, 0
		}
		if i = t.attribute(s, i); i < 0 {
			return tag{}, 0
		}
	}
}

// attribute reads the attribute at s[i:] and returns the index behind it, -1 if there is none.
func (t *tag) attribute(s string, i int) int {
	begin := i
	if c := s[i]; !letter(c) && c != '_' && c != ':' {
		return -1
	}
	for i < len(s) && (letter(s[i]) || digit(s[i]) || strings.IndexByte("_:.-", s[i]) >= 0) {
		i++
	}
	name, known := attributeNames[strings.ToLower(s[begin:i])]
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
	if c := s[i]; c == '"' || c == '\'' {
		begin++
		n := strings.IndexByte(s[begin:], c)
		if n < 0 {
			return -1
		}
		end = begin + n
		i = end + 1
	} else {
		for i < len(s) && !space(s[i]) && s[i] != '>' {
			if strings.IndexByte("\"'=<`", s[i]) >= 0 {
				return -1
			}
			i++
		}
		if end = i; begin == end {
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
