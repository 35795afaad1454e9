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
// 2^8, so the question's numbers may be 32 at most: they are taken apart as 64 high + low.
//
// What a negative field below the top one has borrowed is not made good each time, which would
// take a seventh longer: a multiplication tells 1 too little or nothing, so for all of them
// together half of their number is added, and the product may be off by as much: see dotLoss.
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

// newDotter takes a multiple of 64 numbers.
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

// with is the product with a code, as if its values were less by 128, but for dotLoss. The code
// has as many values as the question has numbers.
func (d *dotWords) with(values []uint8) int64 {
	const fields = 0x00ff00ff00ff00ff
	even, odd, words := dotLoss(len(values)), -d.center, d.words
	for len(words) >= 8 && len(values) >= 64 {
		// Arrays have no bounds to check.
		w, v := (*[8][2]uint64)(words), (*[64]uint8)(values)
		a, b := binary.LittleEndian.Uint64(v[0:]), binary.LittleEndian.Uint64(v[8:])
		c, e := binary.LittleEndian.Uint64(v[16:]), binary.LittleEndian.Uint64(v[24:])
		even += int64(a&fields*w[0][0])>>48 + int64(b&fields*w[1][0])>>48 + int64(c&fields*w[2][0])>>48 + int64(e&fields*w[3][0])>>48
		odd += int64(a>>8&fields*w[0][1])>>48 + int64(b>>8&fields*w[1][1])>>48 + int64(c>>8&fields*w[2][1])>>48 + int64(e>>8&fields*w[3][1])>>48
		a, b = binary.LittleEndian.Uint64(v[32:]), binary.LittleEndian.Uint64(v[40:])
		c, e = binary.LittleEndian.Uint64(v[48:]), binary.LittleEndian.Uint64(v[56:])
		even += int64(a&fields*w[4][0])>>48 + int64(b&fields*w[5][0])>>48 + int64(c&fields*w[6][0])>>48 + int64(e&fields*w[7][0])>>48
		odd += int64(a>>8&fields*w[4][1])>>48 + int64(b>>8&fields*w[5][1])>>48 + int64(c>>8&fields*w[6][1])>>48 + int64(e>>8&fields*w[7][1])>>48
		words, values = words[8:], values[64:]
	}
	return even + odd
}

// dotLoss is by how much a product of so many dimensions may be off: half the number of its
// multiplications, which are two for each eight dimensions.
func dotLoss(width int) int64 { return int64(width / 8) }
