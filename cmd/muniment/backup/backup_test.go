package backup_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/muniment/muniment/cmd/muniment/backup"
)

const chunkBytes = 64

// tree is the content of a data directory, by path.
type tree map[string]string

// random is a tree with files of all sizes around those of chunks.
func random(r *rand.Rand) tree {
	t := tree{}
	for i := range 1 + r.IntN(5) {
		b := make([]byte, r.IntN(5)*chunkBytes+r.IntN(3)*(chunkBytes/2))
		for j := range b {
			b[j] = byte(r.IntN(4))
		}
		t[fmt.Sprintf("dir%d/file%d", i%2, i)] = string(b)
	}
	return t
}

func open(t testing.TB, dir string) *backup.Store {
	t.Helper()
	s, err := backup.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// make makes a backup of the tree.
func (files tree) backUp(t testing.TB, s *backup.Store) (name string, w *backup.Writer) {
	t.Helper()
	w, err := s.Writer()
	if err != nil {
		t.Fatal(err)
	}
	m := &backup.Manifest{Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Version: "v1", Checkpoint: "note <&>"}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		f, err := w.PutFile(path, strings.NewReader(files[path]), chunkBytes)
		if err != nil {
			t.Fatal(err)
		}
		m.Files = append(m.Files, f)
	}
	if name, err = w.Commit(m); err != nil {
		t.Fatal(err)
	}
	return name, w
}

// restore extracts a backup and returns what there is then.
func restore(t testing.TB, dir, name string) (tree, error) {
	t.Helper()
	s, err := backup.OpenReadOnly(dir)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	m, err := s.Manifest(name)
	if err != nil {
		return nil, err
	}
	to := t.TempDir()
	last := [2]int64{}
	if err := s.Extract(t.Context(), m, to, func(done, total int64) { last = [2]int64{done, total} }); err != nil {
		return nil, err
	}
	if last[0] != last[1] {
		t.Errorf("the last word on progress is %d of %d bytes", last[0], last[1])
	}
	return read(t, to), nil
}

// read is the content of every file below the directory.
func read(t testing.TB, dir string) tree {
	t.Helper()
	found := tree{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has the mode %v", path, info.Mode())
		}
		b, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		found[filepath.ToSlash(rel)] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestBackupsAreKept makes backups of trees that change a little, prunes now and then, and
// restores each that is still there. A chunk is stored once, whatever needs it.
func TestBackupsAreKept(t *testing.T) {
	for seed := range uint64(6) {
		r := rand.New(rand.NewPCG(seed, 1))
		dir := filepath.Join(t.TempDir(), "backups")
		s := open(t, dir)
		want := map[string]tree{}
		now := random(r)
		for range 8 {
			for path := range now {
				if b := []byte(now[path]); len(b) > 0 && r.IntN(3) == 0 {
					b[r.IntN(len(b))] ^= 8
					now[path] = string(b)
				}
			}
			name, w := now.backUp(t, s)
			if len(want) > 0 && name <= slices.Max(slices.Collect(maps.Keys(want))) {
				t.Fatalf("seed %d: %s is not later than the others", seed, name)
			}
			want[name] = maps.Clone(now)
			if again, w2 := now.backUp(t, s); w2.NewChunks != 0 || w2.NewBytes != 0 {
				t.Errorf("seed %d: nothing has changed, and %d chunks are new", seed, w2.NewChunks)
			} else {
				want[again] = maps.Clone(now)
			}
			if r.IntN(3) == 0 {
				keep := 1 + r.IntN(4)
				p, err := s.Prune(keep)
				if err != nil {
					t.Fatal(err)
				}
				for _, gone := range p.Backups {
					delete(want, gone)
				}
				if names, err := s.Names(); err != nil || len(names) > keep || len(names) != len(want) {
					t.Errorf("seed %d: %d backups after pruning to %d, %v", seed, len(names), keep, err)
				}
			}
			_ = w
		}
		s.Close()
		for name, files := range want {
			got, err := restore(t, dir, name)
			if diff := cmp.Diff(files, got); err != nil || diff != "" {
				t.Errorf("seed %d, %s: %v (-backed up +restored):\n%s", seed, name, err, diff)
			}
		}
	}
}

// TestPruneLeavesWhatIsNeeded: after pruning, the folder holds exactly the chunks of the
// backups that are left, and what an interrupted backup left is gone.
func TestPruneLeavesWhatIsNeeded(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	tree{"a": strings.Repeat("x", 3*chunkBytes), "b": "old"}.backUp(t, s)
	w, err := s.Writer()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Put([]byte("of a backup that never was")); err != nil {
		t.Fatal(err)
	}
	last, _ := tree{"a": strings.Repeat("x", 3*chunkBytes), "b": "new"}.backUp(t, s)
	p, err := s.Prune(1)
	if err != nil || len(p.Backups) != 1 || p.Chunks != 2 || p.Bytes != int64(len("old")+len("of a backup that never was")) {
		t.Errorf("pruned %+v, %v", p, err)
	}
	var chunks []string
	for path, content := range read(t, filepath.Join(dir, "chunks")) {
		chunks = append(chunks, content)
		if len(path) != 3+64 || path[:2] != path[3:5] {
			t.Errorf("a chunk is called %s", path)
		}
	}
	slices.Sort(chunks)
	if diff := cmp.Diff([]string{"new", strings.Repeat("x", chunkBytes)}, chunks); diff != "" {
		t.Errorf("chunks left (-want +got):\n%s", diff)
	}
	if got, err := restore(t, dir, last); !errors.Is(err, backup.ErrLocked) {
		t.Errorf("reading while somebody may prune: %v, %v", got, err)
	}
}

// TestDamageIsFound changes every byte of every file of a folder, and takes every file away.
// A restore then fails and names the chunk or the manifest, or restores what was backed up.
func TestDamageIsFound(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	files := tree{"dir/one": strings.Repeat("a", chunkBytes) + "b"}
	name, _ := files.backUp(t, s)
	s.Close()
	whole := read(t, dir)
	for path, content := range whole {
		if path == "lock" {
			continue
		}
		full := filepath.Join(dir, filepath.FromSlash(path))
		check := func(how string, want error) {
			t.Helper()
			got, err := restore(t, dir, name)
			if !errors.Is(err, want) || got != nil || strings.HasPrefix(path, "chunks/") && !strings.Contains(err.Error(), filepath.Base(path)) {
				t.Errorf("%s of %s: %v", how, path, err)
			}
		}
		for i := range content {
			b := []byte(content)
			b[i] ^= 1 << (i % 8)
			if err := os.WriteFile(full, b, 0o600); err != nil {
				t.Fatal(err)
			}
			check(fmt.Sprintf("byte %d", i), backup.ErrDamaged)
		}
		for how, b := range map[string]string{"the end": content[:len(content)-1], "nothing": "", "more": content + "x"} {
			if err := os.WriteFile(full, []byte(b), 0o600); err != nil {
				t.Fatal(err)
			}
			check(how, backup.ErrDamaged)
		}
		if err := os.Remove(full); err != nil {
			t.Fatal(err)
		}
		want := backup.ErrDamaged
		if strings.HasSuffix(path, ".json") {
			want = backup.ErrNoBackup
		}
		check("the lack", want)
		if err := os.WriteFile(full, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := restore(t, dir, name); err != nil || !maps.Equal(got, files) {
		t.Errorf("mended: %v", err)
	}
}

// TestHave says which chunks need not come: those of the newest backup, but not one that is
// missing or has become shorter, and no more than there is room for.
func TestHave(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	first := strings.Repeat("a", chunkBytes) + strings.Repeat("b", chunkBytes) + "c"
	tree{"f": first}.backUp(t, s)
	have := func(limit int) int {
		t.Helper()
		w, err := s.Writer()
		if err != nil {
			t.Fatal(err)
		}
		b := w.Have(limit)
		if len(b)%32 != 0 || len(b) > limit {
			t.Errorf("%d bytes of hashes, at most %d", len(b), limit)
		}
		return len(b) / 32
	}
	if n := have(1 << 20); n != 3 {
		t.Errorf("%d chunks, want 3", n)
	}
	if n := have(95); n != 2 {
		t.Errorf("%d chunks in 95 bytes, want 2", n)
	}
	harmed := 0
	for path, content := range read(t, filepath.Join(dir, "chunks")) {
		full := filepath.Join(dir, "chunks", filepath.FromSlash(path))
		if content == "c" {
			if err := os.Remove(full); err != nil {
				t.Fatal(err)
			}
			harmed++
		} else if content[0] == 'a' {
			if err := os.Truncate(full, 5); err != nil {
				t.Fatal(err)
			}
			harmed++
		}
	}
	if n := have(1 << 20); n != 1 || harmed != 2 {
		t.Errorf("%d chunks after two of three were harmed, want 1", n)
	}
	name, w := tree{"f": first}.backUp(t, s)
	s.Close()
	if got, err := restore(t, dir, name); err != nil || got["f"] != first || w.NewChunks != 2 {
		t.Errorf("backed up again, with %d new chunks: %v", w.NewChunks, err)
	}
}

// TestNothingHalf: a backup without its end is none, what has no name yet is cleared away,
// and a manifest cannot name a chunk that has not come, nor a path outside.
func TestNothingHalf(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	w, err := s.Writer()
	if err != nil {
		t.Fatal(err)
	}
	h, err := w.Put([]byte("chunk"))
	if err != nil {
		t.Fatal(err)
	}
	if names, err := s.Names(); err != nil || len(names) != 0 {
		t.Errorf("backups %q, %v", names, err)
	}
	for path, f := range map[string]backup.File{
		"../outside": {Size: 5, ChunkBytes: chunkBytes, Chunks: []backup.Hash{h}}, "/absolute": {Size: 5, ChunkBytes: chunkBytes, Chunks: []backup.Hash{h}},
		"a/../../b": {Size: 5, ChunkBytes: chunkBytes, Chunks: []backup.Hash{h}}, "": {ChunkBytes: chunkBytes},
		"missing": {Size: 5, ChunkBytes: chunkBytes, Chunks: []backup.Hash{{1}}}, "few": {Size: 500, ChunkBytes: chunkBytes, Chunks: []backup.Hash{h}},
		"none": {Size: 5, Chunks: []backup.Hash{h}}, "minus": {Size: -5, ChunkBytes: chunkBytes},
	} {
		f.Path = path
		if name, err := w.Commit(&backup.Manifest{Time: time.Unix(1, 0), Files: []backup.File{f}}); err == nil {
			t.Errorf("%+v made the backup %s", f, name)
		}
	}
	s.Close()
	leftovers := []string{filepath.Join(dir, ".new-1"), filepath.Join(dir, "chunks", h.String()[:2], ".new-2")}
	for _, path := range leftovers {
		if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s = open(t, dir)
	for _, path := range leftovers {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", path, err)
		}
	}
	if w, err = s.Writer(); err != nil || !bytes.Equal(w.Have(1<<20), h[:]) {
		t.Errorf("the chunk of the backup that was interrupted is not used: %v", err)
	}
	if _, err := backup.Open(dir); !errors.Is(err, backup.ErrLocked) {
		t.Errorf("opening it a second time: %v", err)
	}
}

// TestFind finds backups by name and by time.
func TestFind(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if _, err := s.Find(""); !errors.Is(err, backup.ErrNoBackup) {
		t.Errorf("without any: %v", err)
	}
	first, _ := tree{"a": "1"}.backUp(t, s) // 03:04:05, and the second a thousandth later
	second, _ := tree{"a": "2"}.backUp(t, s)
	for at, want := range map[string]string{
		"": second, first: first, second + ".json": second,
		"2026-01-02T03:04:05Z": first, "2026-01-02T04:04:05+01:00": first, "2026-01-03T00:00:00Z": second,
		"2026-01-02T03:04:04Z": "", "yesterday": "", "20260102T030405.007Z": "", "../x": "",
	} {
		got, err := s.Find(at)
		if got != want || (err != nil) != (want == "") || err != nil && !errors.Is(err, backup.ErrNoBackup) {
			t.Errorf("Find(%q) = %q, %v, want %q", at, got, err, want)
		}
	}
	if _, err := backup.OpenReadOnly(t.TempDir()); !errors.Is(err, backup.ErrNoBackup) {
		t.Errorf("a folder without backups: %v", err)
	}
}

// TestUnknownIsRefused: a manifest with more than this version knows is not half understood.
func TestUnknownIsRefused(t *testing.T) {
	for _, c := range []struct{ old, new string }{{`"format":1`, `"format":2`}, {`"version":`, `"ledger":{},"version":`}} {
		dir := t.TempDir()
		s := open(t, dir)
		name, _ := tree{"a": "1"}.backUp(t, s)
		path := filepath.Join(dir, name+".json")
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		content := string(b[bytes.Index(b, []byte(`"manifest":`))+len(`"manifest":`) : len(b)-2])
		changed := strings.Replace(content, c.old, c.new, 1)
		if changed == content {
			t.Fatalf("%s is not in %s", c.old, content)
		}
		if err := os.WriteFile(path, []byte(backup.Sealed(changed)), 0o600); err != nil {
			t.Fatal(err)
		}
		if m, err := s.Manifest(name); err == nil || errors.Is(err, backup.ErrDamaged) {
			t.Errorf("%s: %+v, %v", c.new, m, err)
		}
		if _, err := s.Prune(1); err == nil {
			t.Errorf("%s: pruned beside a manifest that is not understood", c.new)
		}
		if newer, _ := (tree{"a": "2"}).backUp(t, s); newer <= name {
			t.Errorf("%s: the next backup is %s", c.new, newer)
		}
	}
}
