package desk

import (
	"context"
	"errors"
	"slices"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/freshness"
	"github.com/muniment/muniment/indexer"
	"github.com/muniment/muniment/retriever"
)

// mostShown is how many conflicts of one cluster are shown.
const mostShown = 50

// ConflictQuery asks for conflicts.
type ConflictQuery struct {
	Filter     indexer.Filter    // one document at least matches it and is in one of the states
	States     []freshness.State // empty = any
	Tiers      []freshness.Tier  // empty = any
	Quantities []string          // empty = any
	Confidence float64           // at least
	Resolved   bool              // settled ones too
	Limit      int               // clusters on the page, at least 1
	After      []byte            // Next of the page before, nil = the first page
}

// ErrPlace says that After is no page's Next.
var ErrPlace = errors.New("desk: no place in the list")

// Conflicts is one page of the conflicts of a view.
type Conflicts struct {
	Clusters  []Cluster
	Total     int    // clusters on all pages
	Next      []byte // where the next page begins, of fixed length; nil if none follows
	Searching bool   // a newer search has not ended yet
}

// Cluster is conflicts that hang together.
type Cluster struct {
	Conflicts []Conflict // the surest, mostShown at most
	Total     int
	Documents []catalog.DocumentID
}

// Conflicts lists the conflicts that the caller may see and the office is concerned with, in
// clusters, the surest first.
func (d *Desk) Conflicts(ctx context.Context, caller acl.Identity, office Office, q ConflictQuery) (Conflicts, error) {
	if q.After != nil && len(q.After) != orderBytes {
		return Conflicts{}, ErrPlace
	}
	state, err := d.Indexer.Pin(ctx, 0)
	if err != nil {
		return Conflicts{}, err
	}
	defer state.Release()
	view, err := state.View(caller, d.Now())
	if err != nil {
		return Conflicts{}, err
	}
	list, searching, err := d.conflicts(ctx, caller, office, state, view)
	if err != nil {
		return Conflicts{}, err
	}
	lives, err := q.live(ctx, office, state, view, list)
	if err != nil {
		return Conflicts{}, err
	}
	all := clusters(lives)
	from := after(all, q.After)
	page := all[from:min(len(all), from+q.Limit)]
	out := Conflicts{Total: len(all), Searching: searching}
	if len(page) > 0 && from+len(page) < len(all) {
		out.Next = page[len(page)-1].order()
	}
	for _, c := range page {
		shown := Cluster{Total: len(c), Documents: c.documents()}
		for _, l := range c[:min(len(c), mostShown)] {
			conflict, err := l.judged(ctx, state, view)
			if err != nil {
				return Conflicts{}, err
			}
			shown.Conflicts = append(shown.Conflicts, conflict)
		}
		out.Clusters = append(out.Clusters, shown)
	}
	return out, nil
}

// live keeps of what was found what holds now, for the view that asks: both documents are in
// it, and are the contents that were compared. That is all that lets a conflict be shown.
func (q ConflictQuery) live(ctx context.Context, office Office, state *indexer.State, view acl.View, list []*found) ([]live, error) {
	var ids []catalog.DocumentID
	for _, f := range list {
		ids = append(ids, f.a.document, f.b.document)
	}
	slices.SortFunc(ids, catalog.DocumentID.Compare)
	documents := map[catalog.DocumentID]*catalog.Document{}
	err := read(ctx, state, view, slices.Compact(ids), func(d catalog.Document) error {
		documents[d.DocumentID] = &d
		return nil
	})
	if err != nil {
		return nil, err
	}
	narrowed := state.Table.Visible(view).Narrow(q.Filter)
	var out []live
	for _, f := range list {
		a, b := documents[f.a.document], documents[f.b.document]
		switch {
		case a == nil || b == nil || a.ContentAt != f.a.content || b.ContentAt != f.b.content:
			continue
		case !office.Has(a.Source) && !office.Has(b.Source):
			continue
		case len(q.Tiers) > 0 && !slices.Contains(q.Tiers, f.tier), f.confidence < q.Confidence,
			len(q.Quantities) > 0 && !slices.Contains(q.Quantities, f.quantity):
			continue
		}
		l := live{f, a, b, a.Settled(b.DocumentID, f.sentences)}
		if l.settlement.Verdict != catalog.Unsettled && !q.Resolved {
			continue
		}
		matches := false
		for _, d := range []*catalog.Document{a, b} {
			if matches || !narrowed.Has(d.Rows.First) {
				continue
			}
			if matches = len(q.States) == 0; !matches {
				if matches, err = in(ctx, state, view, *d, q.States); err != nil {
					return nil, err
				}
			}
		}
		if matches {
			out = append(out, l)
		}
	}
	return out, nil
}

// Why a side is preferred if a steward has said so.
const (
	saidRight     = "a steward has said that it is right"
	saidDuplicate = "a steward has said that the other is a duplicate to be removed"
)

// judged is the conflict with how far either side can be trusted, and which is preferred by
// what is known now.
func (l live) judged(ctx context.Context, state *indexer.State, view acl.View) (Conflict, error) {
	c := Conflict{
		ID: l.name(), Tier: l.tier, Quantity: l.quantity, Confidence: l.confidence, Explanation: l.explanation, Settlement: l.settlement,
	}
	sides := [2]freshness.Source{}
	for i, s := range []struct {
		*Side
		*catalog.Document
		stated
	}{{&c.A, l.a, l.found.a}, {&c.B, l.b, l.found.b}} {
		finding, by, err := retriever.Judge(ctx, state, view, *s.Document)
		if err != nil {
			return Conflict{}, err
		}
		*s.Side = Side{Judged{*s.Document, finding, by}, s.sentence, s.value, s.span, s.valueSpan}
		sides[i] = s.Document.Compared()
		sides[i].Superseded = finding.State == freshness.Superseded
	}
	switch l.settlement.Verdict {
	case catalog.FirstIsRight:
		c.Preferred, c.PreferredReason = 1, saidRight
	case catalog.SecondIsRight:
		c.Preferred, c.PreferredReason = 2, saidRight
	case catalog.SecondIsDuplicate:
		c.Preferred, c.PreferredReason = 1, saidDuplicate
	case catalog.FirstIsDuplicate:
		c.Preferred, c.PreferredReason = 2, saidDuplicate
	case catalog.BothRight, catalog.NoConflict:
	default:
		c.Preferred, c.PreferredReason = freshness.Prefer(sides[0], sides[1])
	}
	return c, nil
}
