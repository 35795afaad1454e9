package freshness

import "strings"

// email recognises an e-mail address. Addresses have no order, so Low is a hash.
func (s *scanner) email(i int) (found, bool) {
	t := s.toks[i]
	if t.kind != tokEmail {
		return found{}, false
	}
	return found{q: Quantity{Kind: Email, Low: float64(hash(t.low))}, lo: i, hi: i + 1}, true
}

// phone recognises a telephone number: groups of digits behind "+", with an area code in brackets,
// in the shape 414-335-0253 or 414.335.0253, or behind a zero and a word such as "call".
func (s *scanner) phone(i int) (found, bool) {
	plus, bracket := s.is(i, "+"), s.is(i, "(")
	t := s.toks[i]
	if !plus && !bracket && t.kind != tokNumber {
		return found{}, false
	}
	if t.kind == tokNumber && strings.Count(t.low, ".") == 2 {
		if g := strings.Split(t.low, "."); len(g[0]) == 3 && len(g[1]) == 3 && len(g[2]) == 4 {
			return phoneFound(strings.ReplaceAll(t.low, ".", ""), i, i+1), true
		}
	}
	j := i
	if plus {
		j++
	}
	var digits strings.Builder
	groups, hyphens, end := 0, 0, i
	var sizes []int
scan:
	for j < len(s.toks) && digits.Len() <= 15 {
		t := s.toks[j]
		switch {
		case t.kind == tokNumber && !strings.ContainsAny(t.low, ".,'"):
			digits.WriteString(t.low)
			sizes = append(sizes, len(t.low))
			groups++
			end = j + 1
		case t.low == "-" && t.glued:
			hyphens++
		case t.low == "(" && (groups == 0 || plus && groups == 1), t.low == ")" && groups > 0 && groups < 3 && (bracket || plus):
		default:
			break scan
		}
		j++
	}
	n := digits.Len()
	if n < 7 || n > 15 || groups < 2 {
		return found{}, false
	}
	american := groups >= 3 && hyphens >= 2 && sizes[groups-1] == 4 && sizes[groups-2] == 3 && sizes[groups-3] == 3
	area := bracket && (sizes[0] == 3 || sizes[0] >= 2 && digits.String()[0] == '0') && s.is(i+2, ")")
	local := !plus && !bracket && digits.String()[0] == '0' && n >= 10 && phoneWords[s.phoneWord(i)]
	if !plus && !american && !area && !local {
		return found{}, false
	}
	return phoneFound(digits.String(), i, end), true
}

var phoneWords = set("call phone telephone tel ring dial number helpline hotline mobile fax line")

func (s *scanner) phoneWord(i int) string {
	for j := i - 1; j >= 0 && j > i-4; j-- {
		if s.toks[j].kind == tokWord && !isStop(s.toks[j].low) {
			return s.toks[j].low
		}
	}
	return ""
}

func phoneFound(digits string, lo, hi int) found {
	return found{q: Quantity{Kind: Phone, Low: whole(digits).value}, lo: lo, hi: hi}
}

var versionWords = set("version versions release releases v ver")

// version recognises "v1.2.3", "2.4.0", "version 11" and "PostgreSQL 9.5". Its Low packs up to four
// parts below 1,000 each; Coarse is the step of the last part written, so that "2.4" agrees with
// "2.4.1".
func (s *scanner) version(i int) (found, bool) {
	t := s.toks[i]
	text := t.low
	switch {
	case t.kind == tokName && len(text) > 1 && text[0] == 'v' && isDigit(rune(text[1])):
		text = text[1:]
	case t.kind != tokNumber:
		return found{}, false
	case strings.Count(text, ".") > 1 && !strings.ContainsAny(text, ",'"):
		if parseNumeral(text).value > 0 {
			return found{}, false // thousands
		}
	default:
		behind := i > 0 && !t.glued && s.toks[i-1].kind == tokWord
		if !behind {
			return found{}, false
		}
		product := i > 1 && s.toks[i-1].upper && strings.Count(text, ".") == 1 && !isStop(s.toks[i-1].low) && !labelNouns[s.toks[i-1].low]
		if _, end := s.unitAt(i + 1); !versionWords[s.toks[i-1].low] && (!product || end > i+1 || scales[s.low(i+1)] > 0) {
			return found{}, false
		}
	}
	low, coarse, ok := packVersion(text)
	if !ok {
		return noValue(i, i+1)
	}
	return found{q: Quantity{Kind: Version, Low: low, Coarse: coarse}, lo: i, hi: i + 1}, true
}

func packVersion(text string) (low, coarse float64, ok bool) {
	parts := strings.Split(text, ".")
	if len(parts) > 4 {
		return 0, 0, false
	}
	step := 1e9
	for i, p := range parts {
		n := atoi(p)
		if n < 0 || n > 999 && i > 0 || n > 999999 {
			return 0, 0, false
		}
		low += float64(n) * step
		coarse = step
		step /= 1000
	}
	// Four parts are an address ("10.0.0.1") as often as a version.
	return low, coarse, len(parts) < 4
}
