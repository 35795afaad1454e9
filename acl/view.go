package acl

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"
	"strconv"
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
	// Groups are the groups that the user's issuer says the user is in, all of them: where it
	// does, the directory is not asked. It is nil where the directory decides; empty is in none.
	Groups []Principal
}

// View is what one identity may read at one instant. The zero View admits nothing.
// Views are made by Directory.View.
type View struct {
	resolved  // shared with other views of the caller
	clearance Clearance
	scope     Scope
	withheld  Withholding
	at        time.Time
	digest    [sha256.Size]byte
}

// resolved is the principals that a caller is, and their digest.
type resolved struct {
	principals map[Principal]struct{}
	sum        [sha256.Size]byte
}

// Withholding says for sources whose permissions must be confirmed from time to time from
// when on they count as unknown: then nobody reads the source's documents. A source that is
// not in it is never withheld.
type Withholding map[string]time.Time

// At is the instant the view was made for; grants are judged at it.
func (v View) At() time.Time { return v.at }

// Digest identifies everything the view decides by, except its instant: two views with
// one digest and one instant admit the same. It is injective up to SHA-256.
func (v View) Digest() [sha256.Size]byte { return v.digest }

// Withholds reports whether the source is withheld from the view, whoever it is for.
func (v View) Withholds(source string) bool {
	from, ok := v.withheld[source]
	return ok && !v.at.Before(from)
}

// Narrow shortens the interval to that in which the other decision holds too.
func (d *Decision) Narrow(other Decision) {
	if other.From.After(d.From) {
		d.From = other.From
	}
	if !other.Until.IsZero() && (d.Until.IsZero() || other.Until.Before(d.Until)) {
		d.Until = other.Until
	}
}

// Within reports whether a decision made for this view's digest holds at its instant.
func (d Decision) Within(at time.Time) bool {
	return !at.Before(d.From) && (d.Until.IsZero() || at.Before(d.Until))
}

// Regardless is the view as it would be if no source were withheld: what its caller would
// be told about once the permissions are confirmed.
func (v View) Regardless() View {
	v.withheld = nil
	v.seal()
	return v
}

// seal fills the digest of the view.
func (v *View) seal() {
	h := make(digest, 0, 512)
	h.put(string(v.sum[:]))
	h.put(cleared(v.clearance)...)
	h.put(cleared(v.scope.Clearance)...)
	all := "some"
	if v.scope.AllSources {
		all = "all"
	}
	h.put(all)
	h.put(slices.Sorted(slices.Values(v.scope.Sources))...)
	for _, source := range slices.Sorted(maps.Keys(v.withheld)) {
		from := v.withheld[source]
		h.put(source, strconv.FormatInt(from.Unix(), 10), strconv.Itoa(from.Nanosecond()))
	}
	v.digest = h.sum()
}

// sum returns the digest of principals.
func sum(principals map[Principal]struct{}) [sha256.Size]byte {
	names := make([]string, 0, len(principals))
	for p := range principals {
		names = append(names, string(p))
	}
	slices.Sort(names)
	h := digest{}
	h.put(names...)
	return h.sum()
}

// digest is lists of strings about to be hashed. Every part is length-prefixed, so that no two
// different inputs give one byte string.
type digest []byte

func (d *digest) put(parts ...string) {
	b := binary.BigEndian.AppendUint64(*d, uint64(len(parts)))
	for _, p := range parts {
		b = append(binary.BigEndian.AppendUint64(b, uint64(len(p))), p...)
	}
	*d = b
}

func (d digest) sum() [sha256.Size]byte { return sha256.Sum256(d) }

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
