package extract

import (
	"strconv"
	"strings"
)

// property is one of the CSS properties that can hide text.
type property int

const (
	display property = iota
	visibility
	opacity
	fontSize
	color
	textFill
	background
	position
	left
	right
	top
	bottom
	textIndent
	marginLeft
	marginTop
	clip
	clipPath
	width
	height
	maxWidth
	maxHeight
	overflow
	transform
	filter
	msoHide
	properties
)

var propertyNames = map[string]property{
	"display": display, "visibility": visibility, "opacity": opacity, "font-size": fontSize, "font": fontSize, "color": color,
	"-webkit-text-fill-color": textFill, "background": background, "background-color": background, "position": position,
	"left": left, "right": right, "top": top, "bottom": bottom, "inset-inline-start": left, "text-indent": textIndent,
	"margin-left": marginLeft, "margin-top": marginTop, "clip": clip, "clip-path": clipPath, "-webkit-clip-path": clipPath,
	"width": width, "height": height, "max-width": maxWidth, "max-height": maxHeight, "overflow": overflow,
	"overflow-x": overflow, "overflow-y": overflow, "transform": transform, "-webkit-transform": transform, "filter": filter,
	"mso-hide": msoHide,
}

// declaration gives a property a value. The heavier of two wins; of equals, the later.
type declaration struct {
	property property
	value    string // in lower case
	weight   int
}

// The weights of declarations: of what an attribute or the browser says, of selectors by
// their rank, of a style attribute; more of what is important.
const (
	weightHint      = -1
	weightStyle     = 1000
	weightImportant = 1_000_000
)

// declarations calls yield for each declaration in a style attribute or between the braces
// of a rule.
func declarations(css string, weight int, yield func(declaration)) {
	for css != "" {
		var item string
		item, css = cutItem(css)
		name, value, ok := strings.Cut(item, ":")
		if !ok {
			continue
		}
		p, known := propertyNames[strings.ToLower(strings.TrimSpace(unescapeCSS(name)))]
		if !known {
			continue
		}
		value = strings.ToLower(strings.TrimSpace(unescapeCSS(value)))
		w := weight
		if bang := strings.LastIndexByte(value, '!'); bang >= 0 && strings.TrimSpace(value[bang+1:]) == "important" {
			value, w = strings.TrimSpace(value[:bang]), w+weightImportant
		}
		if strings.EqualFold(strings.TrimSpace(name), "font") {
			if value = fontShorthand(value); value == "" {
				continue
			}
		}
		yield(declaration{p, value, w})
	}
}

// cutItem cuts css behind the first ";" that is in no string, bracket or block. A block, of
// a nested rule, ends the item that it stands in.
func cutItem(css string) (item, rest string) {
	depth := 0
	for i := 0; i < len(css); i++ {
		switch css[i] {
		case '\\':
			i++
		case '"', '\'':
			i = endOfString(css, i)
		case '(', '[':
			depth++
		case ')', ']':
			depth = max(0, depth-1)
		case '{':
			return "", css[endOfBlock(css, i):]
		case ';':
			if depth == 0 {
				return css[:i], css[i+1:]
			}
		}
	}
	return css, ""
}

// endOfString is the index of the quote that closes the string at i, or of the line's or
// the text's last byte if none does.
func endOfString(css string, i int) int {
	for j := i + 1; j < len(css); j++ {
		switch css[j] {
		case '\\':
			j++
		case css[i], '\n':
			return j
		}
	}
	return len(css)
}

// endOfBlock is the index behind the block that begins with the brace at i.
func endOfBlock(css string, i int) int {
	depth := 0
	for ; i < len(css); i++ {
		switch css[i] {
		case '\\':
			i++
		case '"', '\'':
			i = endOfString(css, i)
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(css)
}

// fontShorthand is the size that the property "font" sets, "" if that is not known.
func fontShorthand(value string) string {
	for word := range strings.FieldsSeq(value) {
		size, _, _ := strings.Cut(word, "/")
		if _, err := strconv.Atoi(size); err == nil && size != "0" {
			continue // the weight
		}
		if _, ok := pixels(size, 16); ok {
			return size
		}
	}
	return ""
}

// unescapeCSS undoes what a backslash stands for: "n\6fne" is "none".
func unescapeCSS(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		j := i + 1
		for j < len(s) && j < i+7 && strings.IndexByte("0123456789abcdefABCDEF", s[j]) >= 0 {
			j++
		}
		if j == i+1 {
			continue // the next byte stands for itself
		}
		n, _ := strconv.ParseUint(s[i+1:j], 16, 32)
		b.WriteRune(rune(n))
		if j < len(s) && space(s[j]) {
			j++
		}
		i = j - 1
	}
	return b.String()
}

// withoutComments is css without comments.
func withoutComments(css string) string {
	if !strings.Contains(css, "/*") {
		return css
	}
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(css, "/*")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		if _, css, ok = strings.Cut(rest, "*/"); !ok {
			return b.String()
		}
	}
}
