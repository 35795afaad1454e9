package vector

import (
	"math"
	"slices"
)

// codeNumbers are what the code of a vector says beside its values. These are v, turned about,
// divided by a scale and rounded, plus 128; v' is what they stand for. All of a code, and the
// sketch, are functions of the vector alone.
type codeNumbers struct {
	scale  float32
	length float32 // of v', not less than that
	lost   float32 // length of v - v', not less than that
	slope  float32 // of the estimate of a product: see estimator
	sum    uint32  // the CRC-32C of the vector as it is in the log
}

// coder makes codes; it is memory to work in.
type coder struct{ vector, turned []float32 }

// turn returns v turned about, valid until the next call.
func (c *coder) turn(r *rotation, v []float32) []float32 {
	c.vector, c.turned = slices.Grow(c.vector[:0], r.width)[:r.width], slices.Grow(c.turned[:0], r.width)[:r.width]
	clear(c.vector[copy(c.vector, v):])
	r.turn(c.vector, c.turned)
	return c.turned
}

// encode writes the code's values and sketch to what has room for them.
func (c *coder) encode(r *rotation, v []float32, values []uint8, sketch []uint64) codeNumbers {
	turned := c.turn(r, v)
	draw(turned, sketch)
	length := 0.0
	for _, x := range v {
		length += float64(x) * float64(x)
	}
	slope := slopeOf(turned, length)
	length = math.Sqrt(length)
	bits := uint32(0) // of the largest number
	for _, x := range turned {
		bits = max(bits, math.Float32bits(x)&^(1<<31))
	}
	largest := math.Float32frombits(bits)
	values = values[:len(turned)]
	if largest < 2e-36 { // too small to divide by
		for d := range values {
			values[d] = 128
		}
		return codeNumbers{lost: up(length)}
	}
	scale, inverse := largest/127, 127/largest
	// In units of the scale. Products and sums of float32 are off by 2^-24 of their size,
	// which is 127 at most here: for what that adds up to see below.
	var lost [4]float32
	squares := int64(0)
	for d, x := range turned {
		y := float32(x * inverse)
		n := int32(float32(y+128.5)) - 128 // the nearest, for y+128.5 is not negative
		values[d] = uint8(n + 128)
		off := y - float32(n)
		lost[d%4] += float32(off * off)
		squares += int64(n * n)
	}
	missing := math.Sqrt(float64(lost[0])+float64(lost[1])+float64(lost[2])+float64(lost[3])) * (1 + float64(len(turned))*0x1p-24)
	missing += math.Sqrt(float64(len(turned))) * 1e-4 // of y, of its rounding to n where that is a tie, and of scale * inverse
	return codeNumbers{
		scale:  scale,
		length: up(math.Sqrt(float64(squares)) * float64(scale)),
		lost:   up(missing*float64(scale) + rotationLoss*length),
		slope:  slope,
	}
}

// draw writes the sketch of a turned vector: a bit for each number, set if it is greater than 0.
func draw(turned []float32, sketch []uint64) {
	for i := range sketch {
		word := uint64(0)
		for d, x := range (*[64]float32)(turned[64*i:]) {
			// The sign bit of -x, which is not set for 0 either way round.
			word |= uint64(math.Float32bits(0-x)>>31) << d
		}
		sketch[i] = word
	}
}

// up rounds to float32, never down.
func up(x float64) float32 { return math.Nextafter32(float32(x*(1+1e-9)), math.MaxFloat32) }

// question is a query's vector, and its code, of twelve bits a dimension.
type question struct {
	vector []float64
	sketch []uint64
	dot    dotter
	values []int32 // scale times these is nearly the vector, turned about
	scale  float64
	length float64 // of vector
	lost   float64 // length of what scale times the code lacks of it, not less than that
	rough  float64 // the same if the code's low parts are left out
}

// ask encodes a query; false if it is zero or not finite.
func ask(r *rotation, v []float32) (*question, bool) {
	if !usable(v) {
		return nil, false
	}
	q := &question{vector: make([]float64, len(v)), sketch: make([]uint64, r.width/64)}
	for d, x := range v {
		q.vector[d] = float64(x)
		q.length += float64(x) * float64(x)
	}
	q.length = math.Sqrt(q.length)
	turned := new(coder).turn(r, v)
	draw(turned, q.sketch)
	for _, x := range turned {
		q.scale = max(q.scale, math.Abs(float64(x))/dotRange)
	}
	q.values = make([]int32, len(turned))
	for d, x := range turned {
		n := 0.0
		if q.scale > 0 {
			n = math.RoundToEven(float64(x) / q.scale)
		}
		q.values[d] = int32(n)
		off := float64(x) - n*q.scale
		q.lost += off * off
		off = float64(x) - float64(64*highPart(q.values[d]))*q.scale
		q.rough += off * off
	}
	q.dot = newDotter(q.values)
	q.lost = math.Sqrt(q.lost)*(1+1e-9) + rotationLoss*q.length
	q.rough = math.Sqrt(q.rough)*(1+1e-9) + rotationLoss*q.length
	return q, true
}

// usable reports whether v has a direction and no number so large that bounds overflow.
func usable(v []float32) bool {
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	return sum > 0 && sum < 1e30
}

// near is about the product of the question with a vector of the given code, and what it
// can be off by. With q and v the vectors, both turned about, which changes no product, and
// q', v' what their codes stand for,
//
//	qv - q'v' = q(v-v') + (q-q')v'
//
// so that, by Cauchy and Schwarz, it is at most |q||v-v'| + |q-q'||v'|. The rest is for what
// q'v' is off by itself: dotLoss, and the rounding of products.
//
// If the high parts alone tell that the product is less than least, that is all near finds
// out, and far is true.
func (q *question) near(values []uint8, n *codeNumbers, least float64) (product, off float64, far bool) {
	scale := q.scale * float64(n.scale)
	high, lost := 64*q.dot.high.with(values), float64(dotLoss(len(values)))*scale
	product, off = float64(high)*scale, q.off(q.rough, n)+64*lost
	if product+off < least {
		return product, off, true
	}
	return float64(high+q.dot.low.with(values)) * scale, q.off(q.lost, n) + 65*lost, false
}

func (q *question) off(lost float64, n *codeNumbers) float64 {
	off := q.length*float64(n.lost) + lost*float64(n.length)
	return off*(1+1e-9) + 1e-11*q.length*float64(n.length+n.lost)
}
