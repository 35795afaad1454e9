package indexer

import (
	"cmp"
	"context"
	"slices"

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
// Of several the first in this order is named. The table finds them; what the view does not
// admit is left out before anything is counted or compared, so that no hidden document can
// push a visible one out.

// Versions of one document.
const (
	versionSimilarity = 0.5 // of the signatures, from which on two documents are versions of one
	mostVersions      = 32  // newer documents at one address that are looked at, newest first
)

// Succession finds what replaces documents, for one view.
type Succession struct {
	state    *State
	view     acl.View
	admitted map[*governance]bool
	newer    map[placed][]*entry
}

// placed is where versions of one document stand.
type placed struct {
	place uint64
	owner acl.Principal
}

// Succession begins to look for what replaces documents. It is for one goroutine.
func (s *State) Succession(view acl.View) *Succession {
	return &Succession{state: s, view: view, admitted: map[*governance]bool{}, newer: map[placed][]*entry{}}
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

// admits is the view's answer for the document, which the table has at the same revision as
// the catalog.
func (s *Succession) admits(e *entry) bool {
	answer, known := s.admitted[e.governance]
	if !known {
		answer = s.view.Admits(s.state.Table.access(e.governance))
		s.admitted[e.governance] = answer
	}
	return answer
}

// declared is the first document that declares to replace e.
func (s *Succession) declared(e *entry) *entry {
	for _, id := range s.state.Table.Successors(e.DocumentID) {
		if next, ok := s.state.Table.documents.get(id); ok && s.admits(next) {
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
			if next, ok := s.state.Table.documents.get(ref); ok && next != e && s.admits(next) {
				return next, ""
			}
			continue
		}
		var newest *entry
		for next := range s.state.Table.at(placeOf(ref.ID)) {
			if next != e && next.place != e.place && s.admits(next) && (newest == nil || byAge(next, newest) < 0) {
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
			if other.owner == e.owner && other.modified != 0 && s.admits(other) {
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
