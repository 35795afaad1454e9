package file_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/muniment/muniment/audit/file"
)

// TestShelf keeps, replaces and drops a block.
func TestShelf(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "register")
	for range 2 { // a second time it is there already
		if _, err := file.OpenShelf(dir); err != nil {
			t.Fatal(err)
		}
	}
	s, err := file.OpenShelf(dir)
	if err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 3)
	if _, err := s.ReadAt(7, p, 0); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("a block that was never put: %v", err)
	}
	for _, text := range []string{"first", "second"} {
		if err := s.Put(7, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.ReadAt(7, p, 2); err != nil || string(p) != text[2:5] {
			t.Fatalf("read %q, %v of %q", p, err, text)
		}
	}
	for range 2 {
		if err := s.Drop(7); err != nil {
			t.Fatal(err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Fatalf("left behind: %v, %v", left, err)
	}
}
