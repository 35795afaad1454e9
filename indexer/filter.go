package indexer

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"math/bits"
	"slices"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/freshness"
)

// Filter is what a request restricts its search to. Every non-empty field must match.
type Filter struct {
	Sources    []string             // any of these sources
	Containers []catalog.DocumentID // in any of these containers or below one
	Owners     []acl.Principal      // owned by any of these, byte for byte
	Labels     map[string]string    // carrying all of these labels
	// The dates of a document: when its text was last changed at its source, when somebody last
	// vouched for it, when this version arrived, and when its permissions last arrived.
	Modified  Range `json:",omitzero"`
	Verified  Range `json:",omitzero"`
	Synced    Range `json:",omitzero"`
	ACLSynced Range `json:",omitzero"`
	// What the documents must be for this view at the instant that is asked about: see Admits.
	States []freshness.State `json:",omitempty"`
	Trust  Trust             `json:",omitempty"`
}

// Range is a half-open range of time, [From, Until); the zero time is no end. A document without
// the date is in no range but the zero one.
type Range struct {
	From  time.Time `json:",omitzero"`
	Until time.Time `json:",omitzero"`
}

func (r Range) has(t time.Time) bool {
	return r == Range{} || !t.IsZero() && !t.Before(r.From) && (r.Until.IsZero() || t.Before(r.Until))
}

// Empty reports whether the filter restricts nothing, but for what is judged.
func (f Filter) Empty() bool {
	return len(f.Sources) == 0 && len(f.Containers) == 0 && len(f.Owners) == 0 && len(f.Labels) == 0 && !f.ranges()
}

// ranges reports whether a date is restricted.
func (f Filter) ranges() bool {
	none := Range{}
	return f.Modified != none || f.Verified != none || f.Synced != none || f.ACLSynced != none
}

// within reports whether the document's dates match.
func (f Filter) within(d *catalog.Document) bool {
	return f.Modified.has(d.Modified) && f.Verified.has(d.Verified.At) && f.Synced.has(d.Synced) && f.ACLSynced.has(d.ACLSynced)
}

// Narrow returns the part of the view that the filter keeps, but for what is judged (see
// State.Visible). What is filtered out does not exist for the search: it counts in no statistic
// either. Answers are kept and brought
// along from table to table as those of Table.Visible are.
func (v *Visible) Narrow(f Filter) *Visible {
	if v == nil || f.Empty() {
		return v
	}
	key := f.key(v)
	n, earlier := v.table.views.get(key)
	if n != nil && n.of == v.resolution {
		return n
	}
	if n != nil {
		earlier = n.resolution
	}
	if earlier != nil && v.table.folders > earlier.generation {
		earlier = nil
	}
	match := v.table.matcher(f)
	r := &resolution{key: key, generation: v.generation, of: v.resolution, within: v.within}
	v.narrow(r, match, nil, earlier)
	return v.table.views.put(&Visible{v.table, r})
}

// narrow fills in what r is to have of the view: the rows whose document matches, and those that
// look, if it is not nil, says need no look.
func (v *Visible) narrow(r *resolution, match func(*entry) bool, look func(*cells) *Chunk, earlier *resolution) {
	r.chunks = v.table.narrow(v.chunks, match, look, earlier, func(r *resolution) []*Chunk { return r.chunks })
	if v.kept != nil {
		r.kept = v.table.narrow(v.kept, match, look, earlier, func(r *resolution) []*Chunk { return r.kept })
	}
	r.recount()
}

// narrow keeps the rows whose document matches. Chunks of which neither rows nor the view
// has changed since are taken from earlier, if there is one.
func (t *Table) narrow(whole []*Chunk, match func(*entry) bool, look func(*cells) *Chunk, earlier *resolution, of func(*resolution) []*Chunk) []*Chunk {
	var past, pastWhole []*Chunk
	if earlier != nil {
		past, pastWhole = of(earlier), of(earlier.of)
	}
	chunks := make([]*Chunk, len(whole))
	for i, w := range whole {
		if w == nil {
			continue
		}
		if i < len(past) && pastWhole[i] == w && t.cells[i].changed <= earlier.generation {
			chunks[i] = past[i]
			continue
		}
		only := w
		if look != nil {
			only = look(t.cells[i])
		}
		chunks[i] = t.cells[i].keep(w, only, match)
	}
	return chunks
}

// keep returns the part of the chunk without those of only whose documents do not match, nil if
// nothing is left. Rows of one document follow one another, so that each is looked at once.
func (c *cells) keep(whole, only *Chunk, match func(*entry) bool) *Chunk {
	now := *whole
	var last *entry
	matches := false
	for j := range whole {
		for w := whole[j] & only[j]; w != 0; w &= w - 1 {
			k := bits.TrailingZeros64(w)
			if e := c.cells[64*j+k].entry; e != last {
				last, matches = e, match(e)
			}
			if !matches {
				now[j] &^= 1 << k
			}
		}
	}
	return now.shared(whole)
}

// matcher returns what tells whether a document matches the filter.
func (t *Table) matcher(f Filter) func(*entry) bool {
	inside := map[catalog.DocumentID]bool{} // containers, once each
	ranges := f.ranges()
	return func(e *entry) bool {
		if len(f.Sources) > 0 && !slices.Contains(f.Sources, e.Source) ||
			len(f.Owners) > 0 && !slices.Contains(f.Owners, e.owner) {
			return false
		}
		for k, want := range f.Labels {
			if got, ok := e.labels[k]; !ok || got != want {
				return false
			}
		}
		if ranges {
			if d := e.dates(); !f.within(&d) {
				return false
			}
		}
		if len(f.Containers) == 0 {
			return true
		}
		at := catalog.DocumentID{Source: e.Source, ID: e.governance.container}
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
}

// key names the filter of a view. Every part is length-prefixed, so that two filters have
// one key only by a collision of SHA-256.
func (f Filter) key(v *Visible) [sha256.Size]byte {
	b := append([]byte("filter"), v.key[:]...)
	put := func(parts ...string) {
		b = binary.AppendUvarint(b, uint64(len(parts)))
		for _, p := range parts {
			b = append(binary.AppendUvarint(b, uint64(len(p))), p...)
		}
	}
	put(f.Sources...)
	for _, c := range f.Containers {
		put(c.Source, c.ID)
	}
	put()
	for _, o := range f.Owners {
		put(string(o))
	}
	put()
	for _, k := range slices.Sorted(maps.Keys(f.Labels)) {
		put(k, f.Labels[k])
	}
	put()
	for _, r := range []Range{f.Modified, f.Verified, f.Synced, f.ACLSynced} {
		put(r.From.UTC().Format(time.RFC3339Nano), r.Until.UTC().Format(time.RFC3339Nano))
	}
	return sha256.Sum256(b)
}
