package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/catalog/bolt"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// TestIndexOfSomethingElse (AVL-09) starts a server on index directories that are whole and
// not its own: of another server, of its own past, of a future that was lost. Every answer
// is the full one or names what is missing, in the end all are full, and the log says what
// was discarded. (TestIndexesAreRebuilt has those that are damaged or gone.)
func TestIndexOfSomethingElse(t *testing.T) {
	t.Parallel()
	other := t.TempDir()
	s := startServer(t, other)
	for i := range 5 {
		s.mustSend(generated(2000 + i))
	}
	s.stop()

	dir, past := t.TempDir(), filepath.Join(t.TempDir(), "past")
	s = startServer(t, dir)
	s.mustSend(company(t)...)
	s.stop()
	copyDir(t, dir, past)
	s = startServer(t, dir)
	for i := range 10 { // so that the other server's revision is lower
		s.mustSend(generated(i))
	}
	s.mustSend(generatedItems(300)...)
	want := s.allAnswers(companyQuestions(t)[:6], 3)
	if slices.ContainsFunc(want, heard.degraded) {
		t.Fatal("an answer is degraded, and nothing has happened yet")
	}
	s.stop()
	if a, b := identified(t, dir), identified(t, other); a.at < b.at || a.id == b.id {
		t.Fatalf("the server is at %+v, the other at %+v: the other must be another, and not ahead", a, b)
	}

	named := 0
	check := func(name, from string, indexes []string, says ...string) {
		t.Run(name, func(t *testing.T) {
			for _, index := range indexes {
				to := filepath.Join(dir, "index", index)
				if err := os.RemoveAll(to); err != nil {
					t.Fatal(err)
				}
				copyDir(t, filepath.Join(from, "index", index), to)
			}
			child := startChild(t, dir)
			named += child.answersUntilWhole(t, want)
			child.stop()
			for _, text := range says {
				if log := child.log.String(); !strings.Contains(log, text) {
					t.Errorf("the log does not say %q:\n%s", text, log)
				}
			}
		})
	}
	check("another server's keyword index", other, []string{"keyword"}, "keyword index discarded", "another catalog", "index rebuilding")
	check("another server's vector index", other, []string{"vector"}, "vector index discarded", "another catalog", "index rebuilding")
	check("another server's indexes", other, []string{"keyword", "vector"}, "keyword index discarded", "vector index discarded", "another catalog")
	if named == 0 {
		t.Error("no answer ever named a degradation")
	}
	check("indexes older than the truth", past, []string{"keyword", "vector"})
	check("one of them older than the truth", past, []string{"keyword"})
}

// TestIndexOfLostChanges puts the catalog back to an older copy of itself, beside the audit
// log and the indexes of what is lost. New changes then are as many as the lost ones.
func TestIndexOfLostChanges(t *testing.T) {
	t.Parallel()
	dir, past := t.TempDir(), filepath.Join(t.TempDir(), "past")
	s := startServer(t, dir)
	s.mustSend(generatedItems(20)...)
	s.stop()
	copyDir(t, dir, past)
	s = startServer(t, dir)
	s.mustSend(documentItem(page("lost")))
	s.stop()
	before := identified(t, dir)
	b, err := os.ReadFile(filepath.Join(past, "catalog.bolt"))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "catalog.bolt"), b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	child := startChild(t, dir)
	resp, err := child.retrieval().Retrieve(child.user("user:local/ada"), &pb.RetrieveRequest{Query: "stored"})
	if err != nil || len(resp.GetResults()) > 0 && resp.GetResults()[0].GetDocument().GetId() == "lost" {
		t.Errorf("what is lost: %v, %v", resp, err)
	}
	child.mustSend(documentItem(page("new")))
	eventually(t, "the document that came after the loss", func() bool {
		resp, err := child.retrieval().Retrieve(child.user("user:local/ada"), &pb.RetrieveRequest{Query: "stored"})
		if err != nil {
			t.Fatal(err)
		}
		return len(resp.GetDegradations()) == 0 && len(resp.GetResults()) > 0 && resp.GetResults()[0].GetDocument().GetId() == "new"
	})
	child.stop()
	for _, text := range []string{"older copy", "keyword index discarded", "vector index discarded"} {
		if log := child.log.String(); !strings.Contains(log, text) {
			t.Errorf("the log does not say %q:\n%s", text, log)
		}
	}
	if after := identified(t, dir); after.id == before.id || after.at <= before.at {
		t.Errorf("the catalog was %+v and is %+v", before, after)
	}
	if r := program(t, "check", "--data", dir, "--quiet"); r.code != 0 {
		t.Errorf("the check afterwards: %+v", r)
	}
	kept, again := t.TempDir(), filepath.Join(t.TempDir(), "again")
	for _, args := range [][]string{{"backup", "--quiet", "--data", dir, kept}, {"restore", "--quiet", kept, again}} {
		if r := program(t, args...); r.code != 0 {
			t.Fatalf("%v: %+v", args, r)
		}
	}
	if a, b := identified(t, dir), identified(t, again); a.id == b.id || a.at != b.at {
		t.Errorf("the original is %+v, what was restored %+v", a, b)
	}
}

type identification struct {
	id catalog.ID
	at catalog.Revision
}

// identified says which catalog a directory holds.
func identified(t *testing.T, dir string) identification {
	t.Helper()
	s, err := bolt.Open(filepath.Join(dir, "catalog.bolt"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	n, err := s.Snapshot(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	return identification{s.ID(), n.Revision()}
}

func copyDir(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}
