package freshness

import "strings"

var months = func() map[string]int {
	m := map[string]int{"sept": 9}
	for i, w := range strings.Fields("january february march april may june july august september october november december") {
		m[w], m[w[:3]] = i+1, i+1
	}
	return m
}()

var weekdays = func() map[string]int {
	m := make(map[string]int)
	for i, w := range strings.Fields("monday tuesday wednesday thursday friday saturday sunday") {
		m[w], m[w+"s"] = i+1, i+1
	}
	return m
}()

func isMonth(w string) bool { return months[w] > 0 }

// A date's Low is year × 10000 + month × 100 + day, with zero for a part that is not written. Dates
// that differ only in parts that one of them leaves out agree.
func dateOf(y, m, d int) (float64, bool) {
	if m > 12 || d > 31 || m < 0 || d < 0 || y < 0 || y > 9999 {
		return 0, false
	}
	return float64(y*10000 + m*100 + d), true
}

// date recognises a date, a month or a year. The date of "as of 3 May" is a stamp on the sentence
// and no value.
func (s *scanner) date(i int) (found, bool) {
	low, alt, end := s.dateAt(i)
	if end == i {
		return found{}, false
	}
	j := i - 1
	if s.is(j, ",") {
		j--
	}
	stamp := (s.is(j, "of") || s.is(j, "at")) && s.is(j-1, "as")
	return found{q: Quantity{Kind: Date, Low: low, Alt: alt}, lo: i, hi: end, silent: stamp}, true
}

func (s *scanner) dateAt(i int) (low, alt float64, end int) {
	if low, alt, end = s.numericDate(i); end > i {
		return low, alt, end
	}
	j := i
	if weekdays[s.low(i)] > 0 && s.toks[i].kind == tokWord {
		j++
		if s.is(j, ",") {
			j++
		}
	}
	if low, end = s.dayMonth(j); end > j {
		return low, 0, end
	}
	if low, end = s.monthDay(j, j == i); end > j {
		return low, 0, end
	}
	if low, end = s.yearAt(i); end > i {
		return low, 0, end
	}
	return 0, 0, i
}

// numericDate reads 2024-05-03, 2024/05/03, 03/05/2024 and 3.5.2024. Day and month that could be
// either way round keep both readings.
func (s *scanner) numericDate(i int) (low, alt float64, end int) {
	if parts := strings.Split(s.low(i), "."); len(parts) == 3 && s.toks[i].kind == tokNumber {
		return s.threeParts(parts, i, i+1)
	}
	if i+4 >= len(s.toks) || i > 0 && s.toks[i].glued && (s.is(i-1, "-") || s.is(i-1, "/")) {
		return 0, 0, i
	}
	sep := s.toks[i+1].low
	if sep != "-" && sep != "/" || s.toks[i+3].low != sep {
		return 0, 0, i
	}
	for j := i; j < i+5; j++ {
		if j > i && !s.toks[j].glued || j%2 == i%2 && s.toks[j].kind != tokNumber {
			return 0, 0, i
		}
	}
	if s.is(i+5, sep) && s.toks[i+5].glued {
		return 0, 0, i
	}
	return s.threeParts([]string{s.toks[i].low, s.toks[i+2].low, s.toks[i+4].low}, i, i+5)
}

func (s *scanner) threeParts(parts []string, none, end int) (low, alt float64, after int) {
	a, b, c := atoi(parts[0]), atoi(parts[1]), atoi(parts[2])
	switch {
	case a < 0 || b < 1 || c < 1:
	case len(parts[0]) == 4 && a >= 1000:
		if v, ok := dateOf(a, b, c); ok {
			return v, 0, end
		}
	case len(parts[2]) == 4 && c >= 1000 && a > 0:
		dmy, ok := dateOf(c, b, a)
		mdy, ok2 := dateOf(c, a, b)
		switch {
		case ok && ok2 && dmy != mdy:
			return dmy, mdy, end
		case ok:
			return dmy, 0, end
		case ok2:
			return mdy, 0, end
		}
	}
	return 0, 0, none
}

// dayMonth reads "3 May 2024", "3rd of May" and "15th May".
func (s *scanner) dayMonth(j int) (float64, int) {
	d := s.dayNumber(j)
	if d == 0 {
		return 0, j
	}
	k := j + 1
	if suffixes[s.low(k)] && s.toks[k].glued {
		k++
	}
	if s.is(k, "of") {
		k++
	}
	m := months[s.low(k)]
	if m == 0 {
		return 0, j
	}
	y, end := s.yearBehind(k + 1)
	v, ok := dateOf(y, m, d)
	if !ok {
		return 0, j
	}
	return v, end
}

// monthDay reads "May 3, 2024", "May 3rd", "May 2024" and, if alone is set, "in May".
func (s *scanner) monthDay(j int, alone bool) (float64, int) {
	w := s.low(j)
	m := months[w]
	if m == 0 || s.toks[j].kind != tokWord {
		return 0, j
	}
	k := j + 1
	if s.is(k, ".") && len(w) <= 4 {
		k++
	}
	if d := s.dayNumber(k); d > 0 {
		end := k + 1
		if suffixes[s.low(end)] && s.toks[end].glued {
			end++
		}
		if !s.is(end, ":") {
			y, behind := s.yearBehind(end)
			v, ok := dateOf(y, m, d)
			if ok {
				return v, behind
			}
		}
	}
	if y, end := s.yearBehind(k); y > 0 {
		v, _ := dateOf(y, m, 0)
		return v, end
	}
	if !alone || !s.toks[j].upper || len(w) == 3 && w != "may" {
		return 0, j
	}
	if (w == "may" || w == "march" || w == "august") && !yearPreps[s.low(j-1)] {
		return 0, j
	}
	v, _ := dateOf(0, m, 0)
	return v, j + 1
}

// dayNumber returns the day of the month written at token j, else 0.
func (s *scanner) dayNumber(j int) int {
	if j >= len(s.toks) || s.toks[j].kind != tokNumber || len(s.toks[j].low) > 2 {
		return 0
	}
	if d := atoi(s.toks[j].low); d >= 1 && d <= 31 {
		return d
	}
	return 0
}

// yearBehind reads "2024" or ", 2024" at token k and returns the index after it, k if there is none.
func (s *scanner) yearBehind(k int) (int, int) {
	j := k
	if s.is(j, ",") {
		j++
	}
	if y := s.yearNumber(j); y > 0 {
		return y, j + 1
	}
	return 0, k
}

func (s *scanner) yearNumber(j int) int {
	if j >= len(s.toks) || s.toks[j].kind != tokNumber || len(s.toks[j].low) != 4 {
		return 0
	}
	if y := atoi(s.toks[j].low); y >= 1000 && y <= 2199 {
		return y
	}
	return 0
}

var yearPreps = set("in since from until till by during of before after to early late mid year spring summer autumn winter fall between around circa through ( - and for")

// yearAt reads a bare year: four digits of our time, or of older times behind a word that dates follow,
// unless a plural behind them says that they count something. "1860s" is a decade.
func (s *scanner) yearAt(i int) (float64, int) {
	y := s.yearNumber(i)
	if y == 0 {
		return 0, i
	}
	if s.is(i+1, "s") && s.toks[i+1].glued {
		if y%10 == 0 {
			return float64(y*10000) + 9999, i + 2
		}
		return 0, i
	}
	if u, end := s.unitAt(i + 1); end > i+1 && u.kind != 0 || scales[s.low(i+1)] > 0 {
		return 0, i
	}
	next := i + 1
	if next < len(s.toks) && s.toks[next].glued && (s.toks[next].kind != tokPunct || s.is(next, "/") || s.is(next, "%")) ||
		i > 0 && s.toks[i].glued && s.toks[i-1].kind != tokPunct || s.is(i-1, "/") || s.is(i-1, "#") || s.is(i-1, "=") {
		return 0, i
	}
	counts := next < len(s.toks) && s.toks[next].kind == tokWord && !isStop(s.toks[next].low) && stem(s.toks[next].low) != s.toks[next].low
	if !counts && (y >= 1900 && y <= 2100 || y >= 1200 && yearPreps[s.low(i-1)]) {
		return float64(y * 10000), i + 1
	}
	return 0, i
}

// weekday recognises a day of the week.
func (s *scanner) weekday(i int) (found, bool) {
	d := weekdays[s.toks[i].low]
	if d == 0 || !s.toks[i].upper {
		return found{}, false
	}
	return found{q: Quantity{Kind: Weekday, Low: float64(d)}, lo: i, hi: i + 1}, true
}

// atoi reads at most nine digits, -1 for anything else.
func atoi(s string) int {
	if len(s) == 0 || len(s) > 9 {
		return -1
	}
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return -1
		}
		n = n*10 + int(s[i]-'0')
	}
	return n
}
