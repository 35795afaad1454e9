package keyword

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// The terms take no more than they may, whatever comes; what is asked for again stays; and
// what is found is what was put there.
func TestTermsAreKeptUpToTheirBytes(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	c := newTermCache()
	c.most = 100_000
	segments := []*columns{{}, {}, {}}
	put := map[termKey]*postings{}
	often := termKey{segments[0], "often"}
	c.put(often.of, often.term, &postings{docs: make([]uint32, 100)})
	ask := func(k termKey) *postings {
		terms := []term{{text: k.term, postings: make([]*postings, 1)}}
		if missing := c.get(k.of, terms, 0); missing != (terms[0].postings[0] == nil) {
			t.Fatalf("of one term, found %v and missing: %v", terms[0].postings[0], missing)
		}
		return terms[0].postings[0]
	}
	found := 0
	for range 20_000 {
		if ask(often) == nil {
			t.Fatal("a term that is asked for all the time is forgotten")
		}
		k := termKey{segments[rng.IntN(len(segments))], fmt.Sprint("w", rng.IntN(500))}
		if p := ask(k); p != nil {
			if found++; p != put[k] {
				t.Fatal("the postings of another term are found")
			}
			continue
		}
		p := &postings{docs: make([]uint32, rng.IntN(1000))}
		if rng.IntN(50) == 0 {
			p.docs = make([]uint32, 10_000) // too large to make room for
		}
		if c.put(k.of, k.term, p); ask(k) != nil {
			put[k] = p
		}
		sum := 0
		for _, term := range c.terms {
			sum += term.bytes()
		}
		if sum != c.bytes || sum > c.most || len(c.terms) != len(c.ring) {
			t.Fatalf("%d terms, %d in the ring, take %d bytes, counted are %d of %d", len(c.terms), len(c.ring), sum, c.bytes, c.most)
		}
	}
	if found == 0 || len(c.terms) < 20 {
		t.Errorf("%d found, %d kept", found, len(c.terms))
	}
	c.keep(map[*columns]bool{segments[1]: true})
	for k := range c.terms {
		if k.of != segments[1] {
			t.Error("a term of a segment that is gone is kept")
		}
	}
	if len(c.terms) == 0 || len(c.terms) != len(c.ring) {
		t.Errorf("%d terms and %d in the ring are left", len(c.terms), len(c.ring))
	}
}
