package acl_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/acl/reference"
)

// A decision may be cached for as long as its interval says. So inside the interval every
// answer is the same, the interval reaches exactly to the nearest bound of a grant that
// names the caller, and grants to others do not shape it: they are none of the caller's
// business.
func TestDecisionInterval(t *testing.T) {
	samples := []time.Time{{}, noon.Add(-time.Hour), noon.Add(24 * time.Hour)}
	for _, i := range instants {
		samples = append(samples, i.Add(-1), i, i.Add(1))
	}
	worlds := max(decisions()/500, 100)
	bounded, flips := 0, 0
	for seed := range uint64(worlds) {
		r := roll(seed)
		w := r.world()
		d := directoryOf(w)
		for _, id := range slices.Sorted(maps.Keys(w.Documents)) { // in order, so that a seed is one case
			c, at := r.caller(), r.instant()
			who, access := identityOf(w, c), accessOf(w, id)
			got := viewOf(t, d, who, at).Decide(access)
			if got.Admitted != reference.Reads(w, c, id, at) || !got.Within(at) {
				t.Fatalf("seed %d: %s for %+v at %s is decided %+v", seed, id, c, at, got)
			}
			for _, other := range samples {
				then := viewOf(t, d, who, other)
				switch {
				case then.At() != other:
					t.Fatalf("the view made for %s is at %s", other, then.At())
				case got.Within(other) && then.Admits(access) != got.Admitted:
					t.Fatalf("seed %d: %s for %+v is decided %+v at %s, but not so at %s", seed, id, c, got, at, other)
				case then.Admits(access) != got.Admitted:
					flips++
				}
			}
			from, until := nearest(access, reference.Principals(w, c), at)
			if open := got.From.IsZero() && got.Until.IsZero(); open {
				continue // also where clearance decides and no grant is looked at
			}
			bounded++
			if !got.From.Equal(from) || !got.Until.Equal(until) {
				t.Fatalf("seed %d: %s for %+v at %s: decided for [%s, %s), the caller's grants bound [%s, %s)",
					seed, id, c, at, got.From, got.Until, from, until)
			}
		}
	}
	t.Logf("%d worlds: %d bounded decisions, %d samples on the other side of a bound", worlds, bounded, flips)
	if bounded < worlds/2 || flips < worlds/2 {
		t.Error("too few decisions depend on time: nothing was tested")
	}
}

// nearest returns the bounds around at of those grants on the chain that name a caller
// with these principals.
func nearest(a acl.Access, principals map[string]bool, at time.Time) (from, until time.Time) {
	for _, p := range a.Chain {
		if p == nil {
			continue
		}
		for _, l := range p.Layers {
			for _, g := range append(l.Allow[:len(l.Allow):len(l.Allow)], l.Deny...) {
				for _, b := range []time.Time{g.NotBefore, g.NotAfter} {
					switch {
					case !principals[string(g.Principal)] || b.IsZero():
					case b.After(at) && (until.IsZero() || b.Before(until)):
						until = b
					case !b.After(at) && b.After(from):
						from = b
					}
				}
			}
		}
	}
	return from, until
}

func TestWithinIsHalfOpen(t *testing.T) {
	for _, c := range []struct {
		from, until, at time.Time
		want            bool
	}{
		{time.Time{}, time.Time{}, noon, true},
		{time.Time{}, time.Time{}, time.Time{}, true},
		{noon, time.Time{}, before, false}, {noon, time.Time{}, noon, true}, {noon, time.Time{}, after, true},
		{time.Time{}, noon, before, true}, {time.Time{}, noon, noon, false}, {time.Time{}, noon, after, false},
		{before, after, before, true}, {before, after, noon, true}, {before, after, after, false},
	} {
		if got := (acl.Decision{From: c.from, Until: c.until}).Within(c.at); got != c.want {
			t.Errorf("[%s, %s) holds at %s: %t", c.from, c.until, c.at, got)
		}
	}
}
