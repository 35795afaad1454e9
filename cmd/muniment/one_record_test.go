package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/audit"
	auditfile "github.com/muniment/muniment/audit/file"
	"github.com/muniment/muniment/internal/prove"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// everyKind says which kind of record the contract's classes are.
var everyKind = map[pb.MethodAccess_Record]audit.Kind{
	pb.MethodAccess_RECORD_RETRIEVE: audit.KindRetrieve, pb.MethodAccess_RECORD_READ: audit.KindRead,
	pb.MethodAccess_RECORD_CHANGE: audit.KindChange, pb.MethodAccess_RECORD_OPERATE: audit.KindOperate,
	pb.MethodAccess_RECORD_ANSWER: audit.KindAnswer,
}

// answeredCalls has for each method of the contract a call that is answered and, if it changes
// anything, changes one thing. They come in this order.
func answeredCalls() []proto.Message {
	source := &pb.Source{Name: "yard", Contact: "the yard"}
	return []proto.Message{
		&pb.IngestRequest{Item: &pb.IngestRequest_Document{Document: &pb.Document{Source: "yard", Id: "bids", Version: 1, Text: "Bids of yards.", Policy: everyoneReads()}}},
		&pb.RetrieveRequest{Query: "bids"},
		&pb.RecordAnswerRequest{Answer: &pb.RecordAnswerRequest_AnswerText{AnswerText: "There are."}, Outcome: pb.Outcome_OUTCOME_SHOWN},
		&pb.ListRetrievalsRequest{},
		&pb.GetDocumentRequest{Document: &pb.DocumentRef{Source: "yard", Id: "bids"}},
		&pb.GetCallerRequest{},
		&pb.GetGroupRequest{Name: "group:yard"},
		&pb.ExplainAccessRequest{Document: &pb.DocumentRef{Source: "yard", Id: "bids"}, Subject: &pb.Subject{Principal: "user:local/ada"}},
		&pb.PreviewAccessChangeRequest{Change: &pb.PreviewAccessChangeRequest_Container{Container: &pb.Container{Source: "yard", Id: "all", Version: 1, Policy: everyoneReads()}}},
		&pb.SetSourceRequest{Source: source},
		&pb.ListSourcesRequest{},
		&pb.StartSyncRequest{Source: "yard"},
		&pb.AbortSyncRequest{Source: "yard"},
		&pb.CommitSyncRequest{Source: "yard"},
		&pb.GetCheckpointRequest{},
		&pb.GetConsistencyProofRequest{OldSize: 1, Size: 3},
		&pb.GetRecordRequest{},
		&pb.ListRecordsRequest{},
		&pb.TraceAnswerRequest{},
		&pb.ReplayRetrievalRequest{},
		&pb.TraceDocumentRequest{Document: &pb.DocumentRef{Source: "yard", Id: "bids"}},
		&pb.ReportFreshnessRequest{},
		&pb.VerifyDocumentRequest{Document: &pb.DocumentRef{Source: "yard", Id: "bids"}, ContentHash: hashOfText("Bids of yards."), Note: "looked"},
		&pb.ListConflictsRequest{},
		&pb.ResolveConflictRequest{Verdict: pb.Verdict_VERDICT_B_IS_RIGHT, Note: "asked the yard"},
		&pb.ListWorkRequest{},
		&pb.GetStatusRequest{},
		&pb.CheckRequest{},
		&pb.BackupRequest{},
		&pb.RebuildRequest{Index: "keyword"},
	}
}

// hashOfText is the content_hash of a text.
func hashOfText(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func everyoneReads() *pb.Policy {
	return &pb.Policy{Layers: []*pb.Layer{{Allow: []*pb.Grant{{Principal: "everyone"}}}}}
}

// TestEveryCallLeavesOneRecord calls every method of the contract so that it answers, without a
// role that it needs, without a token, with a request that is none, and for what is not there,
// and demands after each call that there is one record more, of the right kind (AUD-11).
func TestEveryCallLeavesOneRecord(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	s.mustSend(&pb.IngestRequest{Item: &pb.IngestRequest_Group{Group: &pb.Group{Name: "group:yard", Members: []string{"user:local/ada"}}}})
	for id, price := range map[string]string{"a": "£40", "b": "£45"} {
		s.mustSend(&pb.IngestRequest{Item: &pb.IngestRequest_Document{Document: &pb.Document{
			Source: "pier", Id: id, Version: 1, Uri: "https://example.org/berths", Text: "A berth at the northern quay costs " + price + " a night for boats of any length.", Policy: everyoneReads(),
		}}})
	}
	w := newWitness(t, s)
	all := s.as(identity.Request{Subject: "user:local/pia", Roles: []identity.Grant{
		{Role: identity.RoleIngest}, {Role: identity.RoleDirectory}, {Role: identity.RoleAuditor}, {Role: identity.RoleSteward}, {Role: identity.RoleAdmin},
	}})
	methods := contractMethods(t)
	receipt, retrieval, session := "", "", ""
	var conflict *pb.ContestedValue
	for _, req := range answeredCalls() {
		m := methodOfRequest(t, methods, req)
		delete(methods, m.FullName())
		switch r := req.(type) {
		case *pb.GetRecordRequest:
			r.Receipt = receipt
		case *pb.RecordAnswerRequest:
			r.RetrievalIds = []string{retrieval}
		case *pb.TraceAnswerRequest:
			r.Answer = retrieval
		case *pb.ReplayRetrievalRequest:
			r.Retrieval = retrieval
		case *pb.ResolveConflictRequest:
			r.ConflictId, r.A, r.B = conflict.GetId(), conflict.GetA().GetDocument(), conflict.GetB().GetDocument()
		case *pb.AbortSyncRequest:
			r.Session = session
		case *pb.CommitSyncRequest: // of another session
			started := &pb.StartSyncResponse{}
			if err := s.conn.Invoke(all, pb.SourceService_StartSync_FullMethodName, &pb.StartSyncRequest{Source: "yard"}, started); err != nil {
				t.Fatal(err)
			}
			w.one("StartSync again", audit.KindChange, "")
			s.send(all, &pb.IngestRequest{Item: &pb.IngestRequest_Seen{Seen: &pb.DocumentPresence{Source: "yard", Id: "bids", Version: 1}}})
			w.settle()
			r.Session, r.Documents = started.GetSession().GetId(), 1
		}
		resp, err := invokeAny(all, s, m, req)
		if err != nil {
			t.Fatalf("%s: %v", m.FullName(), err)
		}
		w.one(string(m.FullName()), everyKind[accessOf(m).GetRecord()], "")
		switch r := resp.(type) {
		case *pb.RetrieveResponse:
			receipt, retrieval = r.GetReceipt(), r.GetRetrievalId()
		case *pb.StartSyncResponse:
			session = r.GetSession().GetId()
		case *pb.ListConflictsResponse:
			conflict = r.GetClusters()[0].GetConflicts()[0]
		case *pb.ResolveConflictResponse:
			if c := w.last.Change; c.Op != "settle conflict" || c.Source+"/"+c.ID != "pier/a" || c.With != "pier/b" || c.Verdict != "the second is right" || c.Note != "asked the yard" {
				t.Errorf("the record of the verdict is %+v", c)
			}
		case *pb.VerifyDocumentResponse:
			if c := w.last.Change; c.Op != "verify document" || c.Note != "looked" || c.ContentHash != hashOfText("Bids of yards.") {
				t.Errorf("the record of the verification is %+v", c)
			}
		}
	}
	for name := range methods {
		t.Errorf("%s has no call here that is answered: say in answeredCalls how it is called", name)
	}

	bad := &pb.GetCallerRequest{}
	bad.ProtoReflect().SetUnknown([]byte{0xf8, 0x7c, 1}) // field 1999
	strangers := 0
	for name, m := range contractMethods(t) {
		if accessOf(m).GetClass() == pb.MethodAccess_CLASS_SERVER || accessOf(m).GetClass() == pb.MethodAccess_CLASS_SOURCE {
			_, err := invokeAny(s.user("user:local/ada"), s, m, bad)
			w.refused(name, err, codes.PermissionDenied, "MISSING_ROLE")
		}
		_, err := invokeAny(all, s, m, bad)
		if m.IsStreamingClient() { // the item is refused, and counted; the stream goes on
			w.one(string(name)+", an item", audit.KindRefuse, "MALFORMED")
		} else {
			w.refused(name, err, codes.InvalidArgument, "MALFORMED")
		}
		if _, err := invokeAny(context.Background(), s, m, bad); status.Code(err) != codes.Unauthenticated {
			t.Errorf("%s without a token: %v", name, err)
		}
		strangers++
	}
	_, err := s.documents().GetDocument(s.user("user:local/ada"), &pb.GetDocumentRequest{Document: &pb.DocumentRef{Source: "yard", Id: "none"}})
	w.refused("muniment.v1.DocumentService.GetDocument", err, codes.NotFound, "NOT_FOUND")
	w.none("all of it")
	if w.strangers != strangers { // counted, a second's together
		t.Errorf("%d calls of strangers are recorded, %d were made", w.strangers, strangers)
	}
	prove.Report(t, "answers have their records", "all %d methods, answered, refused, and called by strangers: each call with its one record", len(contractMethods(t)))
}

// witness reads the audit log of a running server from its files, record by record.
type witness struct {
	t    *testing.T
	dir  string
	at   int64        // index of the record that comes next
	last audit.Record // the one before it

	strangers int // refusals of callers for whom no token spoke, of which it has read
}

func newWitness(t *testing.T, s *server) *witness {
	w := &witness{t: t, dir: filepath.Join(s.dir, "audit")}
	w.settle()
	return w
}

// read is the record at an index, or false if it is not there yet.
func (w *witness) read(index int64) (r audit.Record, ok bool) {
	w.t.Helper()
	log, err := auditfile.OpenReadOnly(w.dir)
	if err != nil {
		w.t.Fatal(err)
	}
	defer log.Close()
	for e, err := range log.Entries(context.Background(), index) {
		if err != nil || json.Unmarshal(e.Body, &r) != nil {
			w.t.Fatalf("record %d: %v", index, err)
		}
		return r, true
	}
	return r, false
}

// settle skips all that comes within the time in which refusals are counted.
func (w *witness) settle() {
	w.t.Helper()
	for last := time.Now(); time.Since(last) < 1500*time.Millisecond; time.Sleep(20 * time.Millisecond) {
		for {
			if _, ok := w.read(w.at); !ok {
				break
			}
			w.at++
			last = time.Now()
		}
	}
}

// next waits for the next record.
func (w *witness) next(after string) audit.Record {
	w.t.Helper()
	eventually(w.t, "a record after "+after, func() (ok bool) {
		w.last, ok = w.read(w.at)
		if ok {
			w.at++
		}
		return ok && !w.stranger()
	})
	return w.last
}

// stranger reports whether the last record is one of strangers' refusals, and counts them.
func (w *witness) stranger() bool {
	r := w.last.Refusal
	if r == nil || r.Reason != "TOKEN_MISSING" || r.Code != "UNAUTHENTICATED" || r.Count == 0 || w.last.User+w.last.App != "" {
		return false
	}
	w.strangers += int(r.Count)
	return true
}

// one demands that the next record is of the kind and, if a reason is given, of a refusal with it.
func (w *witness) one(call string, kind audit.Kind, reason string) {
	w.t.Helper()
	r := w.next(call)
	if r.Kind != kind || r.Retrieval != nil != (kind == audit.KindRetrieve) || r.Refusal != nil != (kind == audit.KindRefuse) {
		w.t.Errorf("%s left %+v, want one of the kind %s", call, r, kind)
	} else if reason != "" && r.Refusal.Reason != reason {
		w.t.Errorf("%s left %+v, want the reason %s", call, r.Refusal, reason)
	}
}

// refused demands that a call of a verified caller got the code, and left a record that says so.
func (w *witness) refused(method protoreflect.FullName, err error, code codes.Code, reason string) {
	w.t.Helper()
	if status.Code(err) != code {
		w.t.Errorf("%s: %v, want %v", method, err, code)
	}
	w.one(string(method), audit.KindRefuse, reason)
	path := "/" + string(method.Parent()) + "/" + string(method.Name())
	if r := w.last; r.Refusal == nil || r.Refusal.Method != path || r.Refusal.Count != 0 || r.User == "" || r.App == "" || r.Groups == nil {
		w.t.Errorf("%s left %+v, %+v", method, r, r.Refusal)
	}
}

// none demands that no record comes any more.
func (w *witness) none(after string) {
	w.t.Helper()
	time.Sleep(1500 * time.Millisecond) // longer than refusals are counted
	for ok := true; ok; w.at++ {
		if w.last, ok = w.read(w.at); ok && !w.stranger() {
			w.t.Errorf("after %s there is one record more: %+v, %+v", after, w.last, w.last.Refusal)
		}
	}
}

// contractMethods are the methods of the contract, found in the descriptors.
func contractMethods(t *testing.T) map[protoreflect.FullName]protoreflect.MethodDescriptor {
	t.Helper()
	all := map[protoreflect.FullName]protoreflect.MethodDescriptor{}
	protoregistry.GlobalFiles.RangeFilesByPackage("muniment.v1", func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			for j := range file.Services().Get(i).Methods().Len() {
				m := file.Services().Get(i).Methods().Get(j)
				all[m.FullName()] = m
			}
		}
		return true
	})
	if len(all) < 18 {
		t.Fatalf("the contract has only %d methods: this test looks in the wrong place", len(all))
	}
	return all
}

func accessOf(m protoreflect.MethodDescriptor) *pb.MethodAccess {
	return proto.GetExtension(m.Options(), pb.E_Access).(*pb.MethodAccess)
}

// methodOfRequest is the method among them that takes the request.
func methodOfRequest(t *testing.T, methods map[protoreflect.FullName]protoreflect.MethodDescriptor, req proto.Message) protoreflect.MethodDescriptor {
	t.Helper()
	for _, m := range methods {
		if m.Input().FullName() == req.ProtoReflect().Descriptor().FullName() {
			return m
		}
	}
	t.Fatalf("no method takes %T", req)
	return nil
}

// invokeAny calls a method, sends one message and returns the last of its answer.
func invokeAny(ctx context.Context, s *server, m protoreflect.MethodDescriptor, req proto.Message) (proto.Message, error) {
	s.t.Helper()
	output, err := protoregistry.GlobalTypes.FindMessageByName(m.Output().FullName())
	if err != nil {
		s.t.Fatal(err)
	}
	resp := output.New().Interface()
	path := "/" + string(m.Parent().FullName()) + "/" + string(m.Name())
	if !m.IsStreamingClient() && !m.IsStreamingServer() {
		return resp, s.conn.Invoke(ctx, path, req, resp)
	}
	stream, err := s.conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: m.IsStreamingClient(), ServerStreams: m.IsStreamingServer()}, path)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(stream.SendMsg(req), stream.CloseSend()); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	for {
		if err := stream.RecvMsg(resp); errors.Is(err, io.EOF) {
			return resp, nil
		} else if err != nil {
			return nil, err
		}
	}
}
