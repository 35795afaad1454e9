// Package backup keeps backups of a data directory in a folder, each as a list of chunks.
//
//	chunks/ab/<sha256>   a piece of a file, named by its hash and stored once
//	<time>.json          a manifest: which chunks make which files, under a hash of its own
//	lock                 held by whoever writes, shared by those who read
//
// A backup is there when its manifest is: chunks come first, each whole and on disk before it
// has its name, then the manifest. What is interrupted leaves chunks that no manifest names;
// the next backup uses them. Whoever can read the folder can read all that was backed up.
package backup

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Hash is the SHA-256 of a chunk.
type Hash [sha256.Size]byte

// String returns the hash in hexadecimal, the chunk's file name.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText implements encoding.TextMarshaler.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *Hash) UnmarshalText(text []byte) error {
	parsed, ok := parseHash(string(text))
	if !ok {
		return fmt.Errorf("%.80q is not the hash of a chunk", text)
	}
	*h = parsed
	return nil
}

// parseHash accepts exactly what String returns.
func parseHash(text string) (h Hash, ok bool) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(h) {
		return Hash{}, false
	}
	copy(h[:], b)
	return h, h.String() == text
}

// Errors of a Store.
var (
	// ErrLocked says that another process writes to the folder, or reads what would be removed.
	ErrLocked = errors.New("another process is using these backups")
	// ErrNoBackup says that there is no backup, or none that old.
	ErrNoBackup = errors.New("there is no such backup")
	// ErrDamaged says that a backup is not what was written.
	ErrDamaged = errors.New("the backup is damaged")
)

const (
	chunksName   = "chunks"
	lockName     = "lock"
	manifestType = ".json"
	newPrefix    = ".new-" // of files that do not have their name yet
)

// Store is a folder of backups. It is used by one goroutine.
type Store struct {
	dir  string
	lock *os.File
}

// Open opens the folder for writing and makes it if it is missing. Error: ErrLocked.
func Open(dir string) (*Store, error) {
	s := &Store{dir: dir}
	err := os.MkdirAll(filepath.Join(dir, chunksName), 0o700)
	if err == nil {
		s.lock, err = lock(filepath.Join(dir, lockName), true)
	}
	if err == nil {
		err = s.tidy()
	}
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("opening the backups in %s: %w", dir, err)
	}
	return s, nil
}

// OpenReadOnly opens the folder for reading, also one on a read-only disk. Errors: ErrLocked,
// ErrNoBackup.
func OpenReadOnly(dir string) (*Store, error) {
	s := &Store{dir: dir}
	_, err := os.Stat(filepath.Join(dir, chunksName))
	if errors.Is(err, fs.ErrNotExist) {
		err = ErrNoBackup
	}
	if err == nil {
		s.lock, err = lock(filepath.Join(dir, lockName), false)
	}
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("opening the backups in %s: %w", dir, err)
	}
	return s, nil
}

// Close lets others write.
func (s *Store) Close() error {
	if s.lock == nil {
		return nil
	}
	return s.lock.Close()
}

// tidy removes what an interrupted backup has not finished.
func (s *Store) tidy() error {
	for _, pattern := range []string{newPrefix + "*", filepath.Join(chunksName, "*", newPrefix+"*")} {
		left, err := filepath.Glob(filepath.Join(escape(s.dir), pattern))
		if err != nil {
			return err
		}
		for _, path := range left {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// escape makes a path mean itself in a pattern.
func escape(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}

// Names returns the names of the backups, oldest first.
func (s *Store) Names() ([]string, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("listing the backups: %w", err)
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), manifestType); ok && isName(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// chunks yields the chunks in the folder.
func (s *Store) chunks(yield func(h Hash, size int64) error) error {
	return filepath.WalkDir(filepath.Join(s.dir, chunksName), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		h, ok := parseHash(e.Name())
		if !ok || filepath.Base(filepath.Dir(path)) != e.Name()[:2] {
			return nil
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		return yield(h, info.Size())
	})
}

func (s *Store) chunkPath(h Hash) string {
	return filepath.Join(s.dir, chunksName, h.String()[:2], h.String())
}

// syncDir makes names made or removed in a folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
