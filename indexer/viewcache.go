package indexer

import (
	"crypto/sha256"
	"sync"
)

// viewCache keeps the resolved views of one table, and what earlier tables of its lineage
// resolved. Everything in it is a function of its table and the key, except time, which an
// interval guards.
//
// It is handed on by copy, never shared: two futures of one table number their changes
// alike, and must not take one another's for their own past.
type viewCache struct {
	mu      sync.Mutex
	views   map[[sha256.Size]byte]*Visible
	earlier map[[sha256.Size]byte]*resolution
}

// maxViews bounds each half of the cache. When the first is full it becomes the second, so
// that more callers than it has room for need not all be resolved anew.
const maxViews = 1024

func newViewCache() *viewCache { return &viewCache{views: map[[sha256.Size]byte]*Visible{}} }

// get returns what the table has resolved, if it has, else what an earlier one had.
func (c *viewCache) get(key [sha256.Size]byte) (*Visible, *resolution) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.views[key], c.earlier[key]
}

// put keeps v and returns it.
func (c *viewCache) put(v *Visible) *Visible {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.views) >= maxViews {
		c.earlier = make(map[[sha256.Size]byte]*resolution, len(c.views))
		for key, v := range c.views {
			c.earlier[key] = v.resolution
		}
		clear(c.views)
	}
	c.views[v.key] = v
	return v
}

// heir is the cache of the next table, which knows all of this one as earlier.
func (c *viewCache) heir() *viewCache {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := newViewCache()
	next.earlier = make(map[[sha256.Size]byte]*resolution, len(c.views))
	for key, v := range c.views {
		next.earlier[key] = v.resolution
	}
	for key, r := range c.earlier {
		if len(next.earlier) >= maxViews {
			break
		}
		if next.earlier[key] == nil {
			next.earlier[key] = r
		}
	}
	return next
}
