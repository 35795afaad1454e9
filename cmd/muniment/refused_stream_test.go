package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/muniment/muniment/api/identity"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// sendRaw streams encoded items as the caller and returns their acknowledgements, and how
// the stream ended.
func (s *server) sendRaw(ctx context.Context, items ...rawMessage) ([]*pb.IngestResponse, error) {
	s.t.Helper()
	desc := &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}
	stream, err := s.conn.NewStream(ctx, desc, pb.IngestionService_Ingest_FullMethodName, grpc.ForceCodecV2(rawCodec{}))
	if err != nil {
		s.t.Fatal(err)
	}
	go func() {
		for _, item := range items {
			if stream.SendMsg(&item) != nil {
				return // RecvMsg says why
			}
		}
		stream.CloseSend()
	}()
	var acks []*pb.IngestResponse
	for {
		ack := &pb.IngestResponse{}
		if err := stream.RecvMsg(ack); errors.Is(err, io.EOF) {
			return acks, nil
		} else if err != nil {
			return acks, err
		}
		acks = append(acks, ack)
	}
}

// TestBadItemsAreRefused sends every bad item on one stream, good ones in between, and
// demands that each is refused as it should be and the good ones are stored. The stream
// goes on, and of the bad nothing is there afterwards.
func TestBadItemsAreRefused(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	good := func(i int) *pb.IngestRequest {
		return documentItem(&pb.Document{Source: "good", Id: fmt.Sprint(i), Version: 2, Text: fmt.Sprintf("Good page %d.", i), Policy: everyone()})
	}
	bad := badItems(t)
	items := []rawMessage{encoded(t, good(0))}
	for i, b := range bad {
		items = append(items, b.item, encoded(t, good(i+1)))
	}
	acks, err := s.sendRaw(s.job(), items...)
	if err != nil || len(acks) != len(items) {
		t.Fatalf("%d acknowledgements of %d, and the stream ended with %v", len(acks), len(items), err)
	}
	for i, ack := range acks {
		if ack.GetPosition() != int64(i+1) {
			t.Fatalf("acknowledgement %d is for position %d", i+1, ack.GetPosition())
		}
		if i%2 == 0 {
			if ack.GetStatus() != pb.IngestResponse_STATUS_APPLIED || ack.GetConsistencyToken() == "" {
				t.Errorf("good item %d: %v", i/2, ack)
			}
			continue
		}
		b := bad[i/2]
		if ack.GetStatus() != pb.IngestResponse_STATUS_REFUSED || ack.GetConsistencyToken() != "" {
			t.Errorf("%s: not refused: %v", b.name, ack)
			continue
		}
		b.want.check(t, b.name, status.FromProto(ack.GetError()))
	}
	everything := s.as(identity.Request{Subject: "user:local/ada", Clearance: "restricted"})
	for _, b := range bad {
		ref := &pb.DocumentRef{Source: "bad", Id: b.name}
		if resp, err := s.documents().GetDocument(everything, &pb.GetDocumentRequest{Document: ref}); status.Code(err) != codes.NotFound {
			t.Errorf("%s: something was stored: %v, %v", b.name, resp, err)
		}
	}
	resp, err := s.retrieval().Retrieve(everything, &pb.RetrieveRequest{Query: "must ever be stored", Limit: 100, Filter: &pb.Filter{Sources: []string{"bad"}}})
	if err != nil || len(resp.GetResults()) > 0 {
		t.Errorf("of what was refused, %v is found; %v", resp.GetResults(), err)
	}
	got, err := s.documents().GetDocument(everything, &pb.GetDocumentRequest{Document: &pb.DocumentRef{Source: "good", Id: "0"}})
	if err != nil || got.GetText() != "Good page 0." {
		t.Errorf("an older and a reused version left %v, %v", got, err)
	}
}

// TestItemTooLongForTheWire ends the stream, because its bytes are never read, and leaves
// what came before.
func TestItemTooLongForTheWire(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	acks, err := s.sendRaw(s.job(), encoded(t, documentItem(page("before"))), make(rawMessage, 21<<20))
	if len(acks) > 1 {
		t.Errorf("%d acknowledgements", len(acks))
	}
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("an item of 21 MiB: %v", err)
	}
}

// TestUnknownContainer: the document is taken in with a notice, nobody may read it, and the
// container that comes later opens it.
func TestUnknownContainer(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	ack := s.mustSend(documentItem(page("early", func(d *pb.Document) { d.Container = new("later") })))[0]
	if n := ack.GetNotices(); len(n) != 1 || n[0] != pb.IngestResponse_NOTICE_UNKNOWN_CONTAINER {
		t.Errorf("notices %v, want that the container is unknown", n)
	}
	get := func() error {
		_, err := s.documents().GetDocument(s.user("user:local/ada"), &pb.GetDocumentRequest{Document: &pb.DocumentRef{Source: "bad", Id: "early"}})
		return err
	}
	if err := get(); status.Code(err) != codes.NotFound {
		t.Errorf("before the container came: %v", err)
	}
	s.mustSend(&pb.IngestRequest{Item: &pb.IngestRequest_Container{Container: &pb.Container{Source: "bad", Id: "later", Policy: everyone()}}})
	if err := get(); err != nil {
		t.Errorf("after the container came: %v", err)
	}
}

// TestSeventeenContainersUp: one level over the limit admits nobody.
func TestSeventeenContainersUp(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	for i := range 17 {
		c := &pb.Container{Source: "bad", Id: fmt.Sprint(i), Policy: everyone()}
		if i > 0 {
			c.Parent = fmt.Sprint(i - 1)
		}
		s.mustSend(&pb.IngestRequest{Item: &pb.IngestRequest_Container{Container: c}})
	}
	for i, want := range map[int]codes.Code{0: codes.OK, 15: codes.OK, 16: codes.NotFound} {
		id := fmt.Sprint("in ", i)
		s.mustSend(documentItem(page(id, func(d *pb.Document) { d.Container, d.Policy = new(fmt.Sprint(i)), nil })))
		_, err := s.documents().GetDocument(s.user("user:local/ada"), &pb.GetDocumentRequest{Document: &pb.DocumentRef{Source: "bad", Id: id}})
		if status.Code(err) != want {
			t.Errorf("a document with %d containers above it: %v, want %v", i+1, err, want)
		}
	}
}

// TestWhoMaySend: roles are per source, and a refused item says which role is missing and
// nothing about the item (LEAK-12).
func TestWhoMaySend(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	missing := refusedAs{codes.PermissionDenied, "MISSING_ROLE", ""}
	for _, c := range []struct {
		roles   string
		refused string // the sources, or "group", of items that must be refused
	}{
		{"", "good bad group"}, {"ingest", "group"}, {"ingest:good", "bad group"}, {"directory", "good bad"},
		{"steward", "good bad group"}, {"auditor", "good bad group"}, {"admin", "good bad group"},
	} {
		r := identity.Request{Subject: "service:someone"}
		if c.roles != "" {
			g, err := identity.ParseRole(c.roles)
			if err != nil {
				t.Fatal(err)
			}
			r.Roles = []identity.Grant{g}
		}
		invalid := page("x", func(d *pb.Document) { d.Id = "" }) // its faults are not for everyone
		acks := s.send(s.as(r), documentItem(&pb.Document{Source: "good", Id: "x"}), documentItem(invalid), line(t, `{"group": {"name": "group:x"}}`))
		for i, what := range []string{"good", "bad", "group"} {
			if strings.Contains(c.refused, what) {
				missing.check(t, fmt.Sprintf("%s with the role %q", what, c.roles), status.FromProto(acks[i].GetError()))
			} else if what != "bad" && acks[i].GetStatus() == pb.IngestResponse_STATUS_REFUSED {
				t.Errorf("%s with the role %q: %v", what, c.roles, acks[i].GetError())
			}
		}
	}
}
