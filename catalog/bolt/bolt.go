// Package bolt keeps a catalog in one bbolt file.
//
// What is stored, by bucket:
//
//	documents   document key + revision → the revision of the record before, and the
//	            document without its text
//	containers  container key + revision → likewise, the container
//	groups      group key + revision → likewise, the group's direct members
//	entries     principal key + revision → likewise, the entry of a user or group
//	texts       revision of the content + document key → the original text
//	passages    row → the passage, with the document version and ordinal it belongs to
//	vectors     row → the passage's vector, little-endian float32; row + revision → the
//	            one it was given later
//	changes     revision + kind + key → nothing: the key was changed in that revision
//	outbox      sequence → an audit record that waits for the audit log
//	sources     source → when it was first and last heard of, its settings, its sync session
//	seen        number of a session + document key → nothing: the session has seen it
//	tombstones  source + time + revision + id → nothing: the newest record is a tombstone
//	requests    who asks + id → what was asked and what became of it
//	expiries    time + who asks + id → nothing: the request was made then
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
	"runtime"
	"runtime/debug"
	"strconv"
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
	DefaultReserve   = 64 << 20
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
	// Reserve is how many bytes of the disk no content is taken in for, so that changes of
	// access, deletions and the audit log beside the catalog still have room when it runs
	// full; 0 means DefaultReserve, less none at all.
	Reserve int64

	noSync bool // tests only: a commit is not durable when it returns
	tight  bool // tests only: no more is mapped than the file has
}

// Store is a catalog in one file. Its methods may be called concurrently; commits queue.
type Store struct {
	db        *bbolt.DB
	path      string
	log       *slog.Logger
	retention catalog.Revision
	reserve   int64

	writing  sync.Mutex    // held by the one commit that runs
	poisoned chan struct{} // closed once poison is set

	mu      sync.Mutex // guards what follows; held for moments only
	id      catalog.ID
	poison  error // why no more is written; wraps catalog.ErrPoisoned
	stuck   bool  // bbolt keeps its lock and cannot be closed
	current published
	floor   catalog.Revision // the oldest revision that can be read
	leases  map[catalog.Revision]int
	// The running calls of Changes, by what they follow, and the newest revision of a
	// tombstone that is gone (see mayDrop).
	following map[catalog.Revision]int
	dropped   catalog.Revision
	paused    int // checks that run: nothing is pruned
	closed    bool
}

// published is what readers see of the newest commit, replaced as a whole.
type published struct {
	head      catalog.Revision
	sequence  uint64 // of the newest outbox record
	rows      uint32 // given out so far
	table     *table // grows with each commit
	directory *acl.Directory
	since     catalog.Revision // the revision that last changed the directory
	withheld  acl.Withholding  // the directory's
	expected  map[string]catalog.Expectation
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
	if o.Reserve == 0 {
		o.Reserve = DefaultReserve
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Store{path: path, log: o.Logger, retention: o.Retention, reserve: o.Reserve, leases: map[catalog.Revision]int{}, following: map[catalog.Revision]int{}, poisoned: make(chan struct{})}
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
	var file *os.File // bbolt's own
	s.db, err = bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout: o.Timeout, FreelistType: bbolt.FreelistMapType, NoSync: o.noSync, NoGrowSync: o.noSync, InitialMmapSize: mapSize(path, o),
		OpenFile: func(name string, flag int, mode os.FileMode) (f *os.File, err error) {
			f, err = os.OpenFile(name, flag, mode)
			file = f
			return f, err
		},
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
	if err == nil && !o.noSync {
		err = s.settle(file)
	}
	if err == nil {
		err = s.upgrade()
	}
	if err == nil {
		err = s.identify()
	}
	if err == nil {
		err = s.load()
	}
	if err != nil {
		s.db.Close()
	}
	return err
}

// mapSize is how much of the address space the file is given at first: room to grow in.
// When bbolt needs a larger mapping it waits for every open read, and lets no new one
// begin meanwhile; one copy of a large file (see Copy) would hold up all of them. Address
// space that is not used costs nothing.
func mapSize(path string, o Options) int {
	if o.tight || strconv.IntSize < 64 || runtime.GOOS == "windows" { // there the file would grow to that size
		return 0
	}
	size := 64 << 30
	if info, err := os.Stat(path); err == nil {
		size += 2 * int(info.Size())
	}
	return size
}

// load reads what the file holds.
func (s *Store) load() error {
	return s.db.View(func(tx *bbolt.Tx) error {
		st, err := readState(tx)
		if err != nil {
			return err
		}
		s.floor, s.dropped, s.id = st.Floor, st.Dropped, st.ID
		s.current, err = load(tx, st)
		return err
	})
}

// ID implements catalog.Store.
func (s *Store) ID() catalog.ID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.id
}

// identify gives an ID to a file of a version that gave none.
func (s *Store) identify() error {
	var st state
	if err := s.db.View(func(tx *bbolt.Tx) (err error) {
		st, err = readState(tx)
		return err
	}); err != nil || st.ID != (catalog.ID{}) {
		return err
	}
	st.ID = catalog.NewID()
	return s.db.Update(func(tx *bbolt.Tx) error { return writeState(tx, st) })
}

// Renew gives the catalog another ID. A copy that goes on by itself needs one: what it
// changes next has the revisions of what the original does.
func (s *Store) Renew(ctx context.Context) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	id := catalog.NewID()
	err := s.write(ctx, func(tx *bbolt.Tx) (commit bool, err error) {
		st, err := readState(tx)
		if err != nil {
			return false, err
		}
		st.ID = id
		return true, writeState(tx, st)
	})
	if err != nil {
		return fmt.Errorf("renewing the catalog's ID: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.id = id
	return nil
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
		for _, name := range expected(tx) {
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
		return writeState(tx, state{Layout: layout, ID: catalog.NewID()})
	})
}

// Close waits for running calls and releases the file. Whatever is asked of the store or
// its snapshots later fails.
func (s *Store) Close() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.mu.Lock()
	s.closed = true
	stuck, poison := s.stuck, s.poison
	s.mu.Unlock()
	if stuck { // bbolt would wait for ever
		return fmt.Errorf("closing the catalog: %w", poison)
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
	for i := range maxMoves {
		err = s.db.View(fn)
		if !errors.Is(err, errMoved) {
			break
		}
		time.Sleep(min(time.Duration(i)*100*time.Microsecond, 10*time.Millisecond)) // for the commit to be told to readers
	}
	switch {
	case errors.Is(err, bolterrors.ErrDatabaseNotOpen):
		return errClosed
	case errors.Is(err, bolterrors.ErrInvalidMapping): // lost in a commit that failed
		return errors.Join(s.Err(), err)
	}
	return err
}

// maxMoves is how often a read is done again because a commit came between: some seconds
// long. The moment between a commit's end and its being told to readers is short, but on a
// busy machine whoever is to tell them may be kept waiting in it.
const maxMoves = 500

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}
