package vector

import (
	"context"
	"math/bits"

	"github.com/muniment/muniment/indexer"
)

// words yields the parts of a view that have a row in the column: 64 rows of a page, the
// j-th, and which of them are in view.
func (c *column) words(ctx context.Context, view *indexer.Visible, yield func(p *page, j int, word uint64)) error {
	seen := 0
	for i, chunk := range view.Chunks() {
		if i >= len(c.pages) {
			break
		}
		p := c.pages[i]
		if p == nil || chunk == nil {
			continue
		}
		for j, word := range chunk {
			if word == 0 {
				continue
			}
			if seen += bits.OnesCount64(word); seen >= 4096 {
				if seen = 0; ctx.Err() != nil {
					return ctx.Err()
				}
			}
			yield(p, j, word)
		}
	}
	return nil
}

// all yields the slots in view.
func (c *column) all(ctx context.Context, view *indexer.Visible, yield func(slot uint32)) error {
	return c.words(ctx, view, func(p *page, j int, word uint64) {
		for slots := p.slots[64*j:][:64]; word != 0; word &= word - 1 {
			if n := slots[bits.TrailingZeros64(word)]; n != 0 {
				yield(n - 1)
			}
		}
	})
}

// scan offers n every slot in view.
//
// Where slots follow one another, so do their sketches, and neither is looked up. And where
// most of 64 rows are in view, comparing all is faster than finding out which: those that are
// not are dropped before anything else is done with them.
func (c *column) scan(ctx context.Context, view *indexer.Visible, sketch []uint64, n *nearest) error {
	w := uint32(len(sketch))
	return c.words(ctx, view, func(p *page, j int, word uint64) {
		slots := (*[64]uint32)(p.slots[64*j:])
		if p.runs>>j&1 == 0 {
			for ; word != 0; word &= word - 1 {
				if k := slots[bits.TrailingZeros64(word)]; k != 0 {
					b := c.blocks[(k-1)/blockSlots]
					if d := differ(b.sketches[(k-1)%blockSlots*w:][:w], sketch); d <= n.within {
						n.take(k-1, d)
					}
				}
			}
			return
		}
		first := slots[0] - 1
		sketches := c.blocks[first/blockSlots].sketches[first%blockSlots*w:][:64*w]
		switch {
		case w != 6:
			for ; word != 0; word &= word - 1 {
				i := uint32(bits.TrailingZeros64(word))
				if d := differ(sketches[i*w:][:w], sketch); d <= n.within {
					n.take(first+i, d)
				}
			}
		case bits.OnesCount64(word) < mostInView:
			scanSome((*[64 * 6]uint64)(sketches), (*[6]uint64)(sketch), word, first, n)
		default:
			scanMost((*[64 * 6]uint64)(sketches), (*[6]uint64)(sketch), word, first, n)
		}
	})
}

// mostInView is how many of 64 rows have to be in view that comparing all is faster.
const mostInView = 40

// differ is in how many bits two sketches differ.
func differ(a, b []uint64) int {
	d := 0
	for len(a) >= 2 && len(b) >= 2 {
		d += bits.OnesCount64(a[0]^b[0]) + bits.OnesCount64(a[1]^b[1])
		a, b = a[2:], b[2:]
	}
	if len(a) > 0 && len(b) > 0 {
		d += bits.OnesCount64(a[0] ^ b[0])
	}
	return d
}

// scanSome compares the sketches of the rows in the word, and scanMost compares all and looks
// for them in the word then. They are for 384 dimensions, without a loop over words.
func scanSome(sketches *[64 * 6]uint64, sketch *[6]uint64, word uint64, first uint32, n *nearest) {
	q0, q1, q2, q3, q4, q5 := sketch[0], sketch[1], sketch[2], sketch[3], sketch[4], sketch[5]
	within := n.within
	for ; word != 0; word &= word - 1 {
		i := bits.TrailingZeros64(word)
		s := (*[6]uint64)(sketches[6*i:])
		d := bits.OnesCount64(s[0]^q0) + bits.OnesCount64(s[1]^q1) + bits.OnesCount64(s[2]^q2) +
			bits.OnesCount64(s[3]^q3) + bits.OnesCount64(s[4]^q4) + bits.OnesCount64(s[5]^q5)
		if d <= within {
			n.take(first+uint32(i), d)
			within = n.within
		}
	}
}

func scanMost(sketches *[64 * 6]uint64, sketch *[6]uint64, word uint64, first uint32, n *nearest) {
	q0, q1, q2, q3, q4, q5 := sketch[0], sketch[1], sketch[2], sketch[3], sketch[4], sketch[5]
	within := n.within
	for i := range 64 {
		s := (*[6]uint64)(sketches[6*i:])
		d := bits.OnesCount64(s[0]^q0) + bits.OnesCount64(s[1]^q1) + bits.OnesCount64(s[2]^q2) +
			bits.OnesCount64(s[3]^q3) + bits.OnesCount64(s[4]^q4) + bits.OnesCount64(s[5]^q5)
		if d <= within && word>>i&1 != 0 {
			n.take(first+uint32(i), d)
			within = n.within
		}
	}
}
