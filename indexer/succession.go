package indexer

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/freshness"
)

// A document is replaced, for a view, by another that the view admits,
//
//   - which is of the same source and declares it: nobody can mark a rival outdated,
//   - or which the document's own sender or text names, wherever that is,
//   - or which is a newer version of it at the same address, by the same owner.
//
// One whose validity has not begun replaces nothing yet. Of several the first in this order is
// named. The table finds them; what the view does not
// admit is left out before anything is counted or compared, so that no hidden document can
// push a visible one out.

// Versions of one document.
const (
	versionSimilarity = 0.5 // of the signatures, from which on two documents are versions of one
	mostVersions      = 32  // newer documents at one address that are looked at, newest first
)

// Succession finds what replaces documents, for one view at one instant.
type Succession struct {
	state    *State
	view     acl.View
	at       time.Time
	holds    acl.Decision // Admitted is unused: the interval around the instant in which what was found holds
	admitted map[*governance]bool
	newer    map[placed][]*entry
}

// placed is where versions of one document stand.
type placed struct {
	place uint64
	owner acl.Principal
}

// Succession begins to look for what replaces documents at the instant. It is for one goroutine.
func (s *State) Succession(view acl.View, at time.Time) *Succession {
	return &Succession{state: s, view: view, at: at, admitted: map[*governance]bool{}, newer: map[placed][]*entry{}}
}

// Of returns the document that replaces one that the view admits, nil if none does, and how that
// is known.
func (s *Succession) Of(ctx context.Context, d *catalog.Document) (by *catalog.DocumentID, how freshness.Succession, err error) {
	e, ok := s.state.Table.documents.get(d.DocumentID)
	if !ok {
		return nil, 0, nil
	}
	next, uri := s.declared(e), ""
	if how = freshness.Replaces; next == nil {
		next, uri = s.named(e, d.SupersededBy)
		how = freshness.ReplacedBy
	}
	if next != nil { // the truth decides
		found, err := s.state.Documents(ctx, s.view, []catalog.DocumentID{next.DocumentID})
		if err != nil || len(found) > 0 && (uri == "" || uri == found[0].URI) {
			return &next.DocumentID, how, err
		}
	}
	return s.version(ctx, e, d)
}

// any reports whether anything replaces the document. What the table knows is not read again.
func (s *Succession) any(ctx context.Context, e *entry) (bool, error) {
	if s.declared(e) != nil {
		return true, nil
	}
	if e.more != nil && len(e.more.supersededBy) > 0 {
		if next, uri := s.named(e, e.more.supersededBy); next != nil {
			if uri == "" {
				return true, nil
			}
			return s.read(ctx, e)
		}
	}
	if len(s.newerThan(e)) == 0 {
		return false, nil
	}
	return s.read(ctx, e)
}

// read is any, for what only the catalog knows.
func (s *Succession) read(ctx context.Context, e *entry) (bool, error) {
	found, err := s.state.Documents(ctx, s.view, []catalog.DocumentID{e.DocumentID})
	if err != nil || len(found) == 0 { // it is withheld
		return false, err
	}
	by, _, err := s.Of(ctx, &found[0])
	return by != nil, err
}

// counts reports whether the document may replace another: whether the view admits it, by the
// table, which is at the same revision as the catalog, and its validity has begun.
func (s *Succession) counts(e *entry) bool {
	answer, known := s.admitted[e.governance]
	if !known {
		answer = s.view.Admits(s.state.Table.access(e.governance))
		s.admitted[e.governance] = answer
	}
	if !answer || e.more == nil || e.more.from == 0 {
		return answer
	}
	from := e.more.from.time()
	bound(&s.holds, s.at, from)
	return !s.at.Before(from)
}

// declared is the first document that declares to replace e.
func (s *Succession) declared(e *entry) *entry {
	for _, id := range s.state.Table.Successors(e.DocumentID) {
		if next, ok := s.state.Table.documents.get(id); ok && s.counts(next) {
			return next
		}
	}
	return nil
}

// named is the first of the documents that e names which is there, and its address if that is
// what e knows it by.
func (s *Succession) named(e *entry, refs []catalog.DocumentID) (next *entry, uri string) {
	for _, ref := range refs {
		if ref.Source != "" {
			if next, ok := s.state.Table.documents.get(ref); ok && next != e && s.counts(next) {
				return next, ""
			}
			continue
		}
		var newest *entry
		for next := range s.state.Table.at(placeOf(ref.ID)) {
			if next != e && next.place != e.place && s.counts(next) && (newest == nil || byAge(next, newest) < 0) {
				newest = next
			}
		}
		if newest != nil {
			return newest, ref.ID
		}
	}
	return nil, ""
}

// byAge orders the newer first.
func byAge(a, b *entry) int {
	return cmp.Or(cmp.Compare(b.modified, a.modified), a.DocumentID.Compare(b.DocumentID))
}

// newerThan lists the newer documents at the address of e, newest first.
func (s *Succession) newerThan(e *entry) []*entry {
	if e.place == 0 || e.owner == "" || e.modified == 0 {
		return nil
	}
	if _, crowded := s.state.Table.crowds.get(e.place); !crowded {
		return nil
	}
	key := placed{e.place, e.owner}
	list, known := s.newer[key]
	if !known {
		for other := range s.state.Table.at(e.place) {
			if other.owner == e.owner && other.modified != 0 && s.counts(other) {
				list = append(list, other)
			}
		}
		slices.SortFunc(list, byAge)
		s.newer[key] = list
	}
	n := 0
	for n < len(list) && n < mostVersions && list[n].modified > e.modified {
		n++
	}
	return list[:n]
}

// version returns the newest of the newer versions of a document.
func (s *Succession) version(ctx context.Context, e *entry, d *catalog.Document) (by *catalog.DocumentID, how freshness.Succession, err error) {
	for _, next := range s.newerThan(e) {
		found, err := s.state.Documents(ctx, s.view, []catalog.DocumentID{next.DocumentID})
		if err != nil {
			return nil, 0, err
		}
		for i := range found {
			if newerVersion(&found[i], d) {
				return &found[i].DocumentID, freshness.NewerAtURI, nil
			}
		}
	}
	return nil, 0, nil
}

// newerVersion reports whether one document is a newer version of another: at one address, by one
// owner, changed later, and with much the same words. Only the two have a part in it.
func newerVersion(newer, older *catalog.Document) bool {
	return newer.URI != "" && newer.URI == older.URI && newer.Owner != "" && newer.Owner == older.Owner &&
		!older.Modified.IsZero() && newer.Modified.After(older.Modified) &&
		newer.Signature.Similarity(older.Signature) >= versionSimilarity
}
