package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/muniment/muniment/api/identity"
)

// TestAnswersOnTheCommandLine asks, reports, lists, shows and traces by the program's verbs.
func TestAnswersOnTheCommandLine(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	s.mustSend(line(t, `{"document": {"source": "wiki", "id": "<b>dues</b>", "version": 1, "text": "The berth dues are £40 <script>alert(1)</script> a week. \u202e", "uri": "https://wiki.example/dues", "policy": {"layers": [{"allow": [{"principal": "everyone"}]}]}}}`))
	ada := s.token(identity.Request{Subject: "user:local/ada"})
	auditor := s.token(identity.Request{Subject: "user:local/eve", Roles: []identity.Grant{{Role: identity.RoleAuditor}}})
	must := func(token string, args ...string) string {
		t.Helper()
		got := program(t, append([]string{"MUNIMENT_ADDR=" + s.addr, "MUNIMENT_TOKEN=" + token}, args...)...)
		if got.code != exitOK {
			t.Fatalf("%v: %+v", args, got)
		}
		return got.stdout
	}
	dir := t.TempDir()
	text, cited := filepath.Join(dir, "answer.txt"), filepath.Join(dir, "citations.json")
	write(t, text, "They are £40 a week.")
	write(t, cited, `[{"url_citation": {"url": "https://wiki.example/dues", "start_index": 0, "end_index": 8}}, {"file_citation": {"file_id": "nothing"}}]`)
	id := regexp.MustCompile(`retrieval ([0-9a-f]{32})`).FindStringSubmatch(must(ada, "retrieve", "berth dues"))[1]
	out := must(ada, "answer", id, "--text", text, "--citations", cited, "--cite", "wiki/%3Cb%3Edues%3C%2Fb%3E@1#0", "--request-id", "one")
	if !strings.Contains(out, "citation 3 names nothing that the retrievals returned: nothing") {
		t.Errorf("the report says %q", out)
	}
	answer := regexp.MustCompile(`answer ([0-9a-f]{32})`).FindStringSubmatch(out)[1]
	if again := must(ada, "answer", id, "--text", text, "--citations", cited, "--cite", "wiki/%3Cb%3Edues%3C%2Fb%3E@1#0", "--request-id", "one"); again != out {
		t.Errorf("sent again, the report says %q", again)
	}
	for _, c := range []struct {
		token string
		args  []string
		says  []string
	}{
		{ada, []string{"retrievals"}, []string{id, "berth dues"}},
		{ada, []string{"retrievals", "--until", "2020-01-01"}, nil},
		{auditor, []string{"audit", "list", "--kind", "answer"}, []string{answer, "SHOWN, 3 citations, of 1 retrievals"}},
		{auditor, []string{"audit", "list", "--document", "wiki/<b>dues</b>", "--user", "user:local/ada"}, []string{answer, id}},
		{auditor, []string{"audit", "show", answer}, []string{`"outcome": "SHOWN"`, "proven by"}},
		{auditor, []string{"audit", "trace-answer", answer}, []string{"answer " + answer, "retrieval " + id, "CITED", "since then: nothing has changed", "| They are £40 a week."}},
		{auditor, []string{"audit", "trace-document", "wiki", "<b>dues</b>"}, []string{answer, id, "version 1, cited, SHOWN"}},
		{auditor, []string{"audit", "trace-document", "wiki", "<b>dues</b>", "--limit", "1"}, []string{answer}},
	} {
		out := must(c.token, c.args...)
		for _, want := range c.says {
			if !strings.Contains(out, want) {
				t.Errorf("%v does not say %q:\n%s", c.args, want, out)
			}
		}
		if c.says == nil && out != "" {
			t.Errorf("%v says %q", c.args, out)
		}
		if strings.Contains(out, "\u202e") {
			t.Errorf("%v turns the direction of a line", c.args)
		}
		for l := range strings.Lines(must(c.token, append(c.args, "--json")...)) {
			if !json.Valid([]byte(l)) {
				t.Errorf("%v --json says %q", c.args, l)
			}
		}
	}
	for name, args := range map[string][]string{"answer": {"audit", "trace-answer", answer}, "document": {"audit", "trace-document", "wiki", "<b>dues</b>"}} {
		file := filepath.Join(dir, name+".html")
		must(auditor, append(args, "--html", file)...)
		page, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{answer, id, "&lt;b&gt;dues", "</html>"} {
			if !strings.Contains(string(page), want) {
				t.Errorf("the page of the %s does not hold %q", name, want)
			}
		}
		if bad := regexp.MustCompile(`<script|<b>dues|src=|href=|url\(|@import|\x{202e}`).Find(page); bad != nil {
			t.Errorf("the page of the %s holds %q", name, bad)
		}
	}
	for _, args := range [][]string{
		{"answer"}, {"answer", id}, {"answer", id, "--text", text, "--hash", "x"}, {"answer", id, "--text", text, "--outcome", "lost"},
		{"answer", id, "--text", text, "--citations", text}, {"retrievals", "--from", "yesterday"}, {"audit", "list", "--document", "wiki"}, {"audit", "trace-document", "wiki"},
	} {
		if got := program(t, append([]string{"MUNIMENT_ADDR=" + s.addr, "MUNIMENT_TOKEN=" + ada}, args...)...); got.code != exitUsage || got.stderr == "" {
			t.Errorf("%v: %+v", args, got)
		}
	}
	if got := program(t, "audit", "trace-answer", answer, "--addr", s.addr, "--token", ada); got.code != exitRefused || !strings.Contains(got.stderr, "MISSING_ROLE") {
		t.Errorf("without the role: %+v", got)
	}
}
