package main

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/muniment/muniment/api/identity"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// TestBadCallsAreRefused makes every bad call that is no item of a stream.
func TestBadCallsAreRefused(t *testing.T) {
	t.Parallel()
	s, other := startServer(t, t.TempDir()), startServer(t, t.TempDir())
	token := s.mustSend(documentItem(page("one")))[0].GetConsistencyToken()
	foreign := other.mustSend(documentItem(page("one")))[0].GetConsistencyToken()
	answer, err := s.retrieval().Retrieve(s.user("user:local/ada"), &pb.RetrieveRequest{Query: "stored", AtLeastAsFresh: token})
	if err != nil || len(answer.GetResults()) != 1 {
		t.Fatalf("with a consistency token: %v, %v", answer, err)
	}
	flipped := []byte(token)
	flipped[len(flipped)/2] ^= 1
	words := func(n int) string {
		var list []string
		for i := range n {
			list = append(list, fmt.Sprintf("w%d", i))
		}
		return strings.Join(list, " ")
	}
	ask := func(change func(*pb.RetrieveRequest)) rawMessage {
		req := &pb.RetrieveRequest{Query: "stored"}
		change(req)
		return encoded(t, req)
	}
	get := func(change func(*pb.GetDocumentRequest)) rawMessage {
		req := &pb.GetDocumentRequest{Document: &pb.DocumentRef{Source: "bad", Id: "one"}}
		change(req)
		return encoded(t, req)
	}
	invalid := func(reason, field string) refusedAs { return refusedAs{codes.InvalidArgument, reason, field} }
	missingRole := refusedAs{codes.PermissionDenied, "MISSING_ROLE", ""}
	retrieve, document := pb.RetrievalService_Retrieve_FullMethodName, pb.DocumentService_GetDocument_FullMethodName
	group, record, checkpoint := pb.DirectoryService_GetGroup_FullMethodName, pb.AuditService_GetRecord_FullMethodName, pb.AuditService_GetCheckpoint_FullMethodName
	for _, c := range []struct {
		name   string
		method string
		role   identity.Role
		req    rawMessage
		want   refusedAs
	}{
		{"no query", retrieve, "", ask(func(r *pb.RetrieveRequest) { r.Query = "" }), invalid("INVALID_FIELD", "query")},
		{"65 words", retrieve, "", ask(func(r *pb.RetrieveRequest) { r.Query = words(65) }), invalid("TOO_MANY_TERMS", "query")},
		{"10,000 words", retrieve, "", ask(func(r *pb.RetrieveRequest) { r.Query = words(10_000) }), invalid("INVALID_FIELD", "query")},
		{"a query of 5 KiB", retrieve, "", ask(func(r *pb.RetrieveRequest) { r.Query = strings.Repeat("x", 5<<10) }), invalid("INVALID_FIELD", "query")},
		{"a negative limit", retrieve, "", ask(func(r *pb.RetrieveRequest) { r.Limit = -1 }), invalid("INVALID_FIELD", "limit")},
		{"a limit of 101", retrieve, "", ask(func(r *pb.RetrieveRequest) { r.Limit = 101 }), invalid("INVALID_FIELD", "limit")},
		{"NUL in the query", retrieve, "", ask(func(r *pb.RetrieveRequest) { r.Query = "a\x00b" }), invalid("MALFORMED", "query")},
		{"invalid UTF-8 in the query", retrieve, "", field(1, []byte("caf\xe9")), invalid("MALFORMED", "query")},
		{"invalid UTF-8 in a filter", retrieve, "", append(ask(func(*pb.RetrieveRequest) {}), field(3, field(1, []byte("\xff")))...), invalid("MALFORMED", "filter.sources")},
		{"a filter for no source", retrieve, "", ask(func(r *pb.RetrieveRequest) { r.Filter = &pb.Filter{Sources: []string{""}} }), invalid("INVALID_FIELD", "filter.sources[0]")},
		{"a filter for no container", retrieve, "", ask(func(r *pb.RetrieveRequest) { r.Filter = &pb.Filter{Containers: []*pb.DocumentRef{{Source: "x"}}} }), invalid("INVALID_FIELD", "filter.containers[0].id")},
		{"101 sources", retrieve, "", ask(func(r *pb.RetrieveRequest) {
			r.Filter = &pb.Filter{Sources: strings.Split(strings.Repeat("s ", 100)+"s", " ")}
		}), invalid("INVALID_FIELD", "filter.sources")},
		{"an unknown field", retrieve, "", append(ask(func(*pb.RetrieveRequest) {}), field(50, []byte("as_user"))...), invalid("MALFORMED", "50")},
		{"an unknown field of a filter", retrieve, "", append(ask(func(*pb.RetrieveRequest) {}), field(3, field(50, []byte("x")))...), invalid("MALFORMED", "filter.50")},
		{"a range that ends before it begins", retrieve, "", ask(func(r *pb.RetrieveRequest) {
			r.Filter = &pb.Filter{Synced: &pb.TimeRange{From: timestamppb.New(timeLongAgo), Until: timestamppb.New(timeLongAgo)}}
		}), invalid("INVALID_FIELD", "filter.synced.until")},
		{"a state that the trust leaves out", retrieve, "", ask(func(r *pb.RetrieveRequest) {
			r.Trust = pb.Trust_TRUST_CURRENT_ONLY
			r.Filter = &pb.Filter{States: []pb.Freshness_State{pb.Freshness_STATE_FRESH, pb.Freshness_STATE_OUTDATED}}
		}), invalid("INVALID_FIELD", "filter.states[1]")},
		{"no state", retrieve, "", ask(func(r *pb.RetrieveRequest) { r.Filter = &pb.Filter{States: []pb.Freshness_State{0}} }), invalid("INVALID_FIELD", "filter.states[0]")},
		{"an unknown trust", retrieve, "", ask(func(r *pb.RetrieveRequest) { r.Trust = 9 }), invalid("INVALID_FIELD", "trust")},
		{"as of the year 3000", retrieve, "", ask(func(r *pb.RetrieveRequest) { r.AsOf = &timestamppb.Timestamp{Seconds: 1 << 35} }), invalid("INVALID_FIELD", "as_of")},
		{"5 MiB", retrieve, "", ask(func(r *pb.RetrieveRequest) { r.Query = strings.Repeat("x", 5<<20) }), refusedAs{codes.ResourceExhausted, "MESSAGE_TOO_LONG", ""}},
		{"a made-up consistency token", retrieve, "", ask(func(r *pb.RetrieveRequest) { r.AtLeastAsFresh = "tomorrow" }), invalid("INVALID_TOKEN", "at_least_as_fresh")},
		{"a changed consistency token", retrieve, "", ask(func(r *pb.RetrieveRequest) { r.AtLeastAsFresh = string(flipped) }), invalid("INVALID_TOKEN", "at_least_as_fresh")},
		{"another server's consistency token", retrieve, "", ask(func(r *pb.RetrieveRequest) { r.AtLeastAsFresh = foreign }), invalid("INVALID_TOKEN", "at_least_as_fresh")},
		{"a receipt for a consistency token", retrieve, "", ask(func(r *pb.RetrieveRequest) { r.AtLeastAsFresh = answer.GetReceipt() }), invalid("INVALID_TOKEN", "at_least_as_fresh")},
		{"a long consistency token", retrieve, "", ask(func(r *pb.RetrieveRequest) { r.AtLeastAsFresh = strings.Repeat("x", 513) }), invalid("INVALID_FIELD", "at_least_as_fresh")},

		{"no document", document, "", rawMessage{}, invalid("INVALID_FIELD", "document")},
		{"a document without an id", document, "", get(func(r *pb.GetDocumentRequest) { r.Document.Id = "" }), invalid("INVALID_FIELD", "document.id")},
		{"a document without a source", document, "", get(func(r *pb.GetDocumentRequest) { r.Document.Source = "" }), invalid("INVALID_FIELD", "document.source")},
		{"a document's id with NUL", document, "", get(func(r *pb.GetDocumentRequest) { r.Document.Id = "\x00" }), invalid("MALFORMED", "document.id")},
		{"a document with a changed token", document, "", get(func(r *pb.GetDocumentRequest) { r.AtLeastAsFresh = string(flipped) }), invalid("INVALID_TOKEN", "at_least_as_fresh")},

		{"a group without the role", group, "", encoded(t, &pb.GetGroupRequest{Name: "group:x"}), missingRole},
		{"a bad group without the role", group, "", encoded(t, &pb.GetGroupRequest{Name: "\x00"}), missingRole},
		{"a group that is a user", group, identity.RoleDirectory, encoded(t, &pb.GetGroupRequest{Name: "user:local/ada"}), invalid("INVALID_FIELD", "name")},
		{"an unknown group", group, identity.RoleDirectory, encoded(t, &pb.GetGroupRequest{Name: "group:x"}), refusedAs{codes.NotFound, "NOT_FOUND", ""}},
		{"a checkpoint without the role", checkpoint, identity.RoleAdmin, rawMessage{}, missingRole},
		{"a record without the role", record, identity.RoleSteward, encoded(t, &pb.GetRecordRequest{Receipt: answer.GetReceipt()}), missingRole},
		{"a record without a receipt", record, identity.RoleAuditor, rawMessage{}, invalid("INVALID_FIELD", "receipt")},
		{"a record of a made-up receipt", record, identity.RoleAuditor, encoded(t, &pb.GetRecordRequest{Receipt: "r"}), invalid("INVALID_TOKEN", "receipt")},
		{"a record of a consistency token", record, identity.RoleAuditor, encoded(t, &pb.GetRecordRequest{Receipt: token}), invalid("INVALID_TOKEN", "receipt")},
	} {
		r := identity.Request{Subject: "user:local/ada"}
		if c.role != "" {
			r.Roles = []identity.Grant{{Role: c.role}}
		}
		c.want.check(t, c.name, status.Convert(s.invokeRaw(s.as(r), c.method, c.req)))
	}
	if got, err := s.retrieval().Retrieve(s.user("user:local/ada"), &pb.RetrieveRequest{Query: words(64)}); err != nil {
		t.Errorf("64 words: %v, %v", got, err)
	}
}

// invokeRaw calls a method with an encoded request and forgets the response.
func (s *server) invokeRaw(ctx context.Context, method string, req rawMessage) error {
	return s.conn.Invoke(ctx, method, &req, &pb.IngestResponse{}, grpc.ForceCodecV2(rawCodec{}))
}

// TestMalformedIsSaidToTheVerifiedOnly: what is wrong with a request is no business of
// whoever has no token.
func TestMalformedIsSaidToTheVerifiedOnly(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	for _, req := range []proto.Message{&pb.RetrieveRequest{}, &pb.GetDocumentRequest{}} {
		method, resp := methodOf(req)
		err := s.conn.Invoke(context.Background(), method, req, resp)
		refusedAs{codes.Unauthenticated, "TOKEN_MISSING", ""}.check(t, method, status.Convert(err))
	}
}
