package vector

import (
	"fmt"
	"hash/crc32"
	"slices"
)

// vectors reads vectors of a column from the log, in the order of slots.
type vectors struct {
	column *column
	file   *logFile
	ahead  []candidate // what will be asked for, if known, the next first

	window []byte
	start  int64 // of window in the log
	vector []float32
}

const (
	maxWindow = 64 << 10
	maxGap    = 4 << 10 // bytes worth reading over rather than reading twice
)

// begin makes in read another column. Its memory is kept.
func (in *vectors) begin(c *column, file *logFile) {
	*in = vectors{column: c, file: file, window: in.window[:0], vector: in.vector}
}

// end lets go of the column and the file.
func (in *vectors) end() { in.begin(nil, nil) }

// read returns the vector in a slot, valid until the next call. Errors: as of bytes.
func (in *vectors) read(slot int) ([]float32, error) {
	b, err := in.bytes(slot)
	if err != nil {
		return nil, err
	}
	in.vector = floats(b, in.vector[:0])
	return in.vector, nil
}

// bytes returns the vector in a slot as it is in the log, valid until the next call. The log
// was checked when it was read at the start; since then the disk may have failed, so the
// vector must still have its sum. Error: ErrDamaged, or that of the disk.
func (in *vectors) bytes(slot int) ([]byte, error) {
	at, size := in.column.at(slot), 4*in.column.space.dimensions
	if at < in.start || at+int64(size) > in.start+int64(len(in.window)) {
		if err := in.fill(at, size); err != nil {
			return nil, err
		}
	}
	b := in.window[at-in.start:][:size]
	if crc32.Checksum(b, castagnoli) != in.column.sum(slot) {
		in.file.damaged.Store(true)
		return nil, fmt.Errorf("%w: the vector at byte %d of the log", ErrDamaged, at)
	}
	return b, nil
}

// fill reads the log from one vector up to those that are asked for soon after.
func (in *vectors) fill(at int64, size int) error {
	end := at + int64(size)
	for _, c := range in.ahead {
		next := in.column.at(c.slot)
		if next > end+maxGap || next+int64(size) > at+maxWindow {
			break
		}
		end = max(end, next+int64(size))
	}
	in.window = slices.Grow(in.window[:0], int(end-at))[:end-at]
	in.start = at
	if _, err := in.file.ReadAt(in.window, at); err != nil {
		in.window = in.window[:0]
		return err
	}
	return nil
}
