package trace

import (
	"context"
	"slices"

	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/retriever"
)

// Limits of looking for conflicts: passages of one edited document, and of all together.
const (
	mostOfDocument = 64
	mostCompared   = 512
)

// conflicts adds the conflicts between sources of the retrieval that there were not then. They
// are sought as Retrieve seeks them, in what the caller of the retrieval may read now: the
// passages that were returned, and of the documents that were edited all there are. Where
// nothing was edited none can have come.
func (l *look) conflicts(ctx context.Context, passages []Passage) error {
	if !l.known || !slices.ContainsFunc(passages, edited) {
		return nil
	}
	results, err := l.present(ctx, passages)
	if err != nil {
		return err
	}
	before := contradicted(passages)
	for _, c := range retriever.Conflicts(results) {
		a, b := results[c.A].Document.DocumentID, results[c.B].Document.DocumentID
		if c.Superseded || before[pair{a, b}] || before[pair{b, a}] {
			continue
		}
		before[pair{a, b}] = true
		says := ""
		if l.may[a] && l.may[b] {
			says = c.Explanation
		}
		for i := range passages {
			switch documentOf(passages[i].Source) {
			case a:
				passages[i].Changes = append(passages[i].Changes, Change{Kind: Conflict, By: b, After: says})
			case b:
				passages[i].Changes = append(passages[i].Changes, Change{Kind: Conflict, By: a, After: says})
			}
		}
	}
	return nil
}

func edited(p Passage) bool {
	return slices.ContainsFunc(p.Changes, func(c Change) bool { return c.Kind == Edited })
}

type pair struct{ a, b catalog.DocumentID }

// contradicted is the pairs of documents of which passages contradicted each other then.
func contradicted(passages []Passage) map[pair]bool {
	byRank := map[int]audit.Source{}
	for _, p := range passages {
		byRank[p.Rank] = p.Source
	}
	known := map[pair]bool{}
	for _, p := range passages {
		for _, r := range p.ConflictsWith {
			known[pair{documentOf(p.Source), documentOf(byRank[r])}] = true
		}
	}
	return known
}

// present reads what the caller of the retrieval would have before them now.
func (l *look) present(ctx context.Context, passages []Passage) (results []retriever.Result, err error) {
	seen := map[catalog.PassageID]bool{}
	for _, p := range passages {
		found, err := l.state.Documents(ctx, l.asker, []catalog.DocumentID{documentOf(p.Source)})
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			continue
		}
		d := found[0]
		ids := []catalog.PassageID{{Document: d.DocumentID, Version: d.Version, Ordinal: p.Ordinal}}
		if d.Version != p.Version {
			ids = nil
			for i := range min(int(d.Rows.Count), mostOfDocument) {
				ids = append(ids, catalog.PassageID{Document: d.DocumentID, Version: d.Version, Ordinal: i})
			}
		}
		ids = slices.DeleteFunc(ids, func(id catalog.PassageID) bool { return seen[id] })
		for _, id := range ids {
			seen[id] = true
		}
		read, err := l.state.Passages(ctx, l.asker, ids)
		if err != nil {
			return nil, err
		}
		finding, by, err := retriever.Judge(ctx, l.state, l.asker, d)
		if err != nil {
			return nil, err
		}
		for _, passage := range read {
			results = append(results, retriever.Result{Passage: passage, Document: d, Finding: finding, SupersededBy: by})
		}
		if len(results) >= mostCompared {
			return results[:mostCompared], nil
		}
	}
	return results, nil
}
