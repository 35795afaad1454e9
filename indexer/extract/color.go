package extract

import (
	"strconv"
	"strings"
)

// paint is a colour, or that it is not known.
type paint struct {
	known   bool
	r, g, b uint8
}

var (
	black = paint{known: true}
	white = paint{true, 255, 255, 255}
)

// near reports whether text of one colour cannot be read on the other.
func (p paint) near(q paint) bool {
	far := func(a, b uint8) bool { return max(a, b)-min(a, b) > 16 }
	return p.known && q.known && !far(p.r, q.r) && !far(p.g, q.g) && !far(p.b, q.b)
}

// parsePaint reads a colour. transparent says that nothing is painted; ok is false if value
// is no colour.
func parsePaint(value string) (p paint, transparent, ok bool) {
	switch {
	case value == "transparent":
		return paint{}, true, true
	case strings.HasPrefix(value, "#"):
		return parseHex(value[1:])
	case strings.HasPrefix(value, "rgb"), strings.HasPrefix(value, "hsl"):
		return parseFunction(value)
	case strings.ContainsAny(value, "() "):
		return paint{}, false, strings.Contains(value, "(") // var(…), a gradient: something, and not known
	}
	if hex, found := colorNames[value]; found {
		return parseHex(hex)
	}
	return paint{}, false, false
}

func parseHex(hex string) (paint, bool, bool) {
	if len(hex) == 3 || len(hex) == 4 {
		long := make([]byte, 0, 8)
		for i := range len(hex) {
			long = append(long, hex[i], hex[i])
		}
		hex = string(long)
	}
	n, err := strconv.ParseUint(hex, 16, 32)
	switch {
	case err != nil:
		return paint{}, false, false
	case len(hex) == 8:
		p := paint{n&0xff == 0xff, uint8(n >> 24), uint8(n >> 16), uint8(n >> 8)}
		return p, n&0xff == 0, true
	case len(hex) == 6:
		return paint{true, uint8(n >> 16), uint8(n >> 8), uint8(n)}, false, true
	}
	return paint{}, false, false
}

// parseFunction reads rgb(…), rgba(…), hsl(…) and hsla(…), with commas or without.
func parseFunction(value string) (paint, bool, bool) {
	name, args, _ := strings.Cut(value, "(")
	fields := strings.FieldsFunc(strings.TrimSuffix(args, ")"), func(r rune) bool { return r == ',' || r == ' ' || r == '/' })
	var n [4]float64
	n[3] = 1
	if len(fields) < 3 || len(fields) > 4 {
		return paint{}, false, true
	}
	for i, f := range fields {
		number, percent := strings.CutSuffix(f, "%")
		v, err := strconv.ParseFloat(strings.TrimSuffix(number, "deg"), 64)
		if err != nil {
			return paint{}, false, true
		}
		switch {
		case percent && (i == 3 || strings.HasPrefix(name, "hsl")):
			v /= 100
		case percent:
			v *= 2.55
		}
		n[i] = v
	}
	channel := func(v float64) uint8 { return uint8(min(max(v+0.5, 0), 255)) }
	p := paint{n[3] >= 1, channel(n[0]), channel(n[1]), channel(n[2])}
	if strings.HasPrefix(name, "hsl") {
		// Only what needs no hue is worked out: black, white and what lies between.
		light := channel(n[2] * 255)
		p = paint{n[3] >= 1 && (n[1] == 0 || n[2] >= 1 || n[2] <= 0), light, light, light}
	}
	return p, n[3] <= 0.05, true
}

// colorNames are the names of colours that text is hidden in: those of CSS 2, and the
// near whites and near blacks of CSS 3.
var colorNames = map[string]string{
	"black": "000000", "silver": "c0c0c0", "gray": "808080", "grey": "808080", "white": "ffffff", "maroon": "800000", "red": "ff0000",
	"purple": "800080", "fuchsia": "ff00ff", "magenta": "ff00ff", "green": "008000", "lime": "00ff00", "olive": "808000",
	"yellow": "ffff00", "navy": "000080", "blue": "0000ff", "teal": "008080", "aqua": "00ffff", "cyan": "00ffff", "orange": "ffa500",
	"aliceblue": "f0f8ff", "antiquewhite": "faebd7", "azure": "f0ffff", "beige": "f5f5dc", "cornsilk": "fff8dc", "floralwhite": "fffaf0",
	"gainsboro": "dcdcdc", "ghostwhite": "f8f8ff", "honeydew": "f0fff0", "ivory": "fffff0", "lavender": "e6e6fa",
	"lavenderblush": "fff0f5", "lightcyan": "e0ffff", "lightyellow": "ffffe0", "linen": "faf0e6", "mintcream": "f5fffa",
	"mistyrose": "ffe4e1", "oldlace": "fdf5e6", "seashell": "fff5ee", "snow": "fffafa", "whitesmoke": "f5f5f5",
	"lightgray": "d3d3d3", "lightgrey": "d3d3d3", "darkgray": "a9a9a9", "darkgrey": "a9a9a9", "dimgray": "696969", "dimgrey": "696969",
	"midnightblue": "191970", "darkblue": "00008b", "darkslategray": "2f4f4f", "darkslategrey": "2f4f4f",
}
