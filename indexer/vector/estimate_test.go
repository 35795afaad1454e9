package vector

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// TestSums: the tables add up what adding one by one does, and a product by parts is off by no
// more than is said.
func TestSums(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width := 64 * rapid.IntRange(1, 6).Draw(t, "words")
		number := rapid.OneOf(rapid.Int32Range(-dotRange, dotRange), rapid.SampledFrom([]int32{-dotRange, dotRange}))
		numbers := rapid.SliceOfN(number, width, width).Draw(t, "numbers")
		sketch := rapid.SliceOfN(rapid.Uint64(), width/64, width/64).Draw(t, "sketch")
		values := rapid.SliceOfN(rapid.OneOf(rapid.Byte(), rapid.SampledFrom([]byte{0, 255})), width, width).Draw(t, "values")
		signed, product := 0, int64(0)
		for d, n := range numbers {
			signed += int(n) * (2*int(sketch[d/64]>>(d%64)&1) - 1)
			product += int64(n) * (int64(values[d]) - 128)
		}
		var e estimator
		e.reset(numbers)
		if got := e.with(sketch); got != signed {
			t.Errorf("with the signs of the sketch the sum is %d, the tables say %d", signed, got)
		}
		dot := newDotter(numbers)
		if off := 64*dot.high.with(values) + dot.low.with(values) - product; max(off, -off) > 65*dotLoss(width) {
			t.Errorf("the product is off by %d, said to be off by %d at most", off, 65*dotLoss(width))
		}
	})
}

// TestEstimates: an estimate is off by more than chance says about as rarely as three deviations
// are exceeded, 27 times in 10,000, whatever the product; and where both vectors have one
// direction it is exact.
func TestEstimates(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 4))
	for _, dimensions := range []int{100, 384, 768} {
		r := rotationOf(dimensions)
		sketch, values := make([]uint64, r.width/64), make([]uint8, r.width)
		estimate := func(q *question, v []float32) float64 {
			numbers := new(coder).encode(r, v, values, sketch)
			var e estimator
			e.reset(q.values)
			return float64(e.with(sketch)) * q.scale * float64(numbers.slope)
		}
		const n = 4000
		far := 0
		for i := range n {
			v := normal(random, dimensions)
			near, share := unit(v), float64(i%5)/4
			for d, x := range normal(random, dimensions) {
				v[d] = share*v[d] + (1-share)*x
			}
			query := unit(v)
			q, _ := ask(r, query)
			p := product(query, near)
			off := estimate(q, near) - p
			if off*off > chance(p, r.width) && math.Abs(off) > 1e-3 {
				far++
			}
			if share == 1 && math.Abs(off) > 1e-3 {
				t.Errorf("%d dimensions: of one vector with itself the estimate is off by %g", dimensions, off)
			}
		}
		if far > n*6/1000 {
			t.Errorf("%d dimensions: %d of %d estimates are farther off than chance says", dimensions, far, n)
		}
		t.Logf("%d dimensions: %d of %d estimates are farther off than chance says", dimensions, far, n)
	}
}

// BenchmarkStages is what it takes to look at one passage of 384 dimensions, by each of the ways in turn.
func BenchmarkStages(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	const n, width = 4096, 384
	r := rotationOf(width)
	q, _ := ask(r, unit(normal(random, width)))
	sketches, values, numbers := make([]uint64, n*width/64), make([]uint8, n*width), make([]codeNumbers, n)
	for i := range n {
		numbers[i] = new(coder).encode(r, unit(normal(random, width)), values[i*width:][:width], sketches[i*width/64:][:width/64])
	}
	var e estimator
	e.reset(q.values)
	sum, order := 0, random.Perm(n)
	for _, way := range []struct {
		name string
		look func(i int)
	}{
		{"distance", func(i int) { sum += differ(sketches[i*width/64:][:width/64], q.sketch) }},
		{"estimate", func(i int) { sum += e.with(sketches[i*width/64:][:width/64]) }},
		{"code-far", func(i int) { q.near(values[i*width:][:width], &numbers[i], math.Inf(1)) }},
		{"code", func(i int) { q.near(values[i*width:][:width], &numbers[i], math.Inf(-1)) }},
	} {
		b.Run(way.name, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				way.look(order[i%n])
			}
		})
	}
}
