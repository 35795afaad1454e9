package vector

import "math"

// code is a vector in eight bits a dimension: about scale times its values. It is a
// function of the vector alone.
type code struct {
	values []int8
	scale  float32
	length float32 // of scale times values, not less than that
	lost   float32 // length of what the vector has besides, not less than that
}

// encode writes the code's values to out, as many as v has dimensions.
func encode(v []float32, out []int8) code {
	largest := 0.0
	for _, x := range v {
		if x := math.Abs(float64(x)); x > largest { // max is slow, and no number here is NaN
			largest = x
		}
	}
	scale := float32(largest / 127)
	if scale == 0 { // too small to divide by
		clear(out)
		return code{values: out, lost: up(largest * math.Sqrt(float64(len(v))))}
	}
	length, lost := 0.0, 0.0
	for d, x := range v {
		n := math.RoundToEven(float64(x) / float64(scale))
		n = max(-127, min(127, n))
		out[d] = int8(n)
		y := n * float64(scale)
		length += y * y
		lost += (float64(x) - y) * (float64(x) - y)
	}
	return code{values: out, scale: scale, length: up(math.Sqrt(length)), lost: up(math.Sqrt(lost))}
}

// up rounds to float32, never down.
func up(x float64) float32 { return math.Nextafter32(float32(x*(1+1e-9)), math.MaxFloat32) }

// question is a query's vector in sixteen bits a dimension, and the vector itself.
type question struct {
	vector []float32
	values []int32
	scale  float64
	length float64 // of vector
	lost   float64 // length of what scale times values lacks of it
}

// ask encodes a query; false if it is zero or not finite.
func ask(v []float32) (*question, bool) {
	if !usable(v) {
		return nil, false
	}
	q := &question{vector: v, values: make([]int32, len(v))}
	for _, x := range v {
		q.scale = max(q.scale, math.Abs(float64(x))/math.MaxInt16)
	}
	for d, x := range v {
		n := math.RoundToEven(float64(x) / q.scale)
		q.values[d] = int32(n)
		off := float64(x) - n*q.scale
		q.lost += off * off
		q.length += float64(x) * float64(x)
	}
	q.lost, q.length = math.Sqrt(q.lost), math.Sqrt(q.length)
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
// can be off by. With q and v the vectors and q', v' what their codes stand for,
//
//	qv - q'v' = q(v-v') + (q-q')v'
//
// so that, by Cauchy and Schwarz, it is at most |q||v-v'| + |q-q'||v'|. The rest is for the
// rounding of the products themselves.
func (q *question) near(values []int8, scale, length, lost float32) (product, off float64) {
	product = float64(dot(q.values, values)) * q.scale * float64(scale)
	off = q.length*float64(lost) + q.lost*float64(length)
	return product, off*(1+1e-9) + 1e-11*q.length*float64(length+lost)
}

// exact is the product of the question with a vector. Products of float32 are exact in
// float64, so it does not matter whether a machine fuses them with the sum.
func (q *question) exact(v []float32) float64 {
	sum := 0.0
	for d, x := range v {
		sum += float64(q.vector[d]) * float64(x)
	}
	return sum
}

// dot is the product of two codes. A partial sum fits: |a| < 2^15, |b| < 2^7, so that 2^41
// dimensions would.
func dot(a []int32, b []int8) int64 {
	b = b[:len(a)]
	var s0, s1, s2, s3 int64
	for len(a) >= 8 {
		x, y := a[:8:8], b[:8:8]
		s0 += int64(x[0])*int64(y[0]) + int64(x[4])*int64(y[4])
		s1 += int64(x[1])*int64(y[1]) + int64(x[5])*int64(y[5])
		s2 += int64(x[2])*int64(y[2]) + int64(x[6])*int64(y[6])
		s3 += int64(x[3])*int64(y[3]) + int64(x[7])*int64(y[7])
		a, b = a[8:], b[8:]
	}
	for d, x := range a {
		s0 += int64(x) * int64(b[d])
	}
	return s0 + s1 + s2 + s3
}
