package acl

import "sync"

// caller is all about an identity that decides which principals it is in one directory.
type caller struct {
	user     Principal
	everyone bool // no guest
}

// callers remembers the principals of the callers of one directory. Someone in 10,000
// groups takes milliseconds to resolve, many times what a query does; a directory does not
// change, so what is remembered needs no invalidation.
type callers struct {
	mu    sync.Mutex
	known map[caller]resolved
	size  int // principals in known
}

// maxResolved bounds what is remembered, in principals of all callers together; at the
// bound it begins anew. It is some 100 MB at worst.
const maxResolved = 1 << 20

func newCallers() *callers { return &callers{known: map[caller]resolved{}} }

func (c *callers) get(who caller) (r resolved, ok bool) {
	if c == nil {
		return r, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok = c.known[who]
	return r, ok
}

func (c *callers) put(who caller, r resolved) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.size += len(r.principals); c.size > maxResolved {
		clear(c.known)
		c.size = len(r.principals)
	}
	c.known[who] = r
}
