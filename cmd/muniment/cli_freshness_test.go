package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/audit"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// reviewed is a line of a document of the wiki that was changed on a day and is to be reviewed
// every hundred days.
func reviewed(t *testing.T, id, title, day, more string) *pb.IngestRequest {
	t.Helper()
	return line(t, fmt.Sprintf(`{"document": {"source": "wiki", "id": %q, "version": 1, "title": %q, "text": "About %s.", "owner": "user:local/bo",
		"modified": "%sT00:00:00Z", "review_interval": "8640000s", "policy": {"layers": [{"allow": [{"principal": "everyone"}]}]}%s}}`, id, title, id, day, more))
}

// TestFreshnessOnTheCommandLine reports, fails and vouches by the program's verbs, on a wiki of
// which one text is an attack on whoever reads the report.
func TestFreshnessOnTheCommandLine(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	items := []*pb.IngestRequest{
		reviewed(t, "stale", "<script>alert(1)</script> \u202e", "2026-01-01", `, "uri": "javascript:alert(1)"`),
		reviewed(t, "due", "=2+2", "2026-05-01", `, "uri": "https://wiki.example/due"`),
		reviewed(t, "ended", "Winter timetable", "2026-08-01", `, "valid_until": "2026-08-02T00:00:00Z"`),
	}
	for i := range 60 {
		items = append(items, reviewed(t, fmt.Sprintf("fresh %02d", i), "Fresh", "2026-08-20", ""))
	}
	s.mustSend(items...)
	steward := s.token(identity.Request{Subject: "user:local/ada", Roles: []identity.Grant{{Role: identity.RoleSteward, Source: "wiki"}}})
	run := func(code int, args ...string) string {
		t.Helper()
		got := program(t, append([]string{"MUNIMENT_ADDR=" + s.addr, "MUNIMENT_TOKEN=" + steward}, args...)...)
		if got.code != code {
			t.Fatalf("%v: %+v", args, got)
		}
		return got.stdout + got.stderr
	}
	report := func(code int, args ...string) string {
		t.Helper()
		return run(code, append([]string{"freshness", "report", "--as-of", "2026-09-01"}, args...)...)
	}
	table := report(exitOK)
	for _, want := range []string{"63 documents, judged as of 2026-09-01 00:00:00Z", "user:local/bo", "STALE            2.4", "DUE              1.2", "OUTDATED", "the other 60 need nobody"} {
		if !strings.Contains(table, want) {
			t.Errorf("the table does not say %q:\n%s", want, table)
		}
	}
	if strings.Contains(table, "fresh 00") || strings.Contains(table, "\u202e") {
		t.Errorf("the table is %s", table)
	}
	if out := report(exitOK, "--state", "fresh", "--limit", "30"); strings.Count(out, "wiki/fresh") != 30 || !strings.Contains(out, "the other 30 need nobody") {
		t.Errorf("thirty fresh ones: %s", out)
	}

	if out := report(exitOK, "--limit", "1"); !strings.Contains(out, "and 62 more, of which 2 need somebody") {
		t.Errorf("the worst one: %s", out)
	}

	for _, c := range []struct {
		code int
		args string
		says string
	}{
		{exitStale, "--fail-on unknown", "3 of 63 documents are unknown or worse"},
		{exitStale, "--fail-on due", "3 of 63 documents are due or worse"},
		{exitStale, "--fail-on stale", "2 of 63 documents are stale or worse"},
		{exitStale, "--fail-on outdated --json", "1 of 63 documents are outdated or worse"},
		{exitOK, "--fail-on superseded", ""},
		{exitOK, "--fail-on stale --state fresh", ""},
		{exitRefused, "--fail-on stale --source nowhere", "no document to report on"},
		{exitOK, "--source nowhere", "no document to report on"},
		{exitUsage, "--fail-on fresh", "--fail-on"},
		{exitUsage, "--fail-on never", "--fail-on"},
		{exitUsage, "--state never", "--state"},
		{exitUsage, "--state unspecified", "--state"},
		{exitUsage, "--json --csv", "--csv"},
		{exitUsage, "--container nosource", "--container"},
		{exitUsage, "--as-of soon", "--as-of"},
		{exitRefused, "--limit -1", "limit"},
	} {
		if out := report(c.code, strings.Fields(c.args)...); !strings.Contains(out, c.says) {
			t.Errorf("%s says %q", c.args, out)
		}
	}

	lines := strings.Split(strings.TrimSpace(report(exitOK, "--json")), "\n")
	if len(lines) != 63 {
		t.Fatalf("%d lines of JSON", len(lines))
	}
	var worst struct {
		Document struct{ Source, ID string }
		State    string
		Ratio    float64
	}
	if err := json.Unmarshal([]byte(lines[0]), &worst); err != nil || worst.Document.Source != "wiki" || worst.Document.ID != "stale" || worst.State != "STATE_STALE" || worst.Ratio != 2.43 {
		t.Errorf("the worst is %+v, %v, of %s", worst, err, lines[0])
	}
	for _, l := range lines {
		if err := protojson.Unmarshal([]byte(l), &pb.DocumentFreshness{}); err != nil {
			t.Errorf("%s: %v", l, err)
		}
	}

	dir := t.TempDir()
	file := filepath.Join(dir, "report.html")
	rows, err := csv.NewReader(strings.NewReader(report(exitOK, "--csv", "--html", file))).ReadAll()
	if err != nil || len(rows) != 64 || rows[0][0] != "source" || rows[1][1] != "stale" || rows[3][7] != "'=2+2" || rows[3][2] != "DUE" {
		t.Errorf("%d rows, %v: %q", len(rows), err, rows[:4])
	}
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	checkReportPage(t, page)

	hash := rows[1][18]
	if out := run(exitRefused, "document", "verify", "--source", "wiki", "--id", "stale", "--content-hash", strings.Repeat("0", 64)); !strings.Contains(out, "CONTENT_CHANGED") {
		t.Errorf("another text: %s", out)
	}
	run(exitUsage, "document", "verify", "--source", "wiki")
	run(exitUsage, "document", "verify", "--source", "wiki", "--id", "stale", "--read", "--content-hash", hash)
	out := run(exitOK, "document", "verify", "--source", "wiki", "--id", "stale", "--read", "--note", "asked the yard")
	for _, want := range []string{hash, "About stale.", "was STALE", "verified by user:local/ada", "now FRESH"} {
		if !strings.Contains(out, want) {
			t.Errorf("vouching does not say %q: %s", want, out)
		}
	}
	run(exitOK, "document", "verify", "--source", "wiki", "--id", "due", "--content-hash", hashOfText("About due."), "--json")
	auditor := s.token(identity.Request{Subject: "user:local/eve", Roles: []identity.Grant{{Role: identity.RoleAuditor}}})
	got := program(t, "MUNIMENT_ADDR="+s.addr, "MUNIMENT_TOKEN="+auditor, "audit", "list", "--kind", string(audit.KindChange), "--document", "wiki/stale", "--json")
	if !strings.Contains(got.stdout, "asked the yard") {
		t.Errorf("the record of it: %+v", got)
	}
}

// checkReportPage holds a page to what it promises: it is whole, names the worst, runs nothing,
// fetches nothing and links to the web alone.
func checkReportPage(t *testing.T, page []byte) {
	t.Helper()
	text := string(page)
	for _, want := range []string{
		"3 of 63 documents need somebody: 1 outdated, 1 stale, 1 due.", "By source", "By owner", "How old, in review intervals",
		`href="https://wiki.example/due"`, "&lt;script&gt;alert(1)&lt;/script&gt;", "the other 60 need nobody", "wiki/stale",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	for _, bad := range []string{"<script", "javascript:", "\u202e", "ZgotmplZ", "<link", "<img", "@import", "url("} {
		if strings.Contains(text, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	for _, m := range regexp.MustCompile(`(?:href|src)="([^"]*)"`).FindAllStringSubmatch(text, -1) {
		if m[1] != "https://wiki.example/due" {
			t.Errorf("the page points to %q", m[1])
		}
	}
	decoder := xml.NewDecoder(bytes.NewReader(page))
	decoder.Strict, decoder.AutoClose, decoder.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	bars := 0
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("the page is not well formed: %v", err)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "rect" {
			bars++
		}
	}
	if bars < 3+3+17 { // one source and one owner with three states or more, and the ratios
		t.Errorf("%d bars", bars)
	}
}
