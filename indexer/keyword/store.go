package keyword

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
	index "github.com/blevesearch/bleve_index_api"
	api "github.com/blevesearch/scorch_segment_api/v2"
)

// The files of scorch: a bbolt file that says what there is, and one file per segment.
const (
	rootFile      = "root.bolt"
	segmentSuffix = ".zap"
	lockTimeout   = "2s" // for the lock of another process on rootFile
)

// abandonAfter is how long a damaged store may take to close.
const abandonAfter = 5 * time.Second

// open returns the store in the directory if it is whole, else an empty one.
func (x *Index) open() (*store, error) {
	s, err := x.examine()
	if err == nil {
		s.scorch, err = x.scorch(nil)
	}
	// failpoint: keyword/examined
	switch {
	case err == nil:
		x.watch(s)
		return s, nil
	case errors.Is(err, ErrLocked):
		return nil, err
	case errors.Is(err, fs.ErrNotExist):
		x.log.Info("keyword index is new", "dir", x.dir)
	default:
		x.discarded = err
		x.log.Warn("keyword index discarded, to be rebuilt", "dir", x.dir, "reason", err)
	}
	if err := x.discard(); err != nil {
		return nil, err
	}
	return x.create()
}

// examine reads an index from end to end without changing it, because scorch itself opens
// almost anything: without a segment it is silently empty, with damaged bytes it panics at
// the first search, and its merges would carry the damage on. Checked are the checksum of
// every segment and that the passages are those the stamp speaks of. The error says what
// is wrong; fs.ErrNotExist that there is no index.
func (x *Index) examine() (*store, error) {
	if _, err := os.Stat(filepath.Join(x.dir, rootFile)); err != nil {
		if left, _ := filepath.Glob(filepath.Join(x.dir, "*"+segmentSuffix)); len(left) > 0 {
			return nil, fmt.Errorf("%w: %s is missing", ErrDamaged, rootFile)
		}
		return nil, err
	}
	s := &store{damaged: make(chan struct{})}
	err := guarded(func() error {
		opened, err := x.scorch(map[string]any{"read_only": true})
		if err != nil {
			return err
		}
		defer opened.Close()
		pinned, err := snapshot(opened)
		if err != nil {
			return err
		}
		defer pinned.Close()
		if s.stamp, err = decodeStamp(pinned.Internal()[string(stampKey)]); err != nil {
			return err
		}
		if s.stamp.of != x.of {
			return errForeign
		}
		for _, segment := range pinned.Segments() {
			if err := checkSegment(segment.Segment()); err != nil {
				return err
			}
		}
		segments, err := x.segments(pinned)
		if err != nil {
			return err
		}
		s.rows = live(segments)
		if found := stampOf(x.of, s.stamp.revision, s.rows); found != s.stamp {
			return fmt.Errorf("%w: %d passages where %d were stored", ErrDamaged, found.rows, s.stamp.rows)
		}
		return nil
	})
	return s, err
}

// checkSegment compares a segment's file with the checksum at its end.
func checkSegment(s api.Segment) error {
	persisted, ok := s.(api.PersistedSegment)
	if !ok {
		return fmt.Errorf("%w: a segment without a file", ErrDamaged)
	}
	f, err := os.Open(persisted.Path())
	if err != nil {
		return fmt.Errorf("%w: %v", ErrDamaged, err) // also if there is none: the index is not new
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	sum := crc32.NewIEEE()
	content := bufio.NewReaderSize(f, 1<<20)
	if _, err := io.CopyN(sum, content, info.Size()-crc32.Size); err != nil {
		return err
	}
	var stored uint32
	if err := binary.Read(content, binary.BigEndian, &stored); err != nil {
		return err
	}
	if stored != sum.Sum32() {
		return fmt.Errorf("%w: checksum of %s", ErrDamaged, filepath.Base(persisted.Path()))
	}
	return nil
}

// create makes an empty store in a directory without one.
func (x *Index) create() (*store, error) {
	x.columnsMu.Lock()
	x.columns = map[uint64]*columns{} // segment ids begin anew
	x.columnsMu.Unlock()
	opened, err := x.scorch(nil)
	if err != nil {
		return nil, err
	}
	s := &store{scorch: opened, stamp: stamp{of: x.of}, rows: roaring.New(), damaged: make(chan struct{})}
	x.watch(s)
	// failpoint: keyword/created
	batch := index.NewBatch()
	batch.SetInternal(stampKey, s.stamp.encode())
	if err := opened.Batch(batch); err != nil {
		opened.Close()
		return nil, err
	}
	return s, nil
}

// scorch opens what is in the directory. Error: ErrLocked, or scorch's own.
func (x *Index) scorch(config map[string]any) (index.Index, error) {
	if config == nil {
		config = map[string]any{}
	}
	config["path"], config["bolt_timeout"] = x.dir, lockTimeout
	config["asyncErrorCallbackName"], config["eventCallbackName"] = watchName, watchName
	s, err := scorch.NewScorch(scorch.Name, config, x.queue)
	if err != nil {
		return nil, err
	}
	if err := guarded(s.Open); err != nil {
		// bbolt's own error, whose package is not for this one to import.
		if strings.HasSuffix(err.Error(), "timeout") {
			return nil, ErrLocked
		}
		return nil, err
	}
	return s, nil
}

func snapshot(s index.Index) (*scorch.IndexSnapshot, error) {
	r, err := s.Reader()
	if err != nil {
		return nil, err
	}
	pinned, ok := r.(*scorch.IndexSnapshot)
	if !ok || pinned == nil {
		return nil, fmt.Errorf("scorch has no snapshot but a %T", r)
	}
	return pinned, nil
}

// close closes scorch; the store stays, so that its damage does not get lost.
func (x *Index) close() error {
	s := x.store
	if s.scorch == nil {
		return nil
	}
	defer watched.Delete(x.dir)
	closed := make(chan error, 1)
	go func(open index.Index) { closed <- guarded(open.Close) }(s.scorch)
	s.scorch = nil
	select {
	case err := <-closed:
		return err
	case <-s.damaged:
	}
	// What panicked may have held a lock for which Close waits for ever. Everything else
	// of scorch ends at once, so that nothing writes to the directory any more.
	select {
	case err := <-closed:
		return err
	case <-time.After(abandonAfter):
		x.log.Warn("keyword index: a damaged store could not be closed and is left behind", "dir", x.dir)
		return nil
	}
}

// discard removes scorch's files, and no others. The root goes first: what is left after
// a crash in between is not taken for an index.
func (x *Index) discard() error {
	segments, err := filepath.Glob(filepath.Join(x.dir, "*"+segmentSuffix))
	if err != nil {
		return err
	}
	for _, path := range append([]string{filepath.Join(x.dir, rootFile)}, segments...) {
		// failpoint: keyword/discarding
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
