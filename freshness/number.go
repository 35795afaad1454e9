package freshness

import (
	"strconv"
	"strings"
)

// A numeral is a parsed number.
type numeral struct {
	value  float64
	alt    float64 // the other reading of "1.000", else 0
	coarse float64 // the step of the last decimal written, 0 for a whole number
	dotted bool    // several stops that group no thousands: a version
	ident  bool    // an identifier rather than a number: leading zero, too long, badly grouped
}

// parseNumeral reads digits with separators. A comma before groups of three is a thousands
// separator ("1,000"), before one or two digits a decimal one ("1,5"). A single stop is a decimal
// point, but "1.000" may also be a thousand and keeps both readings.
func parseNumeral(s string) numeral {
	dots, commas := strings.Count(s, "."), strings.Count(s, ",")
	digits := strings.NewReplacer(".", "", ",", "", "'", "").Replace(s)
	if len(digits) > 15 {
		return numeral{ident: true}
	}
	last := strings.LastIndexAny(s, ".,")
	tail := len(s) - last - 1
	switch {
	case strings.Contains(s, "'"):
		if !grouped(s, '\'') || dots+commas > 0 {
			return numeral{ident: true}
		}
		return whole(digits)
	case dots == 0 && commas == 0:
		if len(s) > 1 && s[0] == '0' {
			return numeral{ident: true, value: whole(digits).value}
		}
		return whole(digits)
	case dots > 1 && commas == 0:
		if grouped(s, '.') {
			return whole(digits)
		}
		return numeral{dotted: true}
	case commas > 0 && dots == 0:
		if grouped(s, ',') {
			return whole(digits)
		}
		if commas == 1 && tail <= 2 {
			return decimal(s[:last]+"."+s[last+1:], tail)
		}
		return numeral{ident: true}
	case dots == 1 && commas == 0:
		n := decimal(s, tail)
		if tail == 3 && last <= 3 && s[0] != '0' {
			n.alt = whole(digits).value
		}
		return n
	}
	// Both marks: the last one is the decimal mark and the other groups thousands.
	group := byte(',')
	if s[last] == ',' {
		group = '.'
	}
	if strings.Count(s, s[last:last+1]) != 1 || !grouped(s[:last], group) {
		return numeral{ident: true}
	}
	return decimal(strings.ReplaceAll(s[:last], string(group), "")+"."+s[last+1:], tail)
}

// grouped reports whether sep stands before every three digits of s, or as in "1,00,000".
func grouped(s string, sep byte) bool {
	parts := strings.Split(s, string(sep))
	for i, part := range parts {
		switch {
		case i == 0 && (len(part) < 1 || len(part) > 3 || part[0] == '0'):
			return false
		case i == len(parts)-1 && i > 0 && len(part) != 3:
			return false
		case i > 0 && len(part) != 3 && (len(part) != 2 || sep != ','):
			return false
		}
	}
	return true
}

func whole(digits string) numeral {
	v, _ := strconv.ParseFloat(digits, 64)
	return numeral{value: v}
}

func decimal(s string, places int) numeral {
	v, _ := strconv.ParseFloat(s, 64)
	coarse := 1.0
	for range places {
		coarse /= 10
	}
	return numeral{value: v, coarse: coarse}
}

var smallNumbers = func() map[string]float64 {
	m := make(map[string]float64)
	for i, w := range strings.Fields("one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen") {
		m[w] = float64(i + 1)
	}
	for i, w := range strings.Fields("twenty thirty forty fifty sixty seventy eighty ninety") {
		m[w] = float64(10 * (i + 2))
	}
	return m
}()

var scales = map[string]float64{
	"hundred": 1e2, "thousand": 1e3, "million": 1e6, "millions": 1e6, "billion": 1e9, "trillion": 1e12,
	"mn": 1e6, "mln": 1e6, "bn": 1e9, "lakh": 1e5, "crore": 1e7,
}

// spelled reads a number in words at i ("twenty-one", "one hundred and five", "two thousand") and
// returns it with the index behind it, or i if there is none.
func (s *scanner) spelled(i int) (v float64, end int) {
	total, part := 0.0, 0.0
	end = i
	for j := i; j < len(s.toks); j++ {
		t := s.toks[j]
		switch {
		case t.kind == tokPunct && t.low == "-" && j > i && t.glued:
			continue
		case t.low == "and" && j > i && end == j && part >= 100 && s.numberWord(j+1):
			continue
		case t.kind != tokWord:
			return total + part, end
		case smallNumbers[t.low] > 0:
			n := smallNumbers[t.low]
			// "twenty five" is one number; "five six" and "ten twenty" are two.
			rest := part - float64(int(part/100)*100)
			if rest != 0 && (rest < 20 || n >= 10 || rest-float64(int(rest/10)*10) != 0) {
				return total + part, end
			}
			part += n
		case t.low == "hundred" && part > 0 && part < 100:
			part *= 100
		case t.low == "thousand" && part > 0 && total == 0:
			total, part = part*1000, 0
		default:
			return total + part, end
		}
		end = j + 1
	}
	return total + part, end
}

func (s *scanner) numberWord(i int) bool {
	return i < len(s.toks) && s.toks[i].kind == tokWord && smallNumbers[s.toks[i].low] > 0
}
