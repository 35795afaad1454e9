package catalog

import (
	"crypto/sha256"
	"slices"
	"time"

	"github.com/muniment/muniment/acl"
)

// MaxSettlements is how many conflicts of one document with later ones can be settled.
const MaxSettlements = 1000

// Settlement is what a steward has said of a conflict between two documents. It is kept with
// the first of them, by id, and is for those who may read both.
type Settlement struct {
	With      DocumentID        `cbor:"1,keyasint"` // the second document, by id
	Sentences [sha256.Size]byte `cbor:"2,keyasint"` // of the two, see freshness.PairHash: it holds while they stand
	Verdict   Verdict           `cbor:"3,keyasint"`
	Note      string            `cbor:"4,keyasint,omitempty"`
	By        acl.Principal     `cbor:"5,keyasint"`
	At        time.Time         `cbor:"6,keyasint"` // set by the store
}

// Verdict is what a steward says of a conflict between a first and a second document.
type Verdict uint8

// The verdicts. The zero Verdict is none: it takes back the one before.
const (
	Unsettled Verdict = iota
	FirstIsRight
	SecondIsRight
	BothRight  // each in its own scope
	NoConflict // the two do not speak of one thing
	FirstIsDuplicate
	SecondIsDuplicate
)

var verdictNames = [...]string{"none", "the first is right", "the second is right", "both are right", "no conflict", "the first is a duplicate", "the second is a duplicate"}

// String returns the verdict in words, "none" for a value outside the list.
func (v Verdict) String() string {
	if int(v) < len(verdictNames) {
		return verdictNames[v]
	}
	return verdictNames[Unsettled]
}

// VerifyDocument says that somebody has looked at a document's text and vouches for it from
// the time of the commit on. It is refused with ErrNotStored unless the document is present,
// and with ErrContentChanged unless its text has that hash. It is no line of the source.
type VerifyDocument struct {
	Document DocumentID
	Content  [sha256.Size]byte
	By       acl.Principal
	Note     string // for the record of the change; the store keeps none of it
}

// SettleConflict stores a verdict in the place of what was said of the same sentences of the
// same documents before. It is refused with ErrNotStored unless the first document is present,
// and with ErrSettlements if it has too many already. It is no line of the source.
type SettleConflict struct {
	First      DocumentID
	Settlement Settlement
}

func (VerifyDocument) mutation() {}
func (SettleConflict) mutation() {}

// Next returns the document with its verification.
func (m VerifyDocument) Next(old Document, at time.Time) (next Document, o Outcome) {
	switch {
	case old.State != Present:
		return old, Outcome{Refused: ErrNotStored}
	case old.ContentHash != m.Content:
		return old, Outcome{Refused: ErrContentChanged}
	case old.Verified.At.Equal(at) && old.Verified.By == m.By:
		return old, Outcome{}
	}
	next = old
	next.Verified = Verification{By: m.By, At: at}
	return next, Outcome{Changed: true}
}

// Next returns the document with the verdict.
func (m SettleConflict) Next(old Document, at time.Time) (next Document, o Outcome) {
	if old.State != Present {
		return old, Outcome{Refused: ErrNotStored}
	}
	s := m.Settlement
	s.At = at
	same := func(t Settlement) bool { return t.With == s.With && t.Sentences == s.Sentences }
	i := slices.IndexFunc(old.Settlements, same)
	switch {
	case i < 0 && s.Verdict == Unsettled:
		return old, Outcome{}
	case i < 0 && len(old.Settlements) >= MaxSettlements:
		return old, Outcome{Refused: ErrSettlements}
	case i >= 0:
		was := old.Settlements[i]
		if was.At = s.At; was == s {
			return old, Outcome{}
		}
	}
	next = old
	next.Settlements = slices.DeleteFunc(slices.Clone(old.Settlements), same)
	if s.Verdict != Unsettled {
		next.Settlements = append(next.Settlements, s)
	}
	return next, Outcome{Changed: true}
}

// Settled returns what was said of the sentences between the document and a later one, the zero
// Settlement if nothing was.
func (d *Document) Settled(with DocumentID, sentences [sha256.Size]byte) Settlement {
	for _, s := range d.Settlements {
		if s.With == with && s.Sentences == sentences {
			return s
		}
	}
	return Settlement{}
}
