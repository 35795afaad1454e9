package catalog

import (
	"fmt"
	"time"
)

// The registers of sources and their sync sessions. Like those of documents they are pure,
// and every store calls them. The zero Source is that of a source never heard of. Stores
// fill the counts of the Source they pass, and keep what Next, Hear and Count leave; the
// documents that a session has seen they keep themselves.

// Line tells the lines of a source from the other mutations: it returns the document or
// container that a line names, and whether the line marks it as seen.
func Line(m Mutation) (id DocumentID, sees, ok bool) {
	switch m := m.(type) {
	case PutDocument:
		return m.Document.DocumentID, true, true
	case SeeDocument:
		return m.Document, true, true
	case PutAccess:
		return m.Document, false, true
	case DeleteDocument:
		return m.Document, false, true
	case PutContainer:
		return m.Container.DocumentID, false, true
	}
	return DocumentID{}, false, false
}

// Syncing reports whether a sync session is open and has not expired.
func (s *Source) Syncing(at time.Time) bool { return s.Session != nil && !s.Session.Expired(at) }

// Hear notes one of the source's lines, which has changed something or not.
func (s *Source) Hear(at time.Time, changed bool) {
	if changed {
		if s.First.IsZero() {
			s.First = at
		}
		s.Last = at
	}
	s.putOff(at)
}

// putOff puts the expiry of the open session off.
func (s *Source) putOff(at time.Time) {
	if s.Syncing(at) && at.After(s.Session.Active) {
		session := *s.Session // others hold the old one
		session.Active = at
		s.Session = &session
	}
}

// Count keeps the counts when a document of the source goes from one state to another, and
// is marked as seen before and after. Without a session nothing is marked.
func (s *Source) Count(was, is State, before, after bool) {
	one := func(b bool) int {
		if b {
			return 1
		}
		return 0
	}
	s.Documents += one(is == Present) - one(was == Present)
	if s.Session != nil {
		s.Seen += one(after) - one(before)
		s.Unseen += one(is == Present && !after) - one(was == Present && !before)
	}
}

// Next returns the source with its new settings; known says whether old is stored at all.
func (m PutSource) Next(old Source, known bool) (next Source, o Outcome) {
	next = old
	next.Name, next.Settings = m.Source, m.Settings
	return next, Outcome{Changed: !known || old.Settings != m.Settings}
}

// Next returns the source with the session open. Where the outcome says Changed, the
// session is a new one and has seen nothing.
func (m StartSync) Next(old Source, at time.Time) (next Source, o Outcome) {
	next = old
	next.Name = m.Source
	if open := old.Session; open != nil {
		switch {
		case open.Expired(at):
			next.Error = fmt.Sprintf("the sync session that %s began at %s expired", open.By, open.Start.Format(time.RFC3339))
			next.ErrorAt = open.Expires()
		case open.Request != "" && open.Request == m.Session.Request && open.By == m.Session.By:
			next.putOff(at)
			return next, Outcome{}
		default:
			return old, Outcome{Refused: ErrSyncOpen}
		}
	}
	session := m.Session
	session.Start, session.Active = at, at
	next.Session = &session
	next.Seen, next.Unseen = 0, next.Documents
	return next, Outcome{Changed: true}
}

// Next returns the source after the attempt, with its counts as they were. Unless it is
// refused, the store removes what was not seen.
func (m CommitSync) Next(old Source, at time.Time) (next Source, o Outcome) {
	next = old
	refuse := func(err error, format string, args ...any) (Source, Outcome) {
		next.Error, next.ErrorAt = fmt.Sprintf(format, args...), at
		next.putOff(at)
		return next, Outcome{Refused: err}
	}
	confirmed := old.Unseen == 0 || old.Unseen <= m.Allow
	within := float64(old.Unseen) <= m.Share*float64(old.Documents) // false if Share is no number
	switch {
	case !old.Syncing(at) || m.Session == "" || m.Session != old.Session.ID:
		return old, Outcome{Refused: ErrSyncUnknown}
	case old.Seen < m.Documents:
		return refuse(ErrSyncIncomplete, "the sync session has seen %d of the source's %d documents", old.Seen, m.Documents)
	case !confirmed && !within:
		return refuse(ErrSyncRemoves, "the sync session would remove %d of %d documents; %d are confirmed", old.Unseen, old.Documents, max(0, m.Allow))
	}
	next.Session, next.LastSync = nil, at
	next.Error, next.ErrorAt = "", time.Time{}
	if old.Unseen > 0 {
		next.Last = at
	}
	return next, Outcome{Changed: true}
}

// Next returns the source without the session, with its counts as they were.
func (m AbortSync) Next(old Source, at time.Time) (next Source, o Outcome) {
	if !old.Syncing(at) || m.Session != "" && m.Session != old.Session.ID {
		return old, Outcome{Refused: ErrSyncUnknown}
	}
	next = old
	next.Session = nil
	if m.Error != "" {
		next.Error, next.ErrorAt = m.Error, at
	}
	return next, Outcome{Changed: true}
}

// Ended forgets what a session has seen. The store calls it once the outcome has the
// counts.
func (s *Source) Ended() { s.Seen, s.Unseen = 0, 0 }
