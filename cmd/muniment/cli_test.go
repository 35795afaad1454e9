package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestExitCodes holds the program to the table that its help prints.
func TestExitCodes(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	s.mustSend(company(t)...)
	finn, guest := s.token(reader("user:local/finn")), s.token(reader("user:local/guest"))
	addr := "MUNIMENT_ADDR=" + s.addr
	as := func(token string, args ...string) []string {
		return append([]string{addr, "MUNIMENT_TOKEN=" + token}, args...)
	}
	dir := t.TempDir()
	feed := filepath.Join(dir, "feed.jsonl")
	write(t, feed, `{"group": {"name": "group:x"}}`+"\n")
	long := strings.Repeat("w1 ", 1)
	for i := range 65 {
		long += " w" + strings.Repeat("x", i+1)
	}

	for _, c := range []struct {
		code int
		args []string
		says string // in what is printed
	}{
		{exitOK, []string{"version"}, "muniment"},
		{exitOK, []string{"--help"}, "Exit codes"},
		{exitOK, []string{"serve", "--help"}, "Exit codes"},
		{exitOK, as(finn, "retrieve", "dogs"), "evidence"},
		{exitOK, as(finn, "document", "get", "legal", "public/camera-notice.txt"), "CAMERAS"},
		{exitOK, []string{"token", "--data", s.dir, "--subject", "user:local/ada"}, "."},
		{exitOK, []string{"audit", "key", "--data", s.dir}, "muniment.local/"},

		{exitFailed, []string{"MUNIMENT_ADDR=127.0.0.1:1", "MUNIMENT_TOKEN=" + finn, "retrieve", "dogs"}, "cannot reach the server"},
		{exitFailed, []string{"MUNIMENT_ADDR=127.0.0.1:1", "MUNIMENT_TOKEN=" + finn, "ingest", feed}, "cannot reach the server"},

		{exitUsage, []string{"frobnicate"}, "frobnicate"},
		{exitUsage, []string{"--frobnicate"}, "frobnicate"},
		{exitUsage, []string{"audit", "frobnicate"}, "frobnicate"},
		{exitUsage, []string{"document", "frobnicate"}, "frobnicate"},
		{exitUsage, []string{"version", "now"}, "no arguments"},
		{exitUsage, []string{"serve"}, "--data"},
		{exitUsage, []string{"serve", "--data", filepath.Join(dir, "d"), "--listen", "0.0.0.0:0"}, "loopback"},
		{exitUsage, []string{"serve", "--data", filepath.Join(dir, "d"), "--listen", "192.0.2.1:7600"}, "loopback"},
		{exitUsage, []string{"serve", "--data", filepath.Join(dir, "d"), "--listen", ":7600"}, "loopback"},
		{exitUsage, []string{"serve", "--data", filepath.Join(dir, "d"), "--listen", "example.org:7600"}, "loopback"},
		{exitUsage, []string{"MUNIMENT_LISTEN=0.0.0.0:0", "serve", "--data", filepath.Join(dir, "d")}, "loopback"},
		{exitUsage, []string{"serve", "--data", filepath.Join(dir, "d"), "--listen", "nonsense"}, "listen"},
		{exitUsage, []string{"serve", "--config", filepath.Join(dir, "none.yaml"), "--data", filepath.Join(dir, "d")}, "none.yaml"},
		{exitUsage, []string{"token", "--data", s.dir}, "--subject"},
		{exitUsage, []string{"token", "--data", s.dir, "--subject", "ada"}, "subject"},
		{exitUsage, []string{"token", "--data", s.dir, "--subject", "user:elsewhere/ada"}, "subject"},
		{exitUsage, []string{"token", "--data", s.dir, "--subject", "user:local/ada", "--role", "king"}, "role"},
		{exitUsage, []string{"token", "--data", s.dir, "--subject", "user:local/ada", "--clearance", "cosmic"}, "clearance"},
		{exitUsage, []string{"token", "--data", s.dir, "--subject", "service:x", "--guest"}, "guest"},
		{exitUsage, []string{"token", "--data", s.dir, "--subject", "user:local/ada", "--ttl", "1000000h"}, "ttl"},
		{exitUsage, []string{"token", "--data", s.dir, "--subject", "user:local/ada", "--ttl", "soon"}, "ttl"},
		{exitUsage, []string{"token", "--subject", "user:local/ada"}, "--data"},
		{exitUsage, []string{addr, "retrieve", "dogs"}, "MUNIMENT_TOKEN"},
		{exitUsage, as(finn, "retrieve"), "one question"},
		{exitUsage, as(finn, "retrieve", "two", "questions"), "one question"},
		{exitUsage, as(finn, "retrieve", "--limit", "many", "dogs"), "limit"},
		{exitUsage, as(finn, "retrieve", "--container", "nosource", "dogs"), "--container"},
		{exitUsage, as(finn, "ingest"), "which files"},
		{exitUsage, as(finn, "ingest", filepath.Join(dir, "none.jsonl")), "none.jsonl"},
		{exitUsage, as(finn, "document", "get", "legal"), "source and an id"},
		{exitUsage, []string{"audit", "verify"}, "--data"},
		{exitUsage, []string{"audit", "verify", "a", "b"}, ""},
		{exitUsage, []string{"audit", "verify", feed}, "--key"},
		{exitUsage, []string{"audit", "verify", "--key", "nonsense", feed}, "--key"},
		{exitUsage, []string{"audit", "verify", "--data", filepath.Join(dir, "nowhere")}, "nowhere"},
		{exitUsage, []string{"audit", "export"}, "--data"},
		{exitUsage, []string{"audit", "key"}, "--data"},
		{exitUsage, []string{"eval"}, "--data"},
		{exitUsage, []string{"protoset"}, "file"},

		{exitRefused, as("garbage", "retrieve", "dogs"), "TOKEN_INVALID"},
		{exitRefused, as(finn, "retrieve", "--limit", "-1", "dogs"), "limit"},
		{exitRefused, as(finn, "retrieve", "--limit", "101", "dogs"), "limit"},
		{exitRefused, as(finn, "retrieve", long), "TOO_MANY_TERMS"},
		{exitRefused, as(finn, "retrieve", "--at-least-as-fresh", "made up", "dogs"), "INVALID_TOKEN"},
		{exitRefused, as(guest, "document", "get", "finance", "desk/purchase-orders.md"), "NOT_FOUND"},
		{exitRefused, as(guest, "document", "get", "finance", "never-was.md"), "NOT_FOUND"},
		{exitRefused, as(finn, "ingest", feed), "MISSING_ROLE"},
		{exitRefused, as(finn, "audit", "checkpoint"), "MISSING_ROLE"},
	} {
		got := program(t, c.args...)
		shown := strings.Join(slices.DeleteFunc(slices.Clone(c.args), func(a string) bool { return strings.HasPrefix(a, "MUNIMENT_TOKEN=") }), " ")
		if got.code != c.code {
			t.Errorf("%.200s: exit code %d, want %d\n%s%s", shown, got.code, c.code, got.stdout, got.stderr)
		}
		if !strings.Contains(got.stdout+got.stderr, c.says) {
			t.Errorf("%.200s: does not say %q:\n%s%s", shown, c.says, got.stdout, got.stderr)
		}
		if c.code != exitOK && (got.stderr == "" || strings.Contains(got.stderr, "goroutine ") || strings.Contains(got.stderr, "rpc error:")) {
			t.Errorf("%.200s: not in plain words:\n%s", shown, got.stderr)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "d")); !os.IsNotExist(err) {
		t.Errorf("a server that refused its configuration has made its directory: %v", err)
	}
}

// TestHelpHasExamples: every verb shows how it is used, and every command says what it is.
func TestHelpHasExamples(t *testing.T) {
	t.Parallel()
	listed := regexp.MustCompile(`(?m)^  ([a-z-]+) +\S`)
	verbs := 0
	var visit func(path ...string)
	visit = func(path ...string) {
		got := program(t, append(slices.Clone(path), "--help")...)
		if got.code != exitOK || got.stderr != "" {
			t.Errorf("%v --help: %+v", path, got)
		}
		_, below, parent := strings.Cut(got.stdout, "Available Commands:\n")
		if !parent {
			verbs++
			if !strings.Contains(got.stdout, "Examples:\n  ") && !slices.Equal(path, []string{"help"}) {
				t.Errorf("muniment %s --help has no example:\n%s", strings.Join(path, " "), got.stdout)
			}
			return
		}
		below, _, _ = strings.Cut(below, "\n\n")
		for _, m := range listed.FindAllStringSubmatch(below, -1) {
			if m[1] != "help" && m[1] != "completion" { // cobra's own
				visit(append(slices.Clone(path), m[1])...)
			}
		}
	}
	visit()
	if verbs < 10 {
		t.Errorf("found %d verbs", verbs)
	}
}

// TestConfigurationIsStrict: keys that mean nothing and values that cannot mean what they
// say are refused before anything is made.
func TestConfigurationIsStrict(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ yaml, says string }{
		{"frobnicate: true", "frobnicate"},
		{"insecure: true", "insecure"},
		{"apps: {chat: {source: [x]}}", "source"},
		{"apps: {chat: {clearance: cosmic}}", "apps.chat.clearance"},
		{"listen: 0.0.0.0:7600", "loopback"},
		{"audience: ''", "audience"},
		{"tls: {certificate: server.pem}", "tls"},
		{"tls: {certificate: server.pem, key: server.key, insecure: true}", "insecure"},
		{"tls: {certificate: server.pem, key: server.key, client_ca: ca.pem}", "tls: client_ca"},
		{"tls: {certificate: server.pem, key: server.key, apps: {'spiffe://x/chat': chat}}", "tls: client_ca"},
		{"tls: {certificate: server.pem, key: server.key, client_ca: ca.pem, apps: {'*.corp.test': chat}}", "tls.apps.*.corp.test"},
		{"issuers: [{name: corp, issuer: 'https://idp.test', algorithms: [RS256], discovery: true, person: scp, apps: {a: chat}}]", "issuers.corp.audience"},
		{"roles: [{role: admin, principal: 'user:local/ada', apps: [chat]}]", "roles[0]"},
		{"log_level: loud", "log_level"},
		{"sensitivity: [public, secret]", "sensitivity"},
		{"sensitivity: [internal, internal]", "sensitivity"},
		{"vector_spaces: [{id: x, dimensions: 0}]", "vector_spaces"},
		{"vector_spaces: [{id: x, dimensions: 9000}]", "vector_spaces"},
		{"limits: {user: {per_second: 0, burst: 1}}", "limits: user"},
		{"limits: {app: {burst: 0}}", "limits: app"},
		{"listen: [", "yaml"},
	} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "muniment.yaml"), c.yaml+"\n")
		got := program(t, "serve", "--data", dir, "--listen", "")
		if got.code != exitUsage || !strings.Contains(got.stderr, c.says) || got.stdout != "" {
			t.Errorf("%q: exit code %d, want %d and %q:\n%s", c.yaml, got.code, exitUsage, c.says, got.stderr)
		}
		if made, err := os.ReadDir(dir); err != nil || len(made) != 1 {
			t.Errorf("%q: the directory holds %v afterwards, %v", c.yaml, made, err)
		}
	}
}
