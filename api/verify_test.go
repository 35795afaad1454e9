package api_test

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// hashOf is the content_hash of a text.
func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// TestVerifyDocument vouches for a text that is long overdue: it is fresh from then on, for
// everybody, until its text changes.
func TestVerifyDocument(t *testing.T) {
	s := start(t, nil)
	old := timestamppb.New(time.Now().AddDate(-3, 0, 0))
	overdue := func(v int64, text string) *pb.IngestRequest {
		return version(page("handbook", "ropes", text), v, func(d *pb.Document) {
			d.Modified, d.ReviewInterval = old, durationpb.New(365*24*time.Hour)
		})
	}
	s.send(s.as(ada, "ingest"), overdue(1, "Ropes."))
	read := func() *pb.GetDocumentResponse {
		t.Helper()
		got, err := pb.NewDocumentServiceClient(s.conn).GetDocument(s.as(eve), &pb.GetDocumentRequest{Document: ref("ropes")})
		s.must(err)
		return got
	}
	if state := read().GetFreshness().GetState(); state != pb.Freshness_STATE_STALE {
		t.Fatalf("%v before anybody looked", state)
	}
	client := pb.NewStewardshipServiceClient(s.conn)
	resp, err := client.VerifyDocument(s.as(ada, "steward:handbook"), &pb.VerifyDocumentRequest{
		Document: ref("ropes"), ContentHash: read().GetContentHash(), Note: "Asked the yard.",
	})
	s.must(err)
	if f := resp.GetFreshness(); f.GetState() != pb.Freshness_STATE_FRESH || f.GetVerifiedBy() != ada || f.GetAgeDays() != 0 || resp.GetConsistencyToken() == "" {
		t.Errorf("answered %v", resp)
	}
	if f := read().GetFreshness(); f.GetState() != pb.Freshness_STATE_FRESH || f.GetVerifiedBy() != ada {
		t.Errorf("others see %v", f)
	}
	s.send(s.as(ada, "ingest"), overdue(2, "Ropes."))
	if f := read().GetFreshness(); f.GetVerifiedBy() != ada {
		t.Errorf("a new version with the same text: %v", f)
	}
	s.send(s.as(ada, "ingest"), overdue(3, "Other ropes."))
	if f := read().GetFreshness(); f.GetState() != pb.Freshness_STATE_STALE || f.GetVerified() != nil {
		t.Errorf("a new text: %v", f)
	}
	if _, err := pb.NewRetrievalServiceClient(s.conn).Retrieve(s.as(eve), &pb.RetrieveRequest{Query: "ropes", AtLeastAsFresh: resp.GetConsistencyToken()}); err != nil {
		t.Errorf("the token: %v", err)
	}
}

// TestVerifyDocumentRefuses says of each call that may not be what it gets; what the caller
// may not read is not there, whatever hash comes with it.
func TestVerifyDocumentRefuses(t *testing.T) {
	s := start(t, nil)
	hidden := page("handbook", "hidden", "Secret.")
	hidden.GetDocument().Policy, hidden.GetDocument().Owner = only("user:local/ben"), ada
	s.send(s.as(ada, "ingest"), page("handbook", "ropes", "Ropes."), hidden, page("handbook", "gone", "Gone."),
		&pb.IngestRequest{Item: &pb.IngestRequest_Delete{Delete: &pb.DocumentDeletion{Source: "handbook", Id: "gone", Version: 2}}})
	steward := "steward:handbook"
	for name, c := range map[string]struct {
		id, hash, role string
		code           codes.Code
		reason         string
	}{
		"another text":              {"ropes", hashOf("Other."), steward, codes.FailedPrecondition, "CONTENT_CHANGED"},
		"without the role":          {"ropes", hashOf("Ropes."), "ingest:handbook", codes.PermissionDenied, "MISSING_ROLE"},
		"for another source":        {"ropes", hashOf("Ropes."), "steward:wiki", codes.PermissionDenied, "MISSING_ROLE"},
		"no hash":                   {"ropes", "", steward, codes.InvalidArgument, "INVALID_FIELD"},
		"a hash in capitals":        {"ropes", strings.ToUpper(hashOf("Ropes.")), steward, codes.InvalidArgument, "INVALID_FIELD"},
		"hidden":                    {"hidden", hashOf("Secret."), steward, codes.NotFound, "NOT_FOUND"},
		"hidden, of another text":   {"hidden", hashOf("Other."), steward, codes.NotFound, "NOT_FOUND"},
		"deleted":                   {"gone", hashOf("Gone."), steward, codes.NotFound, "NOT_FOUND"},
		"never there":               {"never", hashOf("Ropes."), steward, codes.NotFound, "NOT_FOUND"},
		"hidden, without the role":  {"hidden", hashOf("Secret."), "auditor", codes.PermissionDenied, "MISSING_ROLE"},
		"never was, without a role": {"never", hashOf("Secret."), "auditor", codes.PermissionDenied, "MISSING_ROLE"},
	} {
		_, err := pb.NewStewardshipServiceClient(s.conn).VerifyDocument(s.as(ada, c.role), &pb.VerifyDocumentRequest{Document: ref(c.id), ContentHash: c.hash})
		if code, why := reason(err); code != c.code || why != c.reason {
			t.Errorf("%s: %v %s, want %v %s", name, code, why, c.code, c.reason)
		}
	}
}
