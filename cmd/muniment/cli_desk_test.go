package main

import (
	"encoding/json"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/muniment/muniment/api/identity"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// TestDeskOnTheCommandLine lists and settles conflicts and work by the program's verbs.
func TestDeskOnTheCommandLine(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	for _, l := range []string{
		`{"document": {"source": "pier", "id": "old", "version": 1, "title": "Berths \u202e", "owner": "group:none", "uri": "https://example.org/berths", "modified": "2020-01-01T00:00:00Z", "text": "A berth at the northern quay costs £40 a night for boats of any length.", "policy": {"layers": [{"allow": [{"principal": "everyone"}]}]}}}`,
		`{"document": {"source": "pier", "id": "new", "version": 1, "title": "Berths", "owner": "user:local/pia", "uri": "https://example.org/berths", "modified": "2021-01-01T00:00:00Z", "text": "A berth at the northern quay costs £45 a night for boats of any length.", "policy": {"layers": [{"allow": [{"principal": "everyone"}]}]}}}`,
	} {
		s.mustSend(line(t, l))
	}
	steward := s.token(identity.Request{Subject: "user:local/eve", Roles: []identity.Grant{{Role: identity.RoleSteward, Source: "pier"}}})
	run := func(args ...string) ran {
		t.Helper()
		return program(t, append([]string{"MUNIMENT_ADDR=" + s.addr, "MUNIMENT_TOKEN=" + steward}, args...)...)
	}
	must := func(args ...string) string {
		t.Helper()
		got := run(args...)
		if got.code != exitOK {
			t.Fatalf("%v: %+v", args, got)
		}
		if strings.Contains(got.stdout, "\u202e") {
			t.Errorf("%v turns the direction of a line", args)
		}
		return got.stdout
	}
	var list pb.ListConflictsResponse
	if err := protojson.Unmarshal([]byte(must("conflicts", "list", "--json")), &list); err != nil || list.GetTotal() != 1 {
		t.Fatalf("%v, %v", &list, err)
	}
	id := list.GetClusters()[0].GetConflicts()[0].GetId()
	says := func(out string, parts ...string) {
		t.Helper()
		for _, p := range parts {
			if !strings.Contains(out, p) {
				t.Errorf("does not say %q:\n%s", p, out)
			}
		}
	}
	says(must("conflicts", "list", "--tier", "a", "--source", "pier", "--quantity", "money", "--min-confidence", "0.5"),
		"»£45«", "»£40«", "pier/new", "pier/old", "prefer A: it was modified later", "newer: A, of 2021-01-01", "id "+id[:12], "owner group:none")
	for _, args := range [][]string{{"--tier", "b"}, {"--source", "other"}, {"--quantity", "duration"}, {"--min-confidence", "1"}, {"--owner", "user:local/none"}} {
		says(must(append([]string{"conflicts", "list"}, args...)...), "No conflict")
	}
	says(must("desk"), "3 things to mend, worst first", "CONFLICT", "OWNER GONE", "1 character that its readers do not see", "muniment conflicts resolve "+id[:12])
	says(must("desk", "--kind", "owner-gone"), "1 thing to mend", "1 document belongs to group:none, a group that is not known", "→")
	if out := must("desk", "--json", "--limit", "1"); !json.Valid([]byte(out)) || !strings.Contains(out, `"total":"3"`) {
		t.Errorf("desk --json says %s", out)
	}
	says(must("conflicts", "resolve", id[:6], "--verdict", "a-is-right", "--note", "asked the pier"), "settled: a-is-right, by user:local/eve on", "asked the pier", "prefer A: a steward")
	says(must("conflicts", "list"), "No conflict")
	says(must("conflicts", "list", "--resolved"), "settled: a-is-right")
	says(must("conflicts", "resolve", id, "--a", "pier/new", "--b", "pier/old", "--verdict", "b-is-duplicate"), "settled: b-is-duplicate")
	says(must("desk", "--kind", "duplicate"), "pier/old, pier/new", "remove it at its source")
	if out := must("conflicts", "resolve", id, "--verdict", "undo", "--json"); strings.Contains(out, "resolution") {
		t.Errorf("taken back, and still there: %s", out)
	}
	for code, cases := range map[int][][]string{
		exitUsage: {
			{"conflicts", "resolve", id}, {"conflicts", "resolve", id, "--verdict", "perhaps"}, {"conflicts", "resolve"}, {"conflicts"},
			{"conflicts", "resolve", id, "--verdict", "undo", "--a", "pier/new"}, {"conflicts", "resolve", id, "--verdict", "undo", "--a", "pier", "--b", "pier/old"},
			{"conflicts", "list", "--tier", "c"}, {"desk", "--kind", "unspecified"}, {"desk", "more"},
		},
		exitRefused: {
			{"conflicts", "resolve", "ffffffffffff", "--verdict", "undo"}, {"conflicts", "resolve", id, "--verdict", "undo", "--a", "pier/new", "--b", "pier/never"},
			{"conflicts", "list", "--limit", "201"}, {"desk", "--page-token", "made up"},
		},
	} {
		for _, args := range cases {
			if got := run(args...); got.code != code || got.stderr == "" {
				t.Errorf("%v: %+v, want exit code %d", args, got, code)
			}
		}
	}
}
