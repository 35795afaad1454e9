package freshness

import "math"

// relation is what two values say about each other.
type relation uint8

const (
	apart     relation = iota // of different kinds or units: nothing
	same                      // equal
	agreeing                  // different words that can both be true
	different                 // they cannot both hold
)

// relate compares two values. strict says that limits are compared as such, which holds when both
// sentences set rules, or when they are the same but for their values: then "more than 30 people" and
// "more than 14 people" differ. Elsewhere both may describe one crowd.
func relate(a, b Quantity, strict bool) relation {
	if a.Kind != b.Kind || !commensurable(a, b) {
		return apart
	}
	if equalValues(a, b) && a.Bound.upper() == b.Bound.upper() && a.Bound.lower() == b.Bound.lower() {
		return same
	}
	switch a.Kind {
	case Weekday, Phone, Email:
		return different
	case Ordinal:
		if a.Bound.side() || b.Bound.side() {
			return agreeing // "ranked above the fifth": ranks run both ways
		}
	case Date:
		if (a.Bound.side() || b.Bound.side()) && (a.Low < 1e4) != (b.Low < 1e4) {
			return agreeing // one has no year, so neither is known to be earlier
		}
	}
	switch {
	case a.Bound == About && nearly(a, b), b.Bound == About && nearly(a, b):
		return agreeing
	case a.Bound.side() && b.Bound.side():
		return relateBounds(a, b, strict)
	case a.Bound.side() || b.Bound.side():
		if b.Bound.side() {
			a, b = b, a
		}
		if within(a, b) && !(strict && a.Bound.limit() && !equalValues(a, b)) {
			return agreeing
		}
		return different
	case equalValues(a, b):
		return same
	case strict:
		return different
	case a.Width == 0 && b.Width > 0 && b.Low <= a.Low && a.Low <= b.Low+b.Width,
		b.Width == 0 && a.Width > 0 && a.Low <= b.Low && b.Low <= a.Low+a.Width:
		return agreeing
	}
	return different
}

// relateBounds compares two values that each leave one side open.
func relateBounds(a, b Quantity, strict bool) relation {
	facing := a.Bound.upper() == b.Bound.upper()
	switch {
	case facing && equalValues(a, b):
		return agreeing
	case facing && a.Kind == Count && a.Bound != b.Bound && math.Abs(a.Low-b.Low) == 1:
		return agreeing // "fewer than 6" and "no more than 5" people
	case facing && (strict || a.Bound.limit() && b.Bound.limit()):
		return different
	case facing:
		return agreeing
	}
	if a.Bound.lower() {
		a, b = b, a
	}
	if a.Low < b.Low { // at most a, at least b
		return different
	}
	return agreeing
}

// within reports whether the exact value b lies on the side that bound a leaves open.
func within(a, b Quantity) bool {
	if a.Bound.upper() {
		return b.Low+b.Width <= a.Low || equalValues(a, b) && a.Bound == AtMost
	}
	return b.Low >= a.Low || equalValues(a, b) && a.Bound == AtLeast
}

func (b Bound) side() bool { return b.upper() || b.lower() }

// commensurable reports whether two values of one kind are measured in the same thing.
func commensurable(a, b Quantity) bool {
	if a.Unit == b.Unit {
		return true
	}
	ta, pa := splitUnit(a.Unit)
	tb, pb := splitUnit(b.Unit)
	return pa == pb && (a.Kind == Duration || a.Kind == Frequency) &&
		(ta == baseTime && tb == baseMonths || ta == baseMonths && tb == baseTime)
}

func splitUnit(u string) (base, per string) {
	for i := range len(u) {
		if u[i] == '/' {
			return u[:i], u[i:]
		}
	}
	return u, ""
}

// equalValues reports whether two comparable values are the same under some reading of each: other
// units of the same length, digits that one of them rounds away, parts of a date that one leaves out.
func equalValues(a, b Quantity) bool {
	switch a.Kind {
	case Date:
		return dateAgrees(a.Low, b.Low) || a.Alt != 0 && dateAgrees(a.Alt, b.Low) || b.Alt != 0 && dateAgrees(a.Low, b.Alt)
	case Version:
		step := max(a.Coarse, b.Coarse, 1)
		return math.Floor(a.Low/step) == math.Floor(b.Low/step)
	case Phone:
		// With and without the country's code.
		size := 1e10
		if a.Low < 1e10 || b.Low < 1e10 {
			size = 1e9
		}
		if min(a.Low, b.Low) < 1e9 {
			return a.Low == b.Low
		}
		return math.Mod(a.Low, size) == math.Mod(b.Low, size)
	}
	if a.Unit != b.Unit {
		return monthsEqual(a, b)
	}
	if near(a.Low, b.Low, tolerance(a, b)) && near(a.Width, b.Width, tolerance(a, b)) {
		return true
	}
	if a.Width != 0 || b.Width != 0 {
		return false
	}
	return a.Alt != 0 && (a.Alt == b.Low || a.Alt == b.Alt) || b.Alt != 0 && a.Low == b.Alt
}

// tolerance is how far apart two writings of one value may lie.
func tolerance(a, b Quantity) float64 {
	magnitude := max(math.Abs(a.Low), math.Abs(b.Low))
	tol := 1e-9 * magnitude
	switch a.Kind {
	case Size:
		return 0.025 * magnitude // 1,000 or 1,024 to the step
	case Length, Weight:
		tol = 0.004 * magnitude // "7 miles" is "11.3 km"
	}
	if a.Coarse != b.Coarse {
		tol = max(tol, max(a.Coarse, b.Coarse)/2*(1+1e-9))
	}
	return tol
}

func near(a, b, tol float64) bool { return math.Abs(a-b) <= tol }

// nearly reports whether two values lie within a tenth of each other, which "about" allows.
func nearly(a, b Quantity) bool {
	if a.Unit != b.Unit {
		return monthsEqual(a, b)
	}
	return math.Abs(a.Low-b.Low) <= 0.1*max(math.Abs(a.Low), math.Abs(b.Low))
}

// monthsEqual compares a length in seconds with one in months, of 28 to 31 days each.
func monthsEqual(a, b Quantity) bool {
	if base, _ := splitUnit(a.Unit); base == baseMonths {
		a, b = b, a
	}
	days, n := a.Low/86400, b.Low
	return days >= 28*n && days <= 31*n || n >= 12 && days >= 364*n/12 && days <= 366*n/12
}

// dateAgrees compares the parts that both dates give. Dates without a common part agree, since
// nothing says otherwise.
func dateAgrees(a, b float64) bool {
	x, y := int(a), int(b)
	for _, step := range [...]int{10000, 100, 1} {
		p, q := x/step, y/step
		if step < 10000 {
			p, q = p%100, q%100
		}
		if p != 0 && q != 0 && p != q {
			return false
		}
	}
	return true
}
