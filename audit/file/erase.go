package file

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
)

// Erase implements audit.Storage. The bytes are overwritten in place, which destroys them on file
// systems that do not keep old versions of blocks.
//
// Marks are made durable before the first byte goes and again after the last: whatever a crash
// leaves, no blank frame is without a mark, and Open finishes what was begun.
func (s *Storage) Erase(_ context.Context, indexes []int64) error {
	if s.broken {
		return ErrBroken
	}
	var todo []int64
	for _, i := range indexes {
		if i < 0 || i >= s.size {
			return fmt.Errorf("record %d does not exist, the log has %d", i, s.size)
		}
		if s.state(i) != eraseDone && !slices.Contains(todo, i) {
			todo = append(todo, i)
		}
	}
	if len(todo) == 0 {
		return nil
	}
	s.broken = true // unless all goes well
	// From here on the row alone holds the commitment.
	if err := s.commitments.Sync(); err != nil {
		return fmt.Errorf("syncing %s: %w", commitmentsName, err)
	}
	if err := s.mark(todo, eraseBegun); err != nil {
		return err // not broken if the marks did not fit: nothing has begun
	}
	if err := s.blankFrames(todo); err != nil {
		return err
	}
	s.broken = false
	return nil
}

// finishErasures completes what a crash interrupted.
func (s *Storage) finishErasures() error {
	var todo []int64
	for i, state := range s.erased {
		if state == eraseBegun && i < s.size {
			todo = append(todo, i)
		}
	}
	if len(todo) == 0 {
		return nil
	}
	slices.Sort(todo)
	return s.blankFrames(todo)
}

// blankFrames overwrites salts and bodies, syncs, and marks the erasures as done.
func (s *Storage) blankFrames(indexes []int64) error {
	for _, i := range indexes {
		w, err := s.row(i)
		if err != nil {
			return err
		}
		b := make([]byte, w.end()-w.offset)
		for _, part := range [][2]int64{{4, 8}, {frameHead, int64(len(b))}} {
			if _, err := s.bodies.WriteAt(b[part[0]:part[1]], w.offset+part[0]); err != nil {
				return fmt.Errorf("blanking %s: %w", bodiesName, err)
			}
		}
	}
	if err := s.bodies.Sync(); err != nil {
		return fmt.Errorf("syncing %s: %w", bodiesName, err)
	}
	return s.mark(indexes, eraseDone)
}

// mark appends marks durably, in one write, and only then lets readers see them.
func (s *Storage) mark(indexes []int64, state uint32) error {
	end, err := s.erases.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("writing %s: %w", erasedName, err)
	}
	if end < headerSize {
		return fmt.Errorf("writing %s: %w", erasedName, os.ErrInvalid)
	}
	end -= (end - headerSize) % markSize // a torn mark is overwritten
	var b []byte
	for _, i := range indexes {
		b = mark{i, state}.append(b)
	}
	if _, err := s.erases.WriteAt(b, end); err != nil {
		err = fmt.Errorf("writing %s: %w", erasedName, err)
		if state == eraseBegun {
			err = s.cut([]part{{s.erases, end}}, err)
		}
		return err
	}
	if err := s.erases.Sync(); err != nil {
		return fmt.Errorf("syncing %s: %w", erasedName, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range indexes {
		s.erased[i] = state
	}
	return nil
}
