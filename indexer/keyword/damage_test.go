package keyword

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blevesearch/bleve/v2/index/scorch"
	index "github.com/blevesearch/bleve_index_api"
	api "github.com/blevesearch/scorch_segment_api/v2"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// shelf is a table of documents of one passage each, all readable by everyone, and the
// batch that brings an index there. The words of passage i are "common" and "word<i%50>".
func shelf(t testing.TB, n int) (*indexer.Visible, indexer.Batch) {
	t.Helper()
	policy := &acl.Policy{Layers: []acl.Layer{{Allow: []acl.Grant{{Principal: acl.Everyone}}}}}
	var changes []catalog.Change
	for i := range n {
		d := catalog.Document{
			DocumentID: catalog.DocumentID{Source: "s", ID: fmt.Sprintf("%06d", i)}, Version: 1, State: catalog.Present,
			Access: catalog.Access{Policy: policy}, Rows: catalog.Rows{First: catalog.Row(i + 1), Count: 1},
		}
		changes = append(changes, catalog.Change{Revision: 1, Document: &catalog.DocumentChange{
			Document: d, Passages: []catalog.Passage{{Row: catalog.Row(i + 1), Text: fmt.Sprintf("common word%d", i%50)}},
		}})
	}
	table, batch := indexer.NewTable().With(changes, 1)
	return table.Visible(everyone(t)), batch
}

func everyone(t testing.TB) acl.View {
	t.Helper()
	c := acl.DefaultScale.UpTo("restricted")
	v, err := (&acl.Directory{}).View(acl.Identity{
		User: "user:local/ada", App: "service:app", Clearance: c, Scope: acl.Scope{AllSources: true, Clearance: c},
	}, catalogTime)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func find(x *Index, v *indexer.Visible, text string) ([]indexer.Hit, error) {
	r, err := x.Reader(context.Background())
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return r.Search(context.Background(), v, indexer.Query{Text: text}, 10_000)
}

// filled makes an index of 2,000 passages in five revisions, of which each also removes
// one passage, closes it and returns its directory.
func filled(t *testing.T) (string, *indexer.Visible, indexer.Batch) {
	t.Helper()
	v, b := shelf(t, 2000)
	dir := t.TempDir()
	x := open(t, dir)
	for i := range 5 {
		part := indexer.Batch{Add: b.Add[i*400 : i*400+400], Remove: []catalog.Row{catalog.Row(i*400 + 1)}, To: catalog.Revision(i + 1)}
		if err := x.Apply(t.Context(), part); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, v, b
}

// eachSegment does something to every segment file, those of earlier snapshots included,
// to which scorch would go back.
func eachSegment(t *testing.T, dir string, do func(path string) error) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*"+segmentSuffix))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no segments in %s: %v", dir, err)
	}
	for _, path := range paths {
		if err := do(path); err != nil {
			t.Fatal(err)
		}
	}
}

// write overwrites some bytes of a file; a negative position counts from the end.
func write(path string, at int64, with []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if at < 0 {
		at += info.Size()
	}
	_, err = f.WriteAt(with, at)
	return err
}

func TestDamagedFilesAreDiscarded(t *testing.T) {
	root := func(dir string) string { return filepath.Join(dir, rootFile) }
	for name, damage := range map[string]func(t *testing.T, dir string){
		"altered segment: four bytes": func(t *testing.T, dir string) {
			eachSegment(t, dir, func(path string) error { return write(path, 1000, []byte{0xde, 0xad, 0xbe, 0xef}) })
		},
		"altered segment: one bit": func(t *testing.T, dir string) {
			eachSegment(t, dir, func(path string) error {
				b, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				return write(path, 3, []byte{b[3] ^ 1})
			})
		},
		"unreadable segment: the footer": func(t *testing.T, dir string) {
			eachSegment(t, dir, func(path string) error { return write(path, -20, bytes.Repeat([]byte{0xff}, 20)) })
		},
		"unreadable segment: truncated": func(t *testing.T, dir string) {
			eachSegment(t, dir, func(path string) error { return os.Truncate(path, 1000) })
		},
		"unreadable segment: empty": func(t *testing.T, dir string) {
			eachSegment(t, dir, func(path string) error { return os.Truncate(path, 0) })
		},
		"unreadable segment: missing": func(t *testing.T, dir string) { eachSegment(t, dir, os.Remove) },
		"root: missing": func(t *testing.T, dir string) {
			if err := os.Remove(root(dir)); err != nil {
				t.Fatal(err)
			}
		},
		"root: truncated": func(t *testing.T, dir string) {
			if err := os.Truncate(root(dir), 100); err != nil {
				t.Fatal(err)
			}
		},
		"root: something else": func(t *testing.T, dir string) {
			if err := os.WriteFile(root(dir), bytes.Repeat([]byte("no bbolt file "), 10_000), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"another format": func(t *testing.T, dir string) {
			restamp(t, dir, []byte{formatVersion + 1, analysisVersion, 0, 0})
		},
		"another analysis": func(t *testing.T, dir string) {
			restamp(t, dir, []byte{formatVersion, analysisVersion + 1, 0, 0})
		},
		"no stamp": func(t *testing.T, dir string) { restamp(t, dir, nil) },
		"a stamp of other passages": func(t *testing.T, dir string) {
			restamp(t, dir, stamp{of: catalog.ID{1}, revision: 5, rows: 1995}.encode())
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, v, b := filled(t)
			damage(t, dir)
			var log bytes.Buffer
			x, err := Open(dir, catalog.ID{1}, slog.New(slog.NewTextHandler(&log, nil)))
			if err != nil {
				t.Fatal(err)
			}
			defer x.Close()
			// Where scorch cannot read a segment, it may go back to its first snapshot, which
			// was empty and is whole.
			said := strings.Contains(log.String(), "discarded") || strings.HasPrefix(name, "unreadable")
			if x.Revision() != 0 || !said {
				t.Fatalf("opened at revision %d; log: %s", x.Revision(), &log)
			}
			if hits, err := find(x, v, "common"); err != nil || len(hits) != 0 {
				t.Errorf("a discarded index finds %d passages (%v)", len(hits), err)
			}
			if err := x.Apply(t.Context(), b); err != nil {
				t.Fatal(err)
			}
			if hits, err := find(x, v, "common"); err != nil || len(hits) != 2000 {
				t.Errorf("filled again, %d passages are found (%v)", len(hits), err)
			}
		})
	}
}

// restamp writes another stamp to an index, by scorch itself.
func restamp(t *testing.T, dir string, to []byte) {
	t.Helper()
	analysts := index.NewAnalysisQueue(1)
	defer analysts.Close()
	s, err := scorch.NewScorch(scorch.Name, map[string]any{"path": dir}, analysts)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if to == nil {
		err = s.DeleteInternal(stampKey)
	} else {
		err = s.SetInternal(stampKey, to)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestDamageToTheRoot overwrites the root file all over. Whatever is hit, the index either
// answers what belongs to the revision it is at (scorch may go back to an earlier one), or
// is discarded, at once or when scorch stumbles in the background; and it can be filled
// again.
func TestDamageToTheRoot(t *testing.T) {
	original, v, b := filled(t)
	info, err := os.Stat(filepath.Join(original, rootFile))
	if err != nil {
		t.Fatal(err)
	}
	discarded := 0
	for at := int64(0); at < info.Size(); at += 500 {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(original)); err != nil {
			t.Fatal(err)
		}
		if err := write(filepath.Join(dir, rootFile), at, bytes.Repeat([]byte{0xa5}, 64)); err != nil {
			t.Fatal(err)
		}
		x := open(t, dir)
		hits, err := find(x, v, "common")
		switch revision := x.Revision(); {
		case err != nil && !errors.Is(err, ErrDamaged):
			t.Errorf("damage at %d: %v", at, err)
		case revision == 0:
			discarded++
			if err := x.Reset(t.Context()); err != nil {
				t.Fatalf("damage at %d: resetting: %v", at, err)
			}
			if err := x.Apply(t.Context(), b); err != nil {
				t.Fatalf("damage at %d: filling again: %v", at, err)
			}
		case len(hits) != 399*int(revision):
			t.Errorf("damage at %d: %d hits at revision %d", at, len(hits), revision)
		}
		x.Close()
	}
	if discarded == 0 {
		t.Error("no damage was noticed")
	}
}

// TestDamageWhileOpen damages the files under an index in use. A search may still find
// everything in memory; if not, it must say so, and the index must be rebuilt.
func TestDamageWhileOpen(t *testing.T) {
	for name, damage := range map[string]func(path string) error{
		"overwritten": func(path string) error {
			return os.WriteFile(path, bytes.Repeat([]byte{0xff}, 1<<20), 0o600)
		},
		"truncated": func(path string) error { return os.Truncate(path, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			dir, v, b := filled(t)
			x := open(t, dir)
			defer x.Close()
			suite.Merge(t, x) // so that scorch does not exchange the files meanwhile
			r, err := x.Reader(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			for _, s := range r.(*reader).segments {
				if err := damage(s.data.(api.PersistedSegment).Path()); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := r.Search(t.Context(), v, indexer.Query{Text: "common"}, 10); !errors.Is(err, ErrDamaged) {
				t.Fatalf("searching damaged files: %v", err)
			}
			if x.Revision() != 0 {
				t.Errorf("the damaged index is at revision %d", x.Revision())
			}
			if _, err := x.Reader(t.Context()); !errors.Is(err, ErrDamaged) {
				t.Errorf("reading the damaged index: %v", err)
			}
			if err := x.Apply(t.Context(), b); !errors.Is(err, ErrDamaged) {
				t.Errorf("applying to the damaged index: %v", err)
			}
			if err := x.Reset(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := x.Apply(t.Context(), b); err != nil {
				t.Fatal(err)
			}
			if hits, err := find(x, v, "common"); err != nil || len(hits) != 2000 {
				t.Errorf("after Reset, %d passages are found (%v)", len(hits), err)
			}
		})
	}
}
