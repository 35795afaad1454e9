package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// worldCall is one call of the contract.
type worldCall struct {
	method protoreflect.MethodDescriptor
	reqs   []proto.Message // one, but for a stream
}

// worldQueries is how many of a pair's calls are queries; they come first.
const worldQueries = 20

// contract lists every method there is, found in the descriptors.
func contract(t testing.TB) map[protoreflect.FullName]protoreflect.MethodDescriptor {
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
		t.Fatalf("the contract has only %d methods: this looks in the wrong place", len(all))
	}
	return all
}

// otherCalls makes one call of each method that is not a query, as it may meet what is
// hidden. No method is left out: one that the asker has no role for must refuse all the same.
var otherCalls = map[protoreflect.FullName]func(w *world) []proto.Message{
	"muniment.v1.DocumentService.GetDocument": func(w *world) []proto.Message { return one(&pb.GetDocumentRequest{Document: w.ref()}) },
	"muniment.v1.DirectoryService.GetCaller":  func(w *world) []proto.Message { return one(&pb.GetCallerRequest{}) },
	"muniment.v1.DirectoryService.GetGroup": func(w *world) []proto.Message {
		return one(&pb.GetGroupRequest{Name: pick(w, append(worldGroups, "group:none")...)})
	},
	"muniment.v1.SourceService.ListSources": func(w *world) []proto.Message { return one(&pb.ListSourcesRequest{Limit: 1}) },
	"muniment.v1.SourceService.SetSource": func(w *world) []proto.Message {
		return one(&pb.SetSourceRequest{Source: &pb.Source{Name: pick(w, worldSources...)}})
	},
	"muniment.v1.SourceService.StartSync": func(w *world) []proto.Message { return one(&pb.StartSyncRequest{Source: pick(w, worldSources...)}) },
	"muniment.v1.SourceService.CommitSync": func(w *world) []proto.Message {
		return one(&pb.CommitSyncRequest{Source: pick(w, worldSources...), Session: "s"})
	},
	"muniment.v1.SourceService.AbortSync": func(w *world) []proto.Message { return one(&pb.AbortSyncRequest{Source: pick(w, worldSources...)}) },
	"muniment.v1.AccessService.ExplainAccess": func(w *world) []proto.Message {
		return one(&pb.ExplainAccessRequest{Document: w.ref(), Subject: &pb.Subject{Principal: pick(w, worldPeople[:4]...)}})
	},
	"muniment.v1.AccessService.PreviewAccessChange": func(w *world) []proto.Message {
		ref := w.ref()
		return one(&pb.PreviewAccessChangeRequest{Change: &pb.PreviewAccessChangeRequest_Access{
			Access: &pb.DocumentAccess{Source: ref.GetSource(), Id: ref.GetId(), Policy: everyone()},
		}})
	},
	// Retrievals of one server are none of another's: what an asker's own report reveals is
	// compared by TestAnswersHideWhatIsHidden, with theirs on both.
	"muniment.v1.RetrievalService.RecordAnswer": func(w *world) []proto.Message {
		return one(&pb.RecordAnswerRequest{
			RetrievalIds: []string{strings.Repeat("0", 32)}, Outcome: pb.Outcome_OUTCOME_SHOWN, Answer: &pb.RecordAnswerRequest_AnswerText{AnswerText: "mine"},
			Citations: []*pb.Citation{{Location: &pb.Citation_CitationId{CitationId: w.ref().GetSource() + "/page%201@1#0"}}},
		})
	},
	// The one is asked by more people than the other, so only what came before either is the same.
	"muniment.v1.RetrievalService.ListRetrievals": func(w *world) []proto.Message {
		return one(&pb.ListRetrievalsRequest{Until: timestamppb.New(timeLongAgo)})
	},
	"muniment.v1.AuditService.ListRecords": func(w *world) []proto.Message { return one(&pb.ListRecordsRequest{Document: w.ref()}) },
	"muniment.v1.AuditService.TraceAnswer": func(w *world) []proto.Message { return one(&pb.TraceAnswerRequest{Answer: strings.Repeat("0", 32)}) },
	"muniment.v1.AuditService.ReplayRetrieval": func(w *world) []proto.Message {
		return one(&pb.ReplayRetrievalRequest{Retrieval: strings.Repeat("0", 32)})
	},
	"muniment.v1.AuditService.TraceDocument":         func(w *world) []proto.Message { return one(&pb.TraceDocumentRequest{Document: w.ref()}) },
	"muniment.v1.StewardshipService.ReportFreshness": func(w *world) []proto.Message { return one(w.report()) },
	"muniment.v1.StewardshipService.VerifyDocument": func(w *world) []proto.Message {
		return one(&pb.VerifyDocumentRequest{Document: w.ref(), ContentHash: hashOfText("mine"), Note: "mine"})
	},
	"muniment.v1.StewardshipService.ListWork":      func(w *world) []proto.Message { return one(&pb.ListWorkRequest{Limit: 1}) },
	"muniment.v1.StewardshipService.ListConflicts": func(w *world) []proto.Message { return one(&pb.ListConflictsRequest{Limit: 1}) },
	"muniment.v1.StewardshipService.ResolveConflict": func(w *world) []proto.Message {
		return one(&pb.ResolveConflictRequest{ConflictId: "made up", A: w.ref(), B: w.ref(), Verdict: pb.Verdict_VERDICT_A_IS_RIGHT, Note: "mine"})
	},
	"muniment.v1.AuditService.GetCheckpoint": func(w *world) []proto.Message { return one(&pb.GetCheckpointRequest{}) },
	"muniment.v1.AuditService.GetConsistencyProof": func(w *world) []proto.Message {
		return one(&pb.GetConsistencyProofRequest{OldSize: 1, Size: 2})
	},
	"muniment.v1.AuditService.GetRecord":      func(w *world) []proto.Message { return one(&pb.GetRecordRequest{Receipt: "made up"}) },
	"muniment.v1.OperationsService.GetStatus": func(w *world) []proto.Message { return one(&pb.GetStatusRequest{}) },
	"muniment.v1.OperationsService.Check":     func(w *world) []proto.Message { return one(&pb.CheckRequest{}) },
	"muniment.v1.OperationsService.Rebuild":   func(w *world) []proto.Message { return one(&pb.RebuildRequest{Index: "keyword"}) },
	"muniment.v1.OperationsService.Backup":    func(w *world) []proto.Message { return one(&pb.BackupRequest{}) },
	"muniment.v1.IngestionService.Ingest": func(w *world) (list []proto.Message) {
		for range 4 {
			ref := w.ref()
			list = append(list, &pb.IngestRequest{Item: &pb.IngestRequest_Delete{Delete: &pb.DocumentDeletion{Source: ref.GetSource(), Id: ref.GetId()}}},
				documentItem(&pb.Document{Source: ref.GetSource(), Id: ref.GetId(), Version: 1 << 40, Policy: everyone(), Text: "mine"}))
		}
		return append(list, &pb.IngestRequest{Item: &pb.IngestRequest_Group{Group: &pb.Group{Name: worldGroups[0]}}})
	},
}

func one(m proto.Message) []proto.Message { return []proto.Message{m} }

// ref names a document that is there, hidden, deleted or never was.
func (w *world) ref() *pb.DocumentRef {
	return &pb.DocumentRef{Source: pick(w, worldSources...), Id: fmt.Sprint("page ", w.IntN(60))}
}

// calls makes up the calls of a pair: queries with all filters, reads of documents that are
// there, hidden, deleted or never were, calls that fail, and one of every other method.
func (w *world) calls(t *testing.T) (list []worldCall) {
	t.Helper()
	methods := contract(t)
	add := func(name protoreflect.FullName, reqs ...proto.Message) {
		if methods[name] == nil {
			t.Fatalf("%s is not in the contract", name)
		}
		list = append(list, worldCall{methods[name], reqs})
	}
	const retrieve, get = "muniment.v1.RetrievalService.Retrieve", "muniment.v1.DocumentService.GetDocument"
	for range worldQueries {
		add(retrieve, w.query())
	}
	for range 10 {
		add(get, &pb.GetDocumentRequest{Document: w.ref()})
	}
	for _, bad := range []*pb.RetrieveRequest{{Query: "ferry", Limit: -1}, {}, {Query: "a ferry 15 minutes £40", AtLeastAsFresh: "made up"}, {Query: "ferry", PageToken: "made up"}} {
		add(retrieve, bad)
	}
	add(get, &pb.GetDocumentRequest{Document: &pb.DocumentRef{Source: "handbook"}})
	add(get, &pb.GetDocumentRequest{Document: &pb.DocumentRef{Source: "nowhere", Id: "never"}})
	for name := range methods {
		if name != retrieve && otherCalls[name] == nil {
			t.Fatalf("nothing compares %s between a server with hidden documents and one without", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(otherCalls)) { // in one order, so that a seed is one world
		add(name, otherCalls[name](w)...)
	}
	return list
}

// query makes up a question, with any filter.
func (w *world) query() *pb.RetrieveRequest {
	req := &pb.RetrieveRequest{Query: w.text(1 + w.IntN(4)), Limit: int32(pick(w, 0, 1, 3, 100)), Filter: &pb.Filter{}}
	switch w.IntN(10) {
	case 0:
		req.Filter.Sources = []string{pick(w, "handbook", "finance", "no such source")}
	case 1, 2:
		req.Filter.Containers = []*pb.DocumentRef{{Source: pick(w, worldSources...), Id: pick(w, append(worldContainers, "no such container")...)}}
	case 3:
		req.Filter.Labels = map[string]string{"colour": pick(w, "red", "blue", "no such colour")}
	case 4:
		req.Filter.Owners = []string{pick(w, worldPeople...), pick(w, worldGroups...)}
	case 5:
		req.Query = "How long until the ferry leaves, 15 or 30 minutes? " + req.Query
	case 6, 7:
		req.Vector = &pb.QueryVector{Space: "brought/4", Values: []float32{w.Float32(), w.Float32(), 1, 0}}
	}
	w.trust(req)
	return req
}

// trust restricts some questions by what documents are. When this server received a document may
// differ from another that holds it, so both of those dates are asked for by a whole century.
func (w *world) trust(req *pb.RetrieveRequest) {
	day := func() *timestamppb.Timestamp {
		return timestamppb.New(time.Date(2000+w.IntN(26), 5, 1, 0, 0, 0, 0, time.UTC))
	}
	century := &pb.TimeRange{From: timestamppb.New(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)), Until: timestamppb.New(time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC))}
	switch w.IntN(12) {
	case 0:
		req.Trust = pb.Trust_TRUST_CURRENT_ONLY
	case 1:
		req.Trust = pb.Trust_TRUST_VERIFIED_ONLY
	case 2:
		req.Filter.States = []pb.Freshness_State{pb.Freshness_State(1 + w.IntN(7)), pb.Freshness_State(1 + w.IntN(7))}
	case 3:
		req.Filter.Modified = &pb.TimeRange{From: day()}
	case 4:
		req.Filter.Verified = &pb.TimeRange{Until: day()}
	case 5:
		req.Filter.Synced, req.Filter.AclSynced = century, century
	case 6:
		req.AsOf = day()
	case 7:
		req.AsOf, req.Trust = day(), pb.Trust_TRUST_CURRENT_ONLY
	}
}

// answers makes the calls, some side by side, and returns what their caller hears.
func (s *server) answers(ctx context.Context, calls []worldCall) []heard {
	s.t.Helper()
	list := make([]heard, len(calls))
	next := make(chan int)
	var calling sync.WaitGroup
	for range 4 {
		calling.Go(func() {
			for i := range next {
				list[i] = s.hear(ctx, calls[i])
			}
		})
	}
	for i := range calls {
		next <- i
	}
	close(next)
	calling.Wait()
	return list
}

// hear makes one call of any kind. What is heard of a stream is every response, in order,
// and how it ended.
func (s *server) hear(ctx context.Context, c worldCall) heard {
	name := fmt.Sprintf("/%s/%s", c.method.Parent().FullName(), c.method.Name())
	kind, err := protoregistry.GlobalTypes.FindMessageByName(c.method.Output().FullName())
	if err != nil {
		panic(err)
	}
	fresh := func() proto.Message { return kind.New().Interface() }
	if !c.method.IsStreamingClient() && !c.method.IsStreamingServer() {
		return s.call(ctx, name, c.reqs[0], fresh())
	}
	h := heard{what: fmt.Sprint(name, " ", c.reqs)}
	stream, err := s.conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, name)
	for i := 0; err == nil && i < len(c.reqs); i++ {
		if stream.SendMsg(c.reqs[i]) != nil {
			break // RecvMsg says why
		}
	}
	if err == nil {
		stream.CloseSend()
	}
	for err == nil {
		resp := fresh()
		if err = stream.RecvMsg(resp); err == nil {
			blank(resp.ProtoReflect())
			h.message = resp
			h.wire += wireOf(resp)
		}
	}
	if !errors.Is(err, io.EOF) {
		h.message = status.Convert(err).Proto()
		h.wire += wireOf(h.message)
	}
	if stream != nil {
		header, _ := stream.Header()
		trailer := stream.Trailer().Copy()
		delete(trailer, "grpc-status-details-bin") // compared as part of the error
		h.metadata = fmt.Sprint(errorCode(err), header, trailer)
	}
	return h
}

// errorCode is the code of a stream's end.
func errorCode(err error) codes.Code {
	if errors.Is(err, io.EOF) {
		return codes.OK
	}
	return status.Code(err)
}

func wireOf(m proto.Message) string {
	wire, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		panic(err)
	}
	return string(wire)
}
