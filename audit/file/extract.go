package file

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/muniment/muniment/audit"
)

// ErrErased says that bodies were erased while a log was being copied, so that the copy may
// hold them or not. It has to be made again.
var ErrErased = errors.New("audit records were erased meanwhile")

// Extract says which bytes of a log's directory are the log up to one checkpoint. They can be
// copied while the log is written to: what an extract names is only ever erased, and Intact
// tells whether anything was.
type Extract struct {
	Checkpoint []byte // signed; the log up to it is what the parts hold
	Parts      []Part

	dir   string
	size  int64
	marks map[int64]uint32
}

// Part is one file of an extract.
type Part struct {
	Name    string
	Size    int64
	content []byte // of a file that is not as it is in the directory
	path    string
}

// NewExtract takes an extract of the log in the directory. Sign returns a checkpoint of it, and is
// called after the marks of erasure are read: the records that vouch for them are then under it.
func NewExtract(dir string, sign func() ([]byte, error)) (*Extract, error) {
	e := &Extract{dir: dir}
	all, err := e.read()
	if err != nil {
		return nil, fmt.Errorf("reading the erasures of audit log %s: %w", dir, err)
	}
	if e.Checkpoint, err = sign(); err != nil {
		return nil, err
	}
	cp, err := audit.ReadCheckpoint(e.Checkpoint)
	if err != nil {
		return nil, err
	}
	e.size, e.marks = cp.N, within(all, cp.N)
	end, err := e.bodiesEnd()
	if err != nil {
		return nil, fmt.Errorf("reading audit log %s: %w", dir, err)
	}
	erased := header(erasedName)
	for _, i := range slices.Sorted(maps.Keys(e.marks)) {
		erased = mark{i, e.marks[i]}.append(erased)
	}
	for _, p := range []Part{
		{Name: checkpointName, Size: int64(len(e.Checkpoint)), content: e.Checkpoint},
		{Name: erasedName, Size: int64(len(erased)), content: erased},
		{Name: commitmentsName, Size: headerSize + rowSize*cp.N},
		{Name: hashesName, Size: headerSize + tlog.HashSize*tlog.StoredHashCount(cp.N)},
		{Name: bodiesName, Size: end},
	} {
		p.path = filepath.Join(dir, p.Name)
		e.Parts = append(e.Parts, p)
	}
	return e, nil
}

// Open returns a reader of the part's bytes. It ends early if the directory has lost some.
func (p Part) Open() (io.ReadCloser, error) {
	if p.content != nil {
		return io.NopCloser(bytes.NewReader(p.content)), nil
	}
	f, err := os.Open(p.path)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(f, p.Size), f}, nil
}

// Intact returns nil if nothing was erased since the extract was taken, else ErrErased.
func (e *Extract) Intact() error {
	now, err := e.read()
	if err == nil && !maps.Equal(within(now, e.size), e.marks) {
		err = ErrErased
	}
	return err
}

// read returns the marks of erasure in the directory.
func (e *Extract) read() (map[int64]uint32, error) {
	b, err := os.ReadFile(filepath.Join(e.dir, erasedName))
	if err != nil {
		return nil, err
	}
	rest, ok := bytes.CutPrefix(b, header(erasedName))
	if !ok {
		return nil, &audit.DamageError{Index: 0, Reason: "file " + erasedName + " is not an audit log's"}
	}
	return parseMarks(rest), nil
}

// within is the marks of the first size records. A mark of a later one would make a record
// that takes its place in the copy look erased.
func within(marks map[int64]uint32, size int64) map[int64]uint32 {
	maps.DeleteFunc(marks, func(i int64, _ uint32) bool { return i >= size })
	return marks
}

// bodiesEnd is where the last record's frame ends.
func (e *Extract) bodiesEnd() (int64, error) {
	if e.size == 0 {
		return headerSize, nil
	}
	f, err := os.Open(filepath.Join(e.dir, commitmentsName))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	b := make([]byte, rowSize)
	if _, err := f.ReadAt(b, headerSize+rowSize*(e.size-1)); err != nil {
		return 0, err
	}
	w, err := parseRow(b)
	if err != nil || w.index != e.size-1 {
		return 0, &audit.DamageError{Index: e.size - 1, Reason: "row in commitments is damaged or another's"}
	}
	return w.end(), nil
}
