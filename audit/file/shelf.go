package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/muniment/muniment/audit"
)

// Shelf keeps the blocks of an audit log's register as files of a directory. All of it is
// derived from the log.
type Shelf struct{ dir string }

var _ audit.Shelf = Shelf{}

// OpenShelf returns the shelf in a directory, which is made if it is missing; its parent must
// exist.
func OpenShelf(dir string) (Shelf, error) {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return Shelf{}, err
	}
	return Shelf{dir}, nil
}

func (s Shelf) path(n int64) string { return filepath.Join(s.dir, fmt.Sprintf("%08d", n)) }

// Put implements audit.Shelf. A block that a crash leaves torn is noticed by its checksum.
func (s Shelf) Put(n int64, block []byte) error {
	name := s.path(n)
	if err := os.WriteFile(name+".new", block, 0o600); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

// ReadAt implements audit.Shelf.
func (s Shelf) ReadAt(n int64, p []byte, off int64) (int, error) {
	f, err := os.Open(s.path(n))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return f.ReadAt(p, off)
}

// Drop implements audit.Shelf.
func (s Shelf) Drop(n int64) error {
	if err := os.Remove(s.path(n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
