package catalogtest

import (
	"cmp"
	"crypto/sha256"
	"maps"
	"slices"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// modelSource is a source, with the names its session has seen in a set. What can be
// counted is counted.
type modelSource struct {
	registered            bool
	first, last, lastSync time.Time
	settings              catalog.SourceSettings
	collected             int64
	failed                bool
	failedAt              time.Time
	session               *modelSession
}

type modelSession struct {
	catalog.Session
	seen map[catalog.DocumentID]bool
}

// withholding: a source with a bound is withheld that long after its last sync or, where
// there was none, after its first change.
func (m *model) withholding() acl.Withholding {
	w := acl.Withholding{}
	for name, s := range m.sources {
		confirmed := s.first
		if !s.lastSync.IsZero() {
			confirmed = s.lastSync
		}
		if s.settings.AccessBound > 0 && !confirmed.IsZero() {
			w[name] = confirmed.Add(s.settings.AccessBound)
		}
	}
	return w
}

// expected: what the settings say, and when a source was synced that promises to be.
func (m *model) expected() map[string]catalog.Expectation {
	all := map[string]catalog.Expectation{}
	for name, s := range m.sources {
		e := catalog.Expectation{ReviewInterval: s.settings.ReviewInterval, Cadence: s.settings.Cadence}
		if e.Cadence > 0 {
			e.LastSync = s.lastSync
		}
		all[name] = e
	}
	return all
}

// open reports whether lines are marked at the instant.
func (s modelSource) open(now time.Time) bool {
	return s.session != nil && now.Before(s.session.Active.Add(s.session.Life))
}

// future: a version that is a time may lie five minutes ahead, no more.
func (s modelSource) future(version int64, now time.Time) bool {
	var at time.Time
	switch clock := s.settings.Clock; {
	case clock == catalog.ClockSeconds, clock == catalog.ClockUnknown && version >= 1_000_000_000 && version < 10_000_000_000:
		at = time.Unix(version, 0)
	case clock == catalog.ClockMillis, clock == catalog.ClockUnknown && version >= 1_000_000_000_000 && version < 10_000_000_000_000:
		at = time.UnixMilli(version)
	case clock == catalog.ClockMicros:
		at = time.UnixMicro(version)
	case clock == catalog.ClockNanos:
		at = time.Unix(0, version)
	default:
		return false
	}
	return at.Sub(now) > 5*time.Minute
}

// line: the first line that changes something registers its source. While a session is
// open, every line puts its expiry off, and those that carry or name a content mark it.
func (m *model) line(w world, mutation catalog.Mutation, now time.Time, changed bool) {
	var id catalog.DocumentID
	sees := false
	switch x := mutation.(type) {
	case catalog.PutDocument:
		id, sees = x.Document.DocumentID, true
	case catalog.SeeDocument:
		id, sees = x.Document, true
	case catalog.PutAccess:
		id = x.Document
	case catalog.DeleteDocument:
		id = x.Document
	case catalog.PutContainer:
		id = x.Container.DocumentID
	default:
		return
	}
	s := m.sources[id.Source]
	if changed {
		if !s.registered || s.first.IsZero() {
			s.first = now
		}
		s.registered, s.last = true, now
	}
	if s.open(now) {
		s.session = s.session.active(now)
		if sees {
			s.session.seen[id] = true
		}
	}
	m.sources[id.Source] = s
}

// active is the session after one more line, in a copy.
func (s *modelSession) active(now time.Time) *modelSession {
	next := modelSession{s.Session, maps.Clone(s.seen)}
	if now.After(next.Active) {
		next.Active = now
	}
	return &next
}

// aboutSource applies PutSource and what begins and ends a session.
func (m *model) aboutSource(w world, mutation catalog.Mutation, now time.Time) (o catalog.Outcome) {
	switch x := mutation.(type) {
	case catalog.PutSource:
		s := m.sources[x.Source]
		o.Changed = !s.registered || s.settings != x.Settings
		s.registered, s.settings = true, x.Settings
		m.sources[x.Source] = s
		o.Source = s.source(x.Source, w)
	case catalog.StartSync:
		s := m.sources[x.Source]
		switch {
		case s.open(now) && x.Session.Request != "" && x.Session.Request == s.session.Request && x.Session.By == s.session.By:
			s.session = s.session.active(now)
		case s.open(now):
			o.Refused = catalog.ErrSyncOpen
		default:
			if s.session != nil {
				s.failed, s.failedAt = true, s.session.Active.Add(s.session.Life)
			}
			s.session = &modelSession{x.Session, map[catalog.DocumentID]bool{}}
			s.session.Start, s.session.Active = now, now
			s.registered, o.Changed = true, true
		}
		m.sources[x.Source] = s
		o.Source = s.source(x.Source, w)
	case catalog.AbortSync:
		s := m.sources[x.Source]
		o.Source = s.source(x.Source, w)
		if !s.open(now) || x.Session != "" && x.Session != s.session.ID {
			o.Refused = catalog.ErrSyncUnknown
			return o
		}
		o.Changed, s.session, o.Source.Session = true, nil, nil
		if x.Error != "" {
			s.failed, s.failedAt = true, now
			o.Source.Error, o.Source.ErrorAt = "failed", now
		}
		m.sources[x.Source] = s
	case catalog.CommitSync:
		return m.commitSync(w, x, now)
	}
	return o
}

// commitSync: what is present and was not seen goes, unless the guard forbids it.
func (m *model) commitSync(w world, x catalog.CommitSync, now time.Time) (o catalog.Outcome) {
	s := m.sources[x.Source]
	counts := s.source(x.Source, w)
	o.Source = counts
	switch {
	case !s.open(now) || s.session.ID != x.Session:
		o.Refused = catalog.ErrSyncUnknown
		return o
	case counts.Seen < x.Documents:
		o.Refused = catalog.ErrSyncIncomplete
	case counts.Unseen > x.Allow && float64(counts.Unseen) > x.Share*float64(counts.Documents):
		o.Refused = catalog.ErrSyncRemoves
	}
	if o.Refused != nil {
		s.session = s.session.active(now)
		s.failed, s.failedAt = true, now
		m.sources[x.Source] = s
		o.Source = s.source(x.Source, w)
		return o
	}
	for _, id := range slices.SortedFunc(maps.Keys(w.documents), catalog.DocumentID.Compare) {
		d := w.documents[id]
		if id.Source != x.Source || !d.known || d.deleted || s.session.seen[id] {
			continue
		}
		o.Removed = append(o.Removed, d.document(id))
		d = d.tombstone(d.version, now)
		d.changed = m.head() + 1
		w.documents[id] = d
		s.last = now
	}
	s.session, s.lastSync, s.failed, s.failedAt = nil, now, false, time.Time{}
	m.sources[x.Source] = s
	o.Changed = true
	o.Source = s.source(x.Source, w)
	o.Source.Documents, o.Source.Seen, o.Source.Unseen = counts.Documents, counts.Seen, counts.Unseen
	return o
}

// collect: a store is free to drop any of the tombstones that may go, oldest first.
func (m *model) collect(w world, x catalog.CollectTombstones, now time.Time, got catalog.Outcome) (o catalog.Outcome) {
	s := m.sources[x.Source]
	before := m.worlds[m.head()]
	var may []catalog.DocumentID
	for id, d := range before.documents {
		clock := s.settings.Clock
		if id.Source == x.Source && d.deleted && d.changed == w.documents[id].changed && d.synced.Before(x.Before) &&
			clock != catalog.ClockUnknown && clock != catalog.ClockCounter && d.version > 0 && !s.future(d.version, now) {
			may = append(may, id)
		}
	}
	slices.SortFunc(may, func(a, b catalog.DocumentID) int {
		x, y := before.documents[a], before.documents[b]
		return cmp.Or(x.synced.Compare(y.synced), cmp.Compare(x.changed, y.changed), a.Compare(b))
	})
	for _, id := range may {
		n := len(o.Removed)
		if n == len(got.Removed) || n == x.Limit || got.Removed[n].DocumentID != id {
			continue
		}
		d := w.documents[id]
		o.Removed, o.Changed = append(o.Removed, d.document(id)), true
		s.collected = max(s.collected, d.version)
		if d.access.Version > 0 {
			w.documents[id] = modelDocument{changed: m.head() + 1, access: d.access, aclSynced: d.aclSynced}
		} else {
			delete(w.documents, id)
			m.dropped = max(m.dropped, d.changed)
		}
	}
	if o.Changed {
		m.sources[x.Source] = s
	}
	o.Source = s.source(x.Source, w)
	return o
}

// source is what a store should say of the source. Why a sync failed is not compared.
func (s modelSource) source(name string, w world) *catalog.Source {
	r := &catalog.Source{Name: name, First: s.first, Last: s.last, Settings: s.settings, Collected: s.collected, LastSync: s.lastSync}
	if s.failed {
		r.Error, r.ErrorAt = "failed", s.failedAt
	}
	for id, d := range w.documents {
		if id.Source != name || !d.known || d.deleted {
			continue
		}
		r.Documents++
		if s.session != nil && !s.session.seen[id] {
			r.Unseen++
		}
	}
	if s.session != nil {
		session := s.session.Session
		r.Session, r.Seen = &session, len(s.session.seen)
	}
	return r
}

// modelRequest is what became of a request.
type modelRequest struct {
	at      time.Time
	payload [sha256.Size]byte
	outcome catalog.Outcome
}

// replay: within a day, a request that was made before gives the first outcome again.
func (m *model) replay(now time.Time, r catalog.Request) (o catalog.Outcome, ok bool) {
	first, known := m.requests[[2]string{r.By, r.ID}]
	switch {
	case r.ID == "" || !known || now.Sub(first.at) >= 24*time.Hour:
		return o, false
	case first.payload != r.Payload:
		return catalog.Outcome{Refused: catalog.ErrRequestReused}, true
	}
	return first.outcome, true
}

func (m *model) remember(now time.Time, r catalog.Request, o catalog.Outcome) {
	if r.ID != "" {
		o.Replayed, o.Document, o.Source, o.Removed = true, nil, nil, nil
		m.requests[[2]string{r.By, r.ID}] = modelRequest{now, r.Payload, o}
	}
}
