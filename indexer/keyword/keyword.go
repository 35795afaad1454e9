// Package keyword ranks words with BM25 over bleve's postings, counting only the view.
//
// Passages are kept in the segments of scorch, bleve's index. They are not searched
// through bleve: its statistics are those of the whole index, so that a document which
// the caller may not read would change scores and order of those which he may. Instead
// every segment is read through a bitmap of what the view shows, and document
// frequencies, number of passages and average length are counted in it.
//
// The index is derived from the catalog. Whatever is wrong with its files, it is emptied
// and filled again; an empty answer is never made of a damaged index.
package keyword

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/RoaringBitmap/roaring/v2"
	index "github.com/blevesearch/bleve_index_api"

	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// Errors of an Index and its Readers.
var (
	// ErrDamaged says that the index's data cannot be read. From then on the index is at
	// revision 0 and only Reset brings it back.
	ErrDamaged = errors.New("keyword: the index is damaged")
	// ErrLocked says that another process has the index open.
	ErrLocked = errors.New("keyword: another process holds the index directory")
	// ErrClosed is returned by calls on a closed Index.
	ErrClosed = errors.New("keyword: closed")
)

// errForeign is why an index is discarded that is whole and has another stamp: its rows and
// revisions are those of another catalog, or of a past that this one has lost.
var errForeign = errors.New("it is of another catalog, or of changes that this one has lost")

// Index is an indexer.Index in one directory.
type Index struct {
	dir      string
	of       catalog.ID
	log      *slog.Logger
	queue    *index.AnalysisQueue // of passages to analyse
	analysts analysts
	// discarded is why Open emptied the index.
	discarded error

	writing sync.Mutex // held by Apply, Retain, Reset and Close

	mu    sync.RWMutex // held while the store is exchanged
	store *store       // nil once closed

	columnsMu sync.Mutex
	columns   map[uint64]*columns // of the newest snapshot read, by segment id

	terms   *termCache
	views   *viewCache
	readers atomic.Uint64 // how many there have been

	life         context.Context // ends with Close
	end          context.CancelFunc
	preparing    sync.Mutex // held by one of the preparations
	preparations background
}

// store is one life of the index, from opening or Reset to the next Reset or Close.
type store struct {
	scorch  index.Index
	stamp   stamp           // guarded by Index.writing, as is rows
	rows    *roaring.Bitmap // the live ones
	damaged chan struct{}   // closed when damage is found
	once    sync.Once
	cause   error // of the damage, set before damaged is closed
}

// Open opens the index of the catalog in the directory, which it has for itself. If there
// is none, or it is damaged, of another catalog or of another version, the index is empty
// and at revision 0; the log says why. Error: ErrLocked, or that no index can be made in the directory.
func Open(dir string, of catalog.ID, logger *slog.Logger) (*Index, error) {
	x := &Index{dir: dir, of: of, log: logger, queue: index.NewAnalysisQueue(indexer.Workers()), analysts: newAnalysts(), columns: map[uint64]*columns{}, terms: newTermCache(), views: newViewCache()}
	x.life, x.end = context.WithCancel(context.Background())
	s, err := x.open()
	if err != nil {
		x.end()
		x.queue.Close()
		return nil, fmt.Errorf("opening the keyword index in %s: %w", dir, err)
	}
	x.mu.Lock() // scorch is at work already, and merges lead to prepare
	defer x.mu.Unlock()
	x.store = s
	return x, nil
}

// Discarded returns what was wrong with the index in the directory, so that Open emptied it;
// nil if nothing was.
func (x *Index) Discarded() error { return x.discarded }

// Revision implements indexer.Index.
func (x *Index) Revision() catalog.Revision {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if x.store == nil || x.store.failure() != nil {
		return 0
	}
	return x.store.stamp.revision
}

// Apply implements indexer.Index. The batch is durable when it returns.
func (x *Index) Apply(ctx context.Context, b indexer.Batch) error {
	x.writing.Lock()
	defer x.writing.Unlock()
	s, err := x.usable(ctx)
	if err != nil {
		return err
	}
	batch, next, rows := index.NewBatch(), s.stamp, s.rows.Clone()
	next.revision = b.To
	var passages []*passage
	for _, e := range b.Add {
		p := newPassage(e, x.analysts)
		passages = append(passages, p)
		batch.Update(p)
		if rows.CheckedAdd(uint32(e.Row)) {
			next.added(uint32(e.Row))
		}
	}
	for _, row := range b.Remove { // after Add: a row removed never comes back
		batch.Delete(passageID(row))
		if rows.CheckedRemove(uint32(row)) {
			next.removed(uint32(row))
		}
	}
	if err := x.commit(s, batch, next, rows); err != nil {
		return fmt.Errorf("applying revision %d to the keyword index: %w", b.To, err)
	}
	for _, p := range passages {
		if failure := p.failure(); failure != nil {
			x.log.Error("passage indexed without words: its text could not be analysed", "row", p.row, "panic", failure)
		}
	}
	return nil
}

// Retain implements indexer.Index.
func (x *Index) Retain(ctx context.Context, keep func(catalog.Row) bool) error {
	x.writing.Lock()
	defer x.writing.Unlock()
	s, err := x.usable(ctx)
	if err != nil {
		return err
	}
	batch, next, rows := index.NewBatch(), s.stamp, s.rows.Clone()
	s.rows.Iterate(func(row uint32) bool {
		if !keep(catalog.Row(row)) {
			batch.Delete(passageID(catalog.Row(row)))
			rows.Remove(row)
			next.removed(row)
		}
		return true
	})
	if len(batch.IndexOps) == 0 {
		return nil
	}
	if err := x.commit(s, batch, next, rows); err != nil {
		return fmt.Errorf("dropping %d passages from the keyword index: %w", len(batch.IndexOps), err)
	}
	return nil
}

// commit writes a batch that makes the index what next and rows say.
func (x *Index) commit(s *store, batch *index.Batch, next stamp, rows *roaring.Bitmap) error {
	// failpoint: keyword/before-batch
	batch.SetInternal(stampKey, next.encode())
	done := make(chan error, 1)
	go func() { done <- guarded(func() error { return s.scorch.Batch(batch) }) }()
	select {
	case err := <-done:
		if err != nil { // memory and file may differ now
			return x.damage(s, err)
		}
	case <-s.damaged: // scorch's own goroutines have died: Batch may never return
		return s.failure()
	}
	// failpoint: keyword/after-batch
	x.mu.Lock()
	defer x.mu.Unlock()
	s.stamp, s.rows = next, rows
	return nil
}

// Reset implements indexer.Index. Readers that are open go on reading what they pinned.
func (x *Index) Reset(ctx context.Context) error {
	x.writing.Lock()
	defer x.writing.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.store == nil {
		return ErrClosed
	}
	x.close()
	if err := x.discard(); err != nil {
		return fmt.Errorf("emptying the keyword index: %w", err)
	}
	s, err := x.create()
	if err != nil {
		x.store = &store{damaged: make(chan struct{})}
		return x.damage(x.store, fmt.Errorf("emptying the keyword index: %w", err))
	}
	x.store = s
	return nil
}

// Close implements indexer.Index.
func (x *Index) Close() error {
	defer x.preparations.Wait()
	x.end()
	x.writing.Lock()
	defer x.writing.Unlock()
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.store == nil {
		return nil
	}
	err := x.close()
	x.store = nil
	x.queue.Close()
	return err
}

// usable returns the store if nothing is wrong with it. x.writing is held.
func (x *Index) usable(ctx context.Context) (*store, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if x.store == nil {
		return nil, ErrClosed
	}
	return x.store, x.store.failure()
}

// failure is the damage found so far, nil if there is none.
func (s *store) failure() error {
	select {
	case <-s.damaged:
		return s.cause
	default:
		return nil
	}
}

// damage takes the store out of use and returns the error that says so.
func (x *Index) damage(s *store, cause error) error {
	s.once.Do(func() {
		if s.cause = cause; !errors.Is(cause, ErrDamaged) {
			s.cause = fmt.Errorf("%w: %w", ErrDamaged, cause)
		}
		x.log.Error("keyword index damaged, to be discarded", "dir", x.dir, "error", cause)
		close(s.damaged)
	})
	return s.failure()
}
