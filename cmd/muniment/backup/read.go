package backup

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Extract writes every file of the backup below the directory, which must exist, and syncs
// it; each chunk is compared with its hash first. Progress, if not nil, is told how many
// bytes are done. Error: ErrDamaged, naming the chunk and its file.
func (s *Store) Extract(ctx context.Context, m *Manifest, dir string, progress func(done, total int64)) error {
	r := reading{ctx: ctx, progress: progress}
	for _, f := range m.Files {
		r.total += f.Size
	}
	dirs := map[string]bool{dir: true}
	for _, f := range m.Files {
		path := filepath.Join(dir, filepath.FromSlash(f.Path))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return fmt.Errorf("restoring %s: %w", f.Path, err)
		}
		dirs[filepath.Dir(path)] = true
		if err := s.extract(&r, f, path); err != nil {
			return fmt.Errorf("restoring %s: %w", f.Path, err)
		}
	}
	for dir := range dirs {
		if err := syncDir(dir); err != nil {
			return fmt.Errorf("restoring: %w", err)
		}
	}
	return nil
}

func (s *Store) extract(r *reading, f File, path string) (err error) {
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	w := bufio.NewWriterSize(out, 1<<20)
	for i, h := range f.Chunks {
		chunk, err := s.read(h, f.chunkSize(i))
		if err != nil {
			return fmt.Errorf("chunk %d of %d: %w", i+1, len(f.Chunks), err)
		}
		if _, err := w.Write(chunk); err != nil {
			return err
		}
		if err := r.step(int64(len(chunk))); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return out.Sync()
}

// read returns a chunk that has the hash and the size.
func (s *Store) read(h Hash, size int64) ([]byte, error) {
	f, err := os.Open(s.chunkPath(h))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: chunk %s is missing", ErrDamaged, h)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	chunk, err := io.ReadAll(io.LimitReader(f, size+1))
	if err != nil {
		return nil, err
	}
	if int64(len(chunk)) != size || sha256.Sum256(chunk) != h {
		return nil, fmt.Errorf("%w: chunk %s is not what was stored", ErrDamaged, h)
	}
	return chunk, nil
}

// reading counts what has been read.
type reading struct {
	ctx         context.Context
	progress    func(done, total int64)
	done, total int64
}

func (r *reading) step(n int64) error {
	r.done += n
	if r.progress != nil {
		r.progress(r.done, r.total)
	}
	return r.ctx.Err()
}
