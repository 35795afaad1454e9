package keyword

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
)

// termCache keeps the postings of terms that were searched for, up to a number of bytes.
// What it keeps can not get out of date: columns are those of one segment, which never
// changes. Which terms it keeps depends on what was asked, by anybody; an answer takes
// longer without it and is the same.
//
// It forgets by the rule of the second chance: a hand goes round and takes away what was
// not asked for since it last came by.
type termCache struct {
	mu    sync.Mutex
	most  int // bytes
	bytes int
	terms map[termKey]*cachedTerm
	ring  []*cachedTerm
	hand  int
	// common are terms that many passages have, with their share in the segment seen last.
	common map[string]float64
}

type termKey struct {
	of   *columns
	term string
}

type cachedTerm struct {
	termKey
	*postings
	used bool
}

// cachedTermBytes is what a cached term takes beside its postings.
const cachedTermBytes = 256

func (t *cachedTerm) bytes() int { return t.postings.bytes() + len(t.term) + cachedTermBytes }

// Up to cacheBytes, and cacheBytesEach for each passage, are kept: what the commonest
// terms of a corpus of prose take, and some of the others.
const (
	cacheBytes     = 32 << 20
	cacheBytesEach = 96
)

// A term is common if commonShare of the passages of a segment have it. Of others the
// postings are decoded in no time. At most mostCommon are remembered.
const (
	commonShare = 1.0 / 256
	mostCommon  = 1024
)

func newTermCache() *termCache {
	return &termCache{most: cacheBytes, terms: map[termKey]*cachedTerm{}, common: map[string]float64{}}
}

// get finds the postings of the terms in a segment; nil where it does not know them.
func (c *termCache) get(of *columns, terms []term, part int) (missing bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range terms {
		if t := c.terms[termKey{of, terms[i].text}]; t != nil {
			t.used = true
			terms[i].postings[part] = t.postings
		} else {
			missing = true
		}
	}
	return missing
}

// put keeps a term's postings, unless it alone would take a large part of the room.
func (c *termCache) put(of *columns, term string, p *postings) {
	t := &cachedTerm{termKey: termKey{of, term}, postings: p}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.terms[t.termKey] != nil || t.bytes() > c.most/4 {
		return
	}
	c.terms[t.termKey] = t
	c.ring = append(c.ring, t)
	c.bytes += t.bytes()
	c.shrink()
	if share := float64(p.documents) / float64(len(of.rows)); len(of.rows) >= windowDocs && share >= commonShare {
		if len(c.common) == mostCommon {
			clear(c.common)
		}
		c.common[term] = share
	}
}

// commonest are the common terms that were asked for, the commonest first.
func (c *termCache) commonest() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.SortedFunc(maps.Keys(c.common), func(a, b string) int {
		return cmp.Or(cmp.Compare(c.common[b], c.common[a]), strings.Compare(a, b))
	})
}

// shrink forgets terms until the rest has room.
func (c *termCache) shrink() {
	for c.bytes > c.most {
		c.hand %= len(c.ring)
		if t := c.ring[c.hand]; t.used {
			t.used = false
			c.hand++
		} else {
			c.forget(c.hand)
		}
	}
}

func (c *termCache) forget(i int) {
	t, last := c.ring[i], len(c.ring)-1
	c.ring[i], c.ring[last] = c.ring[last], nil
	c.ring = c.ring[:last]
	c.bytes -= t.bytes()
	delete(c.terms, t.termKey)
}

// keep forgets the terms of all segments but these, and sets the room to what these deserve.
func (c *termCache) keep(segments map[*columns]bool) {
	passages := 0
	for s := range segments {
		passages += len(s.rows)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := len(c.ring) - 1; i >= 0; i-- {
		if !segments[c.ring[i].of] {
			c.forget(i)
		}
	}
	c.most = cacheBytes + cacheBytesEach*passages
	c.shrink()
}
