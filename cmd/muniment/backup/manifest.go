package backup

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Format is the version of manifests. One of another version is refused.
const Format = 1

// Manifest says what a backup consists of.
type Manifest struct {
	Format     int       `json:"format"`
	Time       time.Time `json:"time"`       // of the copy
	Version    string    `json:"version"`    // of the program that made it
	Checkpoint string    `json:"checkpoint"` // of the audit log in it, signed
	Files      []File    `json:"files"`
}

// File is one file of the data directory.
type File struct {
	Path       string `json:"path"` // below the data directory, with slashes
	Size       int64  `json:"size"`
	ChunkBytes int64  `json:"chunk_bytes"` // of every chunk but the last
	Chunks     []Hash `json:"chunks"`
}

// chunkSize is the size of chunk i.
func (f File) chunkSize(i int) int64 { return min(f.ChunkBytes, f.Size-int64(i)*f.ChunkBytes) }

// check refuses what no backup of this version contains. A path is written to below a
// directory, so it must not lead out of it.
func (m *Manifest) check() error {
	if m.Format != Format {
		return fmt.Errorf("its format is %d, this version of muniment reads %d", m.Format, Format)
	}
	seen := map[string]bool{}
	for _, f := range m.Files {
		switch {
		case !filepath.IsLocal(filepath.FromSlash(f.Path)) || f.Path != filepath.ToSlash(filepath.Clean(f.Path)) || seen[f.Path]:
			return fmt.Errorf("the path %q cannot be", f.Path)
		case f.Size < 0 || f.ChunkBytes <= 0 || int64(len(f.Chunks)) != (f.Size+f.ChunkBytes-1)/f.ChunkBytes:
			return fmt.Errorf("%s: %d bytes are not %d chunks of %d", f.Path, f.Size, len(f.Chunks), f.ChunkBytes)
		}
		seen[f.Path] = true
	}
	return nil
}

// nameFormat makes names of times, whose order is that of time.
const nameFormat = "20060102T150405.000Z"

var name = regexp.MustCompile(`^\d{8}T\d{6}\.\d{3}Z$`)

func isName(s string) bool {
	_, err := time.Parse(nameFormat, s)
	return err == nil && name.MatchString(s)
}

// envelope is a manifest as it is stored: the hash covers the manifest's bytes. There is one
// way to write it, down to the byte.
type envelope struct {
	SHA256   Hash            `json:"sha256"`
	Manifest json.RawMessage `json:"manifest"`
}

func (e envelope) encode() []byte {
	return fmt.Appendf(nil, "{\"sha256\":\"%s\",\"manifest\":%s}\n", e.SHA256, e.Manifest)
}

// Manifest reads a backup's manifest. Errors: ErrNoBackup, ErrDamaged, or that this version
// does not understand it.
func (s *Store) Manifest(name string) (*Manifest, error) {
	b, err := os.ReadFile(filepath.Join(s.dir, name+manifestType))
	if errors.Is(err, fs.ErrNotExist) || !isName(name) {
		return nil, fmt.Errorf("reading the manifest of %s: %w", name, ErrNoBackup)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the manifest of %s: %w", name, err)
	}
	var e envelope
	if err := strict(b, &e); err != nil || Hash(sha256.Sum256(e.Manifest)) != e.SHA256 || !bytes.Equal(e.encode(), b) {
		return nil, fmt.Errorf("reading the manifest of %s: %w: its hash is not that of its content", name, ErrDamaged)
	}
	var m Manifest
	if err := strict(e.Manifest, &m); err != nil {
		return nil, fmt.Errorf("reading the manifest of %s: this version of muniment does not understand it: %w", name, err)
	}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("reading the manifest of %s: %w", name, err)
	}
	return &m, nil
}

// strict decodes JSON in which every field is known: one that is not might change what the
// backup means.
func strict(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something follows its end")
	}
	return nil
}

// Find returns the name of a backup: the newest for "", the one of that name, or the newest
// that is not later than an RFC 3339 time. Error: ErrNoBackup.
func (s *Store) Find(at string) (string, error) {
	names, err := s.Names()
	if err != nil {
		return "", err
	}
	at = strings.TrimSuffix(at, manifestType)
	if slices.Contains(names, at) {
		return at, nil
	}
	limit := at
	if at != "" && !isName(at) {
		t, err := time.Parse(time.RFC3339, at)
		if err != nil {
			return "", fmt.Errorf("%w: %q is neither the name of one (%s) nor a time (%s)", ErrNoBackup, at, nameFormat, time.RFC3339)
		}
		limit = t.UTC().Format(nameFormat)
	} else if at != "" {
		names = nil // the name of one that is not there
	}
	for _, n := range slices.Backward(names) {
		if limit == "" || n <= limit {
			return n, nil
		}
	}
	return "", fmt.Errorf("%w in %s", ErrNoBackup, s.dir)
}

// write stores a manifest durably under a name that is later than every other, and returns
// the name.
func (s *Store) write(m *Manifest) (string, error) {
	names, err := s.Names()
	if err != nil {
		return "", err
	}
	t := m.Time.UTC().Truncate(time.Millisecond)
	if len(names) > 0 { // a clock that was set back must not make it look old
		newest, err := time.Parse(nameFormat, names[len(names)-1])
		if err != nil {
			return "", err
		}
		if !t.After(newest) {
			t = newest.Add(time.Millisecond)
		}
	}
	content, err := json.Marshal(m)
	if err != nil {
		return "", err
	}
	name := t.Format(nameFormat)
	return name, put(filepath.Join(s.dir, name+manifestType), envelope{sha256.Sum256(content), content}.encode())
}

// put writes a file durably, under its name only once it is whole.
func put(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), newPrefix+"*") // with mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(filepath.Dir(path))
}
