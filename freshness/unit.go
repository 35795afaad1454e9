package freshness

// A unit is what a word after a number makes of it: the kind, the unit that values are compared in,
// and the factor to it.
type unit struct {
	kind   Kind
	base   string
	factor float64
	glued  bool // only when written without a space ("5h"), since the word has another meaning alone
}

// The bases of durations. Months have no fixed number of seconds, so they keep a base of their own;
// agreement between the two allows for every length of a month.
const (
	baseTime    = "time"
	baseMonths  = "months"
	baseWorkday = "workday"
)

var units = func() map[string]unit {
	m := make(map[string]unit)
	add := func(u unit, words string) {
		for w := range set(words) {
			m[w] = u
		}
	}
	add(unit{kind: Percent, factor: 1}, "percent pct percentage-point")
	add(unit{Duration, baseTime, 0.001, false}, "ms msec millisecond milliseconds")
	add(unit{Duration, baseTime, 1, false}, "sec secs second seconds")
	add(unit{Duration, baseTime, 60, false}, "min mins minute minutes")
	add(unit{Duration, baseTime, 3600, false}, "hr hrs hour hours")
	add(unit{Duration, baseTime, 86400, false}, "day days")
	add(unit{Duration, baseTime, 7 * 86400, false}, "week weeks wk wks")
	add(unit{Duration, baseTime, 14 * 86400, false}, "fortnight fortnights")
	add(unit{Duration, baseMonths, 1, false}, "month months mo mos mth mths")
	add(unit{Duration, baseMonths, 3, false}, "quarter quarters")
	add(unit{Duration, baseMonths, 12, false}, "year years yr yrs yo")
	add(unit{Duration, baseMonths, 120, false}, "decade decades")
	add(unit{Duration, baseTime, 1, true}, "s")
	add(unit{Duration, baseTime, 3600, true}, "h")
	add(unit{Duration, baseTime, 86400, true}, "d")
	add(unit{Duration, baseTime, 7 * 86400, true}, "w")
	add(unit{Duration, baseMonths, 12, true}, "y")
	for i, names := range []string{"b byte bytes", "kb kib kilobyte kilobytes", "mb mib megabyte megabytes",
		"gb gib gig gigs gigabyte gigabytes", "tb tib terabyte terabytes", "pb pib petabyte petabytes"} {
		factor := 1.0
		for range i {
			factor *= 1024
		}
		add(unit{Size, "bytes", factor, false}, names)
	}
	m["b"] = unit{Size, "bytes", 1, true}
	add(unit{Length, "metres", 0.001, false}, "mm millimetre millimetres millimeter millimeters")
	add(unit{Length, "metres", 0.01, false}, "cm centimetre centimetres centimeter centimeters")
	add(unit{Length, "metres", 1, false}, "metre metres meter meters")
	add(unit{Length, "metres", 1000, false}, "km kms kilometre kilometres kilometer kilometers")
	add(unit{Length, "metres", 1609.344, false}, "mile miles mi")
	add(unit{Length, "metres", 0.3048, false}, "ft foot feet")
	add(unit{Length, "metres", 0.0254, false}, "inch inches")
	add(unit{Length, "metres", 0.9144, false}, "yd yard yards")
	add(unit{Weight, "kilograms", 0.001, false}, "gram grams gramme grammes")
	add(unit{Weight, "kilograms", 0.001, true}, "g")
	add(unit{Weight, "kilograms", 1, false}, "kg kgs kilogram kilograms kilo kilos")
	add(unit{Weight, "kilograms", 1000, false}, "tonne tonnes")
	add(unit{Weight, "kilograms", 0.45359237, false}, "lb lbs")
	add(unit{Weight, "kilograms", 0.028349523, false}, "oz ounce ounces")
	add(unit{Money, "USD", 1, false}, "usd dollar dollars")
	add(unit{Money, "USD", 0.01, false}, "cent cents")
	add(unit{Money, "EUR", 1, false}, "eur euro euros")
	add(unit{Money, "GBP", 1, false}, "gbp quid")
	add(unit{Money, "GBP", 0.01, false}, "pence")
	add(unit{Money, "JPY", 1, false}, "jpy yen")
	add(unit{Money, "INR", 1, false}, "inr rupee rupees")
	add(unit{Money, "CHF", 1, false}, "chf")
	add(unit{Money, "CAD", 1, false}, "cad")
	add(unit{Money, "AUD", 1, false}, "aud")
	return m
}()

// currencies are the signs and codes that stand before an amount.
var currencies = map[string]string{"$": "USD", "£": "GBP", "€": "EUR", "¥": "JPY", "₹": "INR",
	"usd": "USD", "gbp": "GBP", "eur": "EUR", "jpy": "JPY", "inr": "INR", "chf": "CHF", "cad": "CAD", "aud": "AUD"}

// dollars are the letters before "$" that name another country's.
var dollars = map[string]string{"us": "USD", "ca": "CAD", "c": "CAD", "au": "AUD", "a": "AUD", "nz": "NZD", "hk": "HKD", "s": "SGD"}

// unitAt reads the unit that begins at token j, behind a hyphen if there is one, and returns the
// index after it. Without a unit it returns j.
func (s *scanner) unitAt(j int) (unit, int) {
	k := j
	if s.is(k, "-") && s.toks[k].glued && k+1 < len(s.toks) && s.toks[k+1].glued {
		k++
	}
	if k >= len(s.toks) {
		return unit{}, j
	}
	t := s.toks[k]
	switch {
	case t.low == "%":
		return unit{kind: Percent, factor: 1}, k + 1
	case t.low == "€" || t.low == "£":
		return unit{kind: Money, base: currencies[t.low], factor: 1}, k + 1
	case t.low == "per" && (s.is(k+1, "cent")):
		return unit{kind: Percent, factor: 1}, k + 2
	case t.low == "percentage" && (s.is(k+1, "point") || s.is(k+1, "points")):
		return unit{kind: Percent, base: "points", factor: 1}, k + 2
	case t.low == "°" || t.low == "degree" || t.low == "degrees":
		return s.degrees(k, j)
	case t.kind != tokWord:
		return unit{}, j
	case (t.low == "business" || t.low == "working" || t.low == "work") && (s.is(k+1, "day") || s.is(k+1, "days")):
		return unit{Duration, baseWorkday, 1, false}, k + 2
	case t.low == "calendar" && k+1 < len(s.toks) && units[s.toks[k+1].low].kind == Duration:
		return units[s.toks[k+1].low], k + 2
	}
	u, ok := units[t.low]
	if !ok || u.glued && (!t.glued || k > j) {
		return unit{}, j
	}
	return u, k + 1
}

func (s *scanner) degrees(k, none int) (unit, int) {
	if k+1 < len(s.toks) {
		switch s.toks[k+1].low {
		case "c", "celsius", "centigrade":
			return unit{Temperature, "C", 1, false}, k + 2
		case "f", "fahrenheit":
			return unit{Temperature, "F", 1, false}, k + 2
		}
	}
	return unit{}, none
}

// perAt reads "per month", "/month" or "a month" at token j and returns what to append to the unit
// and the index after it.
func (s *scanner) perAt(j int) (string, int) {
	if j+1 >= len(s.toks) {
		return "", j
	}
	t, next := s.toks[j], s.toks[j+1]
	if next.kind != tokWord {
		return "", j
	}
	period := units[next.low].kind == Duration
	switch {
	case t.low == "per" && (!isStop(next.low)), t.low == "/" && t.glued && next.glued:
		return "/" + stem(perName(next.low)), j + 2
	case (t.low == "a" || t.low == "an" || t.low == "each" || t.low == "every") && period:
		return "/" + stem(perName(next.low)), j + 2
	}
	return "", j
}

// perName spells the short forms of a period out.
func perName(w string) string {
	switch w {
	case "mo", "mth":
		return "month"
	case "yr", "annum", "y":
		return "year"
	case "hr", "h":
		return "hour"
	case "sec", "s":
		return "second"
	case "min":
		return "minute"
	case "wk":
		return "week"
	case "d":
		return "day"
	}
	return w
}
