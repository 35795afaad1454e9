package exact

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func all(int) bool { return true }

func passages(hits []Hit) (list []int) {
	for _, h := range hits {
		list = append(list, h.Passage)
	}
	return list
}

func TestNearestByHand(t *testing.T) {
	vectors := []float32{1, 0, 0, 1, 0.6, 0.8, 0.8, 0.6, -1, 0}
	query := []float32{1, 0}
	for _, c := range []struct {
		name     string
		readable func(int) bool
		k        int
		want     []int
	}{
		{"all", all, 3, []int{0, 3, 2}},
		{"without the best", func(p int) bool { return p != 0 }, 2, []int{3, 2}},
		{"fewer than asked for", func(p int) bool { return p == 4 }, 3, []int{4}},
		{"none", func(int) bool { return false }, 3, nil},
	} {
		if got := passages(Nearest(vectors, query, c.readable, c.k)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if got := passages(Nearest([]float32{1, 0, 1, 0, 1, 0}, query, all, 2)); !slices.Equal(got, []int{0, 1}) {
		t.Errorf("of equals: %v", got)
	}
}

// TestNearestOfMany compares with sorting all, with more passages than are kept at once.
func TestNearestOfMany(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	vectors := make([]float32, 3000*8)
	for i := range vectors {
		vectors[i] = float32(r.NormFloat64())
	}
	for range 20 {
		query := make([]float32, 8)
		for i := range query {
			query[i] = float32(r.NormFloat64())
		}
		var want []Hit
		for p := range 3000 {
			want = append(want, Hit{p, float64(dot(vectors[p*8:p*8+8], query))})
		}
		if got := Nearest(vectors, query, all, 10); !slices.Equal(got, best(want, 10)) {
			t.Fatalf("%v, want %v", got, want[:10])
		}
	}
}

func TestRecallByHand(t *testing.T) {
	near := func(p int) float64 { return []float64{0.9, 0.8, 0.8, 0.7, 0.1}[p] }
	exact := []Hit{{0, 0.9}, {1, 0.8}}
	for _, c := range []struct {
		answer []int
		want   float64
	}{
		{[]int{1, 0}, 1}, {[]int{0, 2}, 1}, {[]int{0, 3}, 0.5}, {[]int{3, 4}, 0}, {nil, 0}, {[]int{0, 0}, 0.5}, {[]int{0, 1, 2}, 1},
	} {
		if got := Recall(exact, c.answer, near); got != c.want {
			t.Errorf("%v: %v, want %v", c.answer, got, c.want)
		}
	}
	if Recall(nil, nil, near) != 1 {
		t.Error("nothing of nothing is not all")
	}
}

// TestRankByHand has three passages: of words 1 1 2, of 1 3 3 3, and of 2 2, and asks for word 1.
func TestRankByHand(t *testing.T) {
	words := [][]uint16{{1, 1, 2}, {1, 3, 3, 3}, {2, 2}}
	w := NewWords(3, func(p int) []uint16 { return words[p] }, []uint16{1, 2})
	s := w.Statistics(all)
	if s.Passages != 3 || s.Mean != 3 {
		t.Fatalf("%+v", s)
	}
	// Two of three have it: idf = ln(1 + 1.5/2.5) = ln 1.6. Passage 0 is of mean length: 2·2.2/(2+1.2);
	// passage 1 is of 4/3 of it: 2.2/(1+1.2·(0.25+0.75·4/3)) = 2.2/2.5.
	want := []Hit{{0, math.Log(1.6) * 4.4 / 3.2}, {1, math.Log(1.6) * 0.88}}
	if got := w.Rank([]uint16{1, 1}, s, all); !Agrees(want, got, 10) {
		t.Errorf("%v, want %v", got, want)
	}
	// Whoever may not read passage 0 gets other numbers: one of two has it, and the mean is 3: idf = ln(1 + 1.5/1.5).
	but0 := func(p int) bool { return p != 0 }
	want = []Hit{{1, math.Log(2) * 2.2 / 2.5}}
	if got := w.Rank([]uint16{1}, w.Statistics(but0), but0); !Agrees(want, got, 10) {
		t.Errorf("without passage 0: %v, want %v", got, want)
	}
	if got := w.Rank([]uint16{3}, s, all); len(got) != 0 {
		t.Errorf("a word that was not to be asked for: %v", got)
	}
}

func TestAgreement(t *testing.T) {
	ranked := []Hit{{7, 3}, {2, 2}, {4, 2}, {1, 1}}
	for _, c := range []struct {
		name   string
		answer []Hit
		limit  int
		want   bool
	}{
		{"the same", []Hit{{7, 3}, {2, 2}, {4, 2}, {1, 1}}, 10, true},
		{"equals changed places", []Hit{{7, 3}, {4, 2}, {2, 2}, {1, 1}}, 10, true},
		{"another of equals at the end", []Hit{{7, 3}, {4, 2 + 1e-12}}, 2, true},
		{"one is missing", []Hit{{7, 3}, {2, 2}, {4, 2}}, 10, false},
		{"another order", []Hit{{2, 2}, {7, 3}}, 2, false},
		{"another score", []Hit{{7, 3}, {2, 2.1}}, 2, false},
		{"one that does not rank", []Hit{{7, 3}, {9, 2}}, 2, false},
		{"one twice", []Hit{{7, 3}, {2, 2}, {2, 2}}, 3, false},
	} {
		if got := Agrees(ranked, c.answer, c.limit); got != c.want {
			t.Errorf("%s: %t, want %t", c.name, got, c.want)
		}
	}
}

// TestFuseByHand: passage 2 is second and first, 1 is first and absent, 3 third and second.
func TestFuseByHand(t *testing.T) {
	a, b := []Hit{{1, 9}, {2, 8}, {3, 7}}, []Hit{{2, 0.5}, {3, 0.4}}
	if got := Fuse(2, a, b); !slices.Equal(got, []int{2, 3}) { // 1/62+1/61, 1/63+1/62, 1/61
		t.Errorf("%v", got)
	}
	if got := Fuse(5, a, nil); !slices.Equal(got, []int{1, 2, 3}) {
		t.Errorf("of one list: %v", got)
	}
}
