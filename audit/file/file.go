// Package file keeps an audit log in a directory.
//
//	checkpoint    the newest signed checkpoint, a text file for anybody's tools
//	commitments   one row of 64 bytes for each record: commitment, and where its body lies
//	bodies        one frame for each record: salt and body, checksummed
//	hashes        the tree hashes, 32 bytes each, in the order of x/mod's tlog
//	erased        which bodies were erased on purpose
//	lock          held by the one process that writes
//
// A record is durable when its frame in bodies is: one write, one sync for a whole group. Rows and
// hashes follow from the frames, so they are written after that sync and are themselves synced only
// with a checkpoint. Opening therefore trusts rows up to the checkpoint, reads the frames behind it,
// and writes rows and hashes anew. A row is never written before its frame was synced: a row without
// a whole frame is damage, a frame without a row at the very end is a torn tail, which no caller was
// told of, and is cut.
package file

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/muniment/muniment/audit"
)

// Names of the files in a log's directory.
const (
	checkpointName  = "checkpoint"
	commitmentsName = "commitments"
	bodiesName      = "bodies"
	hashesName      = "hashes"
	erasedName      = "erased"
	lockName        = "lock"
)

// Errors of opening and writing.
var (
	ErrLocked = errors.New("audit log is open in another process")
	ErrNoLog  = errors.New("directory holds no audit log")
	ErrBroken = errors.New("audit log was not closed after a failed write") // a write failed; open anew
)

// Reader reads a log's directory. It writes nothing and takes no lock, so it may run beside the
// process that writes; it then sees the log as it was when it was opened.
type Reader struct {
	dir         string
	commitments *os.File
	bodies      *os.File
	hashes      *os.File

	mu         sync.RWMutex
	size       int64
	outbox     uint64
	end        int64 // of the last whole frame in bodies
	checkpoint []byte
	erased     map[int64]uint32 // state by index
	damage     *audit.DamageError

	// The tail that Opening recovered, from record base on, if it is not in the files.
	base       int64
	tailRows   []row
	tailHashes []tlog.Hash
}

var _ audit.Reader = (*Reader)(nil)

// Storage is a Reader that also writes. It holds the directory's lock until Close.
type Storage struct {
	Reader
	lock   *os.File
	erases *os.File
	broken bool   // a write failed
	buffer []byte // what frames are put together in; empty between appends
}

var _ audit.Storage = (*Storage)(nil)

// OpenReadOnly opens a directory for reading. Damage does not keep it from opening: reading reports
// it when it gets there.
func OpenReadOnly(dir string) (*Reader, error) {
	r := &Reader{dir: dir}
	if err := r.open(os.O_RDONLY); err != nil {
		r.Close()
		return nil, fmt.Errorf("opening audit log %s: %w", dir, err)
	}
	if err := r.load(); err != nil {
		r.Close()
		return nil, fmt.Errorf("reading audit log %s: %w", dir, err)
	}
	if err := r.noteDamage(r.tailTree()); err != nil {
		r.Close()
		return nil, fmt.Errorf("reading audit log %s: %w", dir, err)
	}
	return r, nil
}

// Open opens a directory for writing, making it if it is missing (the parent must exist), and
// repairs the torn tail of a crash. It fails with ErrLocked if another process has it open, and with
// a *audit.DamageError if what it would have to repair had been acknowledged.
func Open(dir string) (*Storage, error) {
	s := &Storage{Reader: Reader{dir: dir}}
	if err := s.start(); err != nil {
		s.Close()
		return nil, fmt.Errorf("opening audit log %s: %w", dir, err)
	}
	return s, nil
}

func (s *Storage) start() error {
	if err := os.Mkdir(s.dir, 0o700); err == nil {
		if err := syncDir(filepath.Dir(s.dir)); err != nil {
			return err
		}
	} else if !os.IsExist(err) {
		return err
	}
	var err error
	if s.lock, err = lock(filepath.Join(s.dir, lockName)); err != nil {
		return err
	}
	if err := s.create(); err != nil {
		return err
	}
	if err := s.Reader.open(os.O_RDWR); err != nil {
		return err
	}
	if s.erases, err = os.OpenFile(filepath.Join(s.dir, erasedName), os.O_RDWR, 0); err != nil {
		return err
	}
	if err := s.load(); err != nil {
		return err
	}
	if s.damage != nil {
		return s.damage
	}
	return s.repair()
}

// create makes the files that are missing, unless there is a checkpoint: then they were lost.
func (s *Storage) create() error {
	if _, err := os.Stat(filepath.Join(s.dir, checkpointName)); err == nil {
		return nil
	} else if !os.IsNotExist(err) {
		return err
	}
	for _, name := range []string{commitmentsName, bodiesName, hashesName, erasedName} {
		f, err := os.OpenFile(filepath.Join(s.dir, name), os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return err
		}
		// failpoint: audit/making
		info, err := f.Stat()
		if err == nil && info.Size() < headerSize { // new, or torn while it was made
			if _, err = f.WriteAt(header(name), 0); err == nil {
				err = f.Sync()
			}
		}
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return syncDir(s.dir)
}

// open opens the three large files. A missing one stays nil and is damage, unless all are missing.
func (r *Reader) open(flag int) error {
	missing := 0
	for name, f := range map[string]**os.File{commitmentsName: &r.commitments, bodiesName: &r.bodies, hashesName: &r.hashes} {
		var err error
		*f, err = os.OpenFile(filepath.Join(r.dir, name), flag, 0)
		if os.IsNotExist(err) {
			missing++
			*f = nil
		} else if err != nil {
			return err
		}
	}
	if missing == 3 {
		return ErrNoLog
	}
	return nil
}

// Close closes the files.
func (r *Reader) Close() error {
	var errs []error
	for _, f := range []*os.File{r.commitments, r.bodies, r.hashes} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// Close closes the files and releases the lock.
func (s *Storage) Close() error {
	err := s.Reader.Close()
	for _, f := range []*os.File{s.erases, s.lock} {
		if f != nil {
			err = errors.Join(err, f.Close())
		}
	}
	return err
}

// syncDir makes names made or changed in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
