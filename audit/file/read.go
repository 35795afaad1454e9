package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/muniment/muniment/audit"
)

// Limits of what Entries reads at once.
const (
	readRows  = 512
	readBytes = 1 << 20
)

// Tail implements audit.Reader.
func (r *Reader) Tail(context.Context) (audit.Tail, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return audit.Tail{Size: r.size, Outbox: r.outbox, Checkpoint: slices.Clone(r.checkpoint)}, nil
}

// Entries implements audit.Reader. It reads a chunk of rows and then their frames, which lie side by
// side; chunks begin small, so that reading one record reads little.
func (r *Reader) Entries(ctx context.Context, from int64) iter.Seq2[audit.Stored, error] {
	return func(yield func(audit.Stored, error) bool) {
		r.mu.RLock()
		size, damage := r.size, r.damage
		r.mu.RUnlock()
		from = max(from, 0)
		if damage != nil && damage.Index < size {
			size = damage.Index
		}
		for n := 1; from < size; n = min(2*n, readRows) {
			if err := ctx.Err(); err != nil {
				yield(audit.Stored{}, err)
				return
			}
			entries, err := r.chunk(from, min(from+int64(n), size))
			for _, e := range entries {
				if !yield(e, nil) {
					return
				}
			}
			if err != nil {
				yield(audit.Stored{}, err)
				return
			}
			from += int64(len(entries))
		}
		if damage != nil && from >= damage.Index {
			yield(audit.Stored{}, damage)
		}
	}
}

// chunk reads the entries [from, to), or fewer, but at least one. With an error it returns those before it.
func (r *Reader) chunk(from, to int64) ([]audit.Stored, error) {
	rows, damage := r.rows(from, to)
	if len(rows) == 0 {
		return nil, damage
	}
	first, last := rows[0], len(rows)
	for last > 1 && rows[last-1].end()-first.offset > readBytes {
		last, damage = last-1, nil
	}
	// The erasures known before reading: bytes read before an erasure may well not be blank.
	gone := make([]bool, last)
	for i := range gone {
		gone[i] = r.state(rows[i].index) == eraseDone
	}
	b := make([]byte, rows[last-1].end()-first.offset)
	n, err := r.bodies.ReadAt(b, first.offset)
	if err != nil && err != io.EOF {
		return nil, err
	}
	entries := make([]audit.Stored, 0, last)
	for i, w := range rows[:last] {
		at := w.offset - first.offset
		if int(at)+frameMin+int(w.length) > n {
			return entries, &audit.DamageError{Index: w.index, Reason: "bodies end before it does"}
		}
		e, err := r.entry(w, b[at:w.end()-first.offset], gone[i])
		if err != nil {
			return entries, err
		}
		entries = append(entries, e)
	}
	return entries, damage
}

// entry makes an entry of a row and its frame. The frame must be blank if it was gone before it was
// read, and may be anything but its fixed fields if the erasure came later or is not finished.
func (r *Reader) entry(w row, b []byte, gone bool) (audit.Stored, error) {
	e := audit.Stored{Index: w.index, Commitment: w.commitment, Outbox: w.outbox}
	f, err := parseFrame(b)
	if err == nil && r.state(w.index) == 0 {
		if f.index != w.index || f.outbox != w.outbox || uint32(len(f.body)) != w.length {
			return e, &audit.DamageError{Index: w.index, Reason: "row and frame contradict each other"}
		}
		e.Salt, e.Body = f.salt, f.body
		return e, nil
	}
	state := r.state(w.index)
	if state == 0 {
		// It may have been erased since this reader was opened.
		if err := r.readErased(); err != nil {
			return e, err
		}
		state = r.state(w.index)
	}
	if state == 0 {
		return e, &audit.DamageError{Index: w.index, Reason: "body's checksum does not match, and nothing says that it was erased"}
	}
	e.Erased = true
	want := frame{index: w.index, outbox: w.outbox, body: make([]byte, w.length)}.append(nil)
	blank(want)
	if !gone {
		blank(b)
	}
	if !slices.Equal(want, b) {
		return e, &audit.DamageError{Index: w.index, Reason: "marked as erased, but its frame is not blank"}
	}
	return e, nil
}

func (r *Reader) state(index int64) uint32 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.erased[index]
}

// row returns one row.
func (r *Reader) row(index int64) (row, error) {
	rows, err := r.rows(index, index+1)
	if err != nil {
		return row{}, err
	}
	return rows[0], nil
}

// rows returns the rows [from, to), which must exist, or those before the first damaged one. They
// are whole, in their places, and their frames lie side by side.
func (r *Reader) rows(from, to int64) ([]row, error) {
	rows := make([]row, 0, to-from)
	inFile := to
	if len(r.tailRows) > 0 {
		inFile = min(to, r.base)
	}
	var b []byte
	if from < inFile {
		b = make([]byte, rowSize*(inFile-from))
		if n, err := r.commitments.ReadAt(b, headerSize+rowSize*from); err == io.EOF {
			b = b[:n/rowSize*rowSize] // cut off since it was opened
		} else if err != nil {
			return nil, err
		}
	}
	for i := from; i < to; i++ {
		var w row
		if i >= inFile {
			w = r.tailRows[i-r.base]
		} else {
			var err error
			if len(b) < rowSize {
				return rows, &audit.DamageError{Index: i, Reason: "row in commitments is missing"}
			}
			if w, err = parseRow(b[:rowSize]); err != nil || w.index != i {
				return rows, &audit.DamageError{Index: i, Reason: "row in commitments is damaged or another's"}
			}
			b = b[rowSize:]
		}
		if n := len(rows); n > 0 && rows[n-1].end() != w.offset || i == 0 && w.offset != headerSize {
			return rows, &audit.DamageError{Index: i, Reason: "body does not lie behind the one before"}
		}
		rows = append(rows, w)
	}
	return rows, nil
}

// Hashes implements audit.Reader.
func (r *Reader) Hashes(_ context.Context, indexes []int64) ([]tlog.Hash, error) {
	r.mu.RLock()
	count := tlog.StoredHashCount(r.size)
	r.mu.RUnlock()
	inFile := count
	if len(r.tailRows) > 0 {
		inFile = tlog.StoredHashCount(r.base)
	}
	hashes := make([]tlog.Hash, 0, len(indexes))
	for len(indexes) > 0 {
		switch at := indexes[0]; {
		case at < 0 || at >= count:
			return nil, fmt.Errorf("tree hash %d: the log has %d", at, count)
		case at >= inFile && at-inFile >= int64(len(r.tailHashes)):
			return nil, noHash(inFile)
		case at >= inFile:
			hashes = append(hashes, r.tailHashes[at-inFile])
			indexes = indexes[1:]
		default:
			n := 1
			for n < len(indexes) && indexes[n] == at+int64(n) && indexes[n] < inFile {
				n++
			}
			run, err := r.fileHashes(indexes[:n])
			if err != nil {
				return nil, err
			}
			hashes = append(hashes, run...)
			indexes = indexes[n:]
		}
	}
	return hashes, nil
}

// fileHashes reads hashes from the file, neighbours in one go.
func (r *Reader) fileHashes(indexes []int64) ([]tlog.Hash, error) {
	if r.hashes == nil {
		return nil, noHash(0)
	}
	hashes := make([]tlog.Hash, len(indexes))
	for i := 0; i < len(indexes); {
		n := 1
		for i+n < len(indexes) && indexes[i+n] == indexes[i]+int64(n) {
			n++
		}
		b := make([]byte, n*tlog.HashSize)
		if read, err := r.hashes.ReadAt(b, headerSize+tlog.HashSize*indexes[i]); errors.Is(err, io.EOF) {
			return nil, noHash(indexes[i] + int64(read/tlog.HashSize))
		} else if err != nil {
			return nil, err
		}
		for range n {
			hashes[i], b = tlog.Hash(b[:tlog.HashSize]), b[tlog.HashSize:]
			i++
		}
	}
	return hashes, nil
}

// noHash says which record's hash is missing from the file.
func noHash(index int64) error {
	level, n := tlog.SplitStoredHashIndex(index)
	return &audit.DamageError{Index: (n+1)<<level - 1, Reason: "tree hash is missing"}
}
