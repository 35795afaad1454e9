package catalogtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// model is a catalog written down as plainly as docs/feed.md words it, with none of the
// code that stores share: a whole copy of the world for every revision.
type model struct {
	worlds   []world // the index is the revision
	sources  map[string]modelSource
	requests map[[2]string]modelRequest // by who asks and id
	dropped  catalog.Revision           // the newest revision of a tombstone that was dropped
}

// world is everything at one revision. Maps hold values that are never changed in place.
type world struct {
	documents  map[catalog.DocumentID]modelDocument
	containers map[catalog.DocumentID]modelContainer
	groups     map[acl.Principal]modelGroup
	entries    map[acl.Principal]modelEntry
}

type modelDocument struct {
	changed catalog.Revision

	// The content register.
	known, deleted bool
	version        int64
	line           catalog.PutDocument // the line that brought the content
	verified       catalog.Verification
	synced         time.Time
	contentAt      catalog.Revision
	space          string
	pending        bool
	vectors        [][]float32 // of the passages
	vectorsAt      catalog.Revision
	settled        []catalog.Settlement // never changed in place

	// The access register.
	access    catalog.Access
	aclSynced time.Time
}

type modelContainer struct {
	changed catalog.Revision
	catalog.Container
}

type modelGroup struct {
	changed catalog.Revision
	members map[acl.Principal]bool
}

type modelEntry struct {
	changed catalog.Revision
	catalog.Entry
}

func newModel() *model {
	return &model{sources: map[string]modelSource{}, requests: map[[2]string]modelRequest{}, worlds: []world{{
		documents:  map[catalog.DocumentID]modelDocument{},
		containers: map[catalog.DocumentID]modelContainer{},
		groups:     map[acl.Principal]modelGroup{},
		entries:    map[acl.Principal]modelEntry{},
	}}}
}

func (m *model) head() catalog.Revision { return catalog.Revision(len(m.worlds) - 1) }

// commit applies the mutations and returns what should have become of each. Got is what
// the store made of them: the model follows it where a store is free, which is in how many
// tombstones it drops.
func (m *model) commit(now time.Time, ms []catalog.Mutation, requests []catalog.Request, got []catalog.Outcome) (outcomes []catalog.Outcome) {
	old := m.worlds[m.head()]
	w := world{maps.Clone(old.documents), maps.Clone(old.containers), maps.Clone(old.groups), maps.Clone(old.entries)}
	changed := false
	for i, mutation := range ms {
		o, replayed := m.replay(now, requests[i])
		if !replayed {
			o = m.apply(w, mutation, now, got[i])
			m.remember(now, requests[i], o)
		}
		m.line(w, mutation, now, o.Changed && !o.Replayed)
		changed = changed || o.Changed && !o.Replayed
		outcomes = append(outcomes, o)
	}
	if changed {
		m.worlds = append(m.worlds, w)
	}
	return outcomes
}

// apply applies one mutation to the world that may become the next.
func (m *model) apply(w world, mutation catalog.Mutation, now time.Time, got catalog.Outcome) (o catalog.Outcome) {
	revision := m.head() + 1
	switch x := mutation.(type) {
	case catalog.PutDocument:
		return w.putDocument(x, m.sources[x.Document.Source], now, revision)
	case catalog.PutAccess:
		if m.sources[x.Document.Source].future(x.Access.Version, now) {
			return catalog.Outcome{Refused: catalog.ErrVersionFuture}
		}
		d := w.documents[x.Document]
		o.Changed, o.AccessKept = d.patch(x.Access, now)
		w.finish(x.Document, d, &o, revision)
	case catalog.DeleteDocument:
		return w.deleteDocument(x, m.sources[x.Document.Source], now, revision)
	case catalog.SeeDocument:
		d := w.documents[x.Document]
		if x.Stored && (!d.known || d.deleted || d.version != x.Version) {
			return catalog.Outcome{Refused: catalog.ErrNotStored}
		}
		w.finish(x.Document, d, &o, revision)
	case catalog.PutVectors:
		d := w.documents[x.Document]
		if !d.known || d.deleted || d.version != x.Version || len(d.line.Passages) != len(x.Vectors) {
			return catalog.Outcome{Refused: catalog.ErrNotStored}
		}
		if o.Changed = d.pending || d.space != x.Space || fmt.Sprint(d.vectors) != fmt.Sprint(x.Vectors); o.Changed {
			d.space, d.pending, d.vectors, d.vectorsAt = x.Space, false, x.Vectors, revision
		}
		w.finish(x.Document, d, &o, revision)
	case catalog.VerifyDocument:
		d := w.documents[x.Document]
		switch {
		case !d.known || d.deleted:
			return catalog.Outcome{Refused: catalog.ErrNotStored}
		case d.line.Document.ContentHash != x.Content:
			return catalog.Outcome{Refused: catalog.ErrContentChanged}
		}
		was := d.verified
		d.verified = catalog.Verification{By: x.By, At: now}
		o.Changed = was.By != x.By || !was.At.Equal(now)
		w.finish(x.Document, d, &o, revision)
	case catalog.SettleConflict:
		return w.settle(x, now, revision)
	case catalog.PutContainer:
		if m.sources[x.Container.Source].future(x.Container.Version, now) {
			return catalog.Outcome{Refused: catalog.ErrVersionFuture}
		}
		return w.putContainer(x.Container, revision)
	case catalog.PutGroup:
		if e, kept := w.entries[x.Group]; kept && e.State != catalog.Removed {
			return catalog.Outcome{Refused: catalog.ErrProvisioned}
		}
		o.Changed = w.putGroup(x.Group, x.Members, revision)
	case catalog.PutEntry:
		if x.Entry.Version != w.entries[x.Entry.Principal].Version+1 {
			return catalog.Outcome{Refused: catalog.ErrVersionStale}
		}
		w.entries[x.Entry.Principal] = modelEntry{revision, x.Entry}
		if strings.HasPrefix(string(x.Entry.Principal), "group:") {
			w.putGroup(x.Entry.Principal, x.Members, revision)
		}
		o.Changed = true
	case catalog.CollectTombstones:
		return m.collect(w, x, now, got)
	default:
		return m.aboutSource(w, mutation, now)
	}
	return o
}

// putGroup replaces the members, and reports whether they are others.
func (w world) putGroup(name acl.Principal, list []acl.Principal, revision catalog.Revision) bool {
	members := map[acl.Principal]bool{}
	for _, p := range list {
		members[p] = true
	}
	g, known := w.groups[name]
	if known && maps.Equal(g.members, members) {
		return false
	}
	w.groups[name] = modelGroup{revision, members}
	return true
}

// putDocument: lower is refused; equal with equal content is a no-op; equal with other
// content is refused. Nothing returns at or below the version of a deletion.
func (w world) putDocument(x catalog.PutDocument, of modelSource, now time.Time, revision catalog.Revision) (o catalog.Outcome) {
	d := w.documents[x.Document.DocumentID]
	withAccess := x.Access.Policy != nil || x.Access.Container != nil || x.Access.Sensitivity != nil
	if of.future(x.Document.Version, now) {
		return catalog.Outcome{Refused: catalog.ErrVersionFuture}
	}
	if !d.known && of.collected > 0 && x.Document.Version <= of.collected {
		return catalog.Outcome{Refused: catalog.ErrVersionStale}
	}
	if (!d.known || x.Document.Version >= d.version) && withAccess && of.future(x.Access.Version, now) {
		return catalog.Outcome{Refused: catalog.ErrVersionFuture}
	}
	if d.known && x.Document.Version < d.version {
		return catalog.Outcome{Refused: catalog.ErrVersionStale}
	}
	if d.known && x.Document.Version == d.version && (d.deleted || d.line.Document.LineHash != x.Document.LineHash) {
		return catalog.Outcome{Refused: catalog.ErrVersionReused}
	}
	if !d.known || x.Document.Version > d.version {
		verified := x.Document.Verified
		if d.known && !d.deleted && d.line.Text == x.Text {
			none, later := verified == (catalog.Verification{}), d.verified.At.After(verified.At) && !d.verified.At.After(now)
			if none || later {
				verified = d.verified
			}
		}
		d.known, d.deleted, d.version = true, false, x.Document.Version
		d.line, d.verified, d.synced, d.contentAt = x, verified, now, revision
		d.space, d.pending, d.vectors, d.vectorsAt = x.Document.VectorSpace, x.Document.Pending, nil, 0
		for _, p := range x.Passages {
			d.vectors = append(d.vectors, p.Vector)
		}
		o.Changed = true
	}
	if withAccess {
		changed, kept := d.patch(x.Access, now)
		o.Changed, o.AccessKept = o.Changed || changed, kept
	}
	w.finish(x.Document.DocumentID, d, &o, revision)
	return o
}

// deleteDocument: a delete at a version at or above the stored one deletes.
func (w world) deleteDocument(x catalog.DeleteDocument, of modelSource, now time.Time, revision catalog.Revision) (o catalog.Outcome) {
	d := w.documents[x.Document]
	if of.future(x.Version, now) {
		return catalog.Outcome{Refused: catalog.ErrVersionFuture}
	}
	if !d.known && of.collected > 0 && x.Version <= of.collected {
		return catalog.Outcome{Refused: catalog.ErrVersionStale}
	}
	if d.known && x.Version < d.version {
		return catalog.Outcome{Refused: catalog.ErrVersionStale}
	}
	if !d.deleted || x.Version != d.version {
		d = d.tombstone(x.Version, now)
		o.Changed = true
	}
	w.finish(x.Document, d, &o, revision)
	return o
}

// tombstone is the document once it is deleted: of its registers, access alone stays.
func (d modelDocument) tombstone(version int64, now time.Time) modelDocument {
	return modelDocument{known: true, deleted: true, version: version, synced: now, access: d.access, aclSynced: d.aclSynced}
}

// settle: one verdict for the same sentences of the same two documents; none takes it back.
func (w world) settle(x catalog.SettleConflict, now time.Time, revision catalog.Revision) (o catalog.Outcome) {
	d := w.documents[x.First]
	if !d.known || d.deleted {
		return catalog.Outcome{Refused: catalog.ErrNotStored}
	}
	var others []catalog.Settlement
	o.Changed = x.Settlement.Verdict != catalog.Unsettled
	for _, s := range d.settled {
		if s.With != x.Settlement.With || s.Sentences != x.Settlement.Sentences {
			others = append(others, s)
			continue
		}
		o.Changed = s.Verdict != x.Settlement.Verdict || s.Note != x.Settlement.Note || s.By != x.Settlement.By
	}
	if o.Changed && x.Settlement.Verdict != catalog.Unsettled {
		x.Settlement.At = now
		others = append(others, x.Settlement)
	}
	if o.Changed {
		d.settled = others
	}
	w.finish(x.First, d, &o, revision)
	return o
}

// finish stores the document and names its container if it is unknown.
func (w world) finish(id catalog.DocumentID, d modelDocument, o *catalog.Outcome, revision catalog.Revision) {
	if o.Changed {
		d.changed = revision
		w.documents[id] = d
	}
	if c := d.access.Container; c != "" && !d.deleted {
		if _, known := w.containers[catalog.DocumentID{Source: id.Source, ID: c}]; !known {
			o.UnknownContainer = c
		}
	}
}

// patch: access fields apply only if their version is at least the stored one; fields left
// out keep their value.
func (d *modelDocument) patch(p catalog.AccessPatch, now time.Time) (changed, kept bool) {
	if p.Version < d.access.Version {
		return false, true
	}
	was := d.access
	d.access.Version = p.Version
	if p.Policy != nil {
		d.access.Policy = p.Policy
	}
	if p.Container != nil {
		d.access.Container = *p.Container
	}
	if p.Sensitivity != nil {
		d.access.Sensitivity = *p.Sensitivity
	}
	// The histories draw policies from a list, so equal ones are one pointer.
	if was == d.access {
		return false, false
	}
	d.aclSynced = now
	return true, false
}

// putContainer: as documents, but version 0 always applies and forgets no version.
func (w world) putContainer(x catalog.Container, revision catalog.Revision) (o catalog.Outcome) {
	c, known := w.containers[x.DocumentID]
	same := c.Parent == x.Parent && c.Policy == x.Policy
	switch {
	case known && x.Version != 0 && x.Version < c.Version:
		return catalog.Outcome{Refused: catalog.ErrVersionStale}
	case known && x.Version != 0 && x.Version == c.Version && !same:
		return catalog.Outcome{Refused: catalog.ErrVersionReused}
	}
	x.Version = max(x.Version, c.Version)
	if !known || !same || x.Version != c.Version {
		w.containers[x.DocumentID] = modelContainer{revision, x}
		o.Changed = true
	}
	if x.Parent != "" {
		if _, known := w.containers[catalog.DocumentID{Source: x.Source, ID: x.Parent}]; !known {
			o.UnknownContainer = x.Parent
		}
	}
	return o
}

// admits reports whether the view may read the document in this world.
func (w world) admits(v acl.View, id catalog.DocumentID) bool {
	d, ok := w.documents[id]
	if !ok || !d.known || d.deleted {
		return false
	}
	a := acl.Access{Source: id.Source, Sensitivity: d.access.Sensitivity, Chain: []*acl.Policy{d.access.Policy}}
	if a.Sensitivity == "" {
		a.Sensitivity = "internal"
	}
	for at := d.access.Container; at != ""; {
		c, known := w.containers[catalog.DocumentID{Source: id.Source, ID: at}]
		if !known || len(a.Chain) > 16 {
			a.Dangling = true
			break
		}
		a.Chain = append(a.Chain, c.Policy)
		at = c.Parent
	}
	return v.Admits(a)
}

// document is the record that a store should return, but for its rows.
func (d modelDocument) document(id catalog.DocumentID) catalog.Document {
	r := d.line.Document
	r.DocumentID, r.Version, r.Verified = id, d.version, d.verified
	r.VectorSpace, r.Pending, r.VectorsAt = d.space, d.pending, d.vectorsAt
	r.Settlements = d.settled
	r.Access, r.Synced, r.ACLSynced, r.ContentAt = d.access, d.synced, d.aclSynced, d.contentAt
	switch {
	case d.deleted:
		r.State = catalog.Deleted
	case d.known:
		r.State = catalog.Present
	}
	return r
}

// directory is the world's groups and users, made in one step.
func (w world) directory() *acl.Directory {
	var changes []acl.Change
	for name, g := range w.groups {
		changes = append(changes, acl.Change{Group: name, Members: g.list()})
	}
	d := new(acl.Directory).With(changes...)
	for name, e := range w.entries {
		d = d.Activate(acl.Activation{User: name, Active: e.State == catalog.Active})
	}
	return d
}

func (g modelGroup) list() []acl.Principal {
	return append([]acl.Principal{}, slices.Sorted(maps.Keys(g.members))...)
}
