package freshness

import "strings"

var suffixes = set("st nd rd th")

var ordinals = func() map[string]int {
	m := make(map[string]int)
	for i, w := range strings.Fields("first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth") {
		m[w] = i + 1
	}
	return m
}()

// ordinal recognises "19th century" and "finished third". Without a noun behind it or a word before
// it an ordinal only orders the text ("First, open the form").
func (s *scanner) ordinal(i int) (found, bool) {
	t := s.toks[i]
	n, end := ordinals[t.low], i+1
	if t.kind == tokNumber && suffixes[s.low(i+1)] && s.toks[i+1].glued {
		n, end = atoi(strings.ReplaceAll(t.low, ",", "")), i+2
	}
	if n <= 0 {
		return found{}, false
	}
	head := s.head(end)
	if head == 0 && (s.label(i) == 0 || s.is(end, ",")) {
		return noValue(i, end)
	}
	return found{q: Quantity{Kind: Ordinal, Low: float64(n), Head: head}, lo: i, hi: end}, true
}

// A cadence is how often something happens, as the period between two times.
type cadence struct {
	base   string
	period float64
	alt    float64
}

// "biweekly" is read both ways in practice, so it agrees with either.
var cadences = map[string]cadence{
	"hourly": {baseTime, 3600, 0}, "daily": {baseTime, 86400, 0}, "nightly": {baseTime, 86400, 0}, "weekly": {baseTime, 7 * 86400, 0},
	"fortnightly": {baseTime, 14 * 86400, 0}, "biweekly": {baseTime, 14 * 86400, 3.5 * 86400},
	"monthly": {baseMonths, 1, 0}, "bimonthly": {baseMonths, 2, 0.5}, "quarterly": {baseMonths, 3, 0},
	"yearly": {baseMonths, 12, 0}, "annually": {baseMonths, 12, 0}, "biannually": {baseMonths, 6, 24},
}

// frequency recognises "weekly", "bi-weekly", "every month" and "twice a year".
func (s *scanner) frequency(i int) (found, bool) {
	t := s.toks[i]
	if t.kind == tokNumber && !s.is(i+1, "times") || t.upper && i > 0 {
		return found{}, false
	}
	if c, ok := cadences[t.low]; ok {
		return cadenceFound(c, i, i+1), true
	}
	if t.low == "bi" && s.is(i+1, "-") && s.toks[i+1].glued {
		if c, ok := cadences["bi"+s.low(i+2)]; ok {
			return cadenceFound(c, i, i+3), true
		}
	}
	if t.low == "every" && i+1 < len(s.toks) {
		j, f := i+1, 1.0
		if s.is(j, "other") || s.is(j, "second") {
			j, f = j+1, 2
		}
		if u := units[s.low(j)]; u.kind == Duration && !u.glued && stem(s.low(j)) == s.low(j) {
			return cadenceFound(cadence{u.base, f * u.factor, 0}, i, j+1), true
		}
		return found{}, false
	}
	n, j := 0.0, i+1
	switch t.low {
	case "once":
		n = 1
	case "twice":
		n = 2
	default:
		v, end, _ := s.number(i)
		if end == i || !s.is(end, "times") || v.value <= 0 {
			return found{}, false
		}
		n, j = v.value, end+1
	}
	switch s.low(j) {
	case "a", "an", "per", "each", "every":
		j++
	default:
		return found{}, false
	}
	if u := units[s.low(j)]; u.kind == Duration && !u.glued {
		return cadenceFound(cadence{u.base, u.factor / n, 0}, i, j+1), true
	}
	return found{}, false
}

func cadenceFound(c cadence, lo, hi int) found {
	return found{q: Quantity{Kind: Frequency, Unit: c.base, Low: c.period, Alt: c.alt}, lo: lo, hi: hi}
}
