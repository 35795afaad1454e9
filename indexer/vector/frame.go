package vector

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"slices"

	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// frame is what one batch changes. No row is both in add and in remove, or twice in add.
type frame struct {
	revision catalog.Revision
	add      []addition
	remove   []catalog.Row
}

type addition struct {
	space  space
	row    catalog.Row
	vector []float32
	sum    uint32 // CRC-32C of the vector as it is in the log: once the frame is there
	at     int64  // of the vector in the log: likewise
}

// newFrame is the outcome of a batch: a row's last entry counts, and a row that is
// removed stays so.
func newFrame(b indexer.Batch) *frame {
	last := map[catalog.Row]int{}
	entries := slices.Concat(b.Add, b.Vectors)
	for i, e := range entries {
		last[e.Row] = i
	}
	f := &frame{revision: b.To}
	for _, row := range b.Remove {
		last[row] = -1
		f.remove = append(f.remove, row)
	}
	for i, e := range entries {
		switch {
		case last[e.Row] != i:
		case e.Space != "" && usable(e.Vector):
			f.add = append(f.add, addition{space: space{e.Space, len(e.Vector)}, row: e.Row, vector: e.Vector})
		default:
			f.remove = append(f.remove, e.Row)
		}
	}
	return f
}

// A frame in the log, numbers little-endian:
//
//	length of what follows the checksum: uint64; its CRC-32C: uint32
//	revision: uint64; spaces, removed rows, added vectors: uint32 each
//	for each space its dimensions and the length of its id: uint32 each; the id
//	for each removed row: uint32
//	for each vector its space, counted from 0, and row: uint32 each; the values: float32 each
const frameHead = 12

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encode returns the frame as it stands in the log and notes where in it each vector is.
func (f *frame) encode() []byte {
	numbers := map[space]uint32{}
	var spaces []space
	for _, a := range f.add {
		if _, ok := numbers[a.space]; !ok {
			numbers[a.space] = uint32(len(spaces))
			spaces = append(spaces, a.space)
		}
	}
	size := frameHead + 4*(8+2*len(spaces)+len(f.remove))
	for _, a := range f.add {
		size += 8 + 4*len(a.vector)
	}
	le := binary.LittleEndian
	b := make([]byte, frameHead, size) // about: it grows for the names of spaces
	b = le.AppendUint64(b, uint64(f.revision))
	for _, n := range []int{len(spaces), len(f.remove), len(f.add)} {
		b = le.AppendUint32(b, uint32(n))
	}
	for _, s := range spaces {
		b = le.AppendUint32(b, uint32(s.dimensions))
		b = append(le.AppendUint32(b, uint32(len(s.id))), s.id...)
	}
	for _, row := range f.remove {
		b = le.AppendUint32(b, uint32(row))
	}
	for i := range f.add {
		a := &f.add[i]
		b = le.AppendUint32(le.AppendUint32(b, numbers[a.space]), uint32(a.row))
		a.at = int64(len(b))
		for _, x := range a.vector {
			b = le.AppendUint32(b, math.Float32bits(x))
		}
		a.sum = crc32.Checksum(b[a.at:], castagnoli)
	}
	le.PutUint64(b, uint64(len(b)-frameHead))
	le.PutUint32(b[8:], crc32.Checksum(b[frameHead:], castagnoli))
	return b
}

// errNotWhole says that bytes are not a frame.
var errNotWhole = errors.New("the frame is not whole")

// decodeFrame reads what encode has written behind the checksum. Places of vectors are
// counted from the frame's beginning, as encode counts them.
func decodeFrame(b []byte) (*frame, error) { return new(decoder).frame(b) }

// decoder decodes one frame after the other. The vectors of a frame are its, until the next:
// a log has as many as fit into memory eight times over.
type decoder struct{ values []float32 }

func (d *decoder) frame(b []byte) (*frame, error) {
	c := cursor{rest: b}
	d.values = slices.Grow(d.values[:0], len(b)/4) // all that can be in b: nothing moves
	f := &frame{revision: catalog.Revision(uint64(c.number()) | uint64(c.number())<<32)}
	spaces, remove, add := c.number(), c.number(), c.number()
	var list []space
	for range spaces {
		dimensions, n := c.number(), c.number()
		list = append(list, space{dimensions: int(dimensions), id: string(c.take(int(n)))})
		if c.short {
			return nil, errNotWhole
		}
	}
	for range remove {
		f.remove = append(f.remove, catalog.Row(c.number()))
		if c.short {
			return nil, errNotWhole
		}
	}
	for range add {
		number, row := c.number(), c.number()
		if int64(number) >= int64(len(list)) {
			return nil, errNotWhole
		}
		a := addition{space: list[number], row: catalog.Row(row), at: int64(frameHead + len(b) - len(c.rest))}
		values := c.take(4 * a.space.dimensions)
		if c.short || len(values) == 0 {
			return nil, errNotWhole
		}
		from := len(d.values)
		d.values = floats(values, d.values)
		a.sum = crc32.Checksum(values, castagnoli)
		a.vector = d.values[from:]
		f.add = append(f.add, a)
	}
	if len(c.rest) > 0 {
		return nil, errNotWhole
	}
	return f, nil
}

// floats appends the vector in b to v.
func floats(b []byte, v []float32) []float32 {
	from := len(v)
	v = slices.Grow(v, len(b)/4)[:from+len(b)/4]
	for i := range v[from:] {
		v[from+i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return v
}

// cursor reads from rest; short says that there was not enough.
type cursor struct {
	rest  []byte
	short bool
}

func (c *cursor) take(n int) []byte {
	if n < 0 || n > len(c.rest) {
		c.short = true
		return nil
	}
	b := c.rest[:n]
	c.rest = c.rest[n:]
	return b
}

func (c *cursor) number() uint32 {
	if b := c.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}
