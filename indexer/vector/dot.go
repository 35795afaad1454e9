package vector

import "encoding/binary"

// dotter multiplies the code of a question with those of vectors.
//
// One multiplication for each dimension is the simple version. Go has no vector
// instructions, but a product of two words of four fields is a sum of products of fields:
// with a = Σ a[i]·2^(16i) and b = Σ b[i]·2^(16i), the top field of ab, as far as it is in 64
// bits, is
//
//	a[0]b[3] + a[1]b[2] + a[2]b[1] + a[3]b[0]
//
// and what is below it, plus what it borrows. So with the fields of b in reverse order, one
// multiplication makes four, and eight bytes of a code are two words of four fields. What must
// hold: a sum of four products fits into 16 bits with its sign. Values of codes are less than
// 2^8, so the question's numbers may be 32 at most: they are taken apart as 64 high + low. Half
// of the top field's unit, added before what is below is cut off, makes good what a negative
// one has borrowed: it is less than half, having three products at most in its own top field.
//
// The high parts by themselves make a product that is less exact and takes half the time.
type dotter struct {
	high, low dotWords
}

// dotWords are one part of the question's numbers.
type dotWords struct {
	words  [][2]uint64 // for eight dimensions each: for the even bytes of a code and the odd ones
	center int64       // what the 128 in every value of a code adds
}

// dotRange is what the question's numbers may be at most, either way: 64·32 - 32.
const dotRange = 2016

// newDotter takes a multiple of eight numbers.
func newDotter(values []int32) (d dotter) {
	d.high.words, d.low.words = make([][2]uint64, len(values)/8), make([][2]uint64, len(values)/8)
	for i, n := range values {
		high := highPart(n)
		d.high.set(i, high)
		d.low.set(i, n-64*high)
	}
	return d
}

func highPart(n int32) int32 { return (n + 32) >> 6 }

func (d *dotWords) set(i int, n int32) {
	d.words[i/8][i%2] += uint64(int64(n)) << (48 - 8*(i%8&^1))
	d.center += 128 * int64(n)
}

// with is the product with a code, as if its values were less by 128.
func (d *dotWords) with(values []uint8) int64 {
	const fields, half = 0x00ff00ff00ff00ff, 1 << 47
	var even, odd int64
	for i := range d.words {
		x := binary.LittleEndian.Uint64(values[8*i:])
		even += int64((x&fields)*d.words[i][0]+half) >> 48
		odd += int64((x>>8&fields)*d.words[i][1]+half) >> 48
	}
	return even + odd - d.center
}
