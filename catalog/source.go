package catalog

import (
	"time"

	"github.com/muniment/muniment/acl"
)

// Source is what the store knows of a source system. A source registers itself with the
// first of its lines that changes something, or by PutSource.
type Source struct {
	Name     string         `cbor:"1,keyasint"`
	First    time.Time      `cbor:"2,keyasint,omitzero"` // of its changes
	Last     time.Time      `cbor:"3,keyasint,omitzero"`
	Settings SourceSettings `cbor:"4,keyasint,omitzero"`
	// Collected is the highest version of a tombstone that was dropped, 0 if none was: what
	// is not known and not newer may be a deleted document that arrives late, and is refused
	// with ErrVersionStale. It holds whatever the clock is set to later.
	Collected int64     `cbor:"5,keyasint,omitempty"`
	LastSync  time.Time `cbor:"6,keyasint,omitzero"` // when a session was last committed
	// Error is what last went wrong with a sync, "" after one that was committed.
	Error   string    `cbor:"7,keyasint,omitempty"`
	ErrorAt time.Time `cbor:"8,keyasint,omitzero"`
	Session *Session  `cbor:"9,keyasint,omitempty"` // the sync session that is open

	// Counted by the store.
	Documents int `cbor:"-"` // present
	Seen      int `cbor:"-"` // by the session, present or not
	Unseen    int `cbor:"-"` // present and not seen by the session
}

// SourceSettings is what is expected of a source.
type SourceSettings struct {
	Cadence     time.Duration `cbor:"1,keyasint,omitempty"` // how often it promises to be synced; 0 = no promise
	AccessBound time.Duration `cbor:"2,keyasint,omitempty"` // how old its permissions may become; 0 = any age
	Contact     string        `cbor:"3,keyasint,omitempty"`
	Clock       VersionClock  `cbor:"4,keyasint,omitempty"`
	// ReviewInterval is that of documents that have none of their own; 0 = none.
	ReviewInterval time.Duration `cbor:"5,keyasint,omitempty"`
}

// VersionClock says how a source counts the versions of its documents.
type VersionClock uint8

// The clocks. ClockUnknown takes a version that reads as a time in Unix seconds or
// milliseconds for one.
const (
	ClockUnknown VersionClock = iota
	ClockCounter              // every document counts its own versions
	ClockSeconds              // the rest count time since 1970
	ClockMillis
	ClockMicros
	ClockNanos
)

// Session is an open sync session: whatever is present of the source and not seen before
// the session is committed is removed then. While it is open and has not expired, every
// PutDocument and SeeDocument marks its document as seen, whoever sends it and whatever
// becomes of it: a line that is refused shows that the source has the document as well as
// one that is stored. PutAccess and DeleteDocument mark nothing; what follows permissions
// knows nothing of contents. Every line of the source puts the session's expiry off.
type Session struct {
	ID      string        `cbor:"1,keyasint"`
	By      acl.Principal `cbor:"2,keyasint"`
	Start   time.Time     `cbor:"3,keyasint"`
	Life    time.Duration `cbor:"4,keyasint"`           // how long it lasts without a line
	Active  time.Time     `cbor:"5,keyasint"`           // the last line, or attempt to commit
	Request string        `cbor:"6,keyasint,omitempty"` // the id of the request that opened it
}

// Expires is when the session ends by itself.
func (s *Session) Expires() time.Time { return s.Active.Add(s.Life) }

// Expired reports whether the session has ended by itself. An expired session excludes
// nobody, marks nothing and can no longer be committed or aborted. It stays with the source
// until another is started, which notes it as the source's error.
func (s *Session) Expired(at time.Time) bool { return !at.Before(s.Expires()) }

// WithheldFrom is when the source's permissions will be older than its bound, if no sync
// session is committed before: from then on its documents are nobody's. A committed session
// confirms the permissions of all its documents; before the first one, they count as
// confirmed when the source's first change arrived. The zero time is never.
func (s *Source) WithheldFrom() time.Time {
	last := s.LastSync
	if last.IsZero() {
		last = s.First
	}
	if s.Settings.AccessBound == 0 || last.IsZero() {
		return time.Time{}
	}
	return last.Add(s.Settings.AccessBound)
}

// Withholding is what is withheld of the sources, and from when on.
func Withholding(sources []Source) acl.Withholding {
	var w acl.Withholding
	for i := range sources {
		if from := sources[i].WithheldFrom(); !from.IsZero() {
			if w == nil {
				w = acl.Withholding{}
			}
			w[sources[i].Name] = from
		}
	}
	return w
}

// Expectation is what the judgement of a source's documents takes from the source.
type Expectation struct {
	ReviewInterval time.Duration // of documents that have none of their own; 0 = none
	Cadence        time.Duration // how often it promises to be synced; 0 = no promise
	LastSync       time.Time     // when a session was last committed
}

// Equal reports whether the same is expected.
func (e Expectation) Equal(f Expectation) bool {
	return e.ReviewInterval == f.ReviewInterval && e.Cadence == f.Cadence && e.LastSync.Equal(f.LastSync)
}

// Expected is what is expected of the source.
func (s *Source) Expected() Expectation {
	e := Expectation{ReviewInterval: s.Settings.ReviewInterval, Cadence: s.Settings.Cadence}
	if e.Cadence > 0 {
		e.LastSync = s.LastSync // which means nothing without a promise
	}
	return e
}

// Expectations is what is expected of the sources of which anything is.
func Expectations(sources []Source) map[string]Expectation {
	var all map[string]Expectation
	for i := range sources {
		if e := sources[i].Expected(); !e.Equal(Expectation{}) {
			if all == nil {
				all = map[string]Expectation{}
			}
			all[sources[i].Name] = e
		}
	}
	return all
}

// Lag is how long ago the source was last synced or, if it never was, last changed, and
// whether that is longer than it has promised. A source that nothing came from yet has no
// lag.
func (s *Source) Lag(now time.Time) (lag time.Duration, overdue bool) {
	last := s.LastSync
	if last.IsZero() {
		last = s.Last
	}
	if last.IsZero() {
		return 0, false
	}
	lag = max(0, now.Sub(last))
	return lag, s.Settings.Cadence > 0 && lag > s.Settings.Cadence
}
