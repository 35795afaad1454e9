package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// TestWatch follows a folder while it changes: new files, edits, files in new folders,
// removals, a broken setting that is mended; and an interrupt ends it well.
func TestWatch(t *testing.T) {
	t.Parallel()
	s, dir := startServer(t, t.TempDir()), t.TempDir()
	plant(t, dir, map[string]string{"a.md": "# A\n", "b.md": "# B\n", "c.md": "# C\n", "d.md": "# D\n", "e.md": "# E\n", "f.md": "# F\n"})
	c := command(context.Background(), t, "ingest", "--source", "wiki", "--readers", "everyone", "--watch", "--every", "2s", dir)
	c.Env = append(c.Env, s.env()...)
	log := &childLog{}
	c.Stdout, c.Stderr = log, log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	t.Cleanup(func() { c.Process.Kill() })
	soon := func(what string, f func() bool) {
		t.Helper()
		eventually(t, what, f)
	}
	has := func(id string) func() bool {
		return func() bool { return s.mayRead("user:local/ada", "wiki", id) }
	}
	soon("the folder is sent", func() bool { return s.source("wiki").GetDocuments() == 6 && s.source("wiki").GetLastSync() != nil })
	first := s.source("wiki").GetLastSync().AsTime()
	plant(t, dir, map[string]string{"new.md": "# New\n", "deep/er/file.md": "# Deep\n"})
	soon("new files arrive", func() bool { return has("new.md")() && has("deep/er/file.md")() })
	plant(t, dir, map[string]string{"a.md": "---\nreaders: user:local/otto\n---\n# A\n"})
	soon("an edit closes a document", func() bool { return !has("a.md")() })
	os.Remove(filepath.Join(dir, "b.md"))
	soon("a file that is gone is removed", func() bool { return !has("b.md")() })
	plant(t, dir, map[string]string{".muniment.yaml": "redaers: everyone\n"})
	soon("a broken setting is reported", func() bool { return strings.Contains(log.String(), "redaers: unknown key") })
	os.Remove(filepath.Join(dir, ".muniment.yaml"))
	mended := time.Now()
	soon("it goes on when that is mended", func() bool { return s.source("wiki").GetLastSync().AsTime().After(mended) })
	if n := strings.Count(log.String(), "redaers"); n > 1 {
		t.Errorf("one mistake was reported %d times\n%s", n, log.String())
	}
	if last := s.source("wiki"); !last.GetLastSync().AsTime().After(first) || last.GetDocuments() != 7 {
		t.Errorf("after it all: %v", last)
	}
	c.Process.Signal(syscall.SIGINT)
	if err := <-ended; err != nil {
		t.Errorf("ended by an interrupt: %v\n%s", err, log.String())
	}
	if open := s.source("wiki").GetSession(); open != nil {
		t.Errorf("a session was left open: %v", open)
	}
}

// TestUnchangedIsNamed: a second look names what did not change, and sends what somebody
// else changed.
func TestUnchangedIsNamed(t *testing.T) {
	t.Parallel()
	s, dir := startServer(t, t.TempDir()), t.TempDir()
	plant(t, dir, map[string]string{"a.md": "# A\n", "b.md": "# B\n", "c.md": "# C\n"})
	f := folderFlags{source: "wiki", readers: []string{"everyone"}, watch: true}
	opened, err := f.open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	var notes bytes.Buffer
	r := &folderRun{folderFlags: f, folder: opened, conn: s.conn, progress: &progress{}, out: &notes, notes: &notes,
		known: map[string]acknowledged{}, said: map[string]bool{}}
	look := func(applied, unchanged, removed int) *folderPass {
		t.Helper()
		p, err := r.reconcile(s.job())
		if err != nil || p.applied != applied || p.unchanged != unchanged || p.removed != removed {
			t.Fatalf("%v, %v", p.summary(), err)
		}
		return p
	}
	look(3, 0, 0)
	if len(r.known) != 0 {
		t.Errorf("%d files are trusted that were written just now", len(r.known))
	}
	time.Sleep(2100 * time.Millisecond) // longer than a coarse clock of a file system
	look(0, 3, 0)
	if len(r.known) != 3 {
		t.Fatalf("%d files are known, want 3", len(r.known))
	}
	// Seen items carry no text, so what the server refuses is read again.
	s.mustSend(&pb.IngestRequest{Item: &pb.IngestRequest_Delete{Delete: &pb.DocumentDeletion{Source: "wiki", Id: "b.md", Version: time.Now().UnixMicro()}}})
	look(1, 2, 0)
	if !s.mayRead("user:local/ada", "wiki", "b.md") {
		t.Error("a document that somebody else deleted was not sent again")
	}
}

// cancelling ends a context when something is written.
type cancelling struct {
	bytes.Buffer
	cancel func()
}

func (c *cancelling) Write(b []byte) (int, error) { c.cancel(); return c.Buffer.Write(b) }

// TestInterruptedFolder: an interrupt in the middle ends the session and removes nothing; a
// session that a crash left open is taken up by the next run on the folder.
func TestInterruptedFolder(t *testing.T) {
	t.Parallel()
	s, dir := startServer(t, t.TempDir()), t.TempDir()
	s.mustSend(line(t, `{"document": {"source": "wiki", "id": "gone.md", "version": 1, "text": "x"}}`))
	plant(t, dir, map[string]string{"a.md": "# A\n", "b.md": "---\nowner: not a principal\n---\n# B\n", "c.md": "# C\n", "d.md": "# D\n", "e.md": "# E\n"})
	f := folderFlags{source: "wiki", readers: []string{"everyone"}, allowRemovals: 1}
	opened, err := f.open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	ctx, cancel := context.WithCancel(s.job())
	notes := &cancelling{cancel: cancel} // by the warning about b.md
	r := &folderRun{folderFlags: f, folder: opened, conn: s.conn, progress: &progress{}, out: notes, notes: notes,
		known: map[string]acknowledged{}, said: map[string]bool{}}
	if _, err := r.reconcile(ctx); exitCode(err) != exitFailed || !strings.Contains(explain(err), "interrupted") {
		t.Errorf("interrupted: %v", err)
	}
	if got := s.source("wiki"); got.GetSession() != nil || got.GetError() != "interrupted" || got.GetLastSync() != nil {
		t.Errorf("after the interrupt: %v", got)
	}

	if _, err := r.startSession(s.job()); err != nil { // and then the process is gone
		t.Fatal(err)
	}
	got := program(t, append(s.env(), "ingest", "--source", "wiki", "--readers", "everyone", "--allow-removals", "1", dir)...)
	if got.code != exitOK || !strings.Contains(got.stdout, "5 documents") || !strings.Contains(got.stdout, "1 removed") {
		t.Errorf("after a crash: %+v", got)
	}
}
