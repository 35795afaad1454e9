package indexer

import (
	"crypto/sha256"
	"maps"
	"math/bits"
	"slices"
	"sync"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// Visible resolves the view at the table's revision. The answer is cached under the
// view's digest for the interval in which no grant begins or ends.
func (t *Table) Visible(view acl.View) *Visible {
	if v, ok := t.views.get(view); ok {
		return v
	}
	regardless := view.Regardless()
	admitted, kept := make([]bool, len(t.governances)), make([]bool, len(t.governances))
	within, withheld := acl.Decision{}, false
	for i, g := range t.governances {
		a := t.access(g)
		d := view.Decide(a)
		admitted[i] = d.Admitted
		within.Narrow(d)
		if !d.Admitted && view.Withholds(g.source) {
			d := regardless.Decide(a)
			kept[i], withheld = d.Admitted, withheld || d.Admitted
			within.Narrow(d)
		}
	}
	v := t.rows(func(e *entry) bool { return admitted[e.governance] })
	if withheld {
		v.kept = t.rows(func(e *entry) bool { return kept[e.governance] }).words
	}
	v.within = within
	t.views.put(view.Digest(), v)
	return v
}

// rows collects the live rows whose document is kept.
func (t *Table) rows(keep func(*entry) bool) *Visible {
	v := &Visible{table: t, words: make([]uint64, len(t.chunks)*chunkRows/64)}
	for i, c := range t.chunks {
		if c == nil {
			continue
		}
		words := v.words[i*chunkRows/64:]
		for j := range c.cells {
			if e := c.cells[j].entry; e != nil && keep(e) {
				words[j/64] |= 1 << (j % 64)
			}
		}
	}
	v.recount()
	return v
}

func (v *Visible) recount() {
	v.count = 0
	for _, w := range v.words {
		v.count += bits.OnesCount64(w)
	}
}

// Withheld names the sources, in order, of which the view shows nothing because their
// permissions are older than their bound, and of which it would show something otherwise.
func (v *Visible) Withheld() (sources []string) {
	if v == nil {
		return nil
	}
	named := map[string]bool{}
	for i, w := range v.kept {
		for ; w != 0; w &= w - 1 {
			row := catalog.Row(i*64 + bits.TrailingZeros64(w))
			named[v.table.cell(row).entry.Source] = true
		}
	}
	return slices.Sorted(maps.Keys(named))
}

// Waiting reports whether a document in view waits for its vectors: it is found by its
// words alone.
func (v *Visible) Waiting() bool {
	if v == nil || v.table.waiting == 0 {
		return false
	}
	for i, c := range v.table.chunks {
		if c == nil {
			continue
		}
		for j, waiting := range c.waiting {
			if waiting&v.words[i*chunkRows/64+j] != 0 {
				return true
			}
		}
	}
	return false
}

// access is the governance in the form acl decides on.
func (t *Table) access(g governance) acl.Access {
	d := catalog.Document{
		DocumentID: catalog.DocumentID{Source: g.source},
		Access:     catalog.Access{Policy: g.policy, Container: g.container, Sensitivity: g.sensitivity},
	}
	return d.Governed(t.lookup(g.source))
}

// Filter is what a request restricts its search to. Every non-empty field must match.
type Filter struct {
	Sources    []string             // any of these sources
	Containers []catalog.DocumentID // in any of these containers or below one
	Owners     []acl.Principal      // owned by any of these, byte for byte
	Labels     map[string]string    // carrying all of these labels
}

// Empty reports whether the filter restricts nothing.
func (f Filter) Empty() bool {
	return len(f.Sources) == 0 && len(f.Containers) == 0 && len(f.Owners) == 0 && len(f.Labels) == 0
}

// Narrow returns the part of the view that the filter keeps. What is filtered out does
// not exist for the search: it counts in no statistic either.
func (v *Visible) Narrow(f Filter) *Visible {
	if v == nil || f.Empty() {
		return v
	}
	inside := map[catalog.DocumentID]bool{} // containers, once each
	n := v.table.rows(func(e *entry) bool { return v.table.matches(f, e, inside) })
	if v.kept != nil {
		n.kept = intersection(n.words, v.kept)
	}
	n.words = intersection(n.words, v.words)
	n.recount()
	n.within = v.within
	return n
}

func intersection(a, b []uint64) []uint64 {
	both := make([]uint64, len(a))
	for i := range both {
		both[i] = a[i] & b[i]
	}
	return both
}

func (t *Table) matches(f Filter, e *entry, inside map[catalog.DocumentID]bool) bool {
	if len(f.Sources) > 0 && !slices.Contains(f.Sources, e.Source) ||
		len(f.Owners) > 0 && !slices.Contains(f.Owners, e.Owner) {
		return false
	}
	for k, want := range f.Labels {
		if got, ok := e.Labels[k]; !ok || got != want {
			return false
		}
	}
	if len(f.Containers) == 0 {
		return true
	}
	at := catalog.DocumentID{Source: e.Source, ID: e.Access.Container}
	in, known := inside[at]
	if !known {
		for c, levels := at, 0; c.ID != "" && !in && levels <= acl.MaxContainers; levels++ {
			in = slices.Contains(f.Containers, c)
			parent, _ := t.containers.get(c)
			c.ID = parent.Parent
		}
		inside[at] = in
	}
	return in
}

// viewCache keeps the resolved views of one table. Everything in it is a function of the
// table and the key, except time, which the interval guards.
type viewCache struct {
	mu    sync.Mutex
	views map[[sha256.Size]byte]*Visible
}

// maxViews bounds the cache; at the bound it starts anew, which is rare and cheap enough.
const maxViews = 1024

func newViewCache() *viewCache { return &viewCache{views: map[[sha256.Size]byte]*Visible{}} }

func (c *viewCache) get(view acl.View) (*Visible, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok := c.views[view.Digest()]
	return v, ok && v.within.Within(view.At())
}

func (c *viewCache) put(key [sha256.Size]byte, v *Visible) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.views) >= maxViews {
		clear(c.views)
	}
	c.views[key] = v
}
