package freshness

import (
	"strconv"
	"time"
)

// skewAllowed is how far a source's clock may run ahead of ours. A date up to this far in the
// future counts as "now"; a later one is no evidence that anybody looked at the document.
const skewAllowed = 24 * time.Hour

const day = 24 * time.Hour

// Judge says what state a document is in at the instant now. It is defined for every input.
//
// The age is counted from the anchor: the last verification if it still covers the content, else
// the last change of the content. When the document was synced never matters. Validity is half
// open: a document is valid from ValidFrom up to, and not including, ValidUntil. With r the age
// divided by the review interval, r ≥ 1.5 is Stale and 1 ≤ r < 1.5 is Due.
func Judge(c Clocks, now time.Time) Finding {
	var f Finding
	anchor, verified := anchorOf(c, now)
	var age time.Duration
	if !anchor.IsZero() {
		f.Anchor = anchor
		age = max(0, now.Sub(anchor))
		f.AgeDays = int(age / day)
		if c.ReviewInterval > 0 {
			f.Due = anchor.Add(c.ReviewInterval)
			f.Ratio = float64(age) / float64(c.ReviewInterval)
		}
	}
	f.State = stateOf(c, f, age, now)
	f.Reason = reasonOf(c, f, verified, now)
	return f
}

// anchorOf returns the date that the age is counted from, and whether it is a verification.
func anchorOf(c Clocks, now time.Time) (anchor time.Time, verified bool) {
	latest := now.Add(skewAllowed)
	if c.Vouched(now) {
		return c.Verified, true
	}
	if !c.Modified.IsZero() && !c.Modified.After(latest) {
		return c.Modified, false
	}
	return time.Time{}, false
}

// During returns the state at the instant now, as Judge does, and an interval [from, until) around
// it in which it stays that, the zero time for no end: it may be shorter than need be, never longer.
func During(c Clocks, now time.Time) (s State, from, until time.Time) {
	f := Finding{}
	f.Anchor, _ = anchorOf(c, now)
	var age time.Duration
	if !f.Anchor.IsZero() {
		age = max(0, now.Sub(f.Anchor))
	}
	bound := func(t time.Time) {
		switch {
		case !t.After(now):
			if t.After(from) {
				from = t
			}
		case until.IsZero() || t.Before(until):
			until = t
		}
	}
	for _, t := range [...]time.Time{c.ValidFrom, c.ValidUntil} {
		if !t.IsZero() {
			bound(t)
		}
	}
	for _, t := range [...]time.Time{c.Verified, c.Modified} {
		if !t.IsZero() {
			bound(t.Add(-skewAllowed)) // from when on it counts
		}
	}
	if c.ReviewInterval > 0 && !f.Anchor.IsZero() {
		due := f.Anchor.Add(c.ReviewInterval)
		bound(due)
		bound(due.Add(half(c.ReviewInterval)))
	}
	if c.Cadence > 0 && !c.Confirmed.IsZero() {
		silent := c.Confirmed.Add(1)
		for range Patience {
			silent = silent.Add(c.Cadence)
		}
		bound(silent)
	}
	return stateOf(c, f, age, now), from, until
}

// InForce reports whether the instant lies in the document's validity, superseded or not.
func (c Clocks) InForce(now time.Time) bool {
	return (c.ValidFrom.IsZero() || !now.Before(c.ValidFrom)) && (c.ValidUntil.IsZero() || now.Before(c.ValidUntil))
}

// Vouched reports whether by the instant somebody has vouched for the document's text.
func (c Clocks) Vouched(now time.Time) bool {
	return !c.Verified.IsZero() && !c.Verified.After(now.Add(skewAllowed))
}

// half is half an interval, rounded up.
func half(d time.Duration) time.Duration { return d/2 + d%2 }

func stateOf(c Clocks, f Finding, age time.Duration, now time.Time) State {
	switch {
	case c.Superseded:
		return Superseded
	case !c.ValidUntil.IsZero() && !now.Before(c.ValidUntil):
		return Outdated
	case !c.ValidFrom.IsZero() && now.Before(c.ValidFrom):
		return NotYetValid
	case f.Anchor.IsZero() || c.ReviewInterval <= 0 || c.Silent(now):
		return Unknown
	case age < c.ReviewInterval:
		return Fresh
	}
	// In whole nanoseconds, so that the boundary is one exact instant, and by subtraction, so
	// that one and a half times a very long interval cannot overflow.
	if age-c.ReviewInterval >= half(c.ReviewInterval) {
		return Stale
	}
	return Due
}

// Patience is for how many cadences a source may be silent.
const Patience = 3

// Silent reports whether the source has given no sign of life for more than three times as long as
// it promises: what it says may have changed long ago.
func (c Clocks) Silent(now time.Time) bool {
	// By division, so that a long cadence cannot overflow.
	return c.Cadence > 0 && !c.Confirmed.IsZero() && (now.Sub(c.Confirmed)-1)/Patience >= c.Cadence
}

// reasonOf puts the state into words. It names dates and never an age: two servers that hold
// the same documents answer with the same words, a second apart.
func reasonOf(c Clocks, f Finding, verified bool, now time.Time) string {
	since := "last changed on " + date(f.Anchor)
	if verified {
		since = "last verified on " + date(f.Anchor)
	}
	switch f.State {
	case Superseded:
		return successions[c.How]
	case Outdated:
		return "its validity ended on " + date(c.ValidUntil)
	case NotYetValid:
		return "its validity begins on " + date(c.ValidFrom)
	case Stale:
		return since + "; review fell due on " + date(f.Due) + " and is overdue by half an interval or more"
	case Due:
		return since + "; review fell due on " + date(f.Due)
	case Fresh:
		return since + "; next review due on " + date(f.Due)
	}
	switch {
	case c.Silent(now):
		return "its source has not been synced since " + date(c.Confirmed) + ", though it promises to be every " + span(c.Cadence)
	case !f.Anchor.IsZero():
		return since + "; no review interval is set"
	case c.Modified.IsZero() && c.Verified.IsZero():
		return "neither a verification nor a modification date is known"
	}
	return "its dates lie in the future"
}

var successions = [...]string{
	Undeclared: "replaced by a newer document",
	Replaces:   "another document declares to replace it",
	ReplacedBy: "it says itself that another document replaces it",
	NewerAtURI: "a newer version of it stands at the same address",
}

// span is a duration in words, to the minute if it is longer than one.
func span(d time.Duration) string {
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{day, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		switch n := d / unit.length; {
		case d%unit.length != 0:
		case n == 1:
			return unit.name
		case n > 1:
			return strconv.FormatInt(int64(n), 10) + " " + unit.name + "s"
		}
	}
	return d.String()
}

func date(t time.Time) string { return t.UTC().Format(time.DateOnly) }
