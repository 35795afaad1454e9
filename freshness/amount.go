package freshness

// labelNouns name the thing that the number after them identifies: "Tier 1", "step 5", "week 2".
var labelNouns = set("tier phase level step section sections chapter figure fig table part appendix annex article clause rule item option " +
	"type class grade zone room building floor suite route highway line page pages volume vol issue no nos number numbers rfc iso iec week day " +
	"year month quarter group team stage priority severity sev form schedule act case ticket pr bug question season episode episodes " +
	"round game match volume lesson module unit exercise task milestone sprint iteration ward district platform gate track lane flight " +
	"apollo channel model mark series box note exhibit paragraph row column slide port ports node status code error wave cohort band bands steps weeks days")

// amount recognises a number with its unit: money, percent, duration, size, a count of things.
func (s *scanner) amount(i int) (found, bool) {
	currency, j := s.currencyAt(i)
	sign := 1.0
	if s.signAt(j, i) {
		sign = -1
		j++
	}
	n, at, words := s.number(j)
	if at == j {
		return found{}, false
	}
	lo := i
	if n.ident || n.dotted {
		return noValue(lo, at)
	}
	if sign < 0 {
		n.value, n.alt = -n.value, -n.alt
	}
	q := Quantity{Low: n.value, Alt: n.alt, Coarse: n.coarse}
	end := s.scale(&q, at, currency != "")
	end = s.rangeTo(&q, i, end, currency)

	u, after := s.unitAt(end)
	switch {
	case currency != "":
		u = unit{kind: Money, base: currency, factor: 1}
		if _, again := s.unitAt(end); again > end && units[s.low(end)].kind == Money {
			end = again // "$5 USD"
		}
	case after > end:
		end = after
	default:
		if f, ok := s.ratio(i, end, q); ok {
			return f, true
		}
		if words && s.pronoun(i, end) || s.named(i, end) {
			return noValue(lo, end)
		}
		u = unit{kind: Count, factor: 1}
	}
	q.Kind, q.Unit = u.kind, u.base
	q.scaleBy(u.factor)
	if u.kind == Duration {
		end = s.compound(&q, u, end)
	}
	hi := end
	if u.kind != Percent {
		per, behind := s.perAt(s.skipHead(end, u.kind))
		q.Unit += per
		if per != "" && u.kind != Count {
			end = behind
		}
	}
	q.Head = s.head(end)
	if u.kind == Duration && (s.is(i-1, "every") || s.is(i-1, "each")) {
		q.Kind = Frequency
	}
	return found{q: q, lo: lo, hi: hi}, true
}

// scaleBy multiplies the value and all that is measured in it.
func (q *Quantity) scaleBy(f float64) {
	q.Low, q.Width, q.Alt, q.Coarse = q.Low*f, q.Width*f, q.Alt*f, q.Coarse*f
}

// skipHead returns the index behind the thing counted, where "per second" may follow.
func (s *scanner) skipHead(j int, k Kind) int {
	for n := 0; k == Count && n < 2 && j < len(s.toks) && s.toks[j].kind == tokWord && !isStop(s.toks[j].low); n++ {
		j++
	}
	return j
}

// currencyAt reads a currency before an amount and returns the index after it.
func (s *scanner) currencyAt(i int) (string, int) {
	if i+1 >= len(s.toks) {
		return "", i
	}
	if c, ok := dollars[s.toks[i].low]; ok && s.is(i+1, "$") && s.toks[i+1].glued {
		return c, i + 2
	}
	c, ok := currencies[s.toks[i].low]
	if !ok {
		return "", i
	}
	if s.is(i+1, "$") || s.is(i+1, "£") || s.is(i+1, "€") {
		return c, i + 2
	}
	if s.toks[i+1].kind != tokNumber {
		return "", i
	}
	return c, i + 1
}

// signAt reports whether a minus stands at j: glued to the number after it and to nothing before.
func (s *scanner) signAt(j, first int) bool {
	return s.is(j, "-") && j+1 < len(s.toks) && s.toks[j+1].kind == tokNumber && s.toks[j+1].glued &&
		(j > first || !s.toks[j].glued) && (j == 0 || s.toks[j-1].kind != tokNumber)
}

// number reads digits or number words at j and returns the index after them, j if there are none.
// A repetition in digits, "four (4)", belongs to it.
func (s *scanner) number(j int) (n numeral, end int, words bool) {
	if j >= len(s.toks) {
		return numeral{}, j, false
	}
	if s.toks[j].kind == tokNumber {
		return parseNumeral(s.toks[j].low), j + 1, false
	}
	v, end := s.spelled(j)
	if end == j {
		return numeral{}, j, false
	}
	if s.is(end, "(") && s.is(end+2, ")") && s.toks[end+1].kind == tokNumber && parseNumeral(s.toks[end+1].low).value == v {
		end += 3
	}
	return numeral{value: v}, end, true
}

// scale applies "million", "k" and their like at token j and returns the index after it.
func (s *scanner) scale(q *Quantity, j int, money bool) int {
	if j >= len(s.toks) || s.toks[j].kind != tokWord {
		return j
	}
	t := s.toks[j]
	f := scales[t.low]
	if f == 0 && t.glued {
		switch {
		case t.low == "k":
			f = 1e3
		case t.low == "m" && money:
			f = 1e6
		case t.low == "b" && money:
			f = 1e9
		}
	}
	if f == 0 {
		return j
	}
	// What is said in millions is rounded to the digits written. Hundreds and thousands are exact.
	if q.Coarse == 0 && f >= 1e5 {
		q.Coarse = 1
	}
	q.scaleBy(f)
	return j + 1
}

// rangeTo reads "-10", "to 10" or, behind "between", "and 10" at token j as the upper end of a range,
// and returns the index after it. The scale of the upper end holds for both: "$5-10 million".
func (s *scanner) rangeTo(q *Quantity, first, j int, currency string) int {
	k := j
	switch {
	case s.is(j, "-"), s.is(j, "to"):
		k = j + 1
	case s.is(j, "and") && s.is(first-1, "between"):
		k = j + 1
	default:
		return j
	}
	if c, after := s.currencyAt(k); c == currency && c != "" {
		k = after
	}
	n, end, _ := s.number(k)
	if end == k || n.ident || n.dotted {
		return j
	}
	upper := Quantity{Low: n.value, Coarse: n.coarse}
	scaled := s.scale(&upper, end, currency != "")
	if scaled > end && q.Low < n.value {
		q.scaleBy(upper.Low / n.value)
	}
	if upper.Low <= q.Low {
		return j
	}
	q.Width, q.Alt = upper.Low-q.Low, 0
	q.Coarse = max(q.Coarse, upper.Coarse)
	return scaled
}

// compound adds smaller units: "2h 42m", "1 hour and 30 minutes", "1 year 6 months".
func (s *scanner) compound(q *Quantity, u unit, end int) int {
	for q.Width == 0 {
		j := end
		if s.is(j, "and") || s.is(j, ",") {
			j++
		}
		if j >= len(s.toks) || s.toks[j].kind != tokNumber {
			return end
		}
		n := parseNumeral(s.toks[j].low)
		small, after := s.unitAt(j + 1)
		if s.is(j+1, "m") && s.toks[j+1].glued && u.base == baseTime && u.factor == 3600 {
			small, after = unit{Duration, baseTime, 60, false}, j+2
		}
		if after == j+1 || n.ident || n.dotted || small.base != u.base || small.factor >= u.factor {
			return end
		}
		q.Low += n.value * small.factor
		u, end = small, after
	}
	return end
}

// ratio recognises "6.4/10" and "24 out of 100".
func (s *scanner) ratio(i, end int, q Quantity) (found, bool) {
	over := end
	switch {
	case s.is(end, "/") && s.toks[end].glued && end+1 < len(s.toks) && s.toks[end+1].glued:
		over = end + 1
	case s.is(end, "out") && s.is(end+1, "of"):
		over = end + 2
		if s.is(over, "the") {
			over++
		}
	default:
		return found{}, false
	}
	n, after, _ := s.number(over)
	if after == over {
		return found{}, false
	}
	if n.ident || n.dotted || n.value <= 0 || s.is(after, "/") {
		return noValue(i, after)
	}
	q.Kind, q.Unit = Ratio, "/"+s.toks[over].low
	q.Head = s.head(after)
	return found{q: q, lo: i, hi: after}, true
}

// pronoun reports whether the number word at i is "one" in the sense of "somebody" or "this one",
// or a figure of speech without anything counted.
func (s *scanner) pronoun(i, end int) bool {
	if s.toks[i].low != "one" || end != i+1 {
		return false
	}
	if s.is(end, "-") && end+1 < len(s.toks) && s.toks[end+1].glued {
		return s.is(end+1, "off") || s.is(end+1, "to") || s.is(end+1, "on")
	}
	switch s.low(i - 1) {
	case "no", "this", "that", "each", "every", "any", "which", "the", "another", "only", "either", "some", "by":
		return true
	}
	return s.head(end) == 0 || s.is(end, "another")
}

// named reports whether the bare number in tokens [i, end) is part of a name: behind a label noun, a
// capitalised word, a number sign, or in the middle of something written in one piece.
func (s *scanner) named(i, end int) bool {
	if end < len(s.toks) && s.toks[end].glued {
		t := s.toks[end]
		if t.kind == tokName || t.kind == tokWord && len(t.low) < 3 && t.low != "x" || t.low == "/" || t.low == ":" || t.low == "-" && s.numberAfter(end) {
			return true
		}
	}
	if i == 0 {
		return false
	}
	prev := s.toks[i-1]
	switch {
	case prev.low == "#" || prev.low == "§" || prev.low == "№" || prev.low == "=":
		return true
	case prev.low == "." && s.is(i-2, "no"):
		return true
	case s.toks[i].glued && (prev.kind == tokWord || prev.kind == tokName || prev.low == "/" || prev.low == "-" || prev.low == ":" || prev.low == "."):
		return true
	case prev.kind == tokName:
		return true
	case prev.kind == tokWord && labelNouns[prev.low]:
		return true
	case prev.kind == tokWord && prev.upper && i > 1 && !isStop(prev.low) && !isMonth(prev.low) && s.toks[i].kind == tokNumber:
		return true
	}
	return false
}

func (s *scanner) numberAfter(i int) bool {
	return i+1 < len(s.toks) && s.toks[i+1].glued && s.toks[i+1].kind == tokNumber
}
