package extract

import (
	"math"
	"strconv"
	"strings"
)

// look is what decides whether a reader sees the text of an element. Elements inherit it.
type look struct {
	gone      bool    // not shown, and nothing within is
	invisible bool    // not shown, but what is within can say otherwise; so for the rest
	size      float64 // of the font, in pixels; below 2 nobody can read it
	color     paint
	clear     bool  // the colour is none
	back      paint // behind the text
}

// plainLook is the look of a page that says nothing: black on white.
var plainLook = look{size: 16, color: black, back: white}

// hidden reports whether a reader sees nothing of text with this look.
func (l look) hidden() bool {
	return l.gone || l.invisible || l.size < 2 || l.clear || l.color.near(l.back)
}

// values is what the declarations for one element come to.
type values [properties]struct {
	text   string
	weight int
	given  bool
}

func (v *values) put(d declaration) {
	if p := &v[d.property]; !p.given || d.weight >= p.weight {
		p.text, p.weight, p.given = d.value, d.weight, true
	}
}

// of is the look of the element that the tag begins, within an element that looks like l.
func (l look) of(t *tag, s sheet) look {
	if t.has == 0 && len(s) == 0 && t.name != "dialog" {
		return l
	}
	var v values
	hint := func(p property, value string) {
		v.put(declaration{p, strings.ToLower(strings.TrimSpace(value)), weightHint})
	}
	if t.given(attrHidden) || t.name == "dialog" && !t.given(attrOpen) {
		hint(display, "none")
	}
	if t.given(attrBgcolor) {
		hint(background, t.get(attrBgcolor))
	}
	if t.name == "font" && t.given(attrColor) {
		hint(color, t.get(attrColor))
	}
	if t.name == "body" && t.given(attrText) {
		hint(color, t.get(attrText))
	}
	s.each(t, v.put)
	if t.given(attrStyle) {
		declarations(withoutComments(t.get(attrStyle)), weightStyle, v.put)
	}
	return l.with(&v)
}

func (l look) with(v *values) look {
	l.gone = l.gone || v[display].text == "none" || v.away() || v.shrunk() || v.faded() || v[msoHide].text == "all"
	switch v[visibility].text {
	case "hidden", "collapse":
		l.invisible = true
	case "visible", "initial":
		l.invisible = false
	}
	if size, ok := fontPixels(v[fontSize].text, l.size); ok {
		l.size = size
	}
	for _, p := range []property{color, textFill} {
		if c, none, ok := parsePaint(v[p].text); ok {
			l.color, l.clear = c, none
		}
	}
	if c, none, ok := v.behind(); ok && !none {
		l.back = c
	}
	return l
}

// behind is the colour of the background; a picture is a colour that is not known.
func (v *values) behind() (paint, bool, bool) {
	text := v[background].text
	if strings.Contains(text, "url(") || strings.Contains(text, "gradient(") || strings.Contains(text, "var(") {
		return paint{}, false, true
	}
	if p, none, ok := parsePaint(text); ok {
		return p, none, ok
	}
	for word := range strings.FieldsSeq(text) {
		if p, none, ok := parsePaint(word); ok {
			return p, none, ok
		}
	}
	return paint{}, false, false
}

// far is how many pixels off the page count as out of sight.
const far = 500

// away reports whether the element lies outside the page.
func (v *values) away() bool {
	off := func(p property, limit float64) bool {
		n, ok := pixels(v[p].text, 16)
		return ok && (limit < 0 && n <= limit || limit > 0 && n >= limit)
	}
	if off(textIndent, -far) || off(textIndent, 2*far) || off(marginLeft, -far) || off(marginTop, -far) {
		return true
	}
	switch v[position].text {
	case "absolute", "fixed", "relative", "sticky":
		return off(left, -far) || off(top, -far) || off(right, -far) || off(bottom, -far) || off(left, 10*far)
	}
	return false
}

// shrunk reports whether the element takes up no room, and what overflows it is not shown.
func (v *values) shrunk() bool {
	tiny := func(p property) bool {
		n, ok := pixels(v[p].text, 16)
		return ok && n <= 1
	}
	cut := strings.HasPrefix(v[overflow].text, "hidden") || strings.HasPrefix(v[overflow].text, "clip")
	if cut && (tiny(width) || tiny(height) || tiny(maxWidth) || tiny(maxHeight)) {
		return true
	}
	if n := arguments(v[clip].text, "rect("); len(n) == 4 && (n[1]-n[3] <= 1 || n[2]-n[0] <= 1) {
		return true
	}
	for _, name := range []string{"inset(", "circle("} {
		n := arguments(v[clipPath].text, name)
		if len(n) > 0 && (name == "circle(" && n[0] == 0 || name == "inset(" && n[0] >= 50 && strings.Contains(v[clipPath].text, "%")) {
			return true
		}
	}
	for _, name := range []string{"scale(", "scalex(", "scaley("} {
		if n := arguments(v[transform].text, name); len(n) > 0 && (n[0] == 0 || n[len(n)-1] == 0) {
			return true
		}
	}
	for _, name := range []string{"translate(", "translatex(", "translatey("} {
		if n := arguments(v[transform].text, name); len(n) > 0 && (n[0] <= -far || n[len(n)-1] <= -far) {
			return true
		}
	}
	return false
}

// faded reports whether the element is all but transparent.
func (v *values) faded() bool {
	clear := func(text string) bool {
		number, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
		n, err := strconv.ParseFloat(number, 64)
		return err == nil && (n < 0.1 || percent && n < 10)
	}
	_, after, found := strings.Cut(v[filter].text, "opacity(")
	inner, _, _ := strings.Cut(after, ")")
	return clear(v[opacity].text) || found && clear(inner)
}

// arguments are the numbers in the brackets of the function called name, units left out.
func arguments(text, name string) []float64 {
	_, rest, found := strings.Cut(text, name)
	if !found {
		return nil
	}
	inner, _, _ := strings.Cut(rest, ")")
	var list []float64
	for _, f := range strings.FieldsFunc(inner, func(r rune) bool { return r == ',' || r == ' ' }) {
		n, err := strconv.ParseFloat(strings.TrimRight(f, "abcdefghijklmnopqrstuvwxyz%"), 64)
		if err != nil {
			return nil
		}
		list = append(list, n)
	}
	return list
}

// units are how many pixels a CSS unit is. Of the page's width and height, and of its own
// parent's, nothing is known: a hundred parts are taken for 1000 pixels.
var units = map[string]float64{"": 1, "px": 1, "pt": 4.0 / 3, "pc": 16, "in": 96, "cm": 37.8, "mm": 3.78, "q": 0.945,
	"rem": 16, "ex": 8, "ch": 8, "vw": 10, "vh": 10, "vmin": 10, "vmax": 10, "%": 10}

// pixels is a length. em is how many pixels the font has.
func pixels(value string, em float64) (float64, bool) {
	i := strings.LastIndexAny(value, "0123456789.") + 1
	n, err := strconv.ParseFloat(value[:i], 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		return 0, false
	}
	unit, known := units[value[i:]]
	if value[i:] == "em" {
		unit, known = em, true
	}
	return n * unit, known
}

// fontPixels is the size of a font within one of the size em.
func fontPixels(value string, em float64) (float64, bool) {
	switch value {
	case "initial", "medium", "small", "large", "x-small", "x-large", "xx-small", "xx-large":
		return plainLook.size, true
	}
	if number, percent := strings.CutSuffix(value, "%"); percent {
		n, err := strconv.ParseFloat(number, 64)
		return n / 100 * em, err == nil
	}
	return pixels(value, em)
}
