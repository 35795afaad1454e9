package acl_test

import (
	"slices"
	"testing"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/acl/reference"
	"github.com/muniment/muniment/internal/prove"
)

// decisions is how many random decisions to compare; the other properties of this package
// take their number of cases from it.
func decisions() int {
	if testing.Short() {
		return 20_000
	}
	return prove.Count(200_000, 1_000_000)
}

// TestDecidesAsTheReference holds acl, fed through the catalog's chain, against the
// evaluator written from the feed format's page alone.
func TestDecidesAsTheReference(t *testing.T) {
	var made, admitted, dangling, wrong int
	want := decisions()
	for seed := uint64(0); made < want && wrong < 5; seed++ {
		r := roll(seed)
		w := r.world()
		d := directoryOf(w)
		accesses := map[string]acl.Access{}
		for id := range w.Documents {
			accesses[id] = accessOf(w, id)
		}
		for range 10 {
			c, at := r.caller(), r.instant()
			var sources []string
			if r.chance(20) {
				sources = []string{"wiki", "mail"}
			}
			v := viewOf(t, d, identityOf(w, c, sources...), at)
			for id, a := range accesses {
				inScope := len(sources) == 0 || slices.Contains(sources, sourceOf(id))
				want := inScope && reference.Reads(w, c, id, at)
				if got := v.Admits(a); got != want {
					wrong++
					t.Errorf("seed %d: %+v reads %s at %s: got %t, the reference says %t\n%+v", seed, c, id, at, got, want, w)
				}
				made++
				if want {
					admitted++
				}
				if a.Dangling {
					dangling++
				}
			}
		}
	}
	t.Logf("%d decisions: %d admitted, %d on chains that dangle", made, admitted, dangling)
	// Agreement says little where one answer is nearly always right.
	if wrong == 0 && (admitted < made/10 || admitted > made*9/10 || dangling < made/20 || dangling > made/2) {
		t.Errorf("the random worlds are lopsided: %d decisions, %d admitted, %d dangling", made, admitted, dangling)
	}
	prove.Report(t, "the truth decides", "%d random decisions (%d admitted, %d on chains that dangle), 0 differences from the reference", made, admitted, dangling)
}
