package api_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

func (s *server) resolve(ctx context.Context, c *pb.ContestedValue, v pb.Verdict, note string) (*pb.ResolveConflictResponse, error) {
	s.Helper()
	return pb.NewStewardshipServiceClient(s.conn).ResolveConflict(ctx, &pb.ResolveConflictRequest{
		ConflictId: c.GetId(), A: c.GetA().GetDocument(), B: c.GetB().GetDocument(), Verdict: v, Note: note,
	})
}

func (s *server) onlyConflict(role string) *pb.ContestedValue {
	s.Helper()
	resp := s.conflicts(role, func(r *pb.ListConflictsRequest) { r.IncludeResolved = true })
	if len(resp.GetClusters()) != 1 || len(resp.GetClusters()[0].GetConflicts()) != 1 {
		s.Fatalf("want one conflict:\n%s", inBrief(resp))
	}
	return resp.GetClusters()[0].GetConflicts()[0]
}

// TestResolveConflict settles a conflict: it is listed no more unless asked for, with who has
// said what; the verdict outlives edits elsewhere, and lapses with the sentence.
func TestResolveConflict(t *testing.T) {
	s := start(t, nil)
	s.send(s.as(ada, "ingest"), rules("handbook", "a", "30 days", "2 years"), rules("handbook", "b", "14 days", "2 years"))
	found := s.onlyConflict("steward")
	if found.GetResolution() != nil {
		t.Fatalf("settled before anybody said anything: %v", found)
	}
	resp, err := s.resolve(s.as(eve, "steward:handbook"), found, pb.Verdict_VERDICT_A_IS_RIGHT, "Asked the shop.")
	s.must(err)
	for name, c := range map[string]*pb.ContestedValue{"answered": resp.GetConflict(), "listed": s.onlyConflict("steward")} {
		r := c.GetResolution()
		if c.GetId() != found.GetId() || r.GetVerdict() != pb.Verdict_VERDICT_A_IS_RIGHT || r.GetNote() != "Asked the shop." || r.GetAuthor() != eve || r.GetTime() == nil ||
			c.GetPreferred() != pb.Conflict_PREFERENCE_A || !strings.Contains(c.GetPreferredReason(), "steward") {
			t.Errorf("%s: %v", name, c)
		}
	}
	if got := inBrief(s.conflicts("steward")); got != "" || resp.GetConsistencyToken() == "" {
		t.Errorf("still listed: %s", got)
	}

	// The other way round, a verdict is about the documents as they are named.
	swapped := &pb.ContestedValue{Id: found.GetId(), A: found.GetB(), B: found.GetA()}
	resp, err = s.resolve(s.as(ada, "steward"), swapped, pb.Verdict_VERDICT_A_IS_RIGHT, "")
	s.must(err)
	if r := resp.GetConflict(); r.GetResolution().GetVerdict() != pb.Verdict_VERDICT_B_IS_RIGHT || r.GetA().GetDocument().GetId() != "a" {
		t.Errorf("named the other way round: %v", r)
	}

	// Another sentence is edited: the dismissal sticks.
	edited := version(rules("handbook", "b", "14 days", "18 months"), 2, func(d *pb.Document) { d.Text += "\n\nA new line about parking: the yard is closed." })
	s.send(s.as(ada, "ingest"), edited)
	if got := inBrief(s.conflicts("steward")); strings.Contains(got, "14 days") || !strings.Contains(got, "18 months") {
		t.Errorf("after another sentence was edited: %s", got)
	}
	// That sentence is edited: it is a new conflict.
	s.send(s.as(ada, "ingest"), version(rules("handbook", "b", "21 days", "2 years"), 3, func(*pb.Document) {}))
	if got := inBrief(s.conflicts("steward")); !strings.Contains(got, "30 days | handbook/b 21 days | VERDICT_UNSPECIFIED") {
		t.Errorf("after that sentence was edited: %s", got)
	}
}

// TestResolveConflictTakenBack: the verdict that is none takes back the one before.
func TestResolveConflictTakenBack(t *testing.T) {
	s := start(t, nil)
	s.send(s.as(ada, "ingest"), rules("handbook", "a", "30 days", "2 years"), rules("handbook", "b", "14 days", "2 years"))
	found := s.onlyConflict("steward")
	for _, v := range []pb.Verdict{pb.Verdict_VERDICT_NO_CONFLICT, pb.Verdict_VERDICT_UNSPECIFIED} {
		_, err := s.resolve(s.as(ada, "steward"), found, v, "")
		s.must(err)
		if got := s.onlyConflict("steward").GetResolution().GetVerdict(); got != v {
			t.Errorf("%v, want %v", got, v)
		}
	}
}

// TestResolveConflictRefuses: what the caller may not read is not there, before anything is
// said of roles; and nobody puts another's document in the wrong.
func TestResolveConflictRefuses(t *testing.T) {
	s := start(t, nil)
	hidden := rules("handbook", "hidden", "7 days", "2 years")
	hidden.GetDocument().Policy = only("user:local/ben")
	s.send(s.as(ada, "ingest"), rules("handbook", "a", "30 days", "2 years"), rules("wiki", "b", "14 days", "2 years"), hidden)
	found := s.onlyConflict("steward")
	resp, err := pb.NewStewardshipServiceClient(s.conn).ListConflicts(s.as("user:local/ben", "steward"), &pb.ListConflictsRequest{Filter: &pb.Filter{Sources: []string{"wiki"}}})
	s.must(err)
	var secret *pb.ContestedValue // between a hidden document and wiki/b
	for _, c := range resp.GetClusters()[0].GetConflicts() {
		if c.GetA().GetDocument().GetId() == "hidden" && c.GetB().GetDocument().GetId() == "b" {
			secret = c
		}
	}
	if secret == nil {
		t.Fatalf("ben sees no conflict with what is hidden from ada:\n%s", inBrief(resp))
	}
	side := func(source, id string) *pb.ConflictSide {
		return &pb.ConflictSide{Document: &pb.DocumentRef{Source: source, Id: id}}
	}
	for name, c := range map[string]struct {
		of     *pb.ContestedValue
		role   string
		code   codes.Code
		reason string
		says   string
	}{
		"without the role for b":   {found, "steward:handbook", codes.PermissionDenied, "MISSING_ROLE", `"wiki"`},
		"without the role for a":   {found, "steward:wiki", codes.PermissionDenied, "MISSING_ROLE", `"handbook"`},
		"without any":              {found, "ingest", codes.PermissionDenied, "MISSING_ROLE", `"handbook"`},
		"hidden":                   {secret, "steward", codes.NotFound, "NOT_FOUND", "conflict"},
		"hidden, without the role": {secret, "steward:wiki", codes.NotFound, "NOT_FOUND", "conflict"},
		"another's id":             {&pb.ContestedValue{Id: secret.GetId(), A: found.GetA(), B: found.GetB()}, "steward", codes.NotFound, "NOT_FOUND", "conflict"},
		"no such id":               {&pb.ContestedValue{Id: "x", A: found.GetA(), B: found.GetB()}, "steward", codes.NotFound, "NOT_FOUND", "conflict"},
		"no such document":         {&pb.ContestedValue{Id: found.GetId(), A: side("handbook", "never"), B: found.GetB()}, "steward", codes.NotFound, "NOT_FOUND", "conflict"},
		"a document and itself":    {&pb.ContestedValue{Id: found.GetId(), A: found.GetA(), B: found.GetA()}, "steward", codes.NotFound, "NOT_FOUND", "conflict"},
		"no document":              {&pb.ContestedValue{Id: found.GetId(), A: found.GetA(), B: &pb.ConflictSide{}}, "steward", codes.InvalidArgument, "INVALID_FIELD", "b"},
		"no id":                    {&pb.ContestedValue{A: found.GetA(), B: found.GetB()}, "steward", codes.InvalidArgument, "INVALID_FIELD", "conflict_id"},
	} {
		_, err := s.resolve(s.as(ada, c.role), c.of, pb.Verdict_VERDICT_A_IS_RIGHT, "")
		if code, why := reason(err); code != c.code || why != c.reason || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if r := s.onlyConflict("steward").GetResolution(); r != nil {
		t.Errorf("a refused verdict counts: %v", r)
	}
}
