package desk

import (
	"context"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
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
		list, err := between(ctx, c.state, c.view, documents[0], documents[1])
		if err != nil {
			return 0, err
		}
		for _, found := range list {
			switch documents[0].Settled(second, found.sentences).Verdict {
			case catalog.FirstIsRight, catalog.SecondIsRight:
				n++
			}
		}
	}
	c.known[pair] = n
	return n, nil
}
