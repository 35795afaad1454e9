package folder

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// dateForms are the forms of dates that are taken, most exact first. A form in which day
// and month could be taken for one another is not among them. Without a zone it is UTC.
var dateForms = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", "2006-01-02T15:04",
	"2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05 -07:00", "2006-01-02 15:04:05 MST",
	"2006-01-02 15:04:05", "2006-01-02 15:04 -0700", "2006-01-02 15:04", "2006-01-02", "2006-1-2", "2006/01/02", "2006.01.02",
	"2 January 2006", "2 Jan 2006", "January 2, 2006", "Jan 2, 2006", "2-Jan-2006", time.RFC1123Z, time.RFC1123,
}

// parseDate reads a date of front matter.
func parseDate(value any) (time.Time, error) {
	t, isTime := value.(time.Time)
	if !isTime {
		text, ok := value.(string)
		if !ok {
			return t, fmt.Errorf("%v is no date", value)
		}
		for _, form := range dateForms {
			parsed, err := time.Parse(form, strings.TrimSpace(text))
			if err == nil && (form != "2006-01-02 15:04:05 MST" && form != time.RFC1123 || parsed.Location() == time.UTC) {
				t, isTime = parsed, true
				break
			}
		}
		if !isTime {
			return t, fmt.Errorf("%q is no date; write it as 2026-01-31 or 2026-01-31T09:30:00Z", text)
		}
	}
	if t.Year() < 1 || t.Year() > 9999 || t.IsZero() {
		return time.Time{}, fmt.Errorf("the year %d cannot be", t.Year())
	}
	// A local time of TOML comes in the zone of this machine, which says nothing.
	if z := t.Location().String(); strings.HasSuffix(z, "-local") {
		t = time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
	}
	return t.UTC(), nil
}

var intervalForm = regexp.MustCompile(`^(\d{1,5})\s*(day|week|month|year|d|w)s?$|^P(\d{1,5})([DWMY])$|^(\d{1,12})s$`)

const dayLength = 24 * time.Hour

// parseInterval reads how often something happens: "6 months", "180d", "P6M", "4320h" or
// seconds, "15552000s". A month and a year are counted in the calendar from the date
// given, or without one are a twelfth of 365 days and 365 days.
func parseInterval(text string, from time.Time) (time.Duration, error) {
	bad := fmt.Errorf("%q is no interval; write it as 180 days, 6 months or 1 year", text)
	clean := strings.TrimSpace(text)
	m := intervalForm.FindStringSubmatch(strings.ToLower(clean))
	if m == nil {
		m = intervalForm.FindStringSubmatch(clean)
	}
	if m == nil {
		if hours, ok := strings.CutSuffix(clean, "h"); ok {
			n, err := strconv.ParseInt(hours, 10, 32)
			if n > int64(250*365*dayLength/time.Hour) {
				return 0, bad
			}
			return positive(time.Duration(n)*time.Hour, err, bad)
		}
		return 0, bad
	}
	if m[5] != "" {
		n, err := strconv.ParseInt(m[5], 10, 64)
		if n > int64(250*365*dayLength/time.Second) {
			return 0, bad
		}
		return positive(time.Duration(n)*time.Second, err, bad)
	}
	count, unit := m[1]+m[3], strings.ToLower((m[2] + m[4])[:1])
	n, err := strconv.Atoi(count)
	if limit := map[string]int{"d": 90000, "w": 13000, "m": 3000, "y": 250}[unit]; err != nil || n > limit {
		return 0, bad
	}
	var d time.Duration
	switch unit {
	case "d":
		d = time.Duration(n) * dayLength
	case "w":
		d = time.Duration(n) * 7 * dayLength
	case "m":
		d = calendar(from, 0, n, time.Duration(n)*365*dayLength/12)
	case "y":
		d = calendar(from, n, 0, time.Duration(n)*365*dayLength)
	}
	return positive(d, nil, bad)
}

func positive(d time.Duration, err, bad error) (time.Duration, error) {
	if err != nil || d <= 0 {
		return 0, bad
	}
	return d, nil
}

// calendar is how long years and months last from the date, or the length given if there
// is no date.
func calendar(from time.Time, years, months int, length time.Duration) time.Duration {
	if from.IsZero() {
		return length
	}
	return from.AddDate(years, months, 0).Sub(from)
}
