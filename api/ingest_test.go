package api_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"

	"github.com/muniment/muniment/api/identity"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

const (
	applied   = pb.IngestResponse_STATUS_APPLIED
	unchanged = pb.IngestResponse_STATUS_UNCHANGED
	refused   = pb.IngestResponse_STATUS_REFUSED
)

// Items are acknowledged in their order, refused ones among them, and a refused item stops
// nothing.
func TestAcknowledgementsKeepTheOrder(t *testing.T) {
	s := start(t, nil)
	var items []*pb.IngestRequest
	var want []pb.IngestResponse_Status
	add := func(status pb.IngestResponse_Status, item *pb.IngestRequest) {
		items, want = append(items, item), append(want, status)
	}
	for i := range 120 {
		id := fmt.Sprintf("d%d", i)
		add(applied, page("handbook", id, strings.Repeat("Words of all kinds. ", 1+i*i%97)))
		add(unchanged, page("handbook", id, strings.Repeat("Words of all kinds. ", 1+i*i%97)))
		add(refused, page("handbook", "", "no id"))
		add(refused, page("wiki", id, "not my source"))
		add(refused, page("handbook", id, "the same version with other words"))
		add(refused, &pb.IngestRequest{})
	}
	acks := s.send(s.as(ada, "ingest:handbook"), items...)
	for i, ack := range acks {
		if ack.GetPosition() != int64(i+1) || ack.GetStatus() != want[i] {
			t.Fatalf("acknowledgement %d is of position %d: %v, want %v", i+1, ack.GetPosition(), ack, want[i])
		}
		if is := ack.GetStatus() == refused; is != (ack.GetError() != nil) || is != (ack.GetConsistencyToken() == "") {
			t.Errorf("acknowledgement %d: %v", i+1, ack)
		}
	}
}

// Who may write what is decided by source, before anything else of an item is looked at.
func TestRolesPerSource(t *testing.T) {
	s := start(t, nil)
	group := &pb.IngestRequest{Item: &pb.IngestRequest_Group{Group: &pb.Group{Name: "group:a", Members: []string{ada}}}}
	of := func(source string) []*pb.IngestRequest {
		return []*pb.IngestRequest{
			page(source, "a", "text"),
			{Item: &pb.IngestRequest_Container{Container: &pb.Container{Source: source, Id: "c"}}},
			{Item: &pb.IngestRequest_Access{Access: &pb.DocumentAccess{Source: source, Id: "a"}}},
			{Item: &pb.IngestRequest_Delete{Delete: &pb.DocumentDeletion{Source: source, Id: "a", Version: 1}}},
		}
	}
	for _, tc := range []struct {
		roles                  []string
		handbook, wiki, groups bool
	}{
		{nil, false, false, false},
		{[]string{"ingest"}, true, true, false},
		{[]string{"ingest:handbook"}, true, false, false},
		{[]string{"ingest:handbook", "ingest:wiki", "directory"}, true, true, true},
		{[]string{"directory"}, false, false, true},
		{[]string{"admin", "auditor", "steward"}, false, false, false},
	} {
		check := func(what string, may bool, items ...*pb.IngestRequest) {
			t.Helper()
			for i, ack := range s.send(s.as(ada, tc.roles...), items...) {
				code, why := refusal(ack)
				if denied := code == codes.PermissionDenied && why == "MISSING_ROLE"; denied == may {
					t.Errorf("roles %q, item %d of %s: %v %s", tc.roles, i, what, code, why)
				}
			}
		}
		check("handbook", tc.handbook, of("handbook")...)
		check("wiki", tc.wiki, of("wiki")...)
		check("the directory", tc.groups, group)
	}
	invalid := page("wiki", "", "no id, and not my source")
	if code, why := refusal(s.send(s.as(ada, "ingest:handbook"), invalid)[0]); code != codes.PermissionDenied {
		t.Errorf("an invalid item of another's source: %v %s, want PermissionDenied", code, why)
	}
}

// raw sends bytes as they are.
type raw struct{ encoding.CodecV2 }

func (r raw) Marshal(v any) (mem.BufferSlice, error) {
	if b, ok := v.([]byte); ok {
		return mem.BufferSlice{mem.SliceBuffer(b)}, nil
	}
	return r.CodecV2.Marshal(v)
}

// Bytes that are no message are one refused item, not the end of the stream.
func TestMalformedItemsDoNotEndTheStream(t *testing.T) {
	s := start(t, nil)
	stream, err := s.conn.NewStream(s.as(ada, "ingest"), &grpc.StreamDesc{ClientStreams: true, ServerStreams: true},
		pb.IngestionService_Ingest_FullMethodName, grpc.ForceCodecV2(raw{encoding.GetCodecV2("proto")}))
	s.must(err)
	good, err := encoding.GetCodecV2("proto").Marshal(page("handbook", "a", "text"))
	s.must(err)
	for _, message := range [][]byte{{0xff, 0xff}, []byte("\x1a\x04\x0a\x02\xc3\x28"), good.Materialize()} {
		s.must(stream.SendMsg(message))
	}
	s.must(stream.CloseSend())
	for i, want := range []pb.IngestResponse_Status{refused, refused, applied} {
		ack := &pb.IngestResponse{}
		s.must(stream.RecvMsg(ack))
		if ack.GetStatus() != want {
			t.Errorf("acknowledgement %d: %v, want %v", i+1, ack, want)
		}
	}
	if err := stream.RecvMsg(&pb.IngestResponse{}); !errors.Is(err, io.EOF) {
		t.Errorf("the stream ends with %v", err)
	}
}

// More and larger items than may be under way at once pass one after the other.
func TestItemsBeyondTheBudget(t *testing.T) {
	s := start(t, nil)
	huge := page("handbook", "huge", strings.Repeat("word ", 3<<20)) // 15 MiB, refused before it is split
	huge.GetDocument().Owner = "not a principal"
	var items []*pb.IngestRequest
	for i := range 8 {
		items = append(items, huge, page("handbook", fmt.Sprintf("d%d", i), "small"))
	}
	for i, ack := range s.send(s.as(ada, "ingest"), items...) {
		want := []pb.IngestResponse_Status{refused, applied}[i%2]
		if ack.GetStatus() != want {
			t.Errorf("acknowledgement %d: %v, want %v", i+1, ack, want)
		}
	}
	tooLong := page("handbook", "d", strings.Repeat("x", 21<<20))
	stream := s.ingest(s.as(ada, "ingest"))
	stream.Send(tooLong)
	if _, err := stream.Recv(); err == nil {
		t.Error("a message over the limit was taken")
	} else if code, _ := reason(err); code != codes.ResourceExhausted {
		t.Errorf("a message over the limit: %v", err)
	}
}

// A client that never reads holds up nobody but itself, and when it goes nothing of it is
// left running.
func TestClientsThatStopReading(t *testing.T) {
	s := start(t, nil)
	s.send(s.as(ada, "ingest"), page("handbook", "first", "text"))
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(s.as(ada, "ingest"))
	var sent atomic.Int64
	for range 3 {
		stream := s.ingest(ctx)
		go func() {
			for stream.Send(page("handbook", "again", strings.Repeat("text ", 2000))) == nil {
				sent.Add(1)
			}
		}()
	}
	settled := int64(-1)
	eventually(t, "the server takes no more", func() bool {
		last := settled
		settled = sent.Load()
		time.Sleep(50 * time.Millisecond)
		return settled > 0 && settled == last && settled == sent.Load()
	})
	if acks := s.send(s.as(ada, "ingest"), page("handbook", "other", "text")); acks[0].GetStatus() != applied {
		t.Errorf("beside clients that do not read: %v", acks[0])
	}
	cancel()
	eventually(t, "nothing of them is left", func() bool { return runtime.NumGoroutine() <= before })
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// A stream does not outlive the token it was opened with.
func TestStreamsEndWithTheirToken(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	stream := s.ingest(s.bearer(s.token(identity.Request{Subject: ada, TTL: time.Second}, "ingest")))
	s.must(stream.Send(page("handbook", "a", "text")))
	if ack, err := stream.Recv(); err != nil || ack.GetStatus() != applied {
		t.Fatalf("while the token holds: %v, %v", ack, err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := stream.Recv()
		ended <- err
	}()
	select {
	case err := <-ended:
		if code, why := reason(err); code != codes.Unauthenticated || why != "TOKEN_EXPIRED" {
			t.Errorf("the stream ended with %v %s, want Unauthenticated TOKEN_EXPIRED", code, why)
		}
	case <-time.After(5 * time.Second): // the token held for one, two with rounding
		stream.Send(page("handbook", "b", "text"))
		t.Errorf("long after the token expired the stream goes on: %v", <-ended)
	}
}

// endless embeds nothing until whoever asked has given up.
type endless struct{}

func (endless) Embed(ctx context.Context, _ []string) ([][]float32, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// What was under way when the token expired is not acknowledged, as refused least of all:
// whoever reads that would not send it again.
func TestExpiredStreamsAcknowledgeNothing(t *testing.T) {
	t.Parallel()
	s := start(t, endless{})
	stream := s.ingest(s.bearer(s.token(identity.Request{Subject: ada, TTL: time.Second}, "ingest")))
	s.must(stream.Send(page("handbook", "a", "text")))
	ack, err := stream.Recv()
	if code, why := reason(err); code != codes.Unauthenticated || why != "TOKEN_EXPIRED" {
		t.Errorf("acknowledged %v, ended with %v %s, want Unauthenticated TOKEN_EXPIRED", ack, code, why)
	}
}
