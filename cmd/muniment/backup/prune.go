package backup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Pruned is what Prune has removed.
type Pruned struct {
	Backups       []string
	Chunks, Bytes int64
}

// Prune removes all but the newest backups, keep of them, and every chunk that none of those
// names. If one of them cannot be read nothing is removed: what it needs is not known.
func (s *Store) Prune(keep int) (Pruned, error) {
	var p Pruned
	names, err := s.Names()
	if err != nil {
		return p, err
	}
	cut := max(len(names)-max(keep, 1), 0)
	needed := map[Hash]bool{}
	for _, n := range names[cut:] {
		m, err := s.Manifest(n)
		if err != nil {
			return p, fmt.Errorf("nothing is pruned: %w", err)
		}
		for _, f := range m.Files {
			for _, h := range f.Chunks {
				needed[h] = true
			}
		}
	}
	// A manifest goes before its chunks, and for good before them: after a crash no backup
	// is there in part.
	for _, n := range names[:cut] {
		if err := os.Remove(filepath.Join(s.dir, n+manifestType)); err != nil {
			return p, fmt.Errorf("pruning: %w", err)
		}
		p.Backups = append(p.Backups, n)
	}
	if err := syncDir(s.dir); err != nil {
		return p, fmt.Errorf("pruning: %w", err)
	}
	err = s.chunks(func(h Hash, size int64) error {
		if needed[h] {
			return nil
		}
		p.Chunks++
		p.Bytes += size
		return os.Remove(s.chunkPath(h))
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return p, fmt.Errorf("pruning: %w", err)
	}
	return p, nil
}
