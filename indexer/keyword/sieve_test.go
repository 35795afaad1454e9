package keyword

import (
	"math/rand/v2"
	"testing"
)

// A sieve passes every document whose terms add up to the floor at most, and none that has
// none; as long as the diagram holds all terms, it passes no other.
func TestSievePassesWhatCanReachTheFloor(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	var s sieve
	sharp, blunt, stopped := 0, 0, 0
	for range 3000 {
		bounds := make([]bound, 1+rng.IntN(1+rng.IntN(64)))
		lanes := make([]lane, len(bounds))
		sum := 0.0
		for i := range bounds {
			weight := rng.ExpFloat64()
			if rng.IntN(4) == 0 {
				weight = 1e-7 * rng.Float64() // of a term that nearly all have
			}
			bounds[i] = bound{lane: i, once: weight * (1 + rng.Float64()), most: weight * 2.2}
			sum += bounds[i].most
			l := &lanes[i]
			l.words, l.more = &l.own.words, &l.own.more
			l.words[0] = rng.Uint64() & rng.Uint64()
			l.more[0] = l.words[0] & rng.Uint64()
		}
		s.set(bounds)
		for range 3 {
			floor := sum * rng.Float64() * rng.Float64()
			s.make(floor)
			got := s.pass(lanes, 0)
			for doc := range 64 {
				most, has := 0.0, false
				for i, b := range bounds {
					switch {
					case lanes[i].more[0]>>doc&1 == 1:
						most, has = most+b.most, true
					case lanes[i].words[0]>>doc&1 == 1:
						most, has = most+b.once, true
					}
				}
				switch passes := got>>doc&1 == 1; {
				case passes && !has:
					t.Fatalf("a document without any of %d terms passes, floor %v of %v", len(bounds), floor, sum)
				case !passes && has && most >= floor:
					t.Fatalf("a document that may reach %v does not pass the floor %v", most, floor)
				case passes && most >= floor*slack:
					sharp++
				case passes:
					if blunt++; len(bounds) <= 4 {
						t.Fatalf("a document that reaches %v passes the floor %v of %d terms", most, floor, len(bounds))
					}
				default:
					stopped++
				}
			}
		}
	}
	if sharp == 0 || blunt == 0 || stopped == 0 {
		t.Errorf("%d pass with reason, %d without, %d do not", sharp, blunt, stopped)
	}
}
