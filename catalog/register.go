package catalog

import (
	"slices"
	"time"

	"github.com/muniment/muniment/acl"
)

// The registers decide what a mutation does to what is stored. They are pure, and the one
// place where versions are compared; every store calls them. Content and access are two
// registers of a document, so that lines which arrive late or in another order end in the
// same state: each register takes the newest version it has seen. The zero Document is
// the register of a document never heard of.

// Next returns the document of the source after the line, and what became of the line. The
// caller sets Rows and ContentAt when the outcome says Changed and the content was
// replaced, which is when the second result is true.
func (m PutDocument) Next(old Document, of Source, at time.Time) (next Document, replaced bool, o Outcome) {
	err := old.takes(m.Document.Version, of, at)
	switch {
	case err == nil && !m.Access.Empty() && of.Settings.Clock.Ahead(m.Access.Version, at):
		err = ErrVersionFuture
	case err == nil && old.State == Deleted && m.Document.Version == old.Version,
		err == nil && old.State == Present && m.Document.Version == old.Version && old.LineHash != m.Document.LineHash:
		err = ErrVersionReused
	}
	if err != nil {
		return old, false, Outcome{Refused: err}
	}
	next = old
	if old.State == AccessOnly || m.Document.Version > old.Version {
		next = m.Document
		next.Rows, next.ContentAt, next.VectorsAt = Rows{}, 0, 0
		next.Access, next.ACLSynced = old.Access, old.ACLSynced
		next.State, next.Synced = Present, at
		next.Settlements = old.Settlements
		if old.State == Present && old.ContentHash == next.ContentHash && next.Verified.yieldsTo(old.Verified, at) {
			next.Verified = old.Verified // nobody edited what was vouched for
		}
		replaced, o.Changed = true, true
	}
	if !m.Access.Empty() {
		changed, kept := next.patch(m.Access, at)
		o.AccessKept = kept
		o.Changed = o.Changed || changed
	}
	return next, replaced, o
}

// yieldsTo reports whether the other verification of the same text stays in place of this
// one: if there is no other, or if it is the later. One from the future yields to any.
func (v Verification) yieldsTo(other Verification, at time.Time) bool {
	return v == (Verification{}) || other.At.After(v.At) && !other.At.After(at)
}

// takes says why a line with this version can change nothing of the document's content, nil
// if it can.
func (d *Document) takes(version int64, of Source, at time.Time) error {
	switch {
	case of.Settings.Clock.Ahead(version, at):
		return ErrVersionFuture
	case d.State != AccessOnly && version < d.Version, d.State == AccessOnly && of.Collected > 0 && version <= of.Collected:
		return ErrVersionStale
	}
	return nil
}

// Next returns the document of the source after the line, and what became of the line.
func (m PutAccess) Next(old Document, of Source, at time.Time) (next Document, o Outcome) {
	if of.Settings.Clock.Ahead(m.Access.Version, at) {
		return old, Outcome{Refused: ErrVersionFuture}
	}
	next = old
	next.DocumentID = m.Document
	o.Changed, o.AccessKept = next.patch(m.Access, at)
	return next, o
}

// Next returns the document of the source after the line, and what became of the line. A
// tombstone is left for unknown documents too, so that nothing older can arrive later.
func (m DeleteDocument) Next(old Document, of Source, at time.Time) (next Document, o Outcome) {
	if err := old.takes(m.Version, of, at); err != nil {
		return old, Outcome{Refused: err}
	}
	if old.State == Deleted && m.Version == old.Version {
		return old, Outcome{}
	}
	return old.Tombstone(m.Version, at), Outcome{Changed: true}
}

// Tombstone is what is left of the document by a deletion in the version.
func (d *Document) Tombstone(version int64, at time.Time) Document {
	return Document{
		DocumentID: d.DocumentID, Version: version, State: Deleted, Synced: at,
		Access: d.Access, ACLSynced: d.ACLSynced,
	}
}

// Next says what becomes of the line; it never changes the document.
func (m SeeDocument) Next(old Document) (o Outcome) {
	if m.Stored && (old.State != Present || old.Version != m.Version) {
		o.Refused = ErrNotStored
	}
	return o
}

// Next returns the document with its vectors. Stored reads those it has, one for each
// passage; it is called only if the mutation may be a repetition. The caller sets VectorsAt
// when the outcome says Changed.
func (m PutVectors) Next(old Document, stored func() ([][]float32, error)) (next Document, o Outcome, err error) {
	if old.State != Present || old.Version != m.Version || int(old.Rows.Count) != len(m.Vectors) {
		return old, Outcome{Refused: ErrNotStored}, nil
	}
	if !old.Pending && old.VectorSpace == m.Space {
		vectors, err := stored()
		if err != nil || slices.EqualFunc(vectors, m.Vectors, slices.Equal[[]float32]) {
			return old, Outcome{}, err
		}
	}
	next = old
	next.VectorSpace, next.Pending = m.Space, false
	return next, Outcome{Changed: true}, nil
}

// Drops returns what a tombstone leaves when it is dropped, and whether it may be. It leaves
// nothing, which is AccessOnly with an empty register, or its access register.
func (m CollectTombstones) Drops(old Document, of Source, at time.Time) (left Document, ok bool) {
	clock := of.Settings.Clock
	if old.State != Deleted || !old.Synced.Before(m.Before) || !clock.Comparable() || old.Version <= 0 || clock.Ahead(old.Version, at) {
		return old, false
	}
	left.DocumentID = old.DocumentID
	if old.Access.Version != 0 {
		left.Access, left.ACLSynced = old.Access, old.ACLSynced
	}
	return left, true
}

// patch applies the access fields if they are not older than the stored ones.
func (d *Document) patch(p AccessPatch, at time.Time) (changed, kept bool) {
	if p.Version < d.Access.Version {
		return false, true
	}
	next := d.Access
	next.Version = p.Version
	if p.Policy != nil {
		next.Policy = p.Policy
	}
	if p.Container != nil {
		next.Container = *p.Container
	}
	if p.Sensitivity != nil {
		next.Sensitivity = *p.Sensitivity
	}
	if next.Version == d.Access.Version && next.Container == d.Access.Container &&
		next.Sensitivity == d.Access.Sensitivity && next.Policy.Equal(d.Access.Policy) {
		return false, false
	}
	d.Access, d.ACLSynced = next, at
	return true, false
}

// Next returns the container of the source after the line, and what became of the line;
// known says whether old is stored at all.
func (m PutContainer) Next(old Container, known bool, of Source, at time.Time) (next Container, o Outcome) {
	if of.Settings.Clock.Ahead(m.Container.Version, at) {
		return old, Outcome{Refused: ErrVersionFuture}
	}
	next = m.Container
	same := known && old.Parent == next.Parent && old.Policy.Equal(next.Policy)
	switch v := m.Container.Version; {
	case v == 0 || !known: // an unversioned line always applies and forgets no version
		next.Version = max(v, old.Version)
	case v < old.Version:
		return old, Outcome{Refused: ErrVersionStale}
	case v == old.Version && !same:
		return old, Outcome{Refused: ErrVersionReused}
	}
	if same && next.Version == old.Version {
		return old, Outcome{}
	}
	return next, Outcome{Changed: true}
}

// Containers follows a document's container up to the root. Lookup returns a container of
// the document's source. Dangling is the id of the container that ends the way because it
// is not known or lies too many levels up, as all of a cycle do; "" if none does.
func (d *Document) Containers(lookup func(id string) (Container, bool)) (path []Container, dangling string) {
	for at := d.Access.Container; at != ""; {
		c, known := lookup(at)
		if !known || len(path) == acl.MaxContainers {
			return path, at
		}
		path = append(path, c)
		at = c.Parent
	}
	return path, ""
}

// Chain is the policies on the way from the document up to the root, the document's own
// first, in the form acl decides on.
func (d *Document) Chain(lookup func(id string) (Container, bool)) (chain []*acl.Policy, dangling bool) {
	path, end := d.Containers(lookup)
	chain = append(make([]*acl.Policy, 0, 1+len(path)), d.Access.Policy)
	for _, c := range path {
		chain = append(chain, c.Policy)
	}
	return chain, end != ""
}

// Label is the document's label, the default where it names none.
func (a Access) Label() string {
	if a.Sensitivity == "" {
		return acl.DefaultSensitivity
	}
	return a.Sensitivity
}

// Governed is what decides who may read the document, in the form acl decides on. Lookup
// returns a container of the document's source.
func (d *Document) Governed(lookup func(id string) (Container, bool)) acl.Access {
	chain, dangling := d.Chain(lookup)
	return acl.Access{Chain: chain, Dangling: dangling, Source: d.Source, Sensitivity: d.Access.Label()}
}
