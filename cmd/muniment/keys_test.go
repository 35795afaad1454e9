package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/muniment/muniment/api/identity"
)

// TestKeysRotate (AUD-12): after a rotation the first key and every checkpoint from before
// verify the log, in its directory and exported, and so does what was saved after it.
func TestKeysRotate(t *testing.T) {
	t.Parallel()
	dir, notes := t.TempDir(), t.TempDir()
	if got := program(t, "keys", "rotate", "--data", dir); got.code != exitUsage {
		t.Errorf("rotating keys that are not there: %+v", got)
	}
	saved := func(name string) string {
		s := startServer(t, dir)
		defer s.stop()
		s.mustSend(documentItem(page(name)))
		got := program(t, "audit", "checkpoint", "--addr", s.addr, "--token",
			s.token(identity.Request{Subject: "user:local/auditor", Roles: []identity.Grant{{Role: identity.RoleAuditor}}}))
		write(t, filepath.Join(notes, name), got.stdout)
		return filepath.Join(notes, name)
	}
	before := saved("before")
	first := strings.TrimSpace(program(t, "audit", "key", "--data", dir).stdout)
	second := program(t, "keys", "rotate", "--data", dir)
	if second.code != exitOK || strings.Contains(second.stdout, first) {
		t.Fatalf("keys rotate: %+v", second)
	}
	after := saved("after")
	export := filepath.Join(notes, "log.jsonl")
	write(t, export, program(t, "audit", "export", "--data", dir).stdout)
	if all := strings.Fields(program(t, "audit", "key", "--all", "--data", dir).stdout); len(all) != 2 || all[0] != first || !strings.Contains(second.stdout, all[1]) {
		t.Errorf("the keys are %v", all)
	}
	for _, args := range [][]string{
		{"--data", dir}, {"--data", dir, "--checkpoint", before}, {"--data", dir, "--checkpoint", after},
		{"--data", dir, "--key", first, "--checkpoint", after}, {"--key", first, "--checkpoint", before, export}, {"--key", first, "--checkpoint", after, export},
	} {
		got := program(t, append([]string{"audit", "verify"}, args...)...)
		if got.code != exitOK || !strings.Contains(got.stdout, "handed over to another key") {
			t.Errorf("%v: %+v", args, got)
		}
	}
	if got := program(t, "check", "--data", dir); got.code != exitOK {
		t.Errorf("check: %+v", got)
	}
}
