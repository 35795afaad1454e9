package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/audit"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// lived serves the directory, makes so many answers, and stops.
func lived(t *testing.T, cfg config, answers int) {
	t.Helper()
	s := serveConfig(t, cfg)
	defer s.stop()
	for range answers {
		if _, err := s.retrieval().Retrieve(s.user("user:local/ada"), &pb.RetrieveRequest{Query: "ferry"}); err != nil {
			t.Fatal(err)
		}
	}
}

// refusesToStart demands that a server does not start on the directory because of the error, and
// that nothing of its log and of what is kept has changed.
func refusesToStart(t *testing.T, cfg config, want error) {
	t.Helper()
	before := readFile(t, cfg.Audit.Checkpoint) + readFile(t, cfg.path("audit", "checkpoint")) + readFile(t, cfg.path("audit", "bodies"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := serve(ctx, cfg, func(string) { t.Error("it answers"); cancel() })
	if !errors.Is(err, want) || exitCode(err) != exitTampered || !strings.Contains(explain(err), cfg.Audit.Checkpoint) {
		t.Errorf("it ended with %v, want %v and exit code %d", err, want, exitTampered)
	}
	if after := readFile(t, cfg.Audit.Checkpoint) + readFile(t, cfg.path("audit", "checkpoint")) + readFile(t, cfg.path("audit", "bodies")); after != before {
		t.Error("something was appended or signed")
	}
}

// TestRolledBackServerDoesNotStart (AUD-03, AUD-04): with a checkpoint kept outside its directory
// a server does not start on an older copy of the directory, nor on one that went on from an
// older copy, and signs nothing there; without it, nobody could tell.
func TestRolledBackServerDoesNotStart(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	cfg := testConfig(filepath.Join(base, "data"))
	cfg.Audit.Checkpoint = filepath.Join(base, "witness.note")
	copied := filepath.Join(base, "copy")
	lived(t, cfg, 3)
	if err := os.CopyFS(copied, os.DirFS(cfg.Data)); err != nil {
		t.Fatal(err)
	}
	lived(t, cfg, 4)
	witness := readFile(t, cfg.Audit.Checkpoint)
	if c, err := audit.ReadCheckpoint([]byte(witness)); err != nil || c.N != 7 || witness != readFile(t, cfg.path("audit", "checkpoint")) {
		t.Fatalf("what is kept says %v, %v", c, err)
	}
	lived(t, cfg, 0) // it is no hindrance to what has not been rolled back

	old := cfg
	old.Data = copied
	if err := os.Chmod(filepath.Join(copied, "keys"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(copied, "keys", "1.key"), 0o600); err != nil {
		t.Fatal(err)
	}
	refusesToStart(t, old, audit.ErrRolledBack)

	// The thief's server goes on from the copy, past where the log was, with nothing kept.
	forked := old
	forked.Audit.Checkpoint = ""
	lived(t, forked, 9)
	refusesToStart(t, old, audit.ErrForked)
	if got := verified(copied, witness); got.code != exitTampered {
		t.Errorf("audit verify of the fork against what is kept: %+v", got)
	}
	if got := program(t, "audit", "verify", "--data", copied); got.code != exitOK {
		t.Errorf("nothing else tells a fork, as is documented, but audit verify says %+v", got)
	}
}

// A checkpoint that would be rolled back together with the data is refused, and so is one that
// cannot be read; one that cannot be written is counted and stops nothing.
func TestWhereCheckpointsAreKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	for path, ok := range map[string]bool{
		"": true, filepath.Join(dir, "c.note"): false, filepath.Join(dir, "deep", "c.note"): false, filepath.Join(link, "c.note"): false,
		dir + "-witness/c.note": true, filepath.Join(dir, "..", "c.note"): true,
	} {
		if err := (auditConfig{path}).check(dir); (err == nil) != ok {
			t.Errorf("%s: %v", path, err)
		}
	}
	cfg := testConfig(filepath.Join(t.TempDir(), "data"))
	cfg.Audit.Checkpoint = filepath.Join(t.TempDir(), "c.note")
	write(t, cfg.Audit.Checkpoint, "")
	if err := serve(t.Context(), cfg, func(string) { t.Error("it answers") }); exitCode(err) != exitUsage {
		t.Errorf("an empty file: %v", err)
	}
	write(t, cfg.Audit.Checkpoint, "no checkpoint")
	if err := serve(t.Context(), cfg, func(string) { t.Error("it answers") }); err == nil {
		t.Error("it starts with something kept that is no checkpoint")
	}
	cfg.Audit.Checkpoint = filepath.Join(t.TempDir(), "none", "c.note")
	s := serveConfig(t, cfg)
	if _, err := s.retrieval().Retrieve(s.user("user:local/ada"), &pb.RetrieveRequest{Query: "ferry"}); err != nil {
		t.Errorf("where nothing can be kept: %v", err)
	}
}

// TestFollow: a witness follows a server's checkpoints, and keeps what it has when the server
// comes back with a log that does not go on from it.
func TestFollow(t *testing.T) {
	t.Parallel()
	dir, copied, out := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "kept.note")
	ask := func(s *server, user acl.Principal) ran {
		t.Helper()
		if _, err := s.retrieval().Retrieve(s.user(user), &pb.RetrieveRequest{Query: "ferry"}); err != nil {
			t.Fatal(err)
		}
		token := s.token(identity.Request{Subject: "user:local/auditor", Roles: []identity.Grant{{Role: identity.RoleAuditor}}})
		return program(t, "audit", "checkpoint", "--out", out, "--addr", s.addr, "--token", token)
	}
	s := startServer(t, dir)
	for range 3 {
		if got := ask(s, "user:local/ada"); got.code != exitOK || got.stdout != "" {
			t.Fatalf("%+v", got)
		}
	}
	s.stop()
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"keys", filepath.Join("keys", "1.key")} {
		if err := os.Chmod(filepath.Join(copied, path), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s = startServer(t, dir)
	if got := ask(s, "user:local/ada"); got.code != exitOK {
		t.Fatalf("%+v", got)
	}
	s.stop()
	kept := readFile(t, out)
	s = startServer(t, copied)
	for range 3 { // shorter than what is kept, as long, and longer
		got := ask(s, "user:local/eve")
		if got.code != exitTampered || !strings.HasPrefix(got.stdout, "muniment.local/") || readFile(t, out) != kept {
			t.Errorf("beside a fork: %+v", got)
		}
	}
}
