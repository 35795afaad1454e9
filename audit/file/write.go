package file

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

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
			return err
		}
	}
	s.broken = false
	return nil
}

// entries writes frames, syncs them, and only then writes what follows from them.
func (s *Storage) entries(b audit.Batch) error {
	var frames, rows []byte
	end, outbox := s.end, s.outbox
	for i := range b.Entries {
		e := &b.Entries[i]
		w := row{e.Index, end, e.Outbox, e.Commitment, uint32(len(e.Body))}
		frames = frame{e.Index, e.Outbox, e.Salt, e.Body}.append(frames)
		rows = w.append(rows)
		end, outbox = w.end(), e.Outbox
	}
	// failpoint: audit/before-write
	if _, err := s.bodies.WriteAt(frames, s.end); err != nil {
		return fmt.Errorf("writing %s: %w", bodiesName, err)
	}
	// failpoint: audit/before-sync
	if err := s.bodies.Sync(); err != nil {
		return fmt.Errorf("syncing %s: %w", bodiesName, err)
	}
	// failpoint: audit/after-sync
	if _, err := s.commitments.WriteAt(rows, headerSize+rowSize*b.First); err != nil {
		return fmt.Errorf("writing %s: %w", commitmentsName, err)
	}
	// failpoint: audit/before-hashes
	if _, err := s.hashes.WriteAt(hashBytes(b.Hashes), headerSize+tlog.HashSize*tlog.StoredHashCount(b.First)); err != nil {
		return fmt.Errorf("writing %s: %w", hashesName, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	// failpoint: audit/written
	s.size, s.end, s.outbox = b.First+int64(len(b.Entries)), end, outbox
	return nil
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
		return err
	}
	_, err = f.Write(checkpoint)
	if err == nil {
		err = f.Sync()
	}
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
