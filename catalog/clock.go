package catalog

import "time"

// MaxAhead is how far a version may lie after the time of its commit, by the clock of its
// source. A version that lies further ahead would shut out every real change until then, so
// it is refused with ErrVersionFuture. That holds for the versions of contents and
// deletions, of access and of containers alike: an access register that stands in the
// future would keep out every revocation, without a word but AccessKept.
const MaxAhead = 5 * time.Minute

// Ahead reports whether a version is a time more than MaxAhead after the instant.
func (c VersionClock) Ahead(version int64, at time.Time) bool {
	unit := c.unit(version)
	if unit == 0 {
		return false
	}
	// Compared as seconds and the rest of one: a year of one clock overflows another.
	limit := at.Add(MaxAhead)
	second := int64(time.Second / unit)
	seconds, rest := version/second, version%second
	if rest < 0 {
		seconds, rest = seconds-1, rest+second
	}
	return seconds > limit.Unix() || seconds == limit.Unix() && rest*int64(unit) > int64(limit.Nanosecond())
}

// unit is what a version counts, 0 if it counts no time.
func (c VersionClock) unit(version int64) time.Duration {
	switch c {
	case ClockSeconds:
		return time.Second
	case ClockMillis:
		return time.Millisecond
	case ClockMicros:
		return time.Microsecond
	case ClockNanos:
		return time.Nanosecond
	case ClockUnknown: // both from 2001 to 2286
		switch {
		case 1e9 <= version && version < 1e10:
			return time.Second
		case 1e12 <= version && version < 1e13:
			return time.Millisecond
		}
	}
	return 0
}

// Comparable reports whether the versions of different documents can be compared, because
// all are times of one clock.
func (c VersionClock) Comparable() bool { return c >= ClockSeconds && c <= ClockNanos }
