package file

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/muniment/muniment/audit"
)

// load finds out what the directory holds: rows up to the checkpoint as they are, and the tail
// behind it from its frames. It writes nothing; damage goes to r.damage.
func (r *Reader) load() error {
	var err error
	if r.checkpoint, err = os.ReadFile(filepath.Join(r.dir, checkpointName)); os.IsNotExist(err) {
		r.checkpoint = nil
	} else if err != nil {
		return err
	}
	if err := r.readErased(); err != nil {
		return err
	}
	if err := r.noteDamage(r.checkErased()); err != nil {
		return err
	}
	if r.hashes != nil && !hasHeader(r.hashes, hashesName) {
		r.hashes.Close()
		r.hashes = nil // missing or foreign is the same to those who ask for hashes
	}
	for name, f := range map[string]*os.File{commitmentsName: r.commitments, bodiesName: r.bodies} {
		if f == nil || !hasHeader(f, name) {
			r.damage = &audit.DamageError{Index: 0, Reason: "file " + name + " is missing or not an audit log's"}
		}
	}
	if r.commitments == nil {
		return nil
	}
	info, err := r.commitments.Stat()
	if err != nil {
		return err
	}
	rows := max(info.Size()-headerSize, 0) / rowSize
	cp, err := audit.ReadCheckpoint(r.checkpoint)
	if err != nil {
		cp.N = 0 // none or malformed: everything is tail
	}
	if r.base = cp.N; rows < r.base {
		r.base = rows // rolled back, which the log finds out by comparing with its checkpoint
	}
	r.size = r.base
	if r.damage != nil {
		r.size = rows
		return nil
	}
	if r.base > 0 {
		last, err := r.row(r.base - 1)
		if err != nil {
			return r.noteDamage(err)
		}
		r.outbox = last.outbox
	}
	if rows < cp.N {
		return nil
	}
	return r.noteDamage(r.loadTail(rows))
}

// checkErased returns damage if the file of the marks is there and is none. As long as nothing is
// erased no record would tell: but what is marked in it later could not be read again. Before the
// first checkpoint it may be torn, and is made anew.
func (r *Reader) checkErased() error {
	f, err := os.Open(filepath.Join(r.dir, erasedName))
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !hasHeader(f, erasedName) && (info.Size() >= headerSize || r.checkpoint != nil) {
		return &audit.DamageError{Index: 0, Reason: "file " + erasedName + " is not an audit log's"}
	}
	return nil
}

// noteDamage keeps damage for the reader to report and returns other errors.
func (r *Reader) noteDamage(err error) error {
	if damage, ok := errors.AsType[*audit.DamageError](err); ok {
		r.damage = damage
		return nil
	}
	return err
}

func hasHeader(f *os.File, name string) bool {
	b := make([]byte, headerSize)
	n, _ := f.ReadAt(b, 0)
	return bytes.Equal(b[:n], header(name))
}

// loadTail reads the frames behind the checkpoint, for which rows may exist, be torn, or be missing.
func (r *Reader) loadTail(rows int64) error {
	r.end = headerSize
	if r.base > 0 {
		last, err := r.row(r.base - 1)
		if err != nil {
			return err
		}
		r.end = last.end()
	}
	info, err := r.bodies.Stat()
	if err != nil {
		return err
	}
	if info.Size() < r.end {
		return &audit.DamageError{Index: r.base - 1, Reason: "bodies end before it does, and a checkpoint covers it"}
	}
	known, last, err := r.knownRows(rows)
	if err != nil {
		return err
	}
	for i := r.base; ; i++ {
		want, hasRow := known[i]
		got := want
		if f, ok := r.frameAt(r.end, info.Size()); ok && f.index == i {
			got = row{i, r.end, f.outbox, want.commitment, uint32(len(f.body))}
			if !hasRow {
				got.commitment = audit.Commitment(&f.salt, f.body)
			}
		} else if !hasRow || r.erased[i] == 0 {
			if i <= last {
				return &audit.DamageError{Index: i, Reason: "frame in bodies is damaged or missing"}
			}
			return nil // the end, torn or not
		}
		if hasRow && got != want || got.offset != r.end {
			return &audit.DamageError{Index: i, Reason: "row and frame contradict each other"}
		}
		r.tailRows = append(r.tailRows, got)
		r.size, r.outbox, r.end = i+1, got.outbox, got.end()
	}
}

// knownRows returns the whole rows behind the checkpoint by index, and the highest index among them.
// After a power cut any of them may be missing or torn, since they are not synced.
func (r *Reader) knownRows(rows int64) (map[int64]row, int64, error) {
	known, last := map[int64]row{}, int64(-1)
	const chunk = 4096
	for from := r.base; from < rows; from += chunk {
		b := make([]byte, rowSize*min(chunk, rows-from))
		if _, err := r.commitments.ReadAt(b, headerSize+rowSize*from); err != nil {
			return nil, 0, err
		}
		for i := from; len(b) > 0; i, b = i+1, b[rowSize:] {
			if w, err := parseRow(b[:rowSize]); err == nil && w.index == i {
				known[i], last = w, i
			}
		}
	}
	return known, last, nil
}

// frameAt reads the frame at an offset of bodies, if a whole one stands there before limit.
func (r *Reader) frameAt(offset, limit int64) (frame, bool) {
	var head [frameHead]byte
	if offset+frameMin > limit {
		return frame{}, false
	}
	if _, err := r.bodies.ReadAt(head[:], offset); err != nil {
		return frame{}, false
	}
	n, err := frameLength(head[:])
	if err != nil || offset+frameMin+int64(n) > limit {
		return frame{}, false
	}
	b := make([]byte, frameMin+n)
	if _, err := r.bodies.ReadAt(b, offset); err != nil {
		return frame{}, false
	}
	f, err := parseFrame(b)
	return f, err == nil
}

// tailTree computes the tree hashes of the tail. Those in the file behind the checkpoint may be torn.
func (r *Reader) tailTree() error {
	tree, err := audit.ReadTree(r.base, tlog.HashReaderFunc(r.fileHashes))
	if err != nil {
		return err
	}
	for _, w := range r.tailRows {
		r.tailHashes = tree.Add(audit.Leaf(w.commitment), r.tailHashes)
	}
	return nil
}

// readErased reads the erasure marks.
func (r *Reader) readErased() error {
	b, err := os.ReadFile(filepath.Join(r.dir, erasedName))
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.erased = map[int64]uint32{}
	if rest, ok := bytes.CutPrefix(b, header(erasedName)); ok {
		r.erased = parseMarks(rest)
	}
	return nil
}
