package main

import (
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

// TestReplayProgram replays by the command line, on a catalog that is on disk, what was edited
// and deleted since, and leaves nothing behind.
func TestReplayProgram(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s := startServer(t, data)
	wiki := func(id string, version int, text string) *pb.IngestRequest {
		return line(t, fmt.Sprintf(`{"document": {"source": "wiki", "id": %q, "version": %d, "text": %q, "policy": {"layers": [{"allow": [{"principal": "everyone"}]}]}}}`, id, version, text))
	}
	s.mustSend(wiki("dues", 1, "Berth dues are £40 a week."), wiki("old", 1, "Old berth dues were £30 a week."))
	ada := s.token(identity.Request{Subject: "user:local/ada"})
	auditor := s.token(identity.Request{Subject: "user:local/eve", Roles: []identity.Grant{{Role: identity.RoleAuditor}}})
	run := func(token string, args ...string) ran {
		return program(t, append([]string{"MUNIMENT_ADDR=" + s.addr, "MUNIMENT_TOKEN=" + token}, args...)...)
	}
	id := regexp.MustCompile(`retrieval ([0-9a-f]{32})`).FindStringSubmatch(run(ada, "retrieve", "berth dues").stdout)[1]
	s.mustSend(wiki("dues", 2, "Berth dues are £45 a week."),
		&pb.IngestRequest{Item: &pb.IngestRequest_Delete{Delete: &pb.DocumentDeletion{Source: "wiki", Id: "old", Version: 1}}})

	got := run(auditor, "audit", "replay", id)
	if got.code != exitOK || !strings.Contains(got.stdout, "it matches the record: 2 passages") || !strings.Contains(got.stdout, "£40") || strings.Contains(got.stdout, "£30") {
		t.Errorf("%+v", got)
	}
	got = run(auditor, "audit", "replay", id, "--json")
	var said struct{ Matches bool }
	if err := json.Unmarshal([]byte(got.stdout), &said); err != nil || !said.Matches || got.code != exitOK {
		t.Errorf("%v: %+v", err, got)
	}
	if got := run(ada, "audit", "replay", id); got.code != exitRefused || !strings.Contains(got.stderr, "MISSING_ROLE") {
		t.Errorf("without the role: %+v", got)
	}
	if got := run(auditor, "audit", "replay"); got.code != exitUsage {
		t.Errorf("of nothing: %+v", got)
	}
	if left, err := os.ReadDir(filepath.Join(data, "index", "replay")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestReplaySaysWhatDiffers reads what is printed of a replay that differs.
func TestReplaySaysWhatDiffers(t *testing.T) {
	passage := func(rank int32, id string, score float64) *pb.ReplayedPassage {
		return &pb.ReplayedPassage{Rank: rank, Document: &pb.DocumentRef{Source: "wiki", Id: id}, Version: 3, Score: score}
	}
	var out strings.Builder
	printReplay(&out, &pb.ReplayRetrievalResponse{
		RetrievalId: "r", Differences: []string{"conflicts"}, RecordedDegradations: []string{"CUT_OFF"},
		Ranks: []*pb.ReplayedRank{
			{Recorded: passage(1, "a", 0.5), Replayed: passage(1, "a", 0.5000000000000001), Differences: []string{"score"}},
			{Recorded: passage(2, "b", 0.25)}, {Replayed: passage(3, "c\u202e", 0.125)},
		},
	})
	for _, want := range []string{
		"DIFFERS in score; the record has wiki/a  version 3", "score 0.5000000000000001", "2. wiki/b", "it is in the record alone",
		"the record has nothing here", "DIFFERS in conflicts", "not as usual: recorded CUT_OFF, replayed none", "it DIFFERS from the record",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, &out)
		}
	}
	if strings.Contains(out.String(), "\u202e") {
		t.Error("it turns the direction of a line")
	}
}
