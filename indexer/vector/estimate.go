package vector

import (
	"math"
	"slices"
)

// estimator tells about what a vector's product with the question is, from its sketch.
//
// In how many bits two sketches differ is the simple version; it costs least, and is what the
// whole view is looked through with. But it leaves out how great the question's numbers are,
// which are at hand. With q and v turned about and s the signs of v, 1 or -1 each, as the
// sketch has them,
//
//	qv ≈ qs · |v|² / vs
//
// since s is a multiple of v and something at right angles to v; the rotation being random,
// that has as little to do with q as any such direction. Exact if q and v have one direction, it
// scatters half as far as the distance of sketches does: see chance.
//
// So as to add up 1 and -1 times a number for each dimension without looking at each, the
// sums of eight are in tables, by the byte of the sketch that has their signs.
type estimator struct {
	sums [][256]int16
}

// estimated is a slot and about what its product with the question is.
type estimated struct {
	slot    uint32
	product float64
}

// reset makes the tables for numbers up to dotRange, a multiple of 64 of them.
func (e *estimator) reset(values []int32) {
	n := len(values) / 8
	e.sums = slices.Grow(e.sums[:0], n)[:n]
	for i := range e.sums {
		t, of := &e.sums[i], (*[8]int32)(values[8*i:])
		none := int32(0)
		for _, x := range of {
			none -= x
		}
		t[0] = int16(none)
		for bit, x := range of { // with this bit set, whatever is below it
			half := 1 << bit
			from, to := t[:half], t[half:][:half]
			for k, sum := range from {
				to[k] = sum + int16(2*x)
			}
		}
	}
}

// with is the sum of the question's numbers with the signs that the sketch has.
func (e *estimator) with(sketch []uint64) int {
	sum, other := 0, 0
	sums := e.sums
	for _, w := range sketch {
		t := (*[8][256]int16)(sums)
		sum += int(t[0][uint8(w)]) + int(t[1][uint8(w>>8)]) + int(t[2][uint8(w>>16)]) + int(t[3][uint8(w>>24)])
		other += int(t[4][uint8(w>>32)]) + int(t[5][uint8(w>>40)]) + int(t[6][uint8(w>>48)]) + int(t[7][uint8(w>>56)])
		sums = sums[8:]
	}
	return sum + other
}

// slopeOf is |v|² / vs of a turned vector, given |v|².
func slopeOf(turned []float32, squares float64) float32 {
	var sums [4]float64
	for d, x := range turned {
		sums[d%4] += math.Abs(float64(x))
	}
	sum := sums[0] + sums[1] + sums[2] + sums[3]
	if sum == 0 {
		return 0
	}
	return float32(squares / sum)
}

// chance is the square of what an estimate may be off by, but for rare chance: three times
// the measure by which it scatters if the product is known and both lengths are 1.
//
// With p the product and t the angle between v and s, the estimate is off by
// tan(t)·sqrt(1-p²) times what a random direction tells of another, which scatters by
// 1/sqrt(width). Of numbers from a random rotation, cos²(t) is 2/π, so tan²(t) is π/2-1.
func chance(product float64, width int) float64 {
	const deviations = 3
	return deviations * deviations * (math.Pi/2 - 1) / float64(width) * (1 - float64(product*product))
}

// estimateBetween adds the slots whose sketches are farther than from, and not than to, to those that
// may be considered.
func (w *workspace) estimateBetween(c *column, q *question, from, to int) {
	words := uint32(c.turn.width / 64)
	for _, s := range w.nearest.taken {
		if d := int(s.distance); d > from && d <= to {
			b, i := c.blocks[s.slot/blockSlots], s.slot%blockSlots
			sum := w.estimator.with(b.sketches[i*words:][:words])
			w.about = append(w.about, estimated{s.slot, float64(sum) * q.scale * float64(b.numbers[i].slope)})
		}
	}
}

// best considers the slots with the greatest estimates, as many as many, or more if some are
// alike. They are likely to make the threshold high, so that of the others few are compared, and
// these with the high part of the question alone.
func (w *workspace) best(c *column, q *question, many int) {
	w.greatest.limit, w.greatest.heap = many, w.greatest.heap[:0]
	for _, e := range w.about {
		w.greatest.offer(e.product)
	}
	least := w.greatest.threshold()
	w.about = slices.DeleteFunc(w.about, func(e estimated) bool {
		if e.product < least {
			return false
		}
		w.consider(c, q, e.slot)
		return true
	})
}

// rest considers the others whose product may be as great as the limit-th of those considered
// so far, but for chance.
func (w *workspace) rest(c *column, q *question) {
	least := w.lowest.threshold()
	for _, e := range w.about {
		if short := least - e.product; short > 0 {
			length := q.length * float64(c.blocks[e.slot/blockSlots].numbers[e.slot%blockSlots].length)
			if short /= length; float64(short*short) > chance(least/length, c.turn.width) {
				continue
			}
		}
		w.consider(c, q, e.slot)
	}
}
