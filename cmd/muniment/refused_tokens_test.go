package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/muniment/muniment/api/identity"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// TestTokensThatAreRefused tries every method with tokens that are missing, over, of
// somebody else or no tokens at all.
func TestTokensThatAreRefused(t *testing.T) {
	t.Parallel()
	s, other := startServer(t, t.TempDir()), startServer(t, t.TempDir())
	keys, err := identity.OpenKeyRing(testConfig(s.dir).path("keys"))
	if err != nil {
		t.Fatal(err)
	}
	issue := func(c identity.Config, r identity.Request) string {
		c.Scale = testConfig(s.dir).scale()
		a, err := identity.NewAuthority(keys, c)
		if err != nil {
			t.Fatal(err)
		}
		token, err := a.Issue(r)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	at := func(shift time.Duration) func() time.Time { return func() time.Time { return time.Now().Add(shift) } }
	ada := identity.Request{Subject: "user:local/ada", TTL: time.Hour, Roles: []identity.Grant{{Role: identity.RoleIngest}, {Role: identity.RoleDirectory}, {Role: identity.RoleAuditor}}}
	valid := s.token(ada)
	expired := issue(identity.Config{Audience: "muniment", Now: at(-2 * time.Hour)}, ada)
	head, rest, _ := strings.Cut(valid, ".")
	body, signature, _ := strings.Cut(rest, ".")

	for _, c := range []struct {
		name     string
		metadata []string
		reason   string
	}{
		{"no metadata", nil, "TOKEN_MISSING"},
		{"an empty header", []string{"authorization", ""}, "TOKEN_MISSING"},
		{"a scheme without a token", []string{"authorization", "Bearer"}, "TOKEN_MISSING"},
		{"an empty token", []string{"authorization", "Bearer "}, "TOKEN_MISSING"},
		{"another scheme", []string{"authorization", "Basic " + valid}, "TOKEN_MISSING"},
		{"a token in another header", []string{"x-token", valid}, "TOKEN_MISSING"},
		{"two tokens", []string{"authorization", "Bearer " + valid, "authorization", "Bearer " + valid}, "TOKEN_MISSING"},
		{"garbage", []string{"authorization", "Bearer garbage"}, "TOKEN_INVALID"},
		{"dots", []string{"authorization", "Bearer .."}, "TOKEN_INVALID"},
		{"9 KiB", []string{"authorization", "Bearer " + strings.Repeat("x", 9<<10)}, "TOKEN_TOO_LARGE"},
		{"an expired token", []string{"authorization", "Bearer " + expired}, "TOKEN_EXPIRED"},
		{"a token of tomorrow", []string{"authorization", "Bearer " + issue(identity.Config{Audience: "muniment", Now: at(24 * time.Hour)}, ada)}, "TOKEN_NOT_YET_VALID"},
		{"a token for another service", []string{"authorization", "Bearer " + issue(identity.Config{Audience: "elsewhere"}, ada)}, "TOKEN_INVALID"},
		{"another server's token", []string{"authorization", "Bearer " + other.token(ada)}, "TOKEN_INVALID"},
		{"a signature cut off", []string{"authorization", "Bearer " + head + "." + body + "."}, "TOKEN_INVALID"},
		{"another token's signature", []string{"authorization", "Bearer " + head + "." + strings.Split(s.token(ada), ".")[1] + "." + signature}, "TOKEN_INVALID"},
	} {
		ctx := metadata.AppendToOutgoingContext(context.Background(), c.metadata...)
		want := refusedAs{codes.Unauthenticated, c.reason, ""}
		for _, req := range []proto.Message{
			&pb.RetrieveRequest{Query: "x"}, &pb.GetCallerRequest{}, &pb.GetGroupRequest{Name: "group:x"},
			&pb.GetDocumentRequest{Document: &pb.DocumentRef{Source: "s", Id: "i"}},
		} {
			method, resp := methodOf(req)
			want.check(t, c.name+": "+method, status.Convert(s.conn.Invoke(ctx, method, req, resp)))
		}
		_, err := pb.NewAuditServiceClient(s.conn).GetCheckpoint(ctx, &pb.GetCheckpointRequest{})
		want.check(t, c.name+": GetCheckpoint", status.Convert(err))
		acks, err := s.sendRaw(ctx, encoded(t, documentItem(page(c.name))))
		want.check(t, c.name+": Ingest", status.Convert(err))
		if len(acks) > 0 {
			t.Errorf("%s: an item was acknowledged: %v", c.name, acks)
		}
		if _, err := s.documents().GetDocument(bearer(valid), &pb.GetDocumentRequest{Document: &pb.DocumentRef{Source: "bad", Id: c.name}}); status.Code(err) != codes.NotFound {
			t.Errorf("%s: something was stored: %v", c.name, err)
		}
	}
}

// TestStreamEndsWithItsToken: a stream must not outlive the token it was opened with.
func TestStreamEndsWithItsToken(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	stream, err := pb.NewIngestionServiceClient(s.conn).Ingest(s.as(identity.Request{
		Subject: "service:sync", TTL: 4 * time.Second, Roles: []identity.Grant{{Role: identity.RoleIngest}},
	}))
	if err != nil {
		t.Fatal(err)
	}
	over := time.Now().Add(5 * time.Second) // the end is rounded up to a whole second
	if err := stream.Send(documentItem(page("in time"))); err != nil {
		t.Fatal(err)
	}
	if ack, err := stream.Recv(); err != nil || ack.GetStatus() != pb.IngestResponse_STATUS_APPLIED {
		t.Fatalf("while the token holds: %v, %v", ack, err)
	}
	time.Sleep(time.Until(over))
	stream.Send(documentItem(page("too late"))) // Recv says what became of it
	ack, err := stream.Recv()
	if err == nil {
		t.Errorf("after the token's end: %v", ack)
	} else {
		refusedAs{codes.Unauthenticated, "TOKEN_EXPIRED", ""}.check(t, "after the token's end", status.Convert(err))
	}
	_, err = s.documents().GetDocument(s.user("user:local/ada"), &pb.GetDocumentRequest{Document: &pb.DocumentRef{Source: "bad", Id: "too late"}})
	if status.Code(err) != codes.NotFound {
		t.Errorf("what was sent after the token's end is stored: %v", err)
	}
}
