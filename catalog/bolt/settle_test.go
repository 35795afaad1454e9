package bolt

import (
	"bytes"
	"os"
	"testing"
	"time"
)

// TestOpeningWritesTheMetaPageAgain: what the page cache alone may have is written before
// anything is built on it, and changes nothing.
func TestOpeningWritesTheMetaPageAgain(t *testing.T) {
	path := file(t)
	for i := range int64(3) { // both meta pages
		s := open(t, path, Options{})
		commit(t, s, line("a", i))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		long := time.Unix(1_000_000_000, 0)
		if err := os.Chtimes(path, long, long); err != nil {
			t.Fatal(err)
		}
		s = open(t, path, Options{})
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		after, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(before, after) {
			t.Fatalf("opening changed the file, %v", err)
		}
		if info, err := os.Stat(path); err != nil || info.ModTime().Equal(long) {
			t.Fatalf("opening wrote nothing, %v", err)
		}
	}
}
