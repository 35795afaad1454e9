package catalog

import (
	"time"

	"github.com/muniment/muniment/acl"
)

// The registers decide what a mutation does to what is stored. They are pure, and the one
// place where versions are compared; every store calls them. Content and access are two
// registers of a document, so that lines which arrive late or in another order end in the
// same state: each register takes the newest version it has seen. The zero Document is
// the register of a document never heard of.

// Next returns the document after the line, and what became of the line. The caller sets
// Rows and ContentAt when the outcome says Changed and the content was replaced, which is
// when the second result is true.
func (m PutDocument) Next(old Document, at time.Time) (next Document, replaced bool, o Outcome) {
	known := old.State != AccessOnly
	switch {
	case known && m.Document.Version < old.Version:
		return old, false, Outcome{Refused: ErrVersionStale}
	case known && m.Document.Version == old.Version && (old.State == Deleted || old.LineHash != m.Document.LineHash):
		return old, false, Outcome{Refused: ErrVersionReused}
	}
	next = old
	if !known || m.Document.Version > old.Version {
		next = m.Document
		next.Access, next.ACLSynced = old.Access, old.ACLSynced
		next.State, next.Synced = Present, at
		if next.Verified == (Verification{}) && old.State == Present && old.ContentHash == next.ContentHash {
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

// Next returns the document after the line, and what became of the line.
func (m PutAccess) Next(old Document, at time.Time) (next Document, o Outcome) {
	next = old
	next.DocumentID = m.Document
	o.Changed, o.AccessKept = next.patch(m.Access, at)
	return next, o
}

// Next returns the document after the line, and what became of the line. A tombstone is
// left for unknown documents too, so that nothing older can arrive later.
func (m DeleteDocument) Next(old Document, at time.Time) (next Document, o Outcome) {
	switch {
	case old.State != AccessOnly && m.Version < old.Version:
		return old, Outcome{Refused: ErrVersionStale}
	case old.State == Deleted && m.Version == old.Version:
		return old, Outcome{}
	}
	return Document{
		DocumentID: m.Document, Version: m.Version, State: Deleted, Synced: at,
		Access: old.Access, ACLSynced: old.ACLSynced,
	}, Outcome{Changed: true}
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

// Next returns the container after the line, and what became of the line; known says
// whether old is stored at all.
func (m PutContainer) Next(old Container, known bool) (next Container, o Outcome) {
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

// Chain follows a document's container up to the root and returns the policies on the
// way, the document's own first, in the form acl decides on. Lookup returns a container
// of the document's source.
func (d *Document) Chain(lookup func(id string) (Container, bool)) (chain []*acl.Policy, dangling bool) {
	chain = append(chain, d.Access.Policy)
	at := d.Access.Container
	for levels := 0; at != ""; levels++ {
		c, known := lookup(at)
		if !known || levels == acl.MaxContainers {
			return chain, true
		}
		chain = append(chain, c.Policy)
		at = c.Parent
	}
	return chain, false
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
