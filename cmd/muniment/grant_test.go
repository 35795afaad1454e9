package main

import (
	"fmt"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// TestGrantEndsAtItsInstant asks without pause while a grant runs out: the document is there
// in exactly the answers that were given before the end.
func TestGrantEndsAtItsInstant(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	reader := s.user("user:local/viggo")
	before, after := 0, 0
	for life := 300 * time.Millisecond; before == 0; life *= 3 { // a slow machine may need longer to ask in time
		end := timestamppb.New(time.Now().Add(life))
		s.mustSend(documentItem(page(fmt.Sprint("for ", life), func(d *pb.Document) {
			d.Policy = allow("user:local/viggo")
			d.Policy.Layers[0].Allow[0].NotAfter = end
		})))
		for after = 0; after < 5; {
			resp, err := s.retrieval().Retrieve(reader, &pb.RetrieveRequest{Query: "stored"})
			if err != nil {
				t.Fatal(err)
			}
			held := resp.GetServedAt().AsTime().Before(end.AsTime())
			if found := len(resp.GetResults()) > 0; found != held {
				t.Fatalf("at %v, with a grant until %v, found: %t", resp.GetServedAt().AsTime(), end.AsTime(), found)
			}
			if held {
				before++
			} else {
				after++
			}
		}
		_, err := s.documents().GetDocument(reader, &pb.GetDocumentRequest{Document: &pb.DocumentRef{Source: "bad", Id: fmt.Sprint("for ", life)}})
		if status.Code(err) != codes.NotFound {
			t.Errorf("after the end: %v", err)
		}
	}
	t.Logf("%d answers before the end, %d after it", before, after)
}
