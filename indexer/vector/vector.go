// Package vector ranks embeddings by cosine similarity over the view.
//
// Of each vector there is a sketch of one bit a dimension and a code of eight, both of the
// vector turned about in a fixed way. In a small view every code is compared with the query,
// in a larger one those of the nearest sketches; the few that may belong to the best are
// compared again in full. What a code can be wrong by is known for each vector, so among
// those compared nothing that belongs to the answer is lost; what a sketch can be wrong by
// is known for nearly all. Nothing is learned from the vectors together (no graph, no
// centroids), so those outside the view have no part in the answer.
//
// Sketches and codes are in memory; the vectors themselves are in a log on disk, from
// which the index is read again at the next start. It is derived from the catalog: what is
// damaged is discarded and filled again.
package vector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// Errors of an Index and its Readers.
var (
	// ErrDamaged says that a vector on disk is not the one that was stored. From then on
	// the index is at revision 0 and only Reset brings it back.
	ErrDamaged = errors.New("vector: the index is damaged")
	// ErrClosed is returned by calls on a closed Index or Reader.
	ErrClosed = errors.New("vector: closed")
)

// Index is an indexer.Index in one directory, which it has for itself.
type Index struct {
	dir string
	of  catalog.ID
	log *slog.Logger
	// discarded is why Open emptied the index or cut off its end.
	discarded error
	few       int // exactRows; tests have fewer

	writing sync.Mutex // held by Apply, Retain, Compact, Reset and Close

	mu  sync.RWMutex // held while now is exchanged
	now *state       // nil once closed
}

// state is the index at one revision. It never changes, though later states share its
// file and its columns' blocks, to which they append.
type state struct {
	revision catalog.Revision
	file     *logFile
	size     int64 // bytes of the log that belong to it
	columns  map[space]*column
}

// space is what vectors must share to be compared. Senders of one space agree on its
// dimensions; should one not, his vectors are apart and in nobody's way.
type space struct {
	id         string
	dimensions int
}

// Open opens the index of the catalog in the directory. If there is none, or it is damaged,
// of another catalog or of another version, the index is empty and at revision 0; if only
// its end is damaged, it is at an earlier revision. The log says so. Error: that no index can be made in the directory.
func Open(dir string, of catalog.ID, logger *slog.Logger) (*Index, error) {
	x := &Index{dir: dir, of: of, log: logger, few: exactRows}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("opening the vector index: %w", err)
	}
	s, err := x.load()
	if err != nil {
		return nil, fmt.Errorf("opening the vector index in %s: %w", dir, err)
	}
	x.now = s
	return x, nil
}

// Discarded returns what was wrong with the index in the directory, so that Open emptied it
// or cut off its end; nil if nothing was. That the last batch is not whole is no fault: a
// crash leaves it so.
func (x *Index) Discarded() error { return x.discarded }

// Revision implements indexer.Index.
func (x *Index) Revision() catalog.Revision {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if x.now == nil || x.now.file.damaged.Load() {
		return 0
	}
	return x.now.revision
}

// Reader implements indexer.Index. Errors: ErrClosed, ErrDamaged.
func (x *Index) Reader(ctx context.Context) (indexer.Reader, error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	s, err := x.usable(ctx)
	if err != nil {
		return nil, err
	}
	s.file.acquire()
	return &reader{state: s, few: x.few}, nil
}

// usable is the present state, unless it cannot be used.
func (x *Index) usable(ctx context.Context) (*state, error) {
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case x.now == nil:
		return nil, ErrClosed
	case x.now.file.damaged.Load():
		return nil, ErrDamaged
	}
	return x.now, nil
}

// Apply implements indexer.Index. Vectors that are empty, zero or not finite are left
// out: their passages are as if without one.
func (x *Index) Apply(ctx context.Context, b indexer.Batch) error {
	x.writing.Lock()
	defer x.writing.Unlock()
	s, err := x.usable(ctx)
	if err != nil {
		return err
	}
	next, err := s.with(newFrame(b))
	if err != nil {
		return fmt.Errorf("applying revision %d to the vector index: %w", b.To, err)
	}
	x.publish(next)
	x.tidy(ctx, 3)
	return nil
}

// tidy compacts the log if it is wasteful. That it fails is not the fault of a caller who
// wanted something else. x.writing is held.
func (x *Index) tidy(ctx context.Context, ratio int64) {
	if !x.now.wasteful(ratio) {
		return
	}
	s, err := x.compacted(ctx, x.now)
	if err != nil {
		x.log.Warn("vector log not compacted", "error", err)
		return
	}
	x.publish(s)
}

// Retain implements indexer.Index.
func (x *Index) Retain(ctx context.Context, keep func(catalog.Row) bool) error {
	x.writing.Lock()
	defer x.writing.Unlock()
	s, err := x.usable(ctx)
	if err != nil {
		return err
	}
	f := &frame{revision: s.revision}
	for _, c := range s.columns {
		for slot := range c.live() {
			if row := c.row(slot); !keep(row) {
				f.remove = append(f.remove, row)
			}
		}
	}
	if len(f.remove) > 0 {
		if s, err = s.with(f); err != nil {
			return fmt.Errorf("dropping %d passages from the vector index: %w", len(f.remove), err)
		}
	}
	x.publish(s)
	x.tidy(ctx, 1)
	return nil
}

// Compact makes the log hold the vectors of the index and no others: what has been
// removed is no longer on disk once no reader from before is open.
func (x *Index) Compact(ctx context.Context) error {
	x.writing.Lock()
	defer x.writing.Unlock()
	s, err := x.usable(ctx)
	if err != nil {
		return err
	}
	if s, err = x.compacted(ctx, s); err != nil {
		return err
	}
	x.publish(s)
	return nil
}

// Reset implements indexer.Index.
func (x *Index) Reset(ctx context.Context) error {
	x.writing.Lock()
	defer x.writing.Unlock()
	if _, err := x.usable(ctx); err != nil && !errors.Is(err, ErrDamaged) {
		return err
	}
	s, err := x.create()
	if err != nil {
		return fmt.Errorf("emptying the vector index: %w", err)
	}
	x.publish(s)
	return nil
}

// Close implements indexer.Index. Open readers keep what they pinned.
func (x *Index) Close() error {
	x.writing.Lock()
	defer x.writing.Unlock()
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.now == nil {
		return nil
	}
	s := x.now
	x.now = nil
	return errors.Join(s.file.Sync(), s.file.release())
}

// publish makes s the present state. x.writing is held.
func (x *Index) publish(s *state) {
	x.mu.Lock()
	old := x.now
	x.now = s
	x.mu.Unlock()
	if old.file != s.file {
		if err := old.file.release(); err != nil {
			x.log.Warn("closing a vector log that is no longer needed", "error", err)
		}
	}
}

// wasteful reports whether more than ratio times as many bytes of the log belong to
// nothing as belong to vectors of the index, and enough to be worth the work.
func (s *state) wasteful(ratio int64) bool {
	const enough = 1 << 20
	used := int64(0)
	for _, c := range s.columns {
		used += int64(c.count) * int64(4*c.space.dimensions+4)
	}
	return s.size-used > ratio*used+enough
}
