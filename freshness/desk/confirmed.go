package desk

import (
	"context"
	"strings"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/freshness"
	"github.com/muniment/muniment/indexer"
)

// confirmed counts the conflicts of documents that a steward has confirmed, by saying which
// side is right, and that still stand: neither sentence has been edited since. Both documents
// are the view's.
type confirmed struct {
	state *indexer.State
	view  acl.View
	known map[[2]catalog.DocumentID]int // by the first and the second document
}

// of counts those of one document.
func (c *confirmed) of(ctx context.Context, d catalog.Document) (n int, err error) {
	asked := map[catalog.DocumentID]bool{}
	for _, s := range d.Settlements {
		if (s.Verdict == catalog.FirstIsRight || s.Verdict == catalog.SecondIsRight) && !asked[s.With] {
			asked[s.With] = true
			k, err := c.between(ctx, d.DocumentID, s.With)
			if err != nil {
				return 0, err
			}
			n += k
		}
	}
	for _, first := range c.state.Table.Disputes(d.DocumentID) {
		k, err := c.between(ctx, first, d.DocumentID)
		if err != nil {
			return 0, err
		}
		n += k
	}
	return n, nil
}

// between counts those of two documents, whose verdicts are kept with the first.
func (c *confirmed) between(ctx context.Context, first, second catalog.DocumentID) (n int, err error) {
	pair := [2]catalog.DocumentID{first, second}
	if n, known := c.known[pair]; known {
		return n, nil
	}
	documents, err := c.state.Documents(ctx, c.view, pair[:])
	if err != nil {
		return 0, err
	}
	if len(documents) == 2 {
		var sides [2][]freshness.Source
		for i, d := range documents {
			if sides[i], err = passagesOf(ctx, c.state, c.view, d); err != nil {
				return 0, err
			}
		}
		seen := map[[32]byte]bool{}
		for _, found := range freshness.Between(sides[0], sides[1]) {
			v := documents[0].Settled(second, found.Sentences).Verdict
			if right := v == catalog.FirstIsRight || v == catalog.SecondIsRight; right && !seen[found.Sentences] {
				seen[found.Sentences] = true
				n++
			}
		}
	}
	c.known[pair] = n
	return n, nil
}

// passagesOf is a document's passages as they are compared.
func passagesOf(ctx context.Context, state *indexer.State, view acl.View, d catalog.Document) ([]freshness.Source, error) {
	ids := make([]catalog.PassageID, d.Rows.Count)
	for i := range ids {
		ids[i] = catalog.PassageID{Document: d.DocumentID, Version: d.Version, Ordinal: i}
	}
	passages, err := state.Passages(ctx, view, ids)
	if err != nil {
		return nil, err
	}
	key := func(id catalog.DocumentID) string { return id.Source + "\x00" + id.ID }
	list := make([]freshness.Source, len(passages))
	for i, p := range passages {
		list[i] = freshness.Source{
			Key: key(d.DocumentID), Lineage: d.URI, Signature: d.Signature, Section: strings.Join(p.Headings, "\x00"),
			Statements: p.Statements, Modified: d.Modified, Verified: d.Verified.At,
		}
		for _, id := range d.Supersedes {
			if id.Source == d.Source {
				list[i].Related = append(list[i].Related, key(id))
			}
		}
	}
	return list, nil
}
