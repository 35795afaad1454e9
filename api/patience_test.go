package api_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/muniment/muniment/api"
	"github.com/muniment/muniment/api/limits"
	"github.com/muniment/muniment/audit"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// impatient serves with little patience in one respect.
func impatient(t *testing.T, p api.Patience) *server {
	s := start(t, nil)
	s.send(s.as(ada, "ingest"), page("handbook", "a", "ferry"))
	s.Patience = p
	s.listen()
	return s
}

// TestSlowClientsAreLetGo opens calls and then stops sending, or reading: each ends by
// itself, says why, and leaves nothing running (AVL-14).
func TestSlowClientsAreLetGo(t *testing.T) {
	const short = 100 * time.Millisecond
	wait := func(t *testing.T, stream grpc.ClientStream, resp proto.Message) {
		t.Helper()
		var err error
		for err == nil {
			err = stream.RecvMsg(resp)
		}
		if status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("ended with %v", err)
		}
	}
	t.Run("headers alone", func(t *testing.T) {
		s := impatient(t, api.Patience{First: short})
		before := runtime.NumGoroutine()
		var streams []grpc.ClientStream
		for _, method := range []string{pb.RetrievalService_Retrieve_FullMethodName, pb.IngestionService_Ingest_FullMethodName} {
			for range 20 {
				stream, err := s.conn.NewStream(s.as(ada, "ingest"), &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, method)
				s.must(err)
				streams = append(streams, stream)
			}
		}
		for _, stream := range streams {
			if err := stream.RecvMsg(&pb.RetrieveResponse{}); status.Code(err) != codes.DeadlineExceeded {
				t.Errorf("ended with %v", err)
			}
		}
		for end := time.Now().Add(time.Minute); runtime.NumGoroutine() > before+10; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%d goroutines before, %d after", before, runtime.NumGoroutine())
			}
		}
	})
	t.Run("more of them than may wait", func(t *testing.T) {
		s := impatient(t, api.Patience{Waiting: 10})
		open := func() grpc.ClientStream {
			stream, err := s.conn.NewStream(s.as(ada), &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, pb.RetrievalService_Retrieve_FullMethodName)
			s.must(err)
			return stream
		}
		first := open()
		for range 10 {
			open()
		}
		if err := first.RecvMsg(&pb.RetrieveResponse{}); status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("the one that waits longest: %v", err)
		}
		for range 50 { // those that mean something are not in the way, nor have others in theirs
			if _, err := pb.NewRetrievalServiceClient(s.conn).Retrieve(s.as(ada), &pb.RetrieveRequest{Query: "ferry"}); err != nil {
				t.Fatal(err)
			}
		}
	})
	t.Run("a stream that stops sending", func(t *testing.T) {
		s := impatient(t, api.Patience{Next: short})
		stream := s.ingest(s.as(ada, "ingest"))
		s.must(stream.Send(page("handbook", "b", "ferry")))
		wait(t, stream, &pb.IngestResponse{})
	})
	t.Run("a stream that is not read", func(t *testing.T) {
		s := start(t, nil)
		s.Patience = api.Patience{Send: short}
		ended := make(chan error, 1)
		s.listen(grpc.ChainStreamInterceptor(func(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			err := next(srv, ss)
			ended <- err
			return err
		}))
		stream := s.ingest(s.as(ada, "ingest"))
		go func() {
			for i := 0; stream.Send(page("handbook", fmt.Sprint(i), "ferry")) == nil; i++ {
			}
		}()
		select {
		case err := <-ended: // what the client is told waits behind what it does not read
			if code, why := reason(err); code != codes.DeadlineExceeded || why != "TOO_SLOW" {
				t.Errorf("ended with %v", err)
			}
		case <-time.After(2 * time.Minute):
			t.Fatal("a stream whose acknowledgements nobody reads goes on")
		}
	})
	t.Run("patience enough", func(t *testing.T) {
		s := impatient(t, api.Patience{})
		if _, err := pb.NewRetrievalServiceClient(s.conn).Retrieve(s.as(ada), &pb.RetrieveRequest{Query: "ferry"}); err != nil {
			t.Error(err)
		}
	})
}

// TestRateLimits lets one user, and one app, call far more often than they may: they are
// told so, with when to come back; everybody else's calls pass (AVL-16).
func TestRateLimits(t *testing.T) {
	s := start(t, nil)
	s.send(s.as(ada, "ingest"), page("handbook", "a", "ferry"))
	now := time.Now()
	s.Now = func() time.Time { return now }
	s.Limits = limits.New(limits.Config{User: limits.Rate{PerSecond: 2, Burst: 5}, App: limits.Rate{PerSecond: 100, Burst: 100}})
	s.listen()
	client := pb.NewRetrievalServiceClient(s.conn)
	ask := func(ctx context.Context) error {
		return second(client.Retrieve(ctx, &pb.RetrieveRequest{Query: "ferry"}))
	}
	passed := 0
	for range 500 {
		err := ask(s.as(ada))
		if err == nil {
			passed++
			continue
		}
		if code, why := reason(err); code != codes.ResourceExhausted || why != "RATE_LIMITED" {
			t.Fatal(err)
		}
		var retry *durationpb.Duration
		for _, d := range status.Convert(err).Details() {
			if info, ok := d.(*errdetails.RetryInfo); ok {
				retry = info.GetRetryDelay()
			}
		}
		if retry.AsDuration() != 500*time.Millisecond {
			t.Fatalf("come back after %v", retry)
		}
	}
	answered := 0
	for item, err := range s.Audit.Records(t.Context(), 0) {
		s.must(err)
		if item.Record.Retrieval != nil {
			answered++
		}
	}
	if passed != 5 || answered != 5 {
		t.Errorf("%d calls passed and left %d records, want 5", passed, answered)
	}
	if n := s.refusals(func(r audit.Record) bool { return r.Refusal.Limit == limits.ByUser && r.User == ada }); n != 495 {
		t.Errorf("%d calls over the limit are recorded, want 495", n)
	}
	for i := range 20 {
		if err := ask(s.as(fmt.Sprint("user:local/other-", i))); err != nil {
			t.Errorf("another user: %v", err)
		}
	}
	opened, err := pb.NewIngestionServiceClient(s.conn).Ingest(s.as(ada, "ingest"))
	if code, _ := reason(err); code != codes.OK {
		t.Errorf("opening: %v", code)
	} else if _, err := opened.Recv(); status.Code(err) != codes.ResourceExhausted { // before the clock goes on
		t.Errorf("a stream that was opened over the limit: %v", err)
	}
	stream := s.ingest(s.as(ada, "ingest"))
	if _, err := stream.Recv(); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("a stream of who is over the limit: %v", err)
	}
	now = now.Add(500 * time.Millisecond)
	if err := ask(s.as(ada)); err != nil {
		t.Errorf("after the time that was named: %v", err)
	}
}
