package file

import (
	"encoding/binary"
	"errors"
	"hash/crc32"

	"github.com/muniment/muniment/audit"
)

// All integers are little-endian. Every file but checkpoint and lock begins with a header of 64
// bytes, which names the file and its version. Checksums are CRC-32C: they tell accidents and torn
// writes apart from whole records; against intent there are the commitments and the signed tree.
const (
	headerSize = 64
	rowSize    = 64
	frameHead  = 24 // before the salt
	frameMin   = frameHead + 32
	markSize   = 16
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	errRow     = errors.New("malformed row")
	errFrame   = errors.New("malformed frame")
)

// header returns the first bytes of a file.
func header(name string) []byte {
	b := make([]byte, headerSize)
	copy(b, "muniment audit "+name+" v1\n")
	return b
}

// row is an entry of commitments.
type row struct {
	index      int64
	offset     int64 // of the frame in bodies
	outbox     uint64
	commitment [32]byte
	length     uint32 // of the body
}

// end returns where the frame ends.
func (r row) end() int64 { return r.offset + frameMin + int64(r.length) }

func (r row) append(b []byte) []byte {
	start := len(b)
	b = binary.LittleEndian.AppendUint64(b, uint64(r.index))
	b = binary.LittleEndian.AppendUint64(b, uint64(r.offset))
	b = binary.LittleEndian.AppendUint64(b, r.outbox)
	b = append(b, r.commitment[:]...)
	b = binary.LittleEndian.AppendUint32(b, r.length)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli))
}

func parseRow(b []byte) (row, error) {
	if len(b) != rowSize || binary.LittleEndian.Uint32(b[60:]) != crc32.Checksum(b[:60], castagnoli) {
		return row{}, errRow
	}
	r := row{
		index:      int64(binary.LittleEndian.Uint64(b)),
		offset:     int64(binary.LittleEndian.Uint64(b[8:])),
		outbox:     binary.LittleEndian.Uint64(b[16:]),
		commitment: [32]byte(b[24:56]),
		length:     binary.LittleEndian.Uint32(b[56:]),
	}
	if r.index < 0 || r.offset < headerSize || r.offset > 1<<62 || r.length > audit.MaxBody {
		return row{}, errRow
	}
	return r, nil
}

// frame is an entry of bodies: length of the body (4), checksum of all the rest (4), index (8),
// outbox (8), salt (32), body. An erased frame keeps length, index and outbox; the others are zero.
type frame struct {
	index  int64
	outbox uint64
	salt   [32]byte
	body   []byte
}

func (f frame) append(b []byte) []byte {
	start := len(b)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(f.body)))
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = binary.LittleEndian.AppendUint64(b, uint64(f.index))
	b = binary.LittleEndian.AppendUint64(b, f.outbox)
	b = append(b, f.salt[:]...)
	b = append(b, f.body...)
	binary.LittleEndian.PutUint32(b[start+4:], frameSum(b[start:]))
	return b
}

// frameSum is the checksum of a frame, over everything but itself.
func frameSum(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[:4], castagnoli), castagnoli, b[8:])
}

// frameLength returns the body's length that a frame's first bytes state.
func frameLength(b []byte) (int, error) {
	if len(b) < 4 {
		return 0, errFrame
	}
	n := binary.LittleEndian.Uint32(b)
	if n > audit.MaxBody {
		return 0, errFrame
	}
	return int(n), nil
}

// parseFrame parses a whole frame. The body is part of b.
func parseFrame(b []byte) (frame, error) {
	n, err := frameLength(b)
	if err != nil || len(b) != frameMin+n || binary.LittleEndian.Uint32(b[4:]) != frameSum(b) {
		return frame{}, errFrame
	}
	return frame{
		index:  int64(binary.LittleEndian.Uint64(b[8:])),
		outbox: binary.LittleEndian.Uint64(b[16:]),
		salt:   [32]byte(b[24:56]),
		body:   b[frameMin:],
	}, nil
}

// blank overwrites everything of a frame that tells of its content.
func blank(b []byte) {
	clear(b[4:8])
	clear(b[frameHead:])
}

// States of a mark: an erasure is begun before the bytes go and done after.
const (
	eraseBegun uint32 = 1
	eraseDone  uint32 = 2
)

// mark is an entry of erased: index (8), state (4), checksum (4).
type mark struct {
	index int64
	state uint32
}

func (m mark) append(b []byte) []byte {
	start := len(b)
	b = binary.LittleEndian.AppendUint64(b, uint64(m.index))
	b = binary.LittleEndian.AppendUint32(b, m.state)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli))
}

// parseMarks returns the marks of the erased file behind its header. Each stands for itself: one
// that is malformed, torn or damaged, is skipped.
func parseMarks(b []byte) map[int64]uint32 {
	states := map[int64]uint32{}
	for ; len(b) >= markSize; b = b[markSize:] {
		if binary.LittleEndian.Uint32(b[12:]) != crc32.Checksum(b[:12], castagnoli) {
			continue
		}
		index, state := int64(binary.LittleEndian.Uint64(b)), binary.LittleEndian.Uint32(b[8:])
		if index >= 0 && (state == eraseBegun || state == eraseDone) {
			states[index] = max(states[index], state)
		}
	}
	return states
}
