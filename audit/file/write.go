package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/muniment/muniment/audit"
)

// Append implements audit.Storage.
func (s *Storage) Append(_ context.Context, b audit.Batch) error {
	if s.broken {
		return ErrBroken
	}
	size := s.size // only this goroutine changes it
	if b.First != size {
		return fmt.Errorf("batch begins at %d, the log has %d records", b.First, size)
	}
	if want := tlog.StoredHashCount(size+int64(len(b.Entries))) - tlog.StoredHashCount(size); int64(len(b.Hashes)) != want {
		return fmt.Errorf("batch has %d tree hashes, %d are needed", len(b.Hashes), want)
	}
	for i := range b.Entries {
		if n := len(b.Entries[i].Body); n > audit.MaxBody {
			return fmt.Errorf("body has %d bytes, the limit is %d", n, audit.MaxBody)
		}
	}
	s.broken = true // unless all goes well; a failed sync must not be repeated
	if len(b.Entries) > 0 {
		if err := s.entries(b); err != nil {
			return err
		}
	}
	if b.Checkpoint != nil {
		if err := s.save(b.Checkpoint); err != nil {
			// What has been stored of the batch must not be reported as refused.
			s.broken = s.broken || len(b.Entries) > 0
			return err
		}
	}
	s.broken = false
	return nil
}

// bufferSize is how much of a batch is written at a time: what a processor's cache holds.
const bufferSize = 256 << 10

// entries writes frames, syncs them, and only then writes what follows from them.
func (s *Storage) entries(b audit.Batch) error {
	parts := []part{
		{s.bodies, s.end},
		{s.commitments, headerSize + rowSize*b.First},
		{s.hashes, headerSize + tlog.HashSize*tlog.StoredHashCount(b.First)},
	}
	buffer, rows := s.buffer[:0], make([]byte, 0, rowSize*len(b.Entries))
	end, outbox, written := s.end, s.outbox, s.end
	// failpoint: audit/before-write
	for i := range b.Entries {
		e := &b.Entries[i]
		w := row{e.Index, end, e.Outbox, e.Commitment, uint32(len(e.Body))}
		buffer = frame{e.Index, e.Outbox, e.Salt, e.Body}.append(buffer)
		rows = w.append(rows)
		end, outbox = w.end(), e.Outbox
		if len(buffer) < bufferSize && i < len(b.Entries)-1 {
			continue
		}
		if _, err := s.bodies.WriteAt(buffer, written); err != nil {
			return s.cut(parts[:1], fmt.Errorf("writing %s: %w", bodiesName, err))
		}
		written, buffer = end, buffer[:0]
	}
	if cap(buffer) <= 2*bufferSize { // a large body's is not kept
		s.buffer = buffer
	}
	// failpoint: audit/before-sync
	if err := s.bodies.Sync(); err != nil {
		return fmt.Errorf("syncing %s: %w", bodiesName, err)
	}
	// failpoint: audit/after-sync
	if _, err := s.commitments.WriteAt(rows, headerSize+rowSize*b.First); err != nil {
		return s.cut(parts[:2], fmt.Errorf("writing %s: %w", commitmentsName, err))
	}
	// failpoint: audit/before-hashes
	if _, err := s.hashes.WriteAt(hashBytes(b.Hashes), headerSize+tlog.HashSize*tlog.StoredHashCount(b.First)); err != nil {
		return s.cut(parts, fmt.Errorf("writing %s: %w", hashesName, err))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	// failpoint: audit/written
	s.size, s.end, s.outbox = b.First+int64(len(b.Entries)), end, outbox
	return nil
}

// part is a file that something was added to, and where that begins.
type part struct {
	file *os.File
	at   int64
}

// cut takes back a batch for which there was no room, so that the log goes on once there
// is, and returns the error to report. Everything else than want of room breaks the
// storage, and so does it if the cuts are not known to be on disk: what is appended next
// must not be followed by what is left of this batch, whose outbox sequences are higher.
//
// The parts are cut from the last to the first: a row without its frame would be damage,
// a frame without its row is a torn tail.
func (s *Storage) cut(parts []part, cause error) error {
	if !noRoom(cause) {
		return cause
	}
	for _, p := range slices.Backward(parts) {
		err := p.file.Truncate(p.at)
		if err == nil {
			err = p.file.Sync()
		}
		if err != nil {
			return fmt.Errorf("%w; cutting %s back: %w", cause, filepath.Base(p.file.Name()), err)
		}
	}
	s.broken = false
	return fmt.Errorf("%w (%w)", audit.ErrFull, cause)
}

// noRoom reports whether a write failed because it did not fit: on the disk, in a quota or
// under the limit of a file's size. A sync that fails for want of room is something else.
func noRoom(err error) bool {
	at, ok := errors.AsType[*fs.PathError](err)
	return ok && (at.Op == "write" || at.Op == "open") &&
		(errors.Is(at, syscall.ENOSPC) || errors.Is(at, syscall.EDQUOT) || errors.Is(at, syscall.EFBIG))
}

func hashBytes(hashes []tlog.Hash) []byte {
	b := make([]byte, 0, len(hashes)*tlog.HashSize)
	for i := range hashes {
		b = append(b, hashes[i][:]...)
	}
	return b
}

// save makes rows and hashes durable and then the checkpoint over them, which is never half written.
func (s *Storage) save(checkpoint []byte) error {
	for _, f := range []*os.File{s.commitments, s.hashes} {
		if err := f.Sync(); err != nil {
			return fmt.Errorf("syncing %s: %w", filepath.Base(f.Name()), err)
		}
	}
	// failpoint: audit/checkpoint-synced
	path := filepath.Join(s.dir, checkpointName)
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return s.unsaved(err)
	}
	if _, err = f.Write(checkpoint); err != nil {
		return s.unsaved(errors.Join(err, f.Close(), os.Remove(path+".new")))
	}
	err = f.Sync()
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		// failpoint: audit/checkpoint-written
		err = os.Rename(path+".new", path)
	}
	if err == nil {
		// failpoint: audit/checkpoint-renamed
		err = syncDir(s.dir)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", checkpointName, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.checkpoint = slices.Clone(checkpoint)
	return nil
}

// unsaved is the error of a checkpoint that could not be written. The one before it is
// still there, so want of room does not break the storage.
func (s *Storage) unsaved(cause error) error {
	if cause = fmt.Errorf("writing %s: %w", checkpointName, cause); !noRoom(cause) {
		return cause
	}
	s.broken = false
	return fmt.Errorf("%w (%w)", audit.ErrFull, cause)
}
