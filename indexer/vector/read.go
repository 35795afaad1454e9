package vector

import (
	"fmt"
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
	values []int8
}

const (
	maxWindow = 64 << 10
	maxGap    = 4 << 10 // bytes worth reading over rather than reading twice
)

// read returns the vector in a slot, valid until the next call. The log was checked when
// it was read at the start; since then the disk may have failed, so the vector must still
// have its code. Error: ErrDamaged, or that of the disk.
func (in *vectors) read(slot int) ([]float32, error) {
	at, size := in.column.at(slot), 4*in.column.space.dimensions
	if at < in.start || at+int64(size) > in.start+int64(len(in.window)) {
		if err := in.fill(at, size); err != nil {
			return nil, err
		}
	}
	in.vector = floats(in.window[at-in.start:][:size], in.vector[:0])
	if !in.column.matches(slot, in.vector, &in.values) {
		in.file.damaged.Store(true)
		return nil, fmt.Errorf("%w: the vector at byte %d of the log", ErrDamaged, at)
	}
	return in.vector, nil
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

// matches reports whether the slot's code is that of v.
func (c *column) matches(slot int, v []float32, values *[]int8) bool {
	b, i, d := c.blocks[slot/blockSlots], slot%blockSlots, c.space.dimensions
	*values = slices.Grow((*values)[:0], d)[:d]
	if !usable(v) {
		return false
	}
	is := encode(v, *values)
	return is.scale == b.scale[i] && is.lost == b.lost[i] && slices.Equal(*values, b.values[i*d:][:d])
}
