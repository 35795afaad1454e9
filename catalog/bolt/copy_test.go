package bolt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/muniment/muniment/catalog"
)

// TestCopyIsOneMoment copies a catalog while it is written to. Each commit changes two
// documents together; a copy in which they differ, or that fails its check, is of no moment.
func TestCopyIsOneMoment(t *testing.T) {
	s := open(t, file(t), Options{noSync: true})
	dir := t.TempDir()
	stop, done := make(chan struct{}), sync.WaitGroup{}
	done.Go(func() {
		for version := int64(1); ; version++ {
			select {
			case <-stop:
				return
			default:
			}
			ms := []catalog.Mutation{line("left", version), line("right", version), line(fmt.Sprint("more", version), 1)}
			if _, err := s.Commit(context.Background(), catalog.Commit{Mutations: ms, At: time.Unix(version, 0)}); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for i := range 10 {
		path := filepath.Join(dir, fmt.Sprint(i))
		at, err := s.Copy(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		copied, err := Open(path, Options{noSync: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := copied.Check(t.Context(), nil); err != nil {
			t.Errorf("copy %d: %v", i, err)
		}
		n := pin(t, copied, 0)
		if n.Revision() != at {
			t.Errorf("copy %d is at revision %d, and was said to be at %d", i, n.Revision(), at)
		}
		found, err := n.Documents(t.Context(), view(t, n), []catalog.DocumentID{{Source: "handbook", ID: "left"}, {Source: "handbook", ID: "right"}})
		if err != nil || len(found) == 1 || len(found) == 2 && found[0].Version != found[1].Version {
			t.Errorf("copy %d has %+v, %v", i, found, err)
		}
		n.Close()
		if err := copied.Close(); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	done.Wait()
}

// TestCopyIsWhole compares all that a catalog and its copy answer, the outbox included.
func TestCopyIsWhole(t *testing.T) {
	s := open(t, file(t), Options{noSync: true})
	sample(t, s, 5, 0, 4)
	path := filepath.Join(t.TempDir(), "copy")
	if _, err := s.Copy(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the copy's mode: %v, %v", info.Mode(), err)
	}
	copied := open(t, path, Options{noSync: true})
	if diff := cmp.Diff(everything(s, 5), everything(copied, 5)); diff != "" {
		t.Errorf("the copy differs (-the catalog +the copy):\n%s", diff)
	}
}

// TestCopyLeavesNothingHalf: a copy that fails or is given up leaves no file, and no copy
// overwrites one.
func TestCopyLeavesNothingHalf(t *testing.T) {
	s := open(t, file(t), Options{noSync: true})
	sample(t, s, 5, 0, 4)
	dir := t.TempDir()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Copy(gone, filepath.Join(dir, "given-up")); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	there := filepath.Join(dir, "there")
	if err := os.WriteFile(there, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Copy(t.Context(), there); !errors.Is(err, os.ErrExist) {
		t.Errorf("over a file: %v", err)
	}
	if content, err := os.ReadFile(there); err != nil || string(content) != "mine" {
		t.Errorf("the file that was there: %q, %v", content, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("the folder holds %v, %v", left, err)
	}
}
