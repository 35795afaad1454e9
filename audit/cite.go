package audit

import "github.com/muniment/muniment/catalog"

// Shown is what an answer may cite: the passages that some retrievals returned, and nothing else.
//
// A document's uri is whatever its sender says, also the citation id of somebody else's passage. So
// a reference is taken for a citation id first, and a uri counts only where no passage shown is
// called so.
type Shown struct {
	inOrder    []place
	byCitation map[string]place // where it was shown first
	byURI      map[string][]place
}

// place is a passage of a retrieval.
type place struct {
	retrieval string
	*Source
}

// NewShown returns what the retrievals returned, in their order.
func NewShown(retrievals []Record) *Shown {
	s := &Shown{byCitation: map[string]place{}, byURI: map[string][]place{}}
	for _, r := range retrievals {
		if r.Retrieval == nil {
			continue
		}
		for i := range r.Retrieval.Sources {
			p := place{r.ID, &r.Retrieval.Sources[i]}
			s.inOrder = append(s.inOrder, p)
			if c := p.Citation(); s.byCitation[c].Source == nil {
				s.byCitation[c] = p
			}
			if p.URI != "" {
				s.byURI[p.URI] = append(s.byURI[p.URI], p)
			}
		}
	}
	return s
}

// Citation names the passage.
func (s *Source) Citation() string {
	return catalog.PassageID{Document: catalog.DocumentID{Source: s.Source, ID: s.ID}, Version: s.Version, Ordinal: s.Ordinal}.Citation()
}

// Resolve says in the citation which passage its reference means, and takes the reference out;
// a citation that it cannot resolve it returns as it is. The index is the passage's place among
// all that were shown, if the app gave one, else negative.
//
// A reference that is the uri of several passages means the one at the index; without that, the
// document, if all are of one version of one. What could be either of two documents is neither:
// a wrong source on record is worse than none.
func (s *Shown) Resolve(c Citation, index int) Citation {
	at := place{}
	if index >= 0 && index < len(s.inOrder) {
		at = s.inOrder[index]
	}
	if p := s.byCitation[c.Reference]; p.Source != nil {
		if at.Source != nil && at.Citation() == c.Reference {
			p = at // the same passage, of a later retrieval
		}
		return c.means(p, false)
	}
	uses := s.byURI[c.Reference]
	if len(uses) == 0 {
		return c
	}
	if at.Source != nil && at.URI == c.Reference {
		return c.means(at, false)
	}
	first, several := uses[0], false
	for _, p := range uses[1:] {
		if p.Source.Source != first.Source.Source || p.ID != first.ID || p.Version != first.Version {
			return c
		}
		several = several || p.Ordinal != first.Ordinal
		if p.retrieval == first.retrieval && p.Rank < first.Rank {
			first = p
		}
	}
	return c.means(first, several)
}

// means is the citation with the passage in the place of the reference.
func (c Citation) means(p place, document bool) Citation {
	c.Reference, c.Document = "", document
	c.Retrieval, c.Rank, c.Source, c.ID, c.Version = p.retrieval, p.Rank, p.Source.Source, p.ID, p.Version
	return c
}
