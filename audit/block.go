package audit

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"slices"
)

// A block is a header, the mentions in order of hash and index, and a CRC-32C of all before it.
const (
	blockHead   = 16 // "munreg1\n", the number of mentions
	mentionSize = 10 // hash, index within the block
	blockMagic  = "munreg1\n"
	fanSlots    = 256
)

// fanout says where in a block the mentions begin whose hash has a first byte; the last is
// the end.
type fanout [fanSlots + 1]uint32

var crcTable = crc32.MakeTable(crc32.Castagnoli)

func encodeBlock(mentions []mention) ([]byte, fanout) {
	sorted := slices.Clone(mentions)
	slices.SortFunc(sorted, func(a, b mention) int { return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.index, b.index)) })
	b := make([]byte, 0, blockHead+mentionSize*len(sorted)+4)
	b = append(b, blockMagic...)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(sorted)))
	for _, m := range sorted {
		b = binary.LittleEndian.AppendUint64(b, m.hash)
		b = binary.LittleEndian.AppendUint16(b, uint16(m.index%blockRecords))
	}
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, crcTable)), fan(b)
}

// fan is the fanout of a block.
func fan(block []byte) (f fanout) {
	count := (len(block) - blockHead) / mentionSize
	slot := 0
	for i := range count {
		for top := int(block[blockHead+mentionSize*i+7]); slot <= top; slot++ {
			f[slot] = uint32(i)
		}
	}
	for ; slot <= fanSlots; slot++ {
		f[slot] = uint32(count)
	}
	return f
}

// maxSubjects is how many subjects a record has at most on average; what says otherwise is damage.
const maxSubjects = 256

// ignoreMissing is nil for an error that says that a block, or its end, is not there.
func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return fmt.Errorf("reading the register: %w", err)
}

// whole reads a block; nil if it is missing or damaged.
func (r *register) whole(n int64) ([]byte, error) {
	head := make([]byte, blockHead)
	if _, err := r.shelf.ReadAt(n, head, 0); err != nil {
		return nil, ignoreMissing(err)
	}
	count := binary.LittleEndian.Uint64(head[8:])
	if string(head[:8]) != blockMagic || count > blockRecords*maxSubjects {
		return nil, nil
	}
	block := make([]byte, blockHead+mentionSize*count+4)
	if _, err := r.shelf.ReadAt(n, block, 0); err != nil {
		return nil, ignoreMissing(err)
	}
	sum := len(block) - 4
	if crc32.Checksum(block[:sum], crcTable) != binary.LittleEndian.Uint32(block[sum:]) {
		return nil, nil
	}
	return block, nil
}
