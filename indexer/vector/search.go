package vector

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// reader is the index pinned at one state.
type reader struct {
	state  *state
	few    int // Index.few
	closed atomic.Bool
}

func (r *reader) Revision() catalog.Revision { return r.state.revision }

func (r *reader) Close() error {
	if r.closed.Swap(true) {
		return nil
	}
	return r.state.file.release()
}

// Search implements indexer.Reader. Scores are products of the vectors as they were
// given, cosines if both have unit length, and hits are in the order of these and of passage
// ids, to the bit. In a view of up to 2,048 passages the hits are the best there are. In a
// larger one some may be missing whose sketch is farther than chance makes likely: of 10, not
// one in a thousand; of many, not one in a hundred, and rather the last than the first. Much
// depends on what is in view, for work is bounded: where more than 8,192 passages (or four
// times the limit, and in either case a quarter more) are about equally near, the nearest
// sketches decide, then passage ids.
// Which are missing depends on the view's passages and the query alone.
//
// Besides ctx's the errors are ErrDamaged, ErrClosed, and those of reading the log.
func (r *reader) Search(ctx context.Context, view *indexer.Visible, query indexer.Query, limit int) ([]indexer.Hit, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if r.closed.Load() {
		return nil, ErrClosed
	}
	if r.state.file.damaged.Load() {
		return nil, ErrDamaged
	}
	c := r.state.columns[space{query.Space, len(query.Vector)}]
	if c == nil || c.count == 0 || limit <= 0 || view.Len() == 0 {
		return nil, nil
	}
	q, ok := ask(c.turn, query.Vector)
	if !ok {
		return nil, nil
	}
	limit = min(limit, view.Len())
	w := workspaces.Get().(*workspace)
	defer w.release()
	if err := w.choose(ctx, c, view, q, limit, r.few); err != nil {
		return nil, err
	}
	hits, err := w.rank(ctx, r.state.file, c, q)
	if err != nil {
		return nil, fmt.Errorf("reading vectors: %w", err)
	}
	slices.SortFunc(hits, func(a, b indexer.Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), view.Compare(a.Row, b.Row))
	})
	return hits[:min(limit, len(hits))], nil
}

// workspace is memory that a search works in, kept for the next.
type workspace struct {
	list      []candidate
	nearest   nearest
	estimator estimator
	about     []estimated // what may be considered yet
	greatest  lowest      // of the estimates in about
	lowest    lowest
	read      fullReader
}

var workspaces = sync.Pool{New: func() any { return new(workspace) }}

// release lets go of what was searched and keeps the memory.
func (w *workspace) release() {
	w.nearest.view, w.nearest.column = nil, nil
	workspaces.Put(w)
}
