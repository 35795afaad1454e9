package vector

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
)

// The log is one file: its magic and its catalog's ID, then a frame for each batch. A frame is there wholly or
// not at all, so the log up to any frame's end is the index as it was at that frame's
// revision, and the catalog's changes since then bring it up to date. Hence nothing is
// synced while it grows: what a crash takes away at the end is filled in again.
const (
	logName = "vectors.log"
	tmpName = "vectors.tmp"
	magic   = "MUNVEC\x00\x02" // the last byte is the version
)

// errForeign is why a log is discarded whose catalog is not this one: its rows and revisions
// are those of another, or of a past that this one has lost.
var errForeign = errors.New("it is of another catalog, or of changes that this one has lost")

// preamble is what a log begins with.
func (x *Index) preamble() []byte { return append([]byte(magic), x.of[:]...) }

// logFile is a log that the index and its readers share. The last to release it closes it.
type logFile struct {
	*os.File
	users   atomic.Int32
	damaged atomic.Bool
}

func newLogFile(f *os.File) *logFile {
	l := &logFile{File: f}
	l.acquire()
	return l
}

func (l *logFile) acquire() { l.users.Add(1) }

func (l *logFile) release() error {
	if l.users.Add(-1) == 0 {
		return l.Close()
	}
	return nil
}

// load reads the log, or begins one.
func (x *Index) load() (*state, error) {
	if err := os.Remove(filepath.Join(x.dir, tmpName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(x.dir, logName), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		x.log.Info("vector index is new", "dir", x.dir)
		return x.create()
	}
	if err != nil {
		return nil, err
	}
	s, reason, err := x.read(f)
	if !errors.Is(reason, errNotWhole) {
		x.discarded = reason
	}
	if err == nil && reason != nil && s.revision > 0 {
		x.log.Warn("the end of the vector index discarded, to be filled in", "dir", x.dir, "revision", s.revision, "reason", reason)
		err = f.Truncate(s.size)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	if s.revision == 0 {
		if reason != nil {
			x.log.Warn("vector index discarded, to be rebuilt", "dir", x.dir, "reason", reason)
		}
		f.Close()
		return x.create()
	}
	return s, nil
}

// read makes the state that the log's whole frames, up to the first that is not, amount
// to. The reason is why it ended before the file does.
func (x *Index) read(f *os.File) (s *state, reason, err error) {
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	preamble := x.preamble()
	s = &state{file: newLogFile(f), size: int64(len(preamble))}
	in := bufio.NewReaderSize(f, 1<<20)
	head := make([]byte, max(len(preamble), frameHead))
	if _, err := io.ReadFull(in, head[:len(preamble)]); err != nil || string(head[:len(magic)]) != magic {
		return s, errors.New("it is not a log of this version"), nil
	}
	if !bytes.Equal(head[:len(preamble)], preamble) {
		return s, errForeign, nil
	}
	e := s.edit()
	e.columns = map[space]*column{}
	encoders := newEncoders()
	defer encoders.wait()
	var body []byte
	for {
		n, err := io.ReadFull(in, head[:frameHead])
		if n == 0 && errors.Is(err, io.EOF) {
			break
		}
		length := binary.LittleEndian.Uint64(head)
		if err != nil || length > uint64(info.Size()-s.size-frameHead) {
			reason = errNotWhole
			break
		}
		body = slices.Grow(body[:0], int(length))[:length]
		if _, reason = io.ReadFull(in, body); reason != nil {
			break
		}
		if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(head[8:]) {
			reason = fmt.Errorf("checksum of the frame at byte %d", s.size)
			break
		}
		decoder := <-encoders.free
		frame, err := decoder.frame(body)
		if err != nil {
			reason = fmt.Errorf("the frame at byte %d: %w", s.size, err)
			break
		}
		encoders.add(e.frame(frame, s.size), decoder)
		s.revision, s.size = frame.revision, s.size+frameHead+int64(length)
	}
	s.columns = e.columns
	return s, reason, nil
}

// frame makes the changes of a frame that begins at the given byte of the log, but for the
// codes: it returns where they go.
func (e *edit) frame(f *frame, at int64) (places []place) {
	for _, row := range f.remove {
		e.remove(row)
	}
	for i := range f.add {
		places = append(places, e.add(&f.add[i], at+f.add[i].at))
	}
	return places
}

// with appends the frame to the log and returns the state after it.
func (s *state) with(f *frame) (*state, error) {
	b := f.encode()
	// failpoint: vector/before-append
	if _, err := s.file.WriteAt(b, s.size); err != nil {
		return nil, errors.Join(err, s.file.Truncate(s.size))
	}
	// failpoint: vector/appended
	e := s.edit()
	var with coder
	for _, p := range e.frame(f, s.size) {
		p.encode(&with)
	}
	return &state{revision: f.revision, file: s.file, size: s.size + int64(len(b)), columns: e.columns}, nil
}

// create begins an empty log in place of any other.
func (x *Index) create() (*state, error) {
	s, err := x.begin()
	if err != nil {
		return nil, err
	}
	if err := x.settle(s); err != nil {
		return nil, err
	}
	return s, nil
}

// begin begins a log under a name that load does not look for.
func (x *Index) begin() (*state, error) {
	f, err := os.OpenFile(filepath.Join(x.dir, tmpName), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	// failpoint: vector/begun
	if _, err := f.Write(x.preamble()); err != nil {
		f.Close()
		return nil, err
	}
	return &state{file: newLogFile(f), size: int64(len(x.preamble())), columns: map[space]*column{}}, nil
}

// settle puts a log that was begun in the place of the other, or closes it.
func (x *Index) settle(s *state) error {
	// failpoint: vector/before-rename
	err := os.Rename(filepath.Join(x.dir, tmpName), filepath.Join(x.dir, logName))
	// failpoint: vector/renamed
	if err != nil {
		s.file.release()
	}
	return err
}

// compacted copies the state to a new log that holds nothing else. Until its last frame is
// there its revision is 0, and load would discard it.
func (x *Index) compacted(ctx context.Context, s *state) (*state, error) {
	next, err := x.begin()
	if err != nil {
		return nil, fmt.Errorf("compacting the vector index: %w", err)
	}
	write := func(f *frame) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		after, err := next.with(f)
		if err == nil {
			next = after
		}
		return err
	}
	f := &frame{}
	for key, c := range s.columns {
		in := vectors{column: c, file: s.file}
		for slot := range c.live() {
			v, err := in.read(slot)
			if err == nil {
				f.add = append(f.add, addition{space: key, row: c.row(slot), vector: slices.Clone(v)})
				if len(f.add) == 1000 {
					err = write(f)
					f = &frame{}
				}
			}
			if err != nil {
				next.file.release()
				return nil, fmt.Errorf("compacting the vector index: %w", err)
			}
		}
	}
	// failpoint: vector/compacting
	f.revision = s.revision
	if err = write(f); err == nil {
		// failpoint: vector/before-sync
		err = next.file.Sync() // before it takes the place of a log that is whole
	}
	if err != nil {
		next.file.release()
		return nil, fmt.Errorf("compacting the vector index: %w", err)
	}
	if err := x.settle(next); err != nil {
		return nil, fmt.Errorf("compacting the vector index: %w", err)
	}
	return next, nil
}
