package keyword

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/blevesearch/bleve/v2/index/scorch"

	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// reader is an indexer.Reader over one snapshot of scorch.
type reader struct {
	index    *Index
	store    *store
	snapshot *scorch.IndexSnapshot
	segments []segment
	revision catalog.Revision
	number   uint64 // of the index's readers
	closed   atomic.Bool
}

// Reader implements indexer.Index. It reads the columns of segments that are new since
// the last call, so that no search has to.
func (x *Index) Reader(ctx context.Context) (indexer.Reader, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	s := x.store
	if s == nil {
		return nil, ErrClosed
	}
	if err := s.failure(); err != nil {
		return nil, err
	}
	r := &reader{index: x, store: s, number: x.readers.Add(1)}
	err := guarded(func() (err error) {
		if r.snapshot, err = snapshot(s.scorch); err != nil {
			return err
		}
		// The stamp of this snapshot, not the index's: Apply may be running.
		at, err := decodeStamp(r.snapshot.Internal()[string(stampKey)])
		if err != nil {
			return err
		}
		r.revision = at.revision
		r.segments, err = x.segments(r.snapshot)
		return err
	})
	if err != nil {
		if r.snapshot != nil {
			r.snapshot.Close()
		}
		return nil, x.damage(s, err)
	}
	return r, nil
}

// Revision implements indexer.Reader.
func (r *reader) Revision() catalog.Revision { return r.revision }

// Search implements indexer.Reader. Errors: indexer.ErrTooManyTerms, ErrDamaged, the context's.
func (r *reader) Search(ctx context.Context, visible *indexer.Visible, q indexer.Query, limit int) (hits []indexer.Hit, err error) {
	if r.closed.Load() {
		return nil, ErrClosed
	}
	terms, err := queryTerms(q.Text)
	if err != nil {
		return nil, err
	}
	if len(terms) == 0 || limit <= 0 || visible.Len() == 0 {
		return nil, ctx.Err()
	}
	err = guarded(func() error {
		hits, err = search(ctx, r.index.terms, r.segments, r.index.views.get(r.number, r.segments, visible), visible, terms, limit)
		return err
	})
	switch {
	case err == nil:
		return hits, nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return nil, err
	default: // nothing but damage keeps postings from being read
		return nil, r.index.damage(r.store, err)
	}
}

// Close implements indexer.Reader.
func (r *reader) Close() error {
	if r.closed.Swap(true) {
		return nil
	}
	return r.snapshot.Close()
}
