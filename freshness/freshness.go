// Package freshness judges sources: how old one is against its review interval, whether it is
// still valid or has been superseded, and where two versions or copies of one document give
// different values for the same thing.
//
// The package is pure. It reads no clock, no file and no network; what it knows is in its
// arguments, and equal arguments give equal answers. It never learns of a document that the
// caller may not see, because nobody hands it one: every pair of documents is judged from those
// two alone.
//
// Precision comes before recall. A value is called a conflict only when its sentence has one
// clear counterpart in the other document, when it is unmatched on both sides, and when kind,
// unit and head noun are the same.
package freshness

import (
	"fmt"
	"slices"
	"time"
)

// State is what the judgement of one source comes to. The zero State is Unknown.
type State uint8

// The states. Judge tries them in the order SUPERSEDED, OUTDATED, NOT_YET_VALID, UNKNOWN, STALE,
// DUE, FRESH; the first that applies is the answer.
const (
	Unknown     State = iota // no date to count from, no interval to count against, or a source that is silent
	Superseded               // another document that the caller can see replaces this one
	Outdated                 // its validity has ended
	NotYetValid              // its validity has not begun
	Stale                    // older than one and a half review intervals
	Due                      // older than one review interval
	Fresh                    // within its review interval
)

var stateNames = [...]string{"UNKNOWN", "SUPERSEDED", "OUTDATED", "NOT_YET_VALID", "STALE", "DUE", "FRESH"}

// String returns the state's name as it appears on the wire. A value outside the list is
// "UNKNOWN", since nothing is known about it.
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return stateNames[Unknown]
}

// MarshalText implements encoding.TextMarshaler: records name states.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *State) UnmarshalText(text []byte) error {
	i := slices.Index(stateNames[:], string(text))
	if i < 0 {
		return fmt.Errorf("freshness: no state is called %q", text)
	}
	*s = State(i)
	return nil
}

// Clocks are the dates of one document that the judgement needs. A zero time means "not known".
type Clocks struct {
	Modified       time.Time     // when the content changed at its source
	Verified       time.Time     // when a person last vouched for this content; zero once the content changed after it
	ReviewInterval time.Duration // how long a verification or change lasts; zero or less means none was set
	ValidFrom      time.Time     // first instant of validity; zero means no beginning
	ValidUntil     time.Time     // first instant after validity; zero means no end
	Superseded     bool          // replaced by a document that the same caller can see
	How            Succession    // by what that is known
	Cadence        time.Duration // how often the source promises to be synced; zero or less means no promise
	Confirmed      time.Time     // when the source last gave a sign of life
}

// Succession is by what it is known that a document is replaced.
type Succession uint8

// The ways to know.
const (
	Undeclared Succession = iota
	Replaces              // the successor declares it
	ReplacedBy            // the document itself declares it
	NewerAtURI            // the successor is a newer version at the same address
)

// Finding is the judgement of one source: a State, the reason in words, and the dates behind it.
type Finding struct {
	State   State
	Reason  string    // one sentence, made of the document's own dates only, so it does not change from one second to the next
	Anchor  time.Time // what the age is counted from; zero when not known
	Due     time.Time // when the next review falls due; zero when Anchor or the interval is not known
	Ratio   float64   // age divided by the review interval, 0 or more; 0 when either is not known
	AgeDays int       // whole days between Anchor and now, 0 or more
}
