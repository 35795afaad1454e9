package keyword

import (
	"sync"
	"weak"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/muniment/muniment/indexer"
)

// view is what a caller sees of a reader's segments.
type view struct {
	parts []part // segments with something in view; the others are not even looked at
	statistics
}

// part is what a view shows of one segment.
type part struct {
	segment
	// except has every document number that the view leaves out: deleted, or a row that
	// is not visible. Postings are only ever read through it.
	except *roaring.Bitmap
}

// newView finds out what is visible of each segment. For a million passages it takes some
// milliseconds, so it is done once for a reader and view.
func newView(segments []segment, visible *indexer.Visible) *view {
	v := &view{}
	for _, s := range segments {
		words := make([]uint64, (len(s.rows)+63)/64)
		for doc, row := range s.rows {
			if !visible.Has(row) {
				words[doc>>6] |= 1 << (doc & 63)
			}
		}
		p := part{segment: s, except: roaring.FromDense(words, false)}
		if s.deleted != nil {
			p.except.Or(s.deleted)
		}
		p.except.RunOptimize()
		if p.except.GetCardinality() == uint64(len(s.rows)) {
			continue
		}
		v.parts = append(v.parts, p)
		v.count(p)
	}
	return v
}

// viewCache keeps the views of one reader. What it keeps can not get out of date: the
// reader's segments and deletions are pinned, an *indexer.Visible is immutable, and the
// weak pointers do not confuse one with a later one at the same address.
type viewCache struct {
	mu    sync.Mutex
	views []cachedView // most recently used first
}

type cachedView struct {
	of   weak.Pointer[indexer.Visible]
	view *view
}

// maxViews bounds the cache: at a million passages a view takes up to half a megabyte.
const maxViews = 64

func (c *viewCache) get(segments []segment, visible *indexer.Visible) *view {
	key := weak.Make(visible)
	c.mu.Lock()
	for i, v := range c.views {
		if v.of == key {
			copy(c.views[1:i+1], c.views[:i])
			c.views[0] = v
			c.mu.Unlock()
			return v.view
		}
	}
	c.mu.Unlock()
	made := newView(segments, visible) // two callers may make it twice; both are right
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.views) < maxViews {
		c.views = append(c.views, cachedView{})
	}
	copy(c.views[1:], c.views)
	c.views[0] = cachedView{key, made}
	return made
}
