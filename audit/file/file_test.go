package file_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/audit/audittest"
	"github.com/muniment/muniment/audit/file"
)

// openFile opens a directory and fails the test if that fails.
func openFile(t testing.TB, dir string) *file.Storage {
	t.Helper()
	s, err := file.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// damage requires err to be a *audit.DamageError for an index.
func damage(t testing.TB, err error, index int64) {
	t.Helper()
	var d *audit.DamageError
	if !errors.As(err, &d) || d.Index != index {
		t.Fatalf("%v, want damage of record %d", err, index)
	}
}

func TestSuite(t *testing.T) {
	audittest.Run(t, func(t testing.TB) audittest.Place {
		dir := filepath.Join(t.TempDir(), "audit")
		return func(t testing.TB) audit.Storage { return openFile(t, dir) }
	})
}

func TestOneWriter(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	s := openFile(t, dir)
	if _, err := file.Open(dir); !errors.Is(err, file.ErrLocked) {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	openFile(t, dir)
}

func TestModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	l := audittest.Open(t, openFile(t, dir), audittest.Keys(t))
	audittest.Append(t, l, 0, 1)
	audittest.Close(t, l)
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 6 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		if info, err := f.Info(); err != nil || info.Mode() != 0o600 {
			t.Error(f, err)
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Error(info.Mode(), err)
	}
}

func TestNoLog(t *testing.T) {
	if _, err := file.OpenReadOnly(t.TempDir()); !errors.Is(err, file.ErrNoLog) {
		t.Error(err)
	}
	if _, err := file.OpenReadOnly(filepath.Join(t.TempDir(), "none")); !errors.Is(err, file.ErrNoLog) {
		t.Error(err)
	}
	if _, err := file.Open(filepath.Join(t.TempDir(), "none", "audit")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// Verification runs beside the server: it sees whole records only, and every one the checkpoint covers.
func TestVerifyWhileWriting(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	c := audittest.Keys(t)
	l := audittest.Open(t, openFile(t, dir), c)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := 0; n < 3000; n += 10 {
			audittest.Append(t, l, n, n+10)
		}
	}()
	var saved []byte
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		r, err := file.OpenReadOnly(dir)
		if err != nil {
			t.Fatal(err)
		}
		report := audittest.Verify(t, r, c, saved)
		if !running && report.Records != 3000 {
			t.Error(report)
		}
		r.Close()
		if saved, err = l.Checkpoint(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

// A write that fails makes the log unwritable, and opening anew finds what was acknowledged.
func TestFailedWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	c := audittest.Keys(t)
	s := openFile(t, dir)
	l := audittest.Open(t, s, c)
	audittest.Append(t, l, 0, 3)
	s.Close() // every write fails from here on
	for range 2 {
		if _, err := l.Append(ctx, audittest.Record(3)); !errors.Is(err, audit.ErrUnwritable) {
			t.Fatal(err)
		}
	}
	if err := s.Append(ctx, audit.Batch{First: 3}); !errors.Is(err, file.ErrBroken) {
		t.Fatal(err)
	}
	if err := l.Close(); !errors.Is(err, audit.ErrUnwritable) {
		t.Fatal(err)
	}
	s = openFile(t, dir)
	l = audittest.Open(t, s, c)
	audittest.Append(t, l, 3, 5)
	audittest.Close(t, l)
	if r := audittest.Verify(t, s, c, nil); r.Proven != 5 {
		t.Error(r)
	}
}

// Tree hashes follow from the commitments: lost ones are computed again, and forged ones too.
func TestHashesAreDerived(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	c := audittest.Keys(t)
	s := openFile(t, dir)
	l := audittest.Open(t, s, c)
	audittest.Append(t, l, 0, 1300)
	audittest.Close(t, l)
	s.Close()
	good := readDir(t, dir)
	for name, spoil := range map[string]func(path string) error{
		"lost": os.Remove,
		"cut":  func(path string) error { return os.Truncate(path, 64+32*700) },
		"foreign": func(path string) error {
			return os.WriteFile(path, make([]byte, 100), 0o600)
		},
		"changed": func(path string) error {
			b := append([]byte(nil), good["hashes"]...)
			b[64+32*2046] ^= 1 // the root of the first 1,024 records
			return os.WriteFile(path, b, 0o600)
		},
	} {
		if err := spoil(filepath.Join(dir, "hashes")); err != nil {
			t.Fatal(err)
		}
		s := openFile(t, dir)
		audittest.Verify(t, s, c, good["checkpoint"])
		s.Close()
		if string(readDir(t, dir)["hashes"]) != string(good["hashes"]) {
			t.Errorf("%s: hashes differ", name)
		}
	}
}
