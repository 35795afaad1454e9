package file

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/muniment/muniment/audit"
)

// repair brings the files level with what load found: it computes the hashes anew where they do not
// lead to the checkpoint, cuts torn ends, writes the tail's rows and hashes, and finishes erasures.
func (s *Storage) repair() error {
	cp, err := audit.ReadCheckpoint(s.checkpoint)
	if s.checkpoint != nil && err != nil {
		return err
	}
	if cp.N > s.size {
		return fmt.Errorf("%w: it has %d records, its checkpoint %d", audit.ErrRolledBack, s.size, cp.N)
	}
	if err := s.openHashes(cp); err != nil {
		return err
	}
	if err := s.tailTree(); err != nil {
		return err
	}
	var rows []byte
	for _, w := range s.tailRows {
		rows = w.append(rows)
	}
	hashes := hashBytes(s.tailHashes)
	for _, part := range []struct {
		file   *os.File
		tail   []byte
		offset int64
	}{
		{s.bodies, nil, s.end},
		{s.commitments, rows, headerSize + rowSize*s.base},
		{s.hashes, hashes, headerSize + tlog.HashSize*tlog.StoredHashCount(s.base)},
	} {
		// failpoint: audit/repairing
		_, err := part.file.WriteAt(part.tail, part.offset)
		if err == nil {
			err = part.file.Truncate(part.offset + int64(len(part.tail)))
		}
		if err == nil {
			err = part.file.Sync()
		}
		if err != nil {
			return fmt.Errorf("repairing %s: %w", filepath.Base(part.file.Name()), err)
		}
	}
	s.tailRows, s.tailHashes = nil, nil
	return s.finishErasures()
}

// openHashes makes sure that the hashes up to the checkpoint are whole. They follow from the
// commitments, so a lost or damaged file is computed again; whether the result is what was signed is
// for the log to say.
func (s *Storage) openHashes(cp audit.Checkpoint) error {
	if s.hashes != nil {
		tree, err := audit.ReadTree(cp.N, tlog.HashReaderFunc(s.fileHashes))
		if _, short := errors.AsType[*audit.DamageError](err); err != nil && !short {
			return err
		}
		if err == nil && (cp.N == 0 || tree.Root() == cp.Hash) {
			return nil
		}
		s.hashes.Close()
	}
	var err error
	if s.hashes, err = os.OpenFile(filepath.Join(s.dir, hashesName), os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return err
	}
	return s.computeHashes(cp.N)
}

// computeHashes writes the hashes of the first size records.
func (s *Storage) computeHashes(size int64) error {
	if _, err := s.hashes.WriteAt(header(hashesName), 0); err != nil {
		return fmt.Errorf("writing %s: %w", hashesName, err)
	}
	var tree audit.Tree
	at := int64(headerSize)
	for from := int64(0); from < size; from = tree.Size() {
		rows, err := s.rows(from, min(from+readRows, size))
		if err != nil {
			return err
		}
		var hashes []tlog.Hash
		for _, w := range rows {
			hashes = tree.Add(audit.Leaf(w.commitment), hashes)
		}
		b := hashBytes(hashes)
		if _, err := s.hashes.WriteAt(b, at); err != nil {
			return fmt.Errorf("writing %s: %w", hashesName, err)
		}
		at += int64(len(b))
	}
	return nil
}
