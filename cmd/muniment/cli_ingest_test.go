package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/api/identity"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

func reader(p acl.Principal) identity.Request { return identity.Request{Subject: p} }

func sender() identity.Request {
	return identity.Request{Subject: "service:sync", Roles: []identity.Grant{{Role: identity.RoleIngest}, {Role: identity.RoleDirectory}}}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func zipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// lastLine is the last line of what was printed.
func lastLine(text string) string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	return lines[len(lines)-1]
}

// TestIngestFiles sends the company's files twice, packed and by standard input too.
func TestIngestFiles(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	env := []string{"MUNIMENT_ADDR=" + s.addr, "MUNIMENT_TOKEN=" + s.token(sender())}
	n := len(company(t))
	for _, want := range []string{fmt.Sprintf("%d lines, %[1]d applied, 0 unchanged, 0 refused", n), fmt.Sprintf("%d lines, 0 applied, %[1]d unchanged, 0 refused", n)} {
		got := program(t, append(append(env, "ingest"), companyFiles(t)...)...)
		if got.code != exitOK || !strings.HasPrefix(lastLine(got.stdout), want) {
			t.Errorf("ingest: %+v, want %q", got, want)
		}
	}
	packed := filepath.Join(t.TempDir(), "packed.gz")
	text, err := os.ReadFile(companyFiles(t)[1])
	if err != nil {
		t.Fatal(err)
	}
	write(t, packed, zipped(t, string(text)))
	if got := program(t, append(env, "ingest", packed)...); got.code != exitOK || !strings.Contains(got.stdout, "17 unchanged") {
		t.Errorf("ingest of a packed file: %+v", got)
	}
	for name, input := range map[string]string{"plain": string(text), "packed": zipped(t, string(text))} {
		c := command(t.Context(), t, "ingest", "-")
		c.Env, c.Stdin = append(c.Env, env...), strings.NewReader(input)
		if out, err := c.CombinedOutput(); err != nil || !strings.Contains(string(out), "17 unchanged") {
			t.Errorf("ingest of %s standard input: %v\n%s", name, err, out)
		}
	}
}

// TestIngestBadFiles: each bad line is reported with its file and line, and the lines around
// it are stored.
func TestIngestBadFiles(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	env := []string{"MUNIMENT_ADDR=" + s.addr, "MUNIMENT_TOKEN=" + s.token(sender())}
	dir := t.TempDir()
	doc := func(id, more string) string {
		return `{"document": {"source": "s", "id": "` + id + `", "version": 1, "text": "A page.", "policy": {"layers": [{"allow": [{"principal": "everyone"}]}]}` + more + `}}` + "\n"
	}
	zeros := "[" + strings.TrimSuffix(strings.Repeat("0,", 8192), ",") + "]"
	for _, c := range []struct{ name, line, says string }{
		{"rubbish", "this is no line\n", "MALFORMED"},
		{"half", `{"document": {"source": "s"` + "\n", "MALFORMED"},
		{"list", "[]\n", "MALFORMED"},
		{"two", strings.TrimSuffix(doc("a", ""), "\n") + doc("b", ""), "MALFORMED"},
		{"unknown field", doc("x", `, "visibility": "all"`), "visibility"},
		{"unknown mode", doc("x", `, "policy": {"inherit": "INHERIT_NOTHING"}`), "MALFORMED"},
		{"unknown number of a mode", strings.Replace(doc("x", ""), `"layers"`, `"inherit": 9, "layers"`, 1), "inherit"},
		{"invalid UTF-8", doc("caf\xe9", ""), "UTF-8"},
		{"half a surrogate", doc(`\ud800`, ""), "MALFORMED"},
		{"NUL", doc(`a\u0000b`, ""), "NUL"},
		{"empty id", doc("", ""), "document.id"},
		{"long text", strings.Replace(doc("x", ""), "A page.", strings.Repeat("x", 17<<20), 1), "document.text"},
		{"long line", strings.Replace(doc("x", ""), "A page.", strings.Repeat("x", 21<<20), 1), "MESSAGE_TOO_LONG"},
		{"longer on the wire", strings.Replace(doc("x", `, "passages": [`+strings.TrimSuffix(strings.Repeat(`{"text": "p", "vector": `+zeros+`},`, 135), ",")+`]`), "A page.", strings.Repeat("x", 16<<20), 1), "MESSAGE_TOO_LONG"},
		{"NaN", doc("x", `, "vector_space": "brought/4", "passages": [{"text": "p", "vector": ["NaN", 1, 0, 0]}]`), "VECTOR_NOT_FINITE"},
		{"a number that is none", doc("x", `, "vector_space": "brought/4", "passages": [{"text": "p", "vector": [NaN, 1, 0, 0]}]`), "MALFORMED"},
		{"too large for a float", doc("x", `, "vector_space": "brought/4", "passages": [{"text": "p", "vector": [1e39, 1, 0, 0]}]`), "MALFORMED"},
		{"unknown space", doc("x", `, "vector_space": "nowhere", "passages": [{"text": "p", "vector": [1, 0]}]`), "UNKNOWN_VECTOR_SPACE"},
		{"no time", doc("x", `, "modified": "yesterday"`), "MALFORMED"},
		{"stale", `{"document": {"source": "s", "id": "before", "version": 0}}` + "\n", "VERSION_STALE"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(dir, c.name+".jsonl")
			write(t, file, doc("before", "")+c.line+"\n"+doc("after "+c.name, ""))
			got := program(t, append(env, "ingest", file)...)
			if got.code != exitRefused || !strings.HasPrefix(lastLine(got.stdout), "3 lines, ") || !strings.Contains(lastLine(got.stdout)+",", ", 1 refused,") {
				t.Fatalf("exit code %d, want %d\n%s%.1000s", got.code, exitRefused, got.stdout, got.stderr)
			}
			if want := file + ":2: refused: "; !strings.HasPrefix(got.stderr, want) || !strings.Contains(got.stderr, c.says) || len(got.stderr) > len(want)+600 {
				t.Errorf("want %q and %q:\n%.1000s", want, c.says, got.stderr)
			}
			if _, err := s.documents().GetDocument(s.user("user:local/ada"), &pb.GetDocumentRequest{Document: &pb.DocumentRef{Source: "s", Id: "after " + c.name}}); err != nil {
				t.Errorf("the line after the bad one: %v", err)
			}
		})
	}
	if _, err := s.documents().GetDocument(s.user("user:local/ada"), &pb.GetDocumentRequest{Document: &pb.DocumentRef{Source: "s", Id: "x"}}); status.Code(err) != codes.NotFound {
		t.Errorf("something bad was stored: %v", err)
	}

	packed := zipped(t, doc("packed", "")+doc("cut off", strings.Repeat(" ", 5000)))
	cut := filepath.Join(dir, "cut.jsonl.gz")
	write(t, cut, packed[:len(packed)-12])
	got := program(t, append(env, "ingest", cut)...)
	if got.code != exitUsage || !strings.Contains(got.stderr, cut) || !strings.Contains(got.stdout, " lines, ") {
		t.Errorf("a packed file that was cut off: %+v", got)
	}
	garbled := filepath.Join(dir, "garbled.jsonl.gz")
	write(t, garbled, "\x1f\x8bnot gzip at all")
	if got := program(t, append(env, "ingest", garbled)...); got.code != exitUsage || !strings.Contains(got.stderr, garbled) {
		t.Errorf("a file that begins like a packed one: %+v", got)
	}
	empty := filepath.Join(dir, "empty.jsonl")
	write(t, empty, "\n\n")
	if got := program(t, append(env, "ingest", empty)...); got.code != exitOK || lastLine(got.stdout) != "0 lines, 0 applied, 0 unchanged, 0 refused" {
		t.Errorf("an empty file: %+v", got)
	}
}

// TestJSONFieldNames: scripts rely on the names that the contract has.
func TestJSONFieldNames(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	s.mustSend(company(t)...)
	ask := func(who acl.Principal, question string) (text string, answer map[string]any) {
		got := program(t, "retrieve", "--addr", s.addr, "--token", s.token(reader(who)), "--json", "--limit", "3", question)
		if got.code != exitOK || strings.Count(got.stdout, "\n") != 1 {
			t.Fatalf("retrieve --json: %+v", got)
		}
		if err := json.Unmarshal([]byte(got.stdout), &answer); err != nil {
			t.Fatal(err)
		}
		return got.stdout, answer
	}
	text, answer := ask("user:local/bram", "Within how many days must I hand in receipts for travel expenses?")
	result := answer["results"].([]any)[0].(map[string]any)
	document, fresh := result["document"].(map[string]any), result["freshness"].(map[string]any)
	conflict := answer["conflicts"].([]any)[0].(map[string]any)
	for name, ok := range map[string]bool{
		"document.source": document["source"] == "handbook" || document["source"] == "finance", "document.id": document["id"] != "",
		"title": result["title"] != "", "text": result["text"] != "", "score": result["score"].(float64) > 0,
		"freshness.state":    strings.HasPrefix(fresh["state"].(string), "STATE_"),
		"conflict.kind":      strings.HasPrefix(conflict["kind"].(string), "KIND_"),
		"degradations empty": strings.Contains(text, `"degradations":[]`),
		"evidence":           strings.HasPrefix(answer["evidence"].(string), "EVIDENCE_"),
		"receipt":            len(answer["receipt"].(string)) > 20,
	} {
		if !ok {
			t.Errorf("%s is not as it should be in %s", name, text)
		}
	}
	if text, _ := ask("service:nobody", "dogs"); !strings.Contains(text, `"results":[]`) || !strings.Contains(text, `"conflicts":[]`) || !strings.Contains(text, `"EVIDENCE_NONE"`) {
		t.Errorf("an answer without results: %s", text)
	}
}
