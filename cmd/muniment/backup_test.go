package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/muniment/muniment/api/identity"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// TestBackupUnderLoad backs up the company while documents that nobody who asks may read pour
// in and questions are answered, restores the backup elsewhere, checks it, and demands the
// answers of before. What was acknowledged before the backup is in it. The restored server
// goes on, and in the end its log has one record of each change.
func TestBackupUnderLoad(t *testing.T) {
	t.Parallel()
	dir, kept, again := t.TempDir(), filepath.Join(t.TempDir(), "kept"), filepath.Join(t.TempDir(), "again")
	s := startChild(t, dir)
	s.mustSend(company(t)...)
	questions := companyQuestions(t)
	want := s.allAnswers(questions, 5)
	l := startLoad(s)
	var first, second backupMade
	for l.progress() < 20 {
		l.alive(t)
		time.Sleep(time.Millisecond)
	}
	before := l.progress()
	mustJSON(t, &first, "backup", "--data", dir, "--json", kept)
	after := l.progress()
	for l.progress() < after+20 {
		l.alive(t)
		time.Sleep(time.Millisecond)
	}
	mustJSON(t, &second, "backup", "--data", dir, "--json", kept)
	sent := l.end()
	if !first.Keys || first.NewBytes == 0 || second.NewBytes >= second.Bytes {
		t.Errorf("the first backup stored %d of %d bytes, the second %d of %d", first.NewBytes, first.Bytes, second.NewBytes, second.Bytes)
	}
	s.stop()

	restored := mustRun(t, "restore", "--at", first.Backup, kept, again)
	for _, says := range []string{"verified: backup " + first.Backup, "restored: " + again} {
		if !strings.Contains(restored, says) {
			t.Errorf("restore does not say %q:\n%s", says, restored)
		}
	}
	if out := mustRun(t, "check", "--data", again); !strings.Contains(out, "agree") {
		t.Errorf("check: %s", out)
	}
	r := startServer(t, again)
	got := r.allAnswers(questions, 5)
	for i := range want {
		got[i].mustBe(t, want[i], "the restored server, and the one that was backed up")
	}
	stored := 0
	for i, ack := range r.mustSend(loadItems(sent)...) { // none of them is new up to some point, all are after it
		switch unchanged := ack.GetStatus() == pb.IngestResponse_STATUS_UNCHANGED; {
		case unchanged && i == stored:
			stored++
		case unchanged:
			t.Errorf("document %d is in the backup, and %d is not", i, stored)
		}
	}
	if stored < before || stored > after+itemsUnderWay {
		t.Errorf("%d documents are in the backup; %d were acknowledged before it and %d when it was made", stored, before, after)
	}
	t.Logf("%d documents acknowledged before the backup, %d in it, %d after it, %d in all", before, stored, after, sent)
	r.stop()
	changes := recordedChanges(t, again)
	for i := range sent {
		if n := changes[fmt.Sprintf("put document load/%05d", i)]; n != 1 {
			t.Errorf("the log has %d records of document %d", n, i)
		}
	}
	if changes["restore"] != 1 || changes["backup"] != 1 {
		t.Errorf("the log has %d records of the restore and %d of the backup it is from", changes["restore"], changes["backup"])
	}
}

// itemsUnderWay is how many items the server takes on before it has acknowledged them.
const itemsUnderWay = 256

// pouring is documents that pour into a server, and questions, until end.
type pouring struct {
	server *server
	stop   chan struct{}
	wg     sync.WaitGroup
	sent   atomic.Int64 // documents
	acked  atomic.Int64
	failed atomic.Pointer[error]
}

func startLoad(s *server) *pouring {
	l := &pouring{server: s, stop: make(chan struct{})}
	stream := s.stream()
	fail := func(err error) { l.failed.Store(&err) }
	l.wg.Go(func() {
		defer stream.CloseSend()
		for {
			select {
			case <-l.stop:
				return
			default:
			}
			if stream.Send(loadItem(int(l.sent.Load()))) != nil {
				return // Recv says why
			}
			l.sent.Add(1)
		}
	})
	l.wg.Go(func() {
		for {
			ack, err := stream.Recv()
			if err != nil {
				select {
				case <-l.stop: // the stream has ended
				default:
					fail(err)
				}
				return
			}
			if ack.GetStatus() != pb.IngestResponse_STATUS_APPLIED {
				fail(fmt.Errorf("document %d: %v", l.acked.Load(), ack))
			}
			l.acked.Add(1)
		}
	})
	l.wg.Go(func() {
		for {
			select {
			case <-l.stop:
				return
			default:
			}
			if _, err := s.retrieval().Retrieve(s.user("user:local/load"), &pb.RetrieveRequest{Query: "document of the load"}); err != nil {
				fail(err)
				return
			}
		}
	})
	return l
}

// progress is how many documents are acknowledged.
func (l *pouring) progress() int { return int(l.acked.Load()) }

func (l *pouring) alive(t testing.TB) {
	t.Helper()
	if err := l.failed.Load(); err != nil {
		t.Fatalf("under load: %v", *err)
	}
}

// end ends the load and returns how many documents were sent.
func (l *pouring) end() int {
	close(l.stop)
	l.wg.Wait()
	l.alive(l.server.t)
	return int(l.sent.Load())
}

// loadItem is a document that user:local/load alone may read.
func loadItem(i int) *pb.IngestRequest {
	return documentItem(&pb.Document{
		Source: "load", Id: fmt.Sprintf("%05d", i), Version: 1, Title: fmt.Sprint("Load ", i),
		Text: fmt.Sprintf("Document %d of the load. %s", i, strings.Repeat("It says little. ", 40)), Policy: allow("user:local/load"),
	})
}

func loadItems(n int) (list []*pb.IngestRequest) {
	for i := range n {
		list = append(list, loadItem(i))
	}
	return list
}

// recordedChanges verifies the log of a directory and counts its records of each change and
// operation.
func recordedChanges(t *testing.T, dir string) map[string]int {
	t.Helper()
	mustRun(t, "audit", "verify", "--data", dir)
	changes := map[string]int{}
	for l := range strings.Lines(mustRun(t, "audit", "export", "--data", dir)) {
		var entry struct {
			Body struct {
				Change    struct{ Op, Source, ID string }
				Operation struct{ Name string }
			}
		}
		if err := json.Unmarshal([]byte(l), &entry); err != nil {
			t.Fatal(err)
		}
		if c := entry.Body.Change; c.Op != "" {
			changes[c.Op+" "+c.Source+"/"+c.ID]++
		}
		changes[entry.Body.Operation.Name]++
	}
	return changes
}

// mustRun runs the program, which must succeed, and returns what it prints.
func mustRun(t *testing.T, args ...string) string {
	t.Helper()
	got := program(t, args...)
	if got.code != exitOK {
		t.Fatalf("%v: exit code %d\n%s%s", args, got.code, got.stdout, got.stderr)
	}
	return got.stdout
}

func mustJSON(t *testing.T, into any, args ...string) {
	t.Helper()
	if out := mustRun(t, args...); json.Unmarshal([]byte(out), into) != nil {
		t.Fatalf("%v printed %q", args, out)
	}
}

// TestBackupIsPrivateAndLean: what a backup keeps is for its owner alone; a second backup of
// the same adds next to nothing; the keys can be left out; --keep removes the oldest; and
// it makes no difference whether a server runs.
func TestBackupIsPrivateAndLean(t *testing.T) {
	t.Parallel()
	dir, kept := t.TempDir(), filepath.Join(t.TempDir(), "kept")
	write(t, filepath.Join(dir, "muniment.yaml"), "audience: muniment\n")
	s := startChild(t, dir)
	s.mustSend(company(t)...)
	s.stop()
	var made [4]backupMade
	mustJSON(t, &made[0], "backup", "--data", dir, "--json", kept)
	s = startChild(t, dir)
	mustJSON(t, &made[1], "backup", "--data", dir, "--json", kept)
	mustJSON(t, &made[2], "backup", "--data", dir, "--json", "--keep", "2", kept)
	if m := made[2]; m.PrunedBackups != 1 || m.NewBytes > m.Bytes/2 || m.Files != made[0].Files || m.Files != 8 {
		t.Errorf("the third backup: %+v", m)
	}
	without := filepath.Join(t.TempDir(), "without")
	got := program(t, "backup", "--data", dir, "--without-keys", without)
	if got.code != exitOK || !strings.Contains(got.stderr, "keys are NOT in this backup") {
		t.Errorf("without keys: %+v", got)
	}
	key, err := os.ReadFile(filepath.Join(dir, "keys", "1.key"))
	if err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{kept, without} {
		held := false
		err := filepath.WalkDir(to, func(path string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := e.Info()
			if err != nil {
				return err
			}
			if info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s has the mode %v", path, info.Mode())
			}
			if !e.IsDir() {
				content, err := os.ReadFile(path)
				held = held || strings.Contains(string(content), string(key))
				return err
			}
			return nil
		})
		if err != nil || held != (to == kept) {
			t.Errorf("%s holds the keys: %t, %v", to, held, err)
		}
	}
	if n := len(strings.Split(strings.TrimSpace(mustRun(t, "restore", "--list", kept)), "\n")); n != 2 {
		t.Errorf("%d backups are listed, want 2", n)
	}
	remote := filepath.Join(t.TempDir(), "remote")
	admin := s.token(identity.Request{Subject: "service:ops", Roles: []identity.Grant{{Role: identity.RoleAdmin}}})
	if got := program(t, "backup", "--addr", s.addr, "--token", admin, remote); got.code != exitOK || !strings.Contains(got.stderr, "keys are NOT") {
		t.Errorf("from afar: %+v", got)
	}
	reader := s.token(identity.Request{Subject: "user:local/ada"})
	if got := program(t, "backup", "--addr", s.addr, "--token", reader, remote); got.code != exitRefused || !strings.Contains(got.stderr, "MISSING_ROLE") {
		t.Errorf("by somebody who may not: %+v", got)
	}
	if left, err := filepath.Glob(filepath.Join(dir, leftCopy)); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
