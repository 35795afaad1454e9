package backup

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Writer makes one backup: chunks are put, and then Commit says what they are. Without a
// Commit there is no backup.
type Writer struct {
	store   *Store
	present map[Hash]bool
	made    map[string]bool // folders made or written to, to be synced
	recent  []Hash          // of the newest backup

	// NewChunks and NewBytes count what was not in the folder before.
	NewChunks, NewBytes int64
}

// Writer begins a backup. A chunk that is there with another size than the newest backup says
// counts as missing, and is written again.
func (s *Store) Writer() (*Writer, error) {
	w := &Writer{store: s, present: map[Hash]bool{}, made: map[string]bool{}}
	names, err := s.Names()
	if err != nil {
		return nil, err
	}
	sizes := map[Hash]int64{}
	for _, n := range slices.Backward(names) {
		m, err := s.Manifest(n)
		if err != nil {
			continue // a manifest that cannot be read is no reason to have no newer one
		}
		for _, f := range m.Files {
			for i, h := range f.Chunks {
				sizes[h] = f.chunkSize(i)
				w.recent = append(w.recent, h)
			}
		}
		break
	}
	err = s.chunks(func(h Hash, size int64) error {
		want, known := sizes[h]
		w.present[h] = !known || want == size
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing the chunks: %w", err)
	}
	return w, nil
}

// Have returns the chunks that need not be put, one after the other in at most limit bytes,
// those of the newest backup first.
func (w *Writer) Have(limit int) []byte {
	limit -= limit % len(Hash{})
	var have []byte
	seen := map[Hash]bool{}
	add := func(h Hash) {
		if w.present[h] && !seen[h] && len(have) < limit {
			seen[h] = true
			have = append(have, h[:]...)
		}
	}
	for _, h := range w.recent {
		add(h)
	}
	for h := range w.present {
		add(h)
	}
	return have
}

// Put stores a chunk, unless it is there, and returns its hash.
func (w *Writer) Put(chunk []byte) (Hash, error) {
	h := Hash(sha256.Sum256(chunk))
	if w.present[h] {
		return h, nil
	}
	path := w.store.chunkPath(h)
	dir := filepath.Dir(path)
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return h, fmt.Errorf("storing a chunk: %w", err)
	}
	f, err := os.CreateTemp(dir, newPrefix+"*") // with mode 0600
	if err != nil {
		return h, fmt.Errorf("storing a chunk: %w", err)
	}
	_, err = f.Write(chunk)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return h, fmt.Errorf("storing a chunk: %w", errors.Join(err, os.Remove(f.Name())))
	}
	w.present[h], w.made[dir] = true, true
	w.NewChunks++
	w.NewBytes += int64(len(chunk))
	return h, nil
}

// PutFile stores a file from a reader in chunks of the size and returns what it consists of.
func (w *Writer) PutFile(path string, r io.Reader, chunkBytes int64) (File, error) {
	f := File{Path: path, ChunkBytes: chunkBytes, Chunks: []Hash{}}
	chunk := make([]byte, chunkBytes)
	for {
		n, err := io.ReadFull(r, chunk)
		if n > 0 {
			h, err := w.Put(chunk[:n])
			if err != nil {
				return File{}, err
			}
			f.Size += int64(n)
			f.Chunks = append(f.Chunks, h)
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return f, nil
		case err != nil:
			return File{}, fmt.Errorf("reading %s: %w", path, err)
		}
	}
}

// Commit makes the backup: it returns its name once manifest and chunks are on disk. It
// refuses a manifest that names a chunk which is not there.
func (w *Writer) Commit(m *Manifest) (string, error) {
	m.Format = Format
	if err := m.check(); err != nil {
		return "", fmt.Errorf("finishing the backup: %w", err)
	}
	for _, f := range m.Files {
		for i, h := range f.Chunks {
			if !w.present[h] {
				return "", fmt.Errorf("finishing the backup: chunk %d of %s (%s) has not come", i, f.Path, h)
			}
		}
	}
	for dir := range w.made {
		if err := syncDir(dir); err != nil {
			return "", fmt.Errorf("finishing the backup: %w", err)
		}
	}
	if err := syncDir(filepath.Join(w.store.dir, chunksName)); err != nil {
		return "", fmt.Errorf("finishing the backup: %w", err)
	}
	name, err := w.store.write(m)
	if err != nil {
		return "", fmt.Errorf("finishing the backup: %w", err)
	}
	return name, nil
}

// Missing is how many bytes of the file have to be put, each chunk once.
func (w *Writer) Missing(f File) (bytes int64) {
	seen := map[Hash]bool{}
	for i, h := range f.Chunks {
		if !w.present[h] && !seen[h] {
			seen[h] = true
			bytes += f.chunkSize(i)
		}
	}
	return bytes
}
