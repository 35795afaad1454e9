package file_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/audit/audittest"
	"github.com/muniment/muniment/audit/file"
)

// extract takes an extract of an open log in the directory.
func extract(t testing.TB, l *audit.Log, dir string) *file.Extract {
	t.Helper()
	e, err := file.NewExtract(dir, func() ([]byte, error) { return l.Checkpoint(context.Background()) })
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// writeExtract copies an extract to a directory of its own.
func writeExtract(t testing.TB, e *file.Extract) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "copy")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, p := range e.Parts {
		in, err := p.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(in)
		if err != nil || int64(len(content)) != p.Size {
			t.Fatalf("%s: %d bytes of %d, %v", p.Name, len(content), p.Size, err)
		}
		in.Close()
		if err := os.WriteFile(filepath.Join(dir, p.Name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// goesOn verifies a copied log against the checkpoint of its extract, appends to it and
// verifies it again.
func goesOn(t testing.TB, dir string, c audit.Config, e *file.Extract, records int64) {
	t.Helper()
	s := openFile(t, dir)
	if r := audittest.Verify(t, s, c, e.Checkpoint); r.Records != records || r.Proven != records {
		t.Errorf("the copy has %d records, %d of them as signed, want %d", r.Records, r.Proven, records)
	}
	l := audittest.Open(t, s, c)
	audittest.Append(t, l, 1_000_000, 1_000_010) // more than anything else here appends
	audittest.Close(t, l)
	if r := audittest.Verify(t, s, c, e.Checkpoint); r.Records != records+10 {
		t.Errorf("the copy has %d records after ten more, want %d", r.Records, records+10)
	}
}

// TestExtract copies a log that is being written to, that has erased records, and one that
// is empty. The copy is the log up to the checkpoint and can be gone on with.
func TestExtract(t *testing.T) {
	dir, c := filepath.Join(t.TempDir(), "audit"), audittest.Keys(t)
	l := audittest.Open(t, openFile(t, dir), c)
	empty := extract(t, l, dir)
	goesOn(t, writeExtract(t, empty), c, empty, 0)

	audittest.Append(t, l, 0, 700)
	if _, err := l.Erase(t.Context(), audit.Record{ID: "e1", Time: time.Unix(1, 0), Erasure: &audit.Erasure{Reason: "asked for"}}, 3, 600); err != nil {
		t.Fatal(err)
	}
	stop, writing := make(chan struct{}), sync.WaitGroup{}
	writing.Go(func() {
		for n := 1000; ; n++ {
			select {
			case <-stop:
				return
			default:
				audittest.Append(t, l, n, n+1)
			}
		}
	})
	for range 5 {
		e := extract(t, l, dir)
		cp, err := audit.ReadCheckpoint(e.Checkpoint)
		if err != nil {
			t.Fatal(err)
		}
		copied := writeExtract(t, e)
		if err := e.Intact(); err != nil {
			t.Fatal(err)
		}
		goesOn(t, copied, c, e, cp.N)
	}
	close(stop)
	writing.Wait()
}

// TestExtractNoticesErasure: an erasure after the extract makes the copy uncertain, and one
// of a record that came later does not concern it and is not in it.
func TestExtractNoticesErasure(t *testing.T) {
	dir, c := filepath.Join(t.TempDir(), "audit"), audittest.Keys(t)
	l := audittest.Open(t, openFile(t, dir), c)
	audittest.Append(t, l, 0, 10)
	e := extract(t, l, dir)
	erase := func(id string, index int64) {
		t.Helper()
		if _, err := l.Erase(t.Context(), audit.Record{ID: id, Time: time.Unix(1, 0), Erasure: &audit.Erasure{Reason: "asked for"}}, index); err != nil {
			t.Fatal(err)
		}
	}
	audittest.Append(t, l, 10, 20)
	erase("later", 15)
	if err := e.Intact(); err != nil {
		t.Errorf("after the erasure of a later record: %v", err)
	}
	goesOn(t, writeExtract(t, e), c, e, 10)
	erase("sooner", 5)
	if err := e.Intact(); !errors.Is(err, file.ErrErased) {
		t.Errorf("after an erasure: %v", err)
	}
	again := extract(t, l, dir)
	goesOn(t, writeExtract(t, again), c, again, 22)
}

// TestExtractOfDamage: what cannot be read is an error.
func TestExtractOfDamage(t *testing.T) {
	dir, c := filepath.Join(t.TempDir(), "audit"), audittest.Keys(t)
	l := audittest.Open(t, openFile(t, dir), c)
	audittest.Append(t, l, 0, 3)
	note, err := l.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	audittest.Close(t, l)
	sign := func() ([]byte, error) { return note, nil }
	if _, err := file.NewExtract(dir, sign); err != nil {
		t.Fatal(err)
	}
	whole := readDir(t, dir)
	for _, name := range []string{"commitments", "erased"} {
		damaged := readDir(t, dir)
		b := []byte(damaged[name])
		b[len(b)-1] ^= 1
		damaged[name] = b
		damaged.write(t, dir)
		if _, err := file.NewExtract(dir, sign); err == nil {
			t.Errorf("%s is damaged, and an extract was taken", name)
		}
		whole.write(t, dir)
	}
	if _, err := file.NewExtract(t.TempDir(), sign); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("of no log: %v", err)
	}
}
