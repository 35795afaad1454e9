package audit

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"

	"golang.org/x/mod/sumdb/tlog"
)

// A block is a header, the mentions in order of their hashes' first byte and of index, and a
// CRC-32C of all before it.
const (
	blockHead   = 48 // "munreg2\n", the number of mentions, the tree hash of the records
	mentionSize = 10 // hash, index within the block
	blockMagic  = "munreg2\n"
	fanSlots    = 256
)

// fanout says where in a block the mentions begin whose hash has a first byte; the last is
// the end.
type fanout [fanSlots + 1]uint32

var crcTable = crc32.MakeTable(crc32.Castagnoli)

// encodeBlock makes a block of mentions in order of index; the records have that tree hash.
//
// To sort them by hash would let a look-up search in halves, and cost the writer of the log, which
// waits for it, more than all else it does. A look-up reads all of a first byte anyway: the
// mentions are counted by that, and each is put where those before it leave off.
func encodeBlock(records tlog.Hash, mentions []mention) ([]byte, fanout) {
	var f fanout
	for _, m := range mentions {
		f[m.hash>>56+1]++
	}
	for slot := range fanSlots {
		f[slot+1] += f[slot]
	}
	sum := blockHead + mentionSize*len(mentions)
	b := make([]byte, sum+4)
	copy(b, blockMagic)
	binary.LittleEndian.PutUint64(b[8:], uint64(len(mentions)))
	copy(b[16:], records[:])
	next := f
	for _, m := range mentions {
		at := &next[m.hash>>56]
		p := b[blockHead+mentionSize*int(*at):][:mentionSize]
		binary.LittleEndian.PutUint64(p, m.hash)
		binary.LittleEndian.PutUint16(p[8:], uint16(m.index%blockRecords))
		*at++
	}
	binary.LittleEndian.PutUint32(b[sum:], crc32.Checksum(b[:sum], crcTable))
	return b, f
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

// covered is the tree hash of the records that a block is about.
func (r *register) covered(ctx context.Context, n int64) (h tlog.Hash, err error) {
	hashes, err := r.hashes(ctx, []int64{tlog.StoredHashIndex(blockLevel, n)})
	if err != nil {
		return h, fmt.Errorf("reading what block %d of the register is about: %w", n, err)
	}
	return hashes[0], nil
}

// whole reads a block; nil if it is missing, damaged or about other records than the log's.
func (r *register) whole(ctx context.Context, n int64) ([]byte, error) {
	head := make([]byte, blockHead)
	if _, err := r.shelf.ReadAt(n, head, 0); err != nil {
		return nil, ignoreMissing(err)
	}
	count := binary.LittleEndian.Uint64(head[8:])
	if string(head[:8]) != blockMagic || count > blockRecords*maxSubjects {
		return nil, nil
	}
	if records, err := r.covered(ctx, n); err != nil {
		return nil, err
	} else if records != tlog.Hash(head[16:]) {
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
