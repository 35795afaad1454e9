package freshness

// clock recognises a time of day. Its Low is in minutes. A time without "am" or "pm" that could be
// either keeps both readings, so that "1:00" agrees with "13:00".
func (s *scanner) clock(i int) (found, bool) {
	t := s.toks[i]
	switch {
	case t.low == "noon" || t.low == "midday":
		return timeFound(12*60, 0, i, i+1), true
	case t.low == "midnight":
		return timeFound(0, 24*60, i, i+1), true
	case t.kind != tokNumber || len(t.low) > 5:
		return found{}, false
	}
	if i > 1 && t.glued && s.is(i-1, ":") {
		return found{}, false
	}
	hour, minute, end := atoi(t.low), 0, i+1
	written := false // with minutes
	if s.is(i+1, ":") && s.toks[i+1].glued && i+2 < len(s.toks) && s.toks[i+2].glued {
		m := s.toks[i+2]
		if minute = atoi(m.low); len(m.low) != 2 || minute < 0 || minute > 59 || hour < 0 || len(t.low) > 2 {
			return found{}, false
		}
		end, written = i+3, true
		if s.is(end, ":") && s.toks[end].glued && end+1 < len(s.toks) && s.toks[end+1].glued {
			if len(s.toks[end+1].low) != 2 {
				return found{}, false
			}
			end += 2
		}
	} else if len(t.low) >= 4 && t.low[len(t.low)-3] == '.' { // "9.30am"
		hour, minute = atoi(t.low[:len(t.low)-3]), atoi(t.low[len(t.low)-2:])
	}
	if hour < 0 || minute < 0 || minute > 59 || hour > 24 {
		return found{}, false
	}
	switch meridiem(s.low(end)) {
	case 1:
		if hour == 12 {
			hour = 0
		}
		return timeFound(hour*60+minute, 0, i, end+1), hour < 12
	case 2:
		if hour < 12 {
			hour += 12
		}
		return timeFound(hour*60+minute, 0, i, end+1), hour < 24
	}
	if !written {
		return found{}, false
	}
	if s.is(end, "h") || s.is(end, "hrs") {
		end++
	}
	alt := 0
	if hour >= 1 && hour <= 12 && t.low[0] != '0' {
		alt = (hour%12+12)*60 + minute
		if hour == 12 {
			alt = minute
			if alt == 0 {
				alt = 24 * 60
			}
		}
	}
	return timeFound(hour*60+minute, alt, i, end), true
}

func timeFound(minutes, alt, lo, hi int) found {
	return found{q: Quantity{Kind: Time, Low: float64(minutes), Alt: float64(alt)}, lo: lo, hi: hi}
}

func meridiem(w string) int {
	switch w {
	case "am", "a.m":
		return 1
	case "pm", "p.m":
		return 2
	}
	return 0
}
