package bolt

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// open opens a store for the test, which is checked and closed at its end.
func open(t testing.TB, path string, o Options) *Store {
	t.Helper()
	s, err := Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := (checked{s, t}).Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
	})
	return s
}

func file(t testing.TB) string { return filepath.Join(t.TempDir(), "catalog.db") }

// line is a document for everyone with two passages, one of them with a vector.
func line(id string, version int64) catalog.PutDocument {
	text := fmt.Sprintf("%s in version %d", id, version)
	m := catalog.PutDocument{
		Document: catalog.Document{DocumentID: catalog.DocumentID{Source: "handbook", ID: id}, Version: version},
		Text:     text,
		Passages: []catalog.Passage{{Text: text, Vector: []float32{float32(version), 1}}, {Text: "second"}},
		Access: catalog.AccessPatch{Policy: &acl.Policy{Layers: []acl.Layer{
			{Allow: []acl.Grant{{Principal: acl.Everyone}}},
		}}},
	}
	copy(m.Document.LineHash[:], text)
	copy(m.Document.ContentHash[:], text)
	return m
}

func commit(t testing.TB, s *Store, ms ...catalog.Mutation) catalog.Revision {
	t.Helper()
	done, err := s.Commit(t.Context(), catalog.Commit{Mutations: ms, At: time.Unix(1_800_000_000, 0)})
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range done.Outcomes {
		if o.Refused != nil {
			t.Fatalf("mutation %d: %v", i, o.Refused)
		}
	}
	return done.Revision
}

func pin(t testing.TB, s *Store, at catalog.Revision) catalog.Snapshot {
	t.Helper()
	n, err := s.Snapshot(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func view(t testing.TB, n catalog.Snapshot) acl.View {
	t.Helper()
	cleared := acl.DefaultScale.UpTo(acl.DefaultScale.Top())
	v, err := n.View(acl.Identity{
		User: "user:corp/ada", App: "service:chat", Clearance: cleared,
		Scope: acl.Scope{AllSources: true, Clearance: cleared},
	}, time.Unix(1_800_000_000, 0))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestOnlyOneStoreHasTheFile(t *testing.T) {
	path := file(t)
	s := open(t, path, Options{})
	start := time.Now()
	_, err := Open(path, Options{Timeout: 50 * time.Millisecond})
	if !errors.Is(err, catalog.ErrLocked) || !strings.Contains(err.Error(), path) {
		t.Fatalf("opening it again: %v, want ErrLocked that names the file", err)
	}
	if waited := time.Since(start); waited > DefaultTimeout {
		t.Fatalf("waited %v for a lock, longer than asked for", waited)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, path, Options{Timeout: 50 * time.Millisecond})
}

func TestFilesThatAreNoCatalog(t *testing.T) {
	whole := file(t)
	s, err := Open(whole, Options{tight: true})
	if err != nil {
		t.Fatal(err)
	}
	for i := range int64(50) {
		commit(t, s, line("a", i), line(fmt.Sprint(i), 1))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	for name, bytes := range map[string][]byte{
		"text":              []byte(strings.Repeat("not a catalog\n", 10_000)),
		"zeros":             make([]byte, 1<<16),
		"cut in half":       content[:len(content)/2],
		"cut after meta":    content[:2*os.Getpagesize()],
		"cut within meta":   content[:100],
		"both metas zeroed": append(make([]byte, 2*os.Getpagesize()), content[2*os.Getpagesize():]...),
	} {
		t.Run(name, func(t *testing.T) {
			path := file(t)
			if err := os.WriteFile(path, bytes, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Open(path, Options{})
			if !errors.Is(err, catalog.ErrDamaged) || !strings.Contains(err.Error(), path) {
				t.Fatalf("%v, want ErrDamaged that names the file", err)
			}
		})
	}
}

func TestBucketMissing(t *testing.T) {
	path := file(t)
	s := open(t, path, Options{})
	commit(t, s, line("a", 1))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Update(func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte(bucketTexts)) }); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, Options{}); !errors.Is(err, catalog.ErrDamaged) || !strings.Contains(err.Error(), bucketTexts) {
		t.Fatalf("%v, want ErrDamaged that names the bucket", err)
	}
}

func TestNewFileIsPrivate(t *testing.T) {
	path := file(t)
	open(t, path, Options{})
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		t.Fatalf("the file's mode is %v: others may read it", mode)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "no", "folder"), Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("opening in a folder that is not there: %v", err)
	}
}
