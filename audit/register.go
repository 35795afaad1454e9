package audit

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"sync"

	"golang.org/x/mod/sumdb/tlog"
)

// Shelf keeps the blocks of a register. They are derived from the log and may be lost.
type Shelf interface {
	// Put keeps a block in the place of any of that number, all of it or nothing. It need not be durable.
	Put(n int64, block []byte) error
	// ReadAt reads len(p) bytes of a block from off on, as io.ReaderAt does; fs.ErrNotExist if there is none.
	ReadAt(n int64, p []byte, off int64) (int, error)
	// Drop forgets a block; it is no error if there is none.
	Drop(n int64) error
}

// register finds records by their subjects.
//
// Reading the whole log is the simple version; a million records are more than a gigabyte. A
// database beside the log would have to be kept in step with it through every crash. The
// register is neither: for every blockRecords records there is a block, which is written once
// they are complete and lists their subjects' hashes by their first byte; what is behind the last block
// is in memory, and read from the log at the start. A block is looked up with two reads. It is
// never believed: every record found is read and asked whether it is about the subject, so a
// block can only hide records. That is why a block carries a checksum and the tree hash of its
// records, and is made anew from the log if it is missing, damaged or of other records: a log
// may be exchanged beneath its register, or go on otherwise from a backup.
type register struct {
	shelf   Shelf
	records func(ctx context.Context, from int64) iter.Seq2[Item, error]
	hashes  func(ctx context.Context, indexes []int64) ([]tlog.Hash, error) // of the log's tree

	mu    sync.RWMutex
	tail  []mention        // of the records behind the last block, in order of index
	first int64            // index of the first record in tail
	next  int64            // index of the first record that is not in the register
	fans  map[int64]fanout // of the blocks that have been found whole
}

// blockRecords is how many records a block tells of; an index within it fits in 16 bits, and they
// are all that is below one hash of the tree.
const (
	blockRecords = 1 << blockLevel
	blockLevel   = 12
)

// mention says that a record is about a subject of that hash.
type mention struct {
	hash  uint64
	index int64
}

// add takes in what so many records are about, in their order. They follow those before them.
func (r *register) add(first, records int64, about []mention) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if first != r.next {
		return // what is missing is read from the log when it is needed
	}
	r.tail = append(r.tail, about...)
	r.next = first + records
	r.shelve()
}

// shelve writes complete blocks. A shelf that cannot be written to costs memory, nothing else.
// mu is held.
func (r *register) shelve() {
	for r.shelf != nil && r.next-r.first >= blockRecords {
		n := r.first / blockRecords
		end, _ := slices.BinarySearchFunc(r.tail, r.first+blockRecords, func(m mention, index int64) int { return cmp.Compare(m.index, index) })
		records, err := r.covered(context.Background(), n)
		if err != nil {
			return
		}
		block, fan := encodeBlock(records, r.tail[:end])
		if r.shelf.Put(n, block) != nil {
			return
		}
		r.fans[n] = fan
		r.tail = append(make([]mention, 0, len(r.tail)), r.tail[end:]...) // the next block's will be as many
		r.first += blockRecords
	}
}

// find yields the indexes below before of the records that may be about a subject of the hash,
// newest first. The register must be level with the log.
func (r *register) find(ctx context.Context, hash uint64, before int64) iter.Seq2[int64, error] {
	return func(yield func(int64, error) bool) {
		r.mu.RLock()
		tail, first := r.tail, r.first
		r.mu.RUnlock()
		for i := len(tail) - 1; i >= 0; i-- {
			if tail[i].hash == hash && tail[i].index < before && !yield(tail[i].index, nil) {
				return
			}
		}
		for n := min(first, before+blockRecords-1)/blockRecords - 1; n >= 0; n-- {
			indexes, err := r.inBlock(ctx, n, hash)
			if err != nil {
				yield(0, err)
				return
			}
			for _, index := range slices.Backward(indexes) {
				if index < before && !yield(index, nil) {
					return
				}
			}
		}
	}
}

// inBlock returns the indexes that a block has for the hash, rising.
func (r *register) inBlock(ctx context.Context, n int64, hash uint64) ([]int64, error) {
	p, err := r.slot(ctx, n, int(hash>>56))
	if errors.Is(err, fs.ErrNotExist) { // lost since it was found whole
		r.mu.Lock()
		delete(r.fans, n)
		r.mu.Unlock()
		p, err = r.slot(ctx, n, int(hash>>56))
	}
	if err != nil {
		return nil, fmt.Errorf("reading block %d of the register: %w", n, err)
	}
	var indexes []int64
	for ; len(p) > 0; p = p[mentionSize:] {
		if binary.LittleEndian.Uint64(p) == hash {
			indexes = append(indexes, n*blockRecords+int64(binary.LittleEndian.Uint16(p[8:])))
		}
	}
	return indexes, nil
}

// slot reads the mentions in a block whose hash begins with the byte.
func (r *register) slot(ctx context.Context, n int64, first int) ([]byte, error) {
	fan, err := r.fan(ctx, n)
	if err != nil {
		return nil, err
	}
	p := make([]byte, mentionSize*int(fan[first+1]-fan[first]))
	if len(p) == 0 {
		return nil, nil
	}
	_, err = r.shelf.ReadAt(n, p, blockHead+mentionSize*int64(fan[first]))
	return p, err
}

// fan returns a block's fanout. The first time the whole block is read to verify it; if it is
// not whole, it is made anew.
func (r *register) fan(ctx context.Context, n int64) (fanout, error) {
	r.mu.RLock()
	f, known := r.fans[n]
	r.mu.RUnlock()
	if known {
		return f, nil
	}
	block, err := r.whole(ctx, n)
	if err != nil {
		return f, err
	}
	if block == nil {
		if block, err = r.remake(ctx, n); err != nil {
			return f, err
		}
	}
	f = fan(block)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fans[n] = f
	return f, nil
}

// remake makes a block from the log and puts it on the shelf.
func (r *register) remake(ctx context.Context, n int64) ([]byte, error) {
	mentions, err := r.mentions(ctx, n*blockRecords, (n+1)*blockRecords)
	if err != nil {
		return nil, err
	}
	records, err := r.covered(ctx, n)
	if err != nil {
		return nil, err
	}
	block, _ := encodeBlock(records, mentions)
	if err := r.shelf.Put(n, block); err != nil {
		return nil, fmt.Errorf("writing block %d of the register: %w", n, err)
	}
	return block, nil
}

// mentions reads what the records from first up to end are about.
func (r *register) mentions(ctx context.Context, first, end int64) (list []mention, err error) {
	for item, err := range r.records(ctx, first) {
		if err != nil {
			return nil, err
		}
		if item.Index >= end {
			break
		}
		list = item.Record.mentions(list, item.Index)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// open brings the register level with a log of that size, of which nothing is known yet.
func (r *register) open(ctx context.Context, size int64) (err error) {
	r.first, r.next = 0, size
	if r.shelf != nil {
		r.first = size / blockRecords * blockRecords
	}
	r.tail, err = r.mentions(ctx, r.first, size)
	return err
}

// forget takes records out that have been erased. Their blocks are made anew when they are needed.
func (r *register) forget(indexes []int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tail = slices.DeleteFunc(slices.Clone(r.tail), func(m mention) bool {
		_, erased := slices.BinarySearch(indexes, m.index)
		return erased
	})
	for _, index := range indexes {
		if n := index / blockRecords; index < r.first {
			delete(r.fans, n)
			if err := r.shelf.Drop(n); err != nil {
				return fmt.Errorf("dropping block %d of the register: %w", n, err)
			}
		}
	}
	return nil
}
