package indexer

import (
	"math/bits"
	"slices"

	"github.com/muniment/muniment/acl"
)

// decided is what a view says of one governance. They are numbers, not booleans, so that
// making a bitmap of them needs no branch for each row.
type decided struct {
	admitted uint8 // 1 if it is in view
	kept     uint8 // 1 if it is not and would be, were its source not withheld
}

// Visible resolves the view at the table's revision. The answer is cached under the
// view's digest for the interval in which no grant begins or ends.
//
// Resolving decides once for every governance, then looks up the decision of every row. At
// a million rows that is some milliseconds, and every commit makes a new table. So what an
// earlier table found is brought along: its decisions, unless a container has changed or a
// grant has begun or ended since, and where they are the same its chunks, but for those of
// which a row has changed.
func (t *Table) Visible(view acl.View) *Visible {
	key := view.Digest()
	v, earlier := t.views.get(key)
	if v != nil && v.within.Within(view.At()) {
		return v
	}
	if v != nil {
		earlier = v.resolution
	}
	r := &resolution{key: key, generation: t.generation}
	if earlier != nil && earlier.within.Within(view.At()) && t.decideAlike(earlier) {
		r.decisions, r.within = slices.Clip(earlier.decisions), earlier.within
	}
	t.decide(view, r)
	if earlier == nil {
		earlier = &resolution{}
	}
	alike := t.numbered <= earlier.generation && len(earlier.decisions) > 0 &&
		slices.Equal(r.decisions[:len(earlier.decisions)], earlier.decisions)
	same := func(i int) bool { return alike && t.cells[i].changed <= earlier.generation }
	r.chunks = t.chunks(func(d decided) uint8 { return d.admitted }, r.decisions, earlier.chunks, same)
	if slices.ContainsFunc(r.decisions, func(d decided) bool { return d.kept != 0 }) {
		r.kept = t.chunks(func(d decided) uint8 { return d.kept }, r.decisions, earlier.kept, same)
	}
	r.recount()
	return t.views.put(&Visible{t, r})
}

// decideAlike reports whether the table would decide on the governances that r knows as
// the table did that r was made by: governances never change once numbered, but what a
// container admits does.
func (t *Table) decideAlike(r *resolution) bool {
	return max(t.numbered, t.folders) <= r.generation
}

// decide says what the view makes of the governances that r does not know yet, and narrows
// the interval in which r holds to that in which each decision does.
func (t *Table) decide(view acl.View, r *resolution) {
	regardless := view.Regardless()
	for _, g := range t.governances[len(r.decisions):] {
		a := t.access(g)
		d, next := view.Decide(a), decided{}
		r.within.Narrow(d)
		if d.Admitted {
			next.admitted = 1
		} else if view.Withholds(g.source) {
			d := regardless.Decide(a)
			r.within.Narrow(d)
			if d.Admitted {
				next.kept = 1
			}
		}
		r.decisions = append(r.decisions, next)
	}
}

// chunks makes bitmaps of the live rows whose governance has the bit. Chunks that are the
// same, or turn out to be equal, are shared with those of the past.
func (t *Table) chunks(bit func(decided) uint8, decisions []decided, past []*Chunk, same func(i int) bool) []*Chunk {
	bits := make([]uint8, 1+len(decisions)) // by what cells hold: 0 is a dead row
	for i, d := range decisions {
		bits[1+i] = bit(d)
	}
	chunks := make([]*Chunk, len(t.cells))
	for i, c := range t.cells {
		if c == nil {
			continue
		}
		var before *Chunk
		if i < len(past) {
			before = past[i]
			if same(i) {
				chunks[i] = before
				continue
			}
		}
		var now Chunk
		for j := range now {
			for k, n := range c.governance[64*j:][:64] {
				now[j] |= uint64(bits[n]) << k
			}
		}
		chunks[i] = now.shared(before)
	}
	return chunks
}

// shared is a pointer to the chunk: nil if it is empty, before if it is equal to that.
func (c *Chunk) shared(before *Chunk) *Chunk {
	switch {
	case *c == Chunk{}:
		return nil
	case before != nil && *c == *before:
		return before
	}
	kept := *c
	return &kept
}

func (r *resolution) recount() {
	r.count = 0
	for _, c := range r.chunks {
		if c != nil {
			for _, w := range c {
				r.count += bits.OnesCount64(w)
			}
		}
	}
}
