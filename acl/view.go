package acl

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"
)

// Clearance is the set of sensitivity labels someone is cleared for. The zero value is
// cleared for nothing.
type Clearance map[string]bool

// Scope is what an app may reach, whoever it acts for. The zero value reaches nothing.
type Scope struct {
	AllSources bool      // every source, else only Sources
	Sources    []string  // the sources the app may reach
	Clearance  Clearance // the sensitivity labels the app is cleared for
}

func (s Scope) reaches(a Access) bool {
	return s.Clearance[a.Sensitivity] && (s.AllSources || slices.Contains(s.Sources, a.Source))
}

// Identity is a verified caller: the person, the app that acts for them, and what both
// are cleared for. It comes from verified tokens only.
type Identity struct {
	User      Principal // "user:…", or "service:…" when an app acts for itself
	App       Principal // "service:…"
	Guest     bool      // everyone does not include a guest
	Clearance Clearance // the user's
	Scope     Scope     // the app's
}

// View is what one identity may read at one instant. The zero View admits nothing.
// Views are made by Directory.View.
type View struct {
	principals map[Principal]struct{}
	clearance  Clearance
	scope      Scope
	at         time.Time
	digest     [sha256.Size]byte
}

// At is the instant the view was made for; grants are judged at it.
func (v View) At() time.Time { return v.at }

// Digest identifies everything the view decides by, except its instant: two views with
// one digest and one instant admit the same. It is injective up to SHA-256.
func (v View) Digest() [sha256.Size]byte { return v.digest }

// Within reports whether a decision made for this view's digest holds at its instant.
func (d Decision) Within(at time.Time) bool {
	return !at.Before(d.From) && (d.Until.IsZero() || at.Before(d.Until))
}

// sum fills the digest. Every part is length-prefixed, so that no two different inputs
// give one byte string.
func (v *View) sum() {
	h := sha256.New()
	put := func(parts ...string) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(parts)))
		h.Write(n[:])
		for _, p := range parts {
			binary.BigEndian.PutUint64(n[:], uint64(len(p)))
			h.Write(n[:])
			h.Write([]byte(p))
		}
	}
	names := make([]string, 0, len(v.principals))
	for p := range v.principals {
		names = append(names, string(p))
	}
	slices.Sort(names)
	put(names...)
	put(cleared(v.clearance)...)
	put(cleared(v.scope.Clearance)...)
	all := "some"
	if v.scope.AllSources {
		all = "all"
	}
	put(all)
	put(slices.Sorted(slices.Values(v.scope.Sources))...)
	h.Sum(v.digest[:0])
}

func cleared(c Clearance) []string {
	var labels []string
	for l, ok := range c {
		if ok {
			labels = append(labels, l)
		}
	}
	slices.Sort(labels)
	return labels
}
