package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/muniment/muniment/api"
	auditfile "github.com/muniment/muniment/audit/file"
	"github.com/muniment/muniment/catalog/bolt"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

const (
	// backupChunk is how long the chunks of a backup are. Commits change pages of the catalog
	// here and there, and a chunk is stored again if any of its pages has changed; but each
	// chunk is a file where backups are kept.
	backupChunk = 256 << 10
	// backupRoom is what must be free beside a copy of the catalog for it to be made: enough
	// that documents are still taken in meanwhile.
	backupRoom = 2 * bolt.DefaultReserve
	// leftCopy matches the folders in which catalogs are copied.
	leftCopy = "backup-*.tmp"
)

// removeLeftCopies removes copies of the catalog that a process left which was killed.
func removeLeftCopies(cfg config) error {
	left, err := filepath.Glob(filepath.Join(cfg.Data, leftCopy))
	if err != nil {
		return err
	}
	for _, path := range left {
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("removing the copy that an interrupted backup left: %w", err)
		}
	}
	return nil
}

// Backup implements api.Operator.
//
// Copying catalog and log one after the other would not do: what is committed in between has
// its record in only one of them, or in none if it was taken from the outbox of the one and
// had not come to the other. A log that is ahead of its catalog is as bad: the outbox would
// give sequence numbers that the log has, and their records would be taken for old ones. So
//
//	the outbox is held; a checkpoint of the log is signed; the catalog is copied; and only
//	then may the outbox be emptied again.
//
// All that the log holds up to the checkpoint is then in the catalog's copy, and each change
// that is in the copy alone has its record there in the outbox, from which a restored
// server appends it.
func (o *operator) Backup(ctx context.Context, have []byte, send func(*pb.BackupResponse) error) (err error) {
	defer func() { o.count("backup", err, true) }()
	if !o.copying.TryLock() {
		return api.ErrOperationRunning
	}
	defer o.copying.Unlock()
	dir, err := o.roomForCopy()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)

	release := o.outbox.Hold()
	defer release()
	log, err := auditfile.NewExtract(o.cfg.path("audit"), func() ([]byte, error) { return o.audit.Checkpoint(ctx) })
	if err != nil {
		return err
	}
	taken := time.Now()
	copied := filepath.Join(dir, "catalog.bolt")
	if _, err := o.store.Copy(ctx, copied); err != nil {
		return err
	}
	release()

	b := &backupRun{ctx: ctx, send: send, known: map[[sha256.Size]byte]bool{}}
	for h := range slices.Chunk(have[:len(have)-len(have)%sha256.Size], sha256.Size) {
		b.known[[sha256.Size]byte(h)] = true
	}
	info, err := os.Stat(copied)
	if err != nil {
		return err
	}
	b.add("catalog.bolt", info.Size(), func() (io.ReadCloser, error) { return os.Open(copied) })
	for _, p := range log.Parts {
		b.add("audit/"+p.Name, p.Size, p.Open)
	}
	if err := b.run(); err != nil {
		return err
	}
	if err := log.Intact(); errors.Is(err, auditfile.ErrErased) {
		return api.ErrErasedMeanwhile
	} else if err != nil {
		return err
	}
	return send(&pb.BackupResponse{Part: &pb.BackupResponse_End{End: &pb.BackupEnd{
		Checkpoint: string(log.Checkpoint), Time: timestamppb.New(taken), Version: version,
	}}})
}

// roomForCopy makes a folder for a copy of the catalog, if it fits on the disk. The copy has
// to be on disk whole before it is sent: while it is made the catalog cannot use pages again,
// and how fast it is sent is for the receiver to say.
func (o *operator) roomForCopy() (string, error) {
	info, err := os.Stat(o.cfg.path("catalog.bolt"))
	if err != nil {
		return "", err
	}
	free, err := freeBytes(o.cfg.Data)
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return "", err
	}
	if err == nil && free < info.Size()+backupRoom {
		return "", api.ErrNoSpace
	}
	return os.MkdirTemp(o.cfg.Data, leftCopy)
}

// backupRun is one backup on its way to whoever asked for it.
type backupRun struct {
	ctx   context.Context
	send  func(*pb.BackupResponse) error
	known map[[sha256.Size]byte]bool // chunks that need not be sent, or were
	files []backupSource
}

// backupSource is one file that is backed up, and what it consists of.
type backupSource struct {
	path   string
	size   int64
	open   func() (io.ReadCloser, error)
	chunks []byte // their hashes
}

func (b *backupRun) add(path string, size int64, open func() (io.ReadCloser, error)) {
	b.files = append(b.files, backupSource{path: path, size: size, open: open})
}

// run reads every file twice: to say what it consists of, and to send what is not known.
func (b *backupRun) run() error {
	for i := range b.files {
		f := &b.files[i]
		size := int64(0)
		err := b.read(f, func(chunk []byte) error {
			h := sha256.Sum256(chunk)
			f.chunks = append(f.chunks, h[:]...)
			size += int64(len(chunk))
			return nil
		})
		if err == nil && size != f.size {
			err = fmt.Errorf("backing up %s: it ends after %d bytes of %d", f.path, size, f.size)
		}
		if err != nil {
			return err
		}
		if err := b.send(&pb.BackupResponse{Part: &pb.BackupResponse_File{File: &pb.BackupFile{
			Path: f.path, Size: size, Chunks: f.chunks, ChunkBytes: backupChunk,
		}}}); err != nil {
			return err
		}
	}
	for i := range b.files {
		f := &b.files[i]
		n := 0
		err := b.read(f, func(chunk []byte) error {
			h := [sha256.Size]byte(f.chunks[n:])
			n += len(h)
			if b.known[h] {
				return nil
			}
			b.known[h] = true
			if sha256.Sum256(chunk) != h { // nothing else changes what has been written
				return api.ErrErasedMeanwhile
			}
			return b.send(&pb.BackupResponse{Part: &pb.BackupResponse_Chunk{Chunk: &pb.BackupChunk{Data: bytes.Clone(chunk)}}})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// read reads a file chunk by chunk.
func (b *backupRun) read(f *backupSource, each func(chunk []byte) error) error {
	in, err := f.open()
	if err != nil {
		return fmt.Errorf("backing up %s: %w", f.path, err)
	}
	defer in.Close()
	chunk := make([]byte, backupChunk)
	for {
		if err := b.ctx.Err(); err != nil {
			return err
		}
		n, err := io.ReadFull(in, chunk)
		if n > 0 {
			if err := each(chunk[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("backing up %s: %w", f.path, err)
		}
	}
}
