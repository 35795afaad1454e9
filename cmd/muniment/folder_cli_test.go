package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/muniment/muniment/acl"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// plant writes files into a directory, by their slash paths.
func plant(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, file, text)
	}
}

// mayRead reports whether somebody can get a document.
func (s *server) mayRead(who acl.Principal, source, id string) bool {
	s.t.Helper()
	_, err := s.documents().GetDocument(s.user(who), &pb.GetDocumentRequest{Document: &pb.DocumentRef{Source: source, Id: id}})
	if err != nil && status.Code(err) != codes.NotFound {
		s.t.Fatal(err)
	}
	return err == nil
}

// source is a source as its job sees it.
func (s *server) source(name string) *pb.Source {
	s.t.Helper()
	resp, err := pb.NewSourceServiceClient(s.conn).ListSources(s.job(), &pb.ListSourcesRequest{})
	if err != nil {
		s.t.Fatal(err)
	}
	return namedSource(resp.GetSources(), name)
}

func (s *server) env() []string {
	return []string{"MUNIMENT_ADDR=" + s.addr, "MUNIMENT_TOKEN=" + s.token(sender())}
}

// TestIngestFolder follows a folder through its life: new, unchanged, edited, closed,
// opened, mended, emptied.
func TestIngestFolder(t *testing.T) {
	t.Parallel()
	s, dir := startServer(t, t.TempDir()), t.TempDir()
	plant(t, dir, map[string]string{
		"index.md": "# Welcome\n\nAnchors.\n", "a.md": "# A\n\nText.\n", "b.txt": "Text of b.\n", "c.md": "# C\n\nText.\n", "d.md": "# D\n\nText.\n",
		"e.md": "---\ndraft: true\n---\nText.\n", "hr/.muniment.yaml": "readers: [user:local/hanna]\n", "hr/pay.md": "# Pay\n\nText.\n", "picture.png": "x",
	})
	run := func(code int, says string, flags ...string) ran {
		t.Helper()
		args := append(append(s.env(), "ingest", "--source", "wiki"), flags...)
		got := program(t, append(args, dir)...)
		if got.code != code || !strings.Contains(got.stdout+got.stderr, says) {
			t.Fatalf("%v: exit code %d, want %d and %q\n%s%s", flags, got.code, code, says, got.stdout, got.stderr)
		}
		return got
	}
	run(exitUsage, "--readers everyone")
	run(exitUsage, "ada", "--readers", "ada")
	if s.source("wiki") != nil {
		t.Fatal("something was sent without a policy")
	}
	all := []string{"--readers", "everyone"}
	run(exitOK, "2 folders, 6 documents, 6 applied, 0 unchanged, 0 refused, 0 removed, left out: 1 drafts, left out: 1 of other types", all...)
	run(exitOK, "6 documents, 0 applied, 6 unchanged", all...)
	if got := s.source("wiki"); got.GetVersionClock() != pb.VersionClock_VERSION_CLOCK_UNIX_MICROS || got.GetLastSync() == nil || got.GetDocuments() != 6 || got.GetSession() != nil {
		t.Errorf("the source: %v", got)
	}
	if !s.mayRead("user:local/ada", "wiki", "index.md") || s.mayRead("user:local/ada", "wiki", "hr/pay.md") || s.mayRead("user:local/hanna", "other", "hr/pay.md") || s.mayRead("user:local/otto", "wiki", "e.md") {
		t.Error("who may read is not what the folder says")
	}

	// The policy of a folder narrows what lies below; one in front matter that cannot be read closes.
	plant(t, dir, map[string]string{"a.md": "---\nreaders: nobody in particular\n---\n# A\n"})
	got := run(exitRefused, "1 removed", all...)
	if !strings.Contains(got.stderr, "a.md: refused: readers: ") || s.mayRead("user:local/ada", "wiki", "a.md") {
		t.Errorf("a document without a certain policy: %+v", got)
	}
	plant(t, dir, map[string]string{"a.md": "---\nreaders: user:local/ada\n---\n# A\n"})
	run(exitOK, "1 applied", all...)
	if !s.mayRead("user:local/ada", "wiki", "a.md") || !s.mayRead("user:local/ada", "wiki", "b.txt") {
		t.Error("a document that was mended is not there")
	}
	plant(t, dir, map[string]string{".muniment.yaml": "reader: [everyone]\n"})
	run(exitUsage, "reader: unknown key")
	os.Remove(filepath.Join(dir, ".muniment.yaml"))

	// One of six may go unasked; three may not.
	os.Remove(filepath.Join(dir, "d.md"))
	run(exitOK, "1 removed", all...)
	for _, name := range []string{"a.md", "b.txt", "c.md"} {
		os.Remove(filepath.Join(dir, name))
	}
	run(exitOK, "nothing removed", append(all, "--no-removals")...)
	run(exitRefused, "run this again with --allow-removals 3", all...)
	if !s.mayRead("user:local/ada", "wiki", "b.txt") || s.source("wiki").GetSession() != nil || !strings.Contains(s.source("wiki").GetError(), "3 of the 5") {
		t.Errorf("after a refused removal: %v", s.source("wiki"))
	}
	run(exitRefused, "--allow-removals 3", append(all, "--allow-removals", "2")...)
	run(exitOK, "3 removed", append(all, "--allow-removals", "3")...)
	if s.mayRead("user:local/ada", "wiki", "b.txt") || s.source("wiki").GetDocuments() != 2 {
		t.Errorf("after a removal: %v", s.source("wiki"))
	}
}

// TestIngestFolderAgainstWhatIsStored: later versions on the server are overcome, settings
// kept, sessions of others respected, other clocks refused.
func TestIngestFolderAgainstWhatIsStored(t *testing.T) {
	t.Parallel()
	s, dir := startServer(t, t.TempDir()), t.TempDir()
	plant(t, dir, map[string]string{"a.md": "# A\n\nOf the folder.\n"})
	sources := pb.NewSourceServiceClient(s.conn)
	if _, err := sources.SetSource(s.job(), &pb.SetSourceRequest{Source: &pb.Source{Name: "wiki", Contact: "docs@line.example"}}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, "a.md"))
	if err != nil {
		t.Fatal(err)
	}
	s.mustSend(&pb.IngestRequest{Item: &pb.IngestRequest_Document{Document: &pb.Document{
		Source: "wiki", Id: "a.md", Version: info.ModTime().UnixMicro() + 1, Text: "Later.",
	}}})
	env := append(s.env(), "ingest", "--readers", "everyone")
	got := program(t, append(env, "--source", "wiki", dir)...)
	if got.code != exitOK || !strings.Contains(got.stdout, "1 applied") || s.source("wiki").GetContact() != "docs@line.example" {
		t.Errorf("over a later version: %+v, %v", got, s.source("wiki"))
	}
	d, err := s.documents().GetDocument(s.user("user:local/ada"), &pb.GetDocumentRequest{Document: &pb.DocumentRef{Source: "wiki", Id: "a.md"}})
	if err != nil || !strings.Contains(d.String(), "Of the folder") {
		t.Errorf("%v %v", d, err)
	}

	if _, err := sources.StartSync(s.job(), &pb.StartSyncRequest{Source: "wiki", RequestId: "another"}); err != nil {
		t.Fatal(err)
	}
	if got := program(t, append(env, "--source", "wiki", dir)...); got.code != exitRefused || !strings.Contains(got.stderr, "muniment source abort wiki") {
		t.Errorf("while another session is open: %+v", got)
	}
	if got := program(t, append(s.env(), "source", "abort", "wiki", "--error", "it was dead")...); got.code != exitOK {
		t.Errorf("source abort: %+v", got)
	}
	if got := program(t, append(s.env(), "source", "list")...); got.code != exitOK || !strings.Contains(got.stdout, "it was dead") || !strings.Contains(got.stdout, "docs@line.example") {
		t.Errorf("source list: %+v", got)
	}
	if got := program(t, append(env, "--source", "wiki", dir)...); got.code != exitOK {
		t.Errorf("after the abort: %+v", got)
	}
	if got := program(t, append(s.env(), "source", "set", "wiki", "--cadence", "24h", "--version-clock", "counter")...); got.code != exitOK {
		t.Errorf("source set: %+v", got)
	}
	if now := s.source("wiki"); now.GetContact() != "docs@line.example" || now.GetCadence().AsDuration().Hours() != 24 || now.GetVersionClock() != pb.VersionClock_VERSION_CLOCK_COUNTER {
		t.Errorf("what was not set was changed: %v", now)
	}
	if got := program(t, append(env, "--source", "wiki", dir)...); got.code != exitUsage || !strings.Contains(got.stderr, "counter") {
		t.Errorf("a source with another clock: %+v", got)
	}
	got = program(t, append(s.env(), "source", "list", "--json")...)
	if got.code != exitOK || !strings.Contains(got.stdout, `"name":"wiki"`) || !strings.Contains(got.stdout, `"version_clock":"VERSION_CLOCK_COUNTER"`) {
		t.Errorf("source list --json: %+v", got)
	}
	for _, args := range [][]string{{"source"}, {"source", "set", "wiki"}, {"source", "set", "wiki", "--version-clock", "sundial"}, {"source", "set"}, {"source", "abort"},
		{"source", "set", "wiki", "--cadence", "-1h"}, {"ingest", dir}, {"ingest", "--source", "x", dir, dir}, {"ingest", "--watch", "x.jsonl"},
		{"ingest", "--source", "x", filepath.Join(dir, "a.md")}, {"ingest", "--source", "x", filepath.Join(dir, "none")}} {
		if got := program(t, append(s.env(), args...)...); got.code != exitUsage {
			t.Errorf("%v: %+v", args, got)
		}
	}
}
