package api_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// say keeps what an identity provider says of a user.
func (s *server) say(user acl.Principal, version int64, state catalog.EntryState) {
	s.Helper()
	ticket, err := s.Indexer.Submit(s.Context(), indexer.Actor{App: "service:test"}, catalog.PutEntry{
		Entry: catalog.Entry{Principal: user, Version: version, State: state},
	}, catalog.Request{})
	s.must(err)
	o, _, err := ticket.Wait(s.Context())
	s.must(err)
	if !o.Changed {
		s.Fatalf("%+v", o)
	}
}

// stored reports whether a document of the handbook is there.
func (s *server) stored(id string) bool {
	s.Helper()
	_, err := pb.NewDocumentServiceClient(s.conn).GetDocument(s.as("user:local/ben"), &pb.GetDocumentRequest{Document: ref(id)})
	return err == nil
}

// TestStreamsEndWithTheirUser: an open Ingest stream ends at the first item after its user has
// been deactivated, with the error of a new call; the item is neither stored nor acknowledged.
func TestStreamsEndWithTheirUser(t *testing.T) {
	for _, state := range []catalog.EntryState{catalog.Inactive, catalog.Removed} {
		s := start(t, nil)
		s.say(ada, 1, catalog.Active)
		stream, bens := s.ingest(s.as(ada, "ingest")), s.ingest(s.as("user:local/ben", "ingest"))
		s.must(stream.Send(page("handbook", "before", "text")))
		if ack, err := stream.Recv(); err != nil || ack.GetStatus() != applied {
			t.Fatalf("while the user is active: %v, %v", ack, err)
		}
		s.say(ada, 2, state)
		stream.Send(page("handbook", "after", "text")) // Recv says what became of it
		ack, err := stream.Recv()
		if code, why := reason(err); code != codes.PermissionDenied || why != "USER_DEACTIVATED" {
			t.Errorf("acknowledged %v, ended with %v %s", ack, code, why)
		}
		s.must(bens.Send(page("handbook", "bens", "text")))
		if ack, err := bens.Recv(); err != nil || ack.GetStatus() != applied {
			t.Errorf("another user's stream: %v, %v", ack, err)
		}
		if !s.stored("before") || !s.stored("bens") || s.stored("after") {
			t.Errorf("stored are: before %t, bens %t, after %t", s.stored("before"), s.stored("bens"), s.stored("after"))
		}
	}
}

// gated embeds once it is told to.
type gated struct {
	indexer.Embedder
	begun, open chan struct{}
}

func (g gated) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	select {
	case g.begun <- struct{}{}:
	default:
	}
	select {
	case <-g.open:
		return g.Embedder.Embed(ctx, texts)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// TestItemsUnderWayOfADeactivatedUser: items that had come before the deactivation and were
// not handed to the writer are not stored after it, and none is acknowledged.
func TestItemsUnderWayOfADeactivatedUser(t *testing.T) {
	plain := start(t, nil).Retriever.Embedder
	g := gated{plain, make(chan struct{}, 1), make(chan struct{})}
	s := start(t, g)
	s.say(ada, 1, catalog.Active)
	stream := s.ingest(s.as(ada, "ingest"))
	for i := range 5 {
		s.must(stream.Send(page("handbook", fmt.Sprint(i), "text")))
	}
	s.must(stream.CloseSend())
	<-g.begun
	s.say(ada, 2, catalog.Inactive)
	close(g.open)
	ack, err := stream.Recv()
	if code, why := reason(err); code != codes.PermissionDenied || why != "USER_DEACTIVATED" {
		t.Errorf("acknowledged %v, ended with %v %s", ack, code, why)
	}
	for i := range 5 {
		if s.stored(fmt.Sprint(i)) {
			t.Errorf("item %d was stored for a user who may not call", i)
		}
	}
}

// TestAnswersEndWithTheirUser: a stream of answers ends as well.
func TestAnswersEndWithTheirUser(t *testing.T) {
	s := start(t, nil)
	s.say(ada, 1, catalog.Active)
	s.operator.between = func() { s.say(ada, 2, catalog.Inactive) }
	client := pb.NewOperationsServiceClient(s.conn)
	stream, err := client.Check(s.as(ada, "admin"), &pb.CheckRequest{})
	s.must(err)
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	resp, err := stream.Recv()
	if code, why := reason(err); code != codes.PermissionDenied || why != "USER_DEACTIVATED" {
		t.Errorf("answered %v, ended with %v %s", resp, code, why)
	}
}

// TestStreamsEndWithTheirKey: when the issuer has taken the key of a stream's token away, the
// stream ends when new calls are refused.
func TestStreamsEndWithTheirKey(t *testing.T) {
	s, p := believing(t, nil)
	var later atomic.Int64
	s.Now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	s.Authority = withRoles(s, p)
	s.listen()
	stream := s.ingest(s.headers(person(p, "client-chat", nil)))
	s.must(stream.Send(page("wiki", "a", "text")))
	if ack, err := stream.Recv(); err != nil || ack.GetStatus() != applied {
		t.Fatalf("while the key is there: %v, %v", ack, err)
	}
	p.Rotate("2", "ES256")
	p.Remove("1")
	later.Store(int64(6 * time.Minute))
	stream.Send(page("wiki", "b", "text")) // Recv says what became of it
	ack, err := stream.Recv()
	if code, why := reason(err); code != codes.Unauthenticated || why != "TOKEN_INVALID" {
		t.Errorf("acknowledged %v, ended with %v %s", ack, code, why)
	}
}
