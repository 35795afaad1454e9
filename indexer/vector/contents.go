package vector

import (
	"context"
	"encoding/binary"
	"hash/maphash"
	"iter"
	"math"

	"github.com/muniment/muniment/indexer"
)

var digestSeed = maphash.MakeSeed()

// digest is of a vector's space and every bit of its numbers.
func digest(s string, vector []float32) uint64 {
	var h maphash.Hash
	h.SetSeed(digestSeed)
	h.WriteString(s)
	h.WriteByte(0)
	var b [4]byte
	for _, x := range vector {
		binary.LittleEndian.PutUint32(b[:], math.Float32bits(x))
		h.Write(b[:])
	}
	return h.Sum64()
}

// Digest implements indexer.Reader.
func (r *reader) Digest(e indexer.Entry) (uint64, bool) {
	if e.Space == "" || !usable(e.Vector) {
		return 0, false
	}
	return digest(e.Space, e.Vector), true
}

// Contents implements indexer.Reader. It reads every vector from the log; that its code in
// memory is the vector's own is checked on the way. Errors: ErrDamaged, ErrClosed, the
// disk's, the context's.
func (r *reader) Contents(ctx context.Context) iter.Seq2[indexer.Content, error] {
	return func(yield func(indexer.Content, error) bool) {
		for _, c := range r.state.columns {
			in := vectors{column: c, file: r.state.file}
			for slot := range c.live() {
				err := ctx.Err()
				if r.closed.Load() {
					err = ErrClosed
				}
				var v []float32
				if err == nil {
					v, err = in.read(slot)
				}
				if err != nil {
					yield(indexer.Content{}, err)
					return
				}
				if !yield(indexer.Content{Row: c.row(slot), Digest: digest(c.space.id, v)}, nil) {
					return
				}
			}
		}
	}
}
