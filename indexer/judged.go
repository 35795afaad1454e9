package indexer

import (
	"context"
	"crypto/sha256"
	"slices"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/freshness"
)

// Trust says which documents are searched, by how far they can be trusted. Each level leaves out
// more than the one before.
type Trust uint8

// The levels.
const (
	InForce      Trust = iota // all whose validity the instant lies in
	CurrentOnly               // nor any that another in view replaces
	VerifiedOnly              // nor any for whose text, as it is, nobody has vouched
)

// Admits reports whether a document of that state, judged at the instant, is searched. It is the
// rule, in one place: views are narrowed by it, and the truth is held against it.
//
// States ask for documents by what they are; unless they do, only what is in force is there.
func (f Filter) Admits(d *catalog.Document, state freshness.State, at time.Time) bool {
	c := d.Clocks(catalog.Expectation{})
	switch {
	case len(f.States) > 0 && !slices.Contains(f.States, state):
		return false
	case (len(f.States) == 0 || f.Trust >= CurrentOnly) && !c.InForce(at):
		return false
	case f.Trust >= CurrentOnly && state == freshness.Superseded:
		return false
	case f.Trust >= VerifiedOnly && (!c.Vouched(at) || d.Verified.By.Kind() == acl.Service):
		return false
	}
	return f.within(d)
}

// Visible is what the view admits and the filter keeps, with documents judged at the instant. It
// is the Visible to search: what is left out does not exist for it. Errors: those of the snapshot.
func (s *State) Visible(ctx context.Context, view acl.View, f Filter, at time.Time) (*Visible, error) {
	v := s.Table.Visible(view).Narrow(f)
	if len(f.States) == 0 {
		v = v.inForce(at)
	}
	if len(f.States) == 0 && f.Trust == InForce {
		return v, nil
	}
	return s.narrow(ctx, view, v, f, at)
}

// dated are the rows whose document has a validity.
func dated(c *cells) *Chunk { return &c.dated }

// inForce leaves out the documents in whose validity the instant does not lie. It is part of
// every search, so it looks at nothing but the rows of documents that have one, and at these once
// for a table and the time in which none of them begins or ends.
func (v *Visible) inForce(at time.Time) *Visible {
	if v == nil || v.table.dated == 0 || !v.overlaps(dated) {
		return v
	}
	key := judgedKey("in force", v, Filter{})
	n, earlier := v.table.views.get(key)
	if n != nil && n.of == v.resolution && n.judged.Within(at) {
		return n
	}
	r := &resolution{key: key, generation: v.generation, of: v.resolution, within: v.within}
	if earlier != nil && earlier.judged.Within(at) {
		r.judged = earlier.judged // of the chunks that are taken from it
	} else {
		earlier = nil
	}
	v.narrow(r, func(e *entry) bool {
		d := e.dates()
		bound(&r.judged, at, d.ValidFrom)
		bound(&r.judged, at, d.ValidUntil)
		return d.Clocks(catalog.Expectation{}).InForce(at)
	}, dated, earlier)
	return v.table.views.put(&Visible{v.table, r})
}

// overlaps reports whether one of the rows is in view, withheld or not.
func (v *Visible) overlaps(rows func(*cells) *Chunk) bool {
	for _, chunks := range [][]*Chunk{v.chunks, v.kept} {
		for i, c := range chunks {
			if c == nil {
				continue
			}
			for j, w := range rows(v.table.cells[i]) {
				if w&c[j] != 0 {
					return true
				}
			}
		}
	}
	return false
}

// bound narrows the interval around now to the side of t that now is on.
func bound(d *acl.Decision, now, t time.Time) {
	switch {
	case t.IsZero():
	case t.After(now):
		d.Narrow(acl.Decision{Until: t})
	default:
		d.Narrow(acl.Decision{From: t})
	}
}

// narrow leaves out the documents that the filter does not admit for what they are. What replaces
// a document is sought in all of the view, whether the filter keeps it or not. A change anywhere
// can make a document replaced, so nothing is taken over from earlier tables.
func (s *State) narrow(ctx context.Context, view acl.View, v *Visible, f Filter, at time.Time) (*Visible, error) {
	if v == nil || v.count == 0 && v.kept == nil {
		return v, nil
	}
	key := judgedKey("judged", v, f)
	if n, _ := v.table.views.get(key); n != nil && n.of == v.resolution && n.judged.Within(at) {
		return n, nil
	}
	r := &resolution{key: key, generation: v.generation, of: v.resolution, within: v.within, judged: v.judged}
	replaced := s.Succession(view, at)
	expected := map[string]catalog.Expectation{}
	var err error
	v.narrow(r, func(e *entry) bool {
		if err != nil {
			return false
		}
		of, known := expected[e.Source]
		if !known {
			of = s.Expected(e.Source)
			expected[e.Source] = of
		}
		d := e.dates()
		c := d.Clocks(of)
		if c.Superseded, err = replaced.any(ctx, e); err != nil {
			return false
		}
		state, from, until := freshness.During(c, at)
		r.judged.Narrow(acl.Decision{From: from, Until: until})
		return f.Admits(&d, state, at)
	}, nil, nil)
	if err != nil {
		return nil, err
	}
	r.judged.Narrow(replaced.holds)
	return v.table.views.put(&Visible{v.table, r}), nil
}

// judgedKey names a narrowed view, see Filter.key.
func judgedKey(by string, v *Visible, f Filter) [sha256.Size]byte {
	b := append(append([]byte(by), byte(f.Trust)), v.key[:]...)
	var states [8]byte
	for _, s := range f.States {
		states[s%8] = 1
	}
	return sha256.Sum256(append(b, states[:]...))
}
