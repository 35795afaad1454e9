package freshness

// bound reads how the sentence limits the value in tokens [lo, hi): the words before it first, then
// those behind.
func (s *scanner) bound(k Kind, lo, hi int) Bound {
	i := lo - 1
	for i >= 0 && (s.is(i, "a") || s.is(i, "an") || s.is(i, "the") || s.is(i, "of") || s.is(i, "total") || s.is(i, ":") || s.is(i, "is") || s.is(i, "to") && !s.is(i-1, "up") && !s.is(i-1, "prior") || s.is(i, "(")) && i > lo-4 {
		i--
	}
	w, before, far := s.low(i), s.low(i-1), s.low(i-2)
	not := before == "no" || before == "not" || before == "never"
	switch w {
	case "within", "maximum", "max":
		return AtMost
	case "before", "after":
		if k != Date && k != Time {
			break
		}
		return either(w == "before", LessThan, MoreThan)
	case "to":
		switch before {
		case "up":
			return AtMost
		case "prior":
			return LessThan
		}
	case "most":
		if before == "at" {
			return AtMost
		}
	case "least":
		if before == "at" {
			return AtLeast
		}
	case "minimum", "min":
		return AtLeast
	case "than":
		not = far == "no" || far == "not" || far == "never"
		switch before {
		case "more", "greater", "longer", "later", "higher", "older", "larger":
			return either(not, AtMost, MoreThan)
		case "less", "fewer", "shorter", "earlier", "lower", "younger", "smaller":
			return either(not, AtLeast, LessThan)
		}
	case "over", "above", "exceeding", "exceed", "exceeds":
		return either(not, AtMost, MoreThan)
	case "under", "below":
		return either(not, AtLeast, LessThan)
	case "about", "around", "approximately", "roughly", "nearly", "almost", "circa", "approx", "estimated", "~", "≈":
		return About
	}
	return s.boundBehind(hi)
}

func (s *scanner) boundBehind(hi int) Bound {
	switch s.low(hi) {
	case "+":
		return AtLeast
	case "maximum", "max":
		return AtMost
	case "minimum", "min":
		return AtLeast
	case "or":
		switch s.low(hi + 1) {
		case "more", "greater", "above", "over", "longer", "older", "later", "higher":
			return AtLeast
		case "less", "fewer", "below", "under", "shorter", "earlier", "lower":
			return AtMost
		}
	}
	return Exact
}

func either(first bool, a, b Bound) Bound {
	if first {
		return a
	}
	return b
}

// upper and lower report which side the bound leaves open.
func (b Bound) upper() bool { return b == AtMost || b == LessThan }
func (b Bound) lower() bool { return b == AtLeast || b == MoreThan }

// limit reports whether the bound itself sets a limit rather than describing a value.
func (b Bound) limit() bool { return b == AtMost || b == AtLeast }
