package vector

import "sync"

// rotation turns vectors of one number of dimensions about in a fixed way that looks
// random, so that every direction of the result tells equally much of the vector, whatever
// the model has put into its first or its largest dimensions. Lengths and angles stay. It
// depends on the number of dimensions alone, not on any vector: something learned from the
// vectors together would show those outside a view.
//
// A random matrix is the simple version; it takes as many multiplications as the square of
// the dimensions. Instead, twice: signs are changed at random and each block of dimensions
// goes through a Hadamard transform, which takes additions alone; in between, dimensions
// trade places at random. The result is wider than the vector if blocks do not divide it.
//
// The additions are the same on every machine, to the bit: there are no products to fuse
// them with.
type rotation struct {
	dimensions int
	width      int
	block      int // dimensions of a block: 64 or 128
	signs      [2][]float32
	places     []uint32 // where in the first round's outcome the second finds each dimension
}

// Rotating in float32 is off by at most the vector's length times this: by half an ulp, 2^-24,
// for each of two times seven additions in a row.
const rotationLoss = 1e-6

var rotations sync.Map // by number of dimensions

func rotationOf(dimensions int) *rotation {
	if r, ok := rotations.Load(dimensions); ok {
		return r.(*rotation)
	}
	r, _ := rotations.LoadOrStore(dimensions, newRotation(dimensions))
	return r.(*rotation)
}

func newRotation(dimensions int) *rotation {
	r := &rotation{dimensions: dimensions, width: (dimensions + 63) / 64 * 64, block: 64}
	if r.width%128 == 0 {
		r.block = 128
	}
	state := uint64(dimensions)
	random := func() uint64 { // SplitMix64, as Steele, Lea and Flood give it
		state += 0x9e3779b97f4a7c15
		z := (state ^ state>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		return z ^ z>>31
	}
	r.places = make([]uint32, r.width)
	for i := range r.places {
		j := int(random() % uint64(i+1))
		r.places[i] = r.places[j]
		r.places[j] = uint32(i)
	}
	for round := range r.signs {
		r.signs[round] = make([]float32, r.width)
		for i := range r.width {
			r.signs[round][i] = 1 - 2*float32(random()>>63)
		}
	}
	return r
}

// turn writes v, turned about, to out; both are the rotation's width long, and v
// is zero behind its dimensions. v is lost.
func (r *rotation) turn(v, out []float32) {
	signs := r.signs[0][:len(v)]
	for i, x := range v {
		v[i] = x * signs[i]
	}
	r.transform(v)
	places, signs := r.places[:len(out)], r.signs[1][:len(out)]
	for i := range out {
		out[i] = v[places[i]] * signs[i]
	}
	r.transform(out)
	back := 1 / float32(r.block) // a power of two: nothing is lost
	for i := range out {
		out[i] *= back
	}
}

func (r *rotation) transform(v []float32) {
	for ; len(v) >= r.block; v = v[r.block:] {
		if r.block == 128 {
			b := (*[128]float32)(v)
			for i := range 64 {
				b[i], b[i+64] = b[i]+b[i+64], b[i]-b[i+64]
			}
			hadamard64((*[64]float32)(b[:64]))
			hadamard64((*[64]float32)(b[64:]))
			continue
		}
		hadamard64((*[64]float32)(v))
	}
}

// hadamard64 is the Hadamard transform of 64 numbers, of three levels at a time.
func hadamard64(v *[64]float32) {
	for i := 0; i < 64; i += 8 {
		b := (*[8]float32)(v[i:])
		b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7] = hadamard8(b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7])
	}
	for i := range 8 {
		v[i], v[i+8], v[i+16], v[i+24], v[i+32], v[i+40], v[i+48], v[i+56] =
			hadamard8(v[i], v[i+8], v[i+16], v[i+24], v[i+32], v[i+40], v[i+48], v[i+56])
	}
}

func hadamard8(a, b, c, d, e, f, g, h float32) (_, _, _, _, _, _, _, _ float32) {
	a, b, c, d, e, f, g, h = a+e, b+f, c+g, d+h, a-e, b-f, c-g, d-h
	a, b, c, d, e, f, g, h = a+c, b+d, a-c, b-d, e+g, f+h, e-g, f-h
	return a + b, a - b, c + d, c - d, e + f, e - f, g + h, g - h
}
