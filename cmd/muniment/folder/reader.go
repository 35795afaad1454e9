package folder

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
	"syscall"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// content is a file as it was read.
type content struct {
	bytes  []byte
	policy *pb.Policy // of the file system, if that counts
}

// read reads a file, again if it changed meanwhile, and sets f.info to what was read.
func (t *Tree) read(f *File) (c content, err error) {
	for range 3 {
		c, err = t.readOnce(f)
		if !errors.Is(err, errMoved) {
			break
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return c, Gone
	}
	return c, err
}

var errMoved = errors.New("it keeps changing while it is read")

func (t *Tree) readOnce(f *File) (c content, err error) {
	open, err := t.reader.open(t.folder.root, f.Name)
	if err != nil {
		return c, err
	}
	defer open.Close()
	before, err := open.Stat()
	if err != nil {
		return c, err
	}
	if t.folder.cfg.POSIX != nil {
		if c.policy, err = t.permissions(open); err != nil {
			return c, err
		}
	}
	if c.bytes, err = io.ReadAll(io.LimitReader(open, maxText+1)); err != nil {
		return c, err
	}
	if len(c.bytes) > maxText {
		return c, TooLarge
	}
	after, err := open.Stat()
	switch {
	case err != nil:
		return c, err
	case before.Size() != after.Size() || !changedAt(before).Equal(changedAt(after)) || int64(len(c.bytes)) != after.Size():
		return c, errMoved
	}
	f.info = after
	return c, nil
}

// reader opens files by their path without following a link on any step of it. It keeps
// the directory it was in last.
type reader struct {
	mu  sync.Mutex
	dir string
	at  *os.Root
}

func (r *reader) open(root *os.Root, name string) (*os.File, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if dir := path.Dir(name); r.at == nil || r.dir != dir {
		at, err := openDir(root, dir)
		if err != nil {
			return nil, err
		}
		r.close()
		r.at, r.dir = at, dir
	}
	base := path.Base(name)
	want, err := r.at.Lstat(base)
	if err != nil {
		return nil, err
	}
	if !want.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: no plain file any more", errMoved)
	}
	f, err := r.at.OpenFile(base, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	got, err := f.Stat()
	if err == nil && !os.SameFile(want, got) {
		err = errMoved
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func (r *reader) close() {
	if r.at != nil {
		r.at.Close()
		r.at = nil
	}
}

// Close gives back what the tree holds open. The tree can still be used.
func (t *Tree) Close() {
	t.reader.mu.Lock()
	defer t.reader.mu.Unlock()
	t.reader.close()
}

// openDir opens a directory step by step.
func openDir(root *os.Root, dir string) (*os.Root, error) {
	at, err := root.OpenRoot(".")
	if err != nil || dir == "." {
		return at, err
	}
	for base := range strings.SplitSeq(dir, "/") {
		next, err := openBelow(at, base)
		at.Close()
		if err != nil {
			return nil, err
		}
		at = next
	}
	return at, nil
}
