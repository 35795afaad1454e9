package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// TestIndexesAreRebuilt takes index directories away and damages the files in them. The
// server starts all the same and rebuilds them from the catalog; each answer meanwhile is
// the full one or names what is missing, and in the end all are as before.
func TestIndexesAreRebuilt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := startServer(t, dir)
	s.mustSend(append(company(t), generatedItems(100)...)...)
	questions := companyQuestions(t)[:6]
	want := s.allAnswers(questions, 3)
	if slices.ContainsFunc(want, heard.degraded) {
		t.Fatal("an answer is degraded, and nothing has happened yet")
	}
	s.stop()

	index := filepath.Join(dir, "index")
	remove := func(parts ...string) func(*testing.T) {
		return func(t *testing.T) {
			if err := os.RemoveAll(filepath.Join(append([]string{index}, parts...)...)); err != nil {
				t.Fatal(err)
			}
		}
	}
	check := func(name string, harm func(*testing.T)) {
		t.Run(name, func(t *testing.T) {
			harm(t)
			s := startServer(t, dir)
			named := s.answersUntilWhole(t, want)
			t.Logf("%d answers named a degradation", named)
			s.stop()
		})
	}
	check("nothing is wrong", func(*testing.T) {})
	check("the keyword index is gone", remove("keyword"))
	check("the vector index is gone", remove("vector"))
	check("both are gone", remove())
	cut := map[string]bool{} // kinds of files that were cut off already
	for _, path := range indexFiles(t, index) {
		name := strings.TrimPrefix(path, index+string(filepath.Separator))
		check("a bit of "+name+" is flipped", func(t *testing.T) { flip(t, path, 0.5) })
		if cut[filepath.Ext(path)] {
			continue
		}
		cut[filepath.Ext(path)] = true
		check(name+" ends in the middle", func(t *testing.T) {
			if info, err := os.Stat(path); err == nil { // a rebuild may have given it another name
				if err := os.Truncate(path, info.Size()/2); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
	for _, kind := range []string{"keyword", "vector"} {
		check("every file of "+kind+" is damaged", func(t *testing.T) {
			for _, path := range indexFiles(t, filepath.Join(index, kind)) {
				flip(t, path, 0.3)
			}
		})
	}
}

// TestRebuildIsSaidInTheLog: whoever runs the server reads there why answers are degraded.
func TestRebuildIsSaidInTheLog(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := startServer(t, dir)
	s.mustSend(company(t)...)
	s.stop()
	if err := os.RemoveAll(filepath.Join(dir, "index", "keyword")); err != nil {
		t.Fatal(err)
	}
	child := startChild(t, dir)
	eventually(t, "the rebuilt index", func() bool {
		resp, err := child.retrieval().Retrieve(child.user("user:local/pia"), &pb.RetrieveRequest{Query: "dogs"})
		if err != nil {
			t.Fatal(err)
		}
		return len(resp.GetDegradations()) == 0
	})
	child.stop()
	for _, want := range []string{"index rebuilding", "index=keyword", "index rebuilt"} {
		if log := child.log.String(); !strings.Contains(log, want) {
			t.Errorf("the log does not say %q:\n%s", want, log)
		}
	}
}

// answersUntilWhole asks until every answer is the full one. It fails on an answer that is
// neither that nor says so, and returns how many said so.
func (s *server) answersUntilWhole(t *testing.T, want []heard) (named int) {
	t.Helper()
	eventually(t, "answers that are whole again", func() bool {
		whole := true
		got := s.allAnswers(companyQuestions(t)[:6], 3)
		for i := range got {
			switch {
			case got[i].degraded():
				whole = false
				named++
			default:
				got[i].mustBe(t, want[i], "an answer that names no degradation is not the full one")
			}
		}
		return whole
	})
	return named
}

// indexFiles lists the files of an index that hold something, without locks.
func indexFiles(t *testing.T, dir string) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if info, err := entry.Info(); err != nil || info.Size() == 0 {
			return err
		}
		paths = append(paths, path)
		return nil
	})
	if err != nil || len(paths) == 0 {
		t.Fatalf("listing %s: %d files, %v", dir, len(paths), err)
	}
	return paths
}

// flip changes a bit of the file, at a share of its length. A file that is gone is let be.
func flip(t *testing.T, path string, at float64) {
	t.Helper()
	content, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	content[int(at*float64(len(content)))] ^= 0x10
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestSecondProcess: one directory has one server, so that there is no other on which a
// revocation could come later (ACL-12). The second is refused, and the first does not notice.
func TestSecondProcess(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	s.mustSend(documentItem(page("one")))
	second := program(t, "serve", "--data", s.dir, "--listen", "127.0.0.1:0")
	if second.code != exitUsage || !strings.Contains(second.stderr, "another muniment process") || second.stdout != "" {
		t.Errorf("a second server on the same directory: %+v", second)
	}
	s.mustSend(documentItem(page("two")))
	resp, err := s.retrieval().Retrieve(s.user("user:local/ada"), &pb.RetrieveRequest{Query: "stored"})
	if err != nil || len(resp.GetResults()) != 2 {
		t.Errorf("the first server afterwards: %v, %v", resp, err)
	}
}
