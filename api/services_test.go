package api_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/tlog"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/audit"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

func only(principal string) *pb.Policy {
	return &pb.Policy{Layers: []*pb.Layer{{Allow: []*pb.Grant{{Principal: principal}}}}}
}

// ref names a document of the handbook.
func ref(id string) *pb.DocumentRef { return &pb.DocumentRef{Source: "handbook", Id: id} }

// Hidden, deleted and never-existing documents have one answer, byte for byte.
func TestAbsentDocumentsHaveOneAnswer(t *testing.T) {
	s := start(t, nil)
	hidden := page("handbook", "hidden", "text")
	hidden.GetDocument().Policy = only("user:local/ben")
	s.send(s.as(ada, "ingest"), hidden, page("handbook", "gone", "text"),
		&pb.IngestRequest{Item: &pb.IngestRequest_Delete{Delete: &pb.DocumentDeletion{Source: "handbook", Id: "gone", Version: 1}}})
	var want []byte
	for _, id := range []string{"never", "hidden", "gone"} {
		_, err := pb.NewDocumentServiceClient(s.conn).GetDocument(s.as(ada), &pb.GetDocumentRequest{Document: ref(id)})
		if code, why := reason(err); code != codes.NotFound || why != "NOT_FOUND" {
			t.Errorf("%s: %v", id, err)
		}
		got, merr := proto.MarshalOptions{Deterministic: true}.Marshal(status.Convert(err).Proto())
		s.must(merr)
		if want == nil {
			want = got
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s differs from one that never existed:\n%s", id, diff)
		}
	}
}

// A token of a write makes a read see it; no other token does for one.
func TestConsistencyTokens(t *testing.T) {
	s := start(t, nil)
	ack := s.send(s.as(ada, "ingest"), page("handbook", "a", "ferry"))[0]
	client := pb.NewRetrievalServiceClient(s.conn)
	resp, err := client.Retrieve(s.as(ada), &pb.RetrieveRequest{Query: "ferry", AtLeastAsFresh: ack.GetConsistencyToken()})
	if err != nil || len(resp.GetResults()) != 1 {
		t.Fatalf("with the token of the write: %v, %v", resp, err)
	}
	stranger := start(t, nil)
	foreign := stranger.send(stranger.as(ada, "ingest"), page("handbook", "a", "ferry"))[0].GetConsistencyToken()
	for name, token := range map[string]string{
		"a receipt": resp.GetReceipt(), "another server's": foreign, "nonsense": "nonsense",
		"one that was edited": "A" + strings.TrimPrefix(ack.GetConsistencyToken()[1:], "A"),
	} {
		if token == ack.GetConsistencyToken() {
			continue
		}
		for _, err := range []error{
			second(client.Retrieve(s.as(ada), &pb.RetrieveRequest{Query: "ferry", AtLeastAsFresh: token})),
			second(pb.NewDocumentServiceClient(s.conn).GetDocument(s.as(ada), &pb.GetDocumentRequest{Document: ref("a"), AtLeastAsFresh: token})),
		} {
			if code, why := reason(err); code != codes.InvalidArgument || why != "INVALID_TOKEN" {
				t.Errorf("with %s: %v", name, err)
			}
		}
	}
}

func second[T any](_ T, err error) error { return err }

// An answer is ten passages if nobody says how many, and each limit is kept.
func TestLimits(t *testing.T) {
	s := start(t, nil)
	var items []*pb.IngestRequest
	for i := range 14 {
		items = append(items, page("handbook", string(rune('a'+i)), "the ferry"))
	}
	s.send(s.as(ada, "ingest"), items...)
	for limit, want := range map[int32]int{0: 10, 1: 1, 14: 14, 100: 14} {
		resp, err := pb.NewRetrievalServiceClient(s.conn).Retrieve(s.as(ada), &pb.RetrieveRequest{Query: "ferry", Limit: limit})
		if err != nil || len(resp.GetResults()) != want {
			t.Errorf("limit %d: %d results, %v, want %d", limit, len(resp.GetResults()), err, want)
		}
	}
	for _, req := range []*pb.RetrieveRequest{{Query: "ferry", Limit: 101}, {Query: "ferry", Limit: -1}, {}, {Query: strings.Repeat("x", 4097)}} {
		if code, _ := reason(second(pb.NewRetrievalServiceClient(s.conn).Retrieve(s.as(ada), req))); code != codes.InvalidArgument {
			t.Errorf("%.40v: %v", req, code)
		}
	}
	many := make([]string, 65)
	for i := range many {
		many[i] = "w" + strings.Repeat("x", i)
	}
	if code, why := reason(second(pb.NewRetrievalServiceClient(s.conn).Retrieve(s.as(ada), &pb.RetrieveRequest{Query: strings.Join(many, " ")}))); code != codes.InvalidArgument || why != "TOO_MANY_TERMS" {
		t.Errorf("65 words: %v %s", code, why)
	}
}

// If the audit log cannot be written nothing is shown, whatever is asked for.
func TestNothingIsShownUnrecorded(t *testing.T) {
	s := start(t, nil)
	s.send(s.as(ada, "ingest", "directory"), page("handbook", "a", "ferry"),
		&pb.IngestRequest{Item: &pb.IngestRequest_Group{Group: &pb.Group{Name: "group:a", Members: []string{ada}}}})
	s.records.Break(errors.New("no space left"))
	for name, err := range map[string]error{
		"Retrieve":      second(pb.NewRetrievalServiceClient(s.conn).Retrieve(s.as(ada), &pb.RetrieveRequest{Query: "ferry"})),
		"GetDocument":   second(pb.NewDocumentServiceClient(s.conn).GetDocument(s.as(ada), &pb.GetDocumentRequest{Document: ref("a")})),
		"GetGroup":      second(pb.NewDirectoryServiceClient(s.conn).GetGroup(s.as(ada, "directory"), &pb.GetGroupRequest{Name: "group:a"})),
		"GetCheckpoint": second(pb.NewAuditServiceClient(s.conn).GetCheckpoint(s.as(ada, "auditor"), &pb.GetCheckpointRequest{})),
	} {
		if code, why := reason(err); code != codes.Unavailable || why != "AUDIT_UNAVAILABLE" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A receipt leads an auditor to the record of the answer, without the words of the query,
// and to the proof that it is in the log.
func TestReceipts(t *testing.T) {
	s := start(t, nil)
	s.send(s.as(ada, "ingest"), page("handbook", "a", "ferry"))
	resp, err := pb.NewRetrievalServiceClient(s.conn).Retrieve(s.as(ada), &pb.RetrieveRequest{Query: "ferry"})
	s.must(err)
	client := pb.NewAuditServiceClient(s.conn)
	got, err := client.GetRecord(s.as(ada, "auditor"), &pb.GetRecordRequest{Receipt: resp.GetReceipt()})
	s.must(err)
	var record audit.Record
	s.must(json.Unmarshal([]byte(got.GetRecord()), &record))
	if r := record.Retrieval; record.ID != resp.GetRetrievalId() || record.User != ada || r == nil || r.Query != "" || strings.Contains(got.GetRecord(), "ferry") ||
		r.QueryHash == "" || len(r.Sources) != 1 || r.Sources[0].ID != "a" {
		t.Errorf("the record is %s", got.GetRecord())
	}
	checkpoint, err := audit.ReadCheckpoint([]byte(got.GetCheckpoint()))
	s.must(err)
	hash := func(text string) (h tlog.Hash) {
		b, err := hex.DecodeString(text)
		s.must(err)
		copy(h[:], b)
		return h
	}
	var proof tlog.RecordProof
	for _, h := range got.GetInclusionProof() {
		proof = append(proof, hash(h))
	}
	if err := tlog.CheckRecord(proof, checkpoint.N, checkpoint.Hash, got.GetIndex(), hash(got.GetLeafHash())); err != nil {
		t.Errorf("the proof of record %d: %v", got.GetIndex(), err)
	}

	ack := s.send(s.as(ada, "ingest"), page("handbook", "b", "ferry"))[0]
	for name, tc := range map[string]struct {
		receipt string
		code    codes.Code
	}{
		"a consistency token": {ack.GetConsistencyToken(), codes.InvalidArgument}, "nonsense": {"nonsense", codes.InvalidArgument}, "nothing": {"", codes.InvalidArgument},
		"one of a log that was lost": {s.sealReceipt(99), codes.NotFound}, "one of another log's record": {s.sealReceipt(0), codes.NotFound},
	} {
		if code, _ := reason(second(client.GetRecord(s.as(ada, "auditor"), &pb.GetRecordRequest{Receipt: tc.receipt}))); code != tc.code {
			t.Errorf("the receipt is %s: %v, want %v", name, code, tc.code)
		}
	}
}

// sealReceipt is a receipt of this server's keys for a record that this log does not have.
func (s *server) sealReceipt(index byte) string {
	receipt, err := s.Keys.Seal(identity.PurposeReceipt, nil, append([]byte{0, 0, 0, 0, 0, 0, index, 0}, make([]byte, tlog.HashSize)...), identity.NeverExpires)
	s.must(err)
	return receipt
}

// GetCaller says who the server takes the caller to be, and what both user and app are
// cleared for, in the order of the scale.
func TestGetCaller(t *testing.T) {
	s := start(t, nil)
	client := pb.NewDirectoryServiceClient(s.conn)
	got, err := client.GetCaller(s.bearer(s.token(identity.Request{Subject: ada, App: "chat", Clearance: "restricted", Guest: true}, "ingest:handbook", "auditor")), &pb.GetCallerRequest{})
	s.must(err)
	want := &pb.GetCallerResponse{
		User: ada, App: "service:chat", Guest: true, Roles: []string{"ingest:handbook", "auditor"}, Clearance: []string{"public", "internal"},
	}
	if !proto.Equal(want, got) {
		t.Errorf("got %v, want %v", got, want)
	}
	s.send(s.as(ada, "directory"), &pb.IngestRequest{Item: &pb.IngestRequest_Group{Group: &pb.Group{Name: "group:a", Members: []string{"user:local/b", ada}}}})
	group, err := pb.NewDirectoryServiceClient(s.conn).GetGroup(s.as(ada, "directory"), &pb.GetGroupRequest{Name: "group:a"})
	if wanted := (&pb.GetGroupResponse{Name: "group:a", Members: []string{ada, "user:local/b"}}); err != nil || !proto.Equal(wanted, group) {
		t.Errorf("got %v, %v, want %v", group, err, wanted)
	}
	if code, _ := reason(second(client.GetGroup(s.as(ada, "directory"), &pb.GetGroupRequest{Name: "group:none"}))); code != codes.NotFound {
		t.Errorf("a group nobody knows: %v", code)
	}
}
