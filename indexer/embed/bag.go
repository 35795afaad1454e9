package embed

import "encoding/binary"

// rowBytes is the size of a word's quantised vector: two bits a dimension.
const rowBytes = Dimensions / 4

// bag sums words: every dimension of a word is one of -3, -1, 1, 3, times the word's
// scale.
//
// The simple version unpacks a hundred two-bit codes and multiplies each. That is most of
// the time of embedding a text. Instead, a row is read as three 64-bit numbers and a
// byte, and each multiplication serves two dimensions, 16 places (32 bits) apart:
//
//	code k of a number = its bits 2k, 2k+1, and stands for the value 2*code - 3
//	number >> 2k & 0x3_00000003 = code k in the low half, code k+16 in the high half
//
// Sums of scale*code then stay apart as long as each is below 2^32: at most 2^18 a word,
// so the halves are moved to 64-bit totals every 2^14 words. What the codes' offset adds
// to every dimension, 3 times the sum of the scales, is taken off at the end. All of it is
// integer arithmetic, hence exact: neither the machine nor the order of the words matters.
type bag struct {
	pairs  [48]uint64 // dimensions 32i+k and 32i+k+16 at 16i+k
	rest   [4]uint64  // dimensions 96 to 99
	codes  [Dimensions]uint64
	scales uint64
	words  int // in pairs and rest, not yet in codes
}

const (
	lanes    = 0x0000000300000003
	maxWords = 1 << 14
)

func (b *bag) add(row []byte, scale uint16) {
	s := uint64(scale)
	for i := range 3 {
		number := binary.LittleEndian.Uint64(row[8*i:])
		pairs := b.pairs[16*i:][:16]
		for k := range pairs {
			pairs[k] += (number & lanes) * s
			number >>= 2
		}
	}
	last := uint64(row[24])
	b.rest[0] += (last & 3) * s
	b.rest[1] += (last >> 2 & 3) * s
	b.rest[2] += (last >> 4 & 3) * s
	b.rest[3] += (last >> 6) * s
	b.scales += s
	if b.words++; b.words == maxWords {
		b.flush()
	}
}

func (b *bag) flush() {
	for p, sum := range b.pairs {
		d := p/16*32 + p%16
		b.codes[d] += sum & 0xffffffff
		b.codes[d+16] += sum >> 32
	}
	for d, sum := range b.rest {
		b.codes[96+d] += sum
	}
	b.pairs, b.rest, b.words = [48]uint64{}, [4]uint64{}, 0
}

// total is the sum of scale times value over all words, for every dimension.
func (b *bag) total() [Dimensions]int64 {
	b.flush()
	var t [Dimensions]int64
	for d, codes := range b.codes {
		t[d] = int64(2*codes) - int64(3*b.scales)
	}
	return t
}
