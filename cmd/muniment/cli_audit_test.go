package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/muniment/muniment/api/identity"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// TestAuditVerify: a log is verified beside a running server and after it, by directory and
// as an exported file, with the key ring or the key alone, against a checkpoint saved
// before; and one changed byte anywhere in it is found, and the record named.
func TestAuditVerify(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	s.mustSend(company(t)...)
	resp, err := s.retrieval().Retrieve(s.user("user:local/pia"), &pb.RetrieveRequest{Query: "Do dogs travel free on the ferry?"})
	if err != nil {
		t.Fatal(err)
	}
	auditor := s.token(identity.Request{Subject: "user:local/auditor", Roles: []identity.Grant{{Role: identity.RoleAuditor}}})
	checkpoint := program(t, "audit", "checkpoint", "--addr", s.addr, "--token", auditor)
	if checkpoint.code != exitOK {
		t.Fatalf("audit checkpoint: %+v", checkpoint)
	}
	dir := t.TempDir()
	saved, exported := filepath.Join(dir, "saved.note"), filepath.Join(dir, "log.jsonl")
	write(t, saved, checkpoint.stdout)
	mustRun := func(says string, args ...string) string {
		t.Helper()
		got := program(t, args...)
		if got.code != exitOK || !strings.Contains(got.stdout, says) {
			t.Fatalf("%v: %+v", args, got)
		}
		return got.stdout
	}
	mustRun("verified", "audit", "verify", "--data", s.dir) // beside the running server
	s.stop()
	mustRun("verified", "audit", "verify", "--data", s.dir, "--checkpoint", saved)
	log := mustRun(resp.GetRetrievalId(), "audit", "export", "--data", s.dir)
	write(t, exported, log)
	verifier := strings.TrimSpace(mustRun("muniment.local/", "audit", "key", "--data", s.dir))
	mustRun("verified", "audit", "verify", "--key", verifier, exported)
	mustRun("verified", "audit", "verify", "--data", s.dir, "--checkpoint", saved, exported)

	other := startServer(t, t.TempDir())
	if got := program(t, "audit", "verify", "--data", other.dir, exported); got.code != exitTampered {
		t.Errorf("with another log's key: %+v", got)
	}
	tampered(t, "an export", program(t, "audit", "verify", "--key", verifier, changed(t, dir, exported, []byte(`"user:local/pia"`), []byte(`"user:local/pic"`))), recordOf(t, log, resp.GetRetrievalId()))
	write(t, exported, strings.Join(strings.SplitAfter(log, "\n")[1:], ""))
	tampered(t, "an export without its first record", program(t, "audit", "verify", "--key", verifier, exported), 0)

	// The record of pia's answer, changed by one byte in the log itself.
	bodies := filepath.Join(s.dir, "audit", "bodies")
	original := readFile(t, bodies)
	write(t, bodies, strings.Replace(original, "user:local/pia", "user:local/pib", 1))
	tampered(t, "a name in bodies", program(t, "audit", "verify", "--data", s.dir), recordOf(t, log, resp.GetRetrievalId()))
	write(t, bodies, original)
	for _, path := range indexFiles(t, filepath.Join(s.dir, "audit")) {
		original := readFile(t, path)
		for _, at := range []float64{0.01, 0.3, 0.6, 0.99} {
			flip(t, path, at)
			tampered(t, fmt.Sprintf("byte %d of %d of %s", int(at*float64(len(original))), len(original), filepath.Base(path)), verified(s.dir, checkpoint.stdout), -1)
			write(t, path, original)
		}
		write(t, path, original[:len(original)-1])
		tampered(t, "the last byte of "+filepath.Base(path)+" cut off", verified(s.dir, checkpoint.stdout), -1)
		write(t, path, original)
	}
	mustRun("verified", "audit", "verify", "--data", s.dir, "--checkpoint", saved)
}

// verified is "audit verify" of the directory against a checkpoint, in this process.
func verified(dir, checkpoint string) (r ran) {
	var out bytes.Buffer
	if err := verifyDirectory(context.Background(), &out, dir, "", []byte(checkpoint)); err != nil {
		r.code, r.stderr = exitCode(err), explain(err)
	}
	r.stdout = out.String()
	return r
}

// tampered demands that a verification found something, at the record unless that is -1.
func tampered(t *testing.T, what string, got ran, record int) {
	t.Helper()
	m := regexp.MustCompile(`first bad record (\d+)`).FindStringSubmatch(got.stdout)
	if got.code != exitTampered || m == nil || record >= 0 && m[1] != fmt.Sprint(record) {
		t.Errorf("%s: exit code %d, want %d and the bad record %d named:\n%s%s", what, got.code, exitTampered, record, got.stdout, got.stderr)
	}
}

// recordOf is the index of the record with the id in an export.
func recordOf(t *testing.T, export, id string) int {
	t.Helper()
	for l := range strings.Lines(export) {
		var entry struct {
			Index int
			Body  struct{ ID string }
		}
		if err := json.Unmarshal([]byte(l), &entry); err == nil && entry.Body.ID == id {
			return entry.Index
		}
	}
	t.Fatalf("the export has no record %s", id)
	return 0
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// changed is a copy of the file with one text in the place of another.
func changed(t *testing.T, dir, path string, old, new []byte) string {
	t.Helper()
	b := []byte(readFile(t, path))
	if !bytes.Contains(b, old) {
		t.Fatalf("%s does not contain %q", path, old)
	}
	copied := filepath.Join(dir, "changed")
	write(t, copied, string(bytes.Replace(b, old, new, 1)))
	return copied
}
