// Package bolt keeps a catalog in one bbolt file.
//
// What is stored, by bucket:
//
//	documents   document key + revision → the revision of the record before, and the
//	            document without its text
//	containers  container key + revision → likewise, the container
//	groups      group key + revision → likewise, the group's direct members
//	texts       revision of the content + document key → the original text
//	passages    row → the passage, with the document version and ordinal it belongs to
//	vectors     row → the passage's vector, little-endian float32
//	changes     revision + kind + key → nothing: the key was changed in that revision
//	outbox      sequence → an audit record that waits for the audit log
//	sources     source → when it was first and last heard of
//	meta        the store's counters
//
// Records are never overwritten: a change adds one under a new revision, and a snapshot
// reads the newest at or below its own. Passages, vectors and texts never change at all;
// they belong to one content of one document and go when the last record of that content
// is pruned. bbolt does not notice damage, so every value is sealed (see seal), and a table
// in memory knows which record of a key is the newest (see table).
//
// Every read opens a transaction of bbolt and closes it before it returns. A snapshot is
// therefore no transaction but a lease, a number that the writer does not prune beyond: a
// transaction kept open would keep the file from reusing its pages.
package bolt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// Defaults of Options.
const (
	DefaultTimeout   = 3 * time.Second
	DefaultRetention = 100_000
)

// Options are the choices of Open; the zero value takes every default.
type Options struct {
	// Timeout is how long Open waits for another process to let go of the file; 0 means
	// DefaultTimeout.
	Timeout time.Duration
	// Logger hears what the operator should know; nil discards it.
	Logger *slog.Logger
	// Retention is how many revisions of history stay readable without a lease; 0 means
	// DefaultRetention.
	Retention catalog.Revision

	noSync bool // tests only: a commit is not durable when it returns
}

// Store is a catalog in one file. Its methods may be called concurrently; commits queue.
type Store struct {
	db        *bbolt.DB
	log       *slog.Logger
	retention catalog.Revision

	writing sync.Mutex // held by the one commit that runs
	stuck   error      // why no more can be written, guarded by writing

	mu      sync.Mutex // guards what follows; held for moments only
	current published
	floor   catalog.Revision // the oldest revision that can be read
	leases  map[catalog.Revision]int
	paused  int // checks that run: nothing is pruned
	closed  bool
}

// published is what readers see of the newest commit, replaced as a whole.
type published struct {
	head      catalog.Revision
	sequence  uint64 // of the newest outbox record
	rows      uint32 // given out so far
	table     *table // grows with each commit
	directory *acl.Directory
	since     catalog.Revision // the revision that last changed the directory
}

var _ catalog.Store = (*Store)(nil)

// errClosed is returned for everything asked of a store or snapshot after its Close.
var errClosed = fmt.Errorf("catalog: %w", fs.ErrClosed)

// Open opens the catalog in the file, which is made if there is none; its folder must
// exist. Errors: catalog.ErrLocked if another process has it open, catalog.ErrDamaged. A
// damaged file may stay locked until the process ends.
func Open(path string, o Options) (*Store, error) {
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Retention == 0 {
		o.Retention = DefaultRetention
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Store{log: o.Logger, retention: o.Retention, leases: map[catalog.Revision]int{}}
	if err := s.open(path, o); err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	s.log.Info("catalog opened", "path", path, "revision", uint64(s.current.head))
	return s, nil
}

func (s *Store) open(path string, o Options) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer contain(&err)
	_, missing := os.Stat(path)
	s.db, err = bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout: o.Timeout, FreelistType: bbolt.FreelistMapType, NoSync: o.noSync,
	})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return catalog.ErrLocked
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum), errors.Is(err, bolterrors.ErrVersionMismatch):
		return fmt.Errorf("%w: %v", catalog.ErrDamaged, err)
	case err != nil:
		return err
	}
	if missing != nil {
		// A new file survives a power cut only once its folder's entry is on disk too.
		err = syncFolder(filepath.Dir(path))
	}
	// failpoint: catalog/opened
	if err == nil {
		err = s.complete(path)
	}
	if err == nil {
		err = s.load()
	}
	if err != nil {
		s.db.Close()
	}
	return err
}

// load reads what the file holds.
func (s *Store) load() error {
	return s.db.View(func(tx *bbolt.Tx) error {
		st, err := readState(tx)
		if err != nil {
			return err
		}
		s.floor = st.Floor
		s.current, err = load(tx, st)
		return err
	})
}

// complete refuses a file that was cut short, and makes the buckets of a new one.
func (s *Store) complete(path string) error {
	empty := false
	err := s.db.View(func(tx *bbolt.Tx) error {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if info.Size() < tx.Size() {
			return fmt.Errorf("%w: the file has %d bytes of %d", catalog.ErrDamaged, info.Size(), tx.Size())
		}
		first, _ := tx.Cursor().First()
		empty = first == nil
		for _, name := range buckets {
			if !empty && tx.Bucket([]byte(name)) == nil {
				return fmt.Errorf("%w: bucket %s is missing", catalog.ErrDamaged, name)
			}
		}
		return nil
	})
	if err != nil || !empty {
		return err
	}
	// failpoint: catalog/before-buckets
	return s.db.Update(func(tx *bbolt.Tx) error {
		for _, name := range buckets {
			if _, err := tx.CreateBucket([]byte(name)); err != nil {
				return err
			}
		}
		return writeState(tx, state{})
	})
}

// Close waits for running calls and releases the file. Whatever is asked of the store or
// its snapshots later fails.
func (s *Store) Close() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	if s.stuck != nil { // bbolt would wait for ever
		return fmt.Errorf("closing the catalog: %w", s.stuck)
	}
	if err := s.db.Close(); err != nil { // waits for open transactions
		return fmt.Errorf("closing the catalog: %w", err)
	}
	return nil
}

// read runs fn in a transaction that ends before it returns; fn may run more than once.
func (s *Store) read(ctx context.Context, fn func(*bbolt.Tx) error) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer contain(&err)
	for range maxMoves {
		err = s.db.View(fn)
		if !errors.Is(err, errMoved) {
			break
		}
	}
	if errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
		return errClosed
	}
	return err
}

// maxMoves is how often a read is done again because a commit came between. A commit takes
// far longer than the moment in which it can.
const maxMoves = 100

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}
