package keyword

import (
	"container/list"
	"crypto/sha256"
	"sync"
	"weak"

	"github.com/muniment/muniment/indexer"
)

// viewCache keeps the newest view of each caller who asked lately, up to a number of bytes.
// A view is right for one reader and one *indexer.Visible, both immutable; for others of
// the same caller it is what theirs is brought along from.
type viewCache struct {
	mu    sync.Mutex
	most  int // bytes
	bytes int
	views map[[sha256.Size]byte]*list.Element
	order *list.List // of *cachedView, the one used last in front
}

type cachedView struct {
	key    [sha256.Size]byte
	of     weak.Pointer[indexer.Visible] // weak, for it holds its whole table
	reader uint64                        // its number
	view   *view
	bytes  int
}

// viewBytes is how much the views may take. At 200,000 passages one takes 60 KB at most.
const viewBytes = 128 << 20

func newViewCache() *viewCache {
	return &viewCache{most: viewBytes, views: map[[sha256.Size]byte]*list.Element{}, order: list.New()}
}

// get returns the view of a reader's segments that visible gives. It makes it if need be;
// two callers may make the same, and both are right.
func (c *viewCache) get(reader uint64, segments []segment, visible *indexer.Visible) *view {
	next := &cachedView{key: visible.Key(), of: weak.Make(visible), reader: reader}
	earlier := c.find(next)
	if earlier != nil && earlier.of == next.of && earlier.reader == reader {
		return earlier.view
	}
	var from *view
	if earlier != nil {
		from = earlier.view
	}
	next.view = newView(segments, visible, from)
	next.bytes = next.view.bytes()
	c.put(next)
	return next.view
}

func (c *viewCache) find(next *cachedView) *cachedView {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.views[next.key]
	if e == nil {
		return nil
	}
	c.order.MoveToFront(e)
	return e.Value.(*cachedView)
}

func (c *viewCache) put(next *cachedView) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.views[next.key]; e != nil {
		c.bytes += next.bytes - e.Value.(*cachedView).bytes
		e.Value = next
		c.order.MoveToFront(e)
	} else {
		c.views[next.key] = c.order.PushFront(next)
		c.bytes += next.bytes
	}
	for c.bytes > c.most && c.order.Len() > 1 {
		e := c.order.Back()
		c.order.Remove(e)
		old := e.Value.(*cachedView)
		c.bytes -= old.bytes
		delete(c.views, old.key)
	}
}
