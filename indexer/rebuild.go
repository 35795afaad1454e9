package indexer

import (
	"context"
	"errors"
)

// ErrRebuilding is returned where an index is needed, or is to be rebuilt, while one is
// being rebuilt.
var ErrRebuilding = errors.New("indexer: an index is being rebuilt")

// Rebuild discards the index of that name ("keyword" or "vector") and builds it again from
// the catalog in the background. Until that is done no State has it. While one index is
// being rebuilt the other cannot be: nothing would be left to search. Errors:
// ErrUnknownIndex, ErrRebuilding, ErrClosed.
func (x *Indexer) Rebuild(ctx context.Context, name string) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	l, known := map[string]*leg{x.keyword.name: &x.keyword, x.vector.name: &x.vector}[name]
	switch {
	case !known:
		return ErrUnknownIndex
	case x.closed:
		return ErrClosed
	case !x.keyword.ready || !x.vector.ready:
		return ErrRebuilding
	}
	x.Log.Warn("index discarded, as asked for", "index", l.name)
	l.ready = false
	x.rebuild(l)
	return x.publish(ctx)
}

// Whole waits until every index is searched. Errors: ErrClosed, the context's.
func (x *Indexer) Whole(ctx context.Context) error {
	p := &x.published
	for {
		p.mu.Lock()
		s, changed, closed := p.newest, p.changed, p.closed
		p.mu.Unlock()
		switch {
		case closed || s == nil:
			return ErrClosed
		case s.Keyword != nil && s.Vector != nil:
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
