package main

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/muniment/muniment/api/identity"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// TestLinesTakeEffectInOrder: a page is deleted, closed or rewritten, and after that its
// folder is opened to everyone. At no moment may everyone read what the page was, however
// much is under way.
func TestLinesTakeEffectInOrder(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(d *pb.Document) *pb.IngestRequest
	}{
		{"deleted", func(d *pb.Document) *pb.IngestRequest {
			return &pb.IngestRequest{Item: &pb.IngestRequest_Delete{Delete: &pb.DocumentDeletion{Source: d.GetSource(), Id: d.GetId(), Version: 2}}}
		}},
		{"closed", func(d *pb.Document) *pb.IngestRequest {
			d.AccessVersion, d.Policy = 1, allow("user:local/ada")
			return documentItem(d)
		}},
		{"rewritten", func(d *pb.Document) *pb.IngestRequest {
			d.Container = nil // kept
			return documentItem(d)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := startServer(t, t.TempDir())
			for round := range 2 {
				folder := func(version int64, p *pb.Policy) *pb.IngestRequest {
					return &pb.IngestRequest{Item: &pb.IngestRequest_Container{Container: &pb.Container{Source: "bad", Id: fmt.Sprint("folder ", round), Version: version, Policy: p}}}
				}
				old := page(fmt.Sprint("page ", round), func(d *pb.Document) {
					d.Text, d.Policy, d.Container = "As it was.", nil, new(fmt.Sprint("folder ", round))
				})
				s.mustSend(folder(1, allow("user:local/ada")), documentItem(old))
				after := proto.CloneOf(old)
				after.Version, after.Text = 2, "As it is."
				seen := s.watch(old, func() {
					s.mustSend(filler(round, 1), filler(round, 2), filler(round, 3), c.change(after), folder(2, everyone()))
				})
				if seen > 0 {
					t.Errorf("round %d: in %d looks the page could be read as it was before", round, seen)
				}
			}
		})
	}
}

// watch reads the document as somebody who must not see it as it is now, all the while that
// f runs, and returns how often it did.
func (s *server) watch(d *pb.Document, f func()) (seen int) {
	done, ended := make(chan struct{}), make(chan struct{})
	mallory := s.user("user:local/mallory")
	go func() {
		defer close(ended)
		for {
			resp, err := s.documents().GetDocument(mallory, &pb.GetDocumentRequest{Document: &pb.DocumentRef{Source: d.GetSource(), Id: d.GetId()}})
			if err == nil && resp.GetText() == d.GetText() {
				seen++
			}
			select {
			case <-done:
				return
			default:
			}
		}
	}()
	f()
	close(done)
	<-ended
	return seen
}

// filler is a document that fills a commit.
func filler(a, b int) *pb.IngestRequest {
	d := &pb.Document{Source: "bad", Id: fmt.Sprint("filler ", a, b), Version: 1, VectorSpace: "brought/4"}
	for i := range 1001 {
		d.Passages = append(d.Passages, &pb.SuppliedPassage{Text: fmt.Sprint("Passage ", i), Vector: []float32{1, 0, 0, float32(i)}})
	}
	return documentItem(d)
}

// TestRevocationIsImmediate: while much else is sent and asked, whatever is asked after the
// acknowledgement of a revocation is answered without the page, and after that of a grant
// with it.
func TestRevocationIsImmediate(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	s.mustSend(documentItem(page("toggled")))
	done, busy := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(busy)
		for i := 0; ; i += 10 {
			select {
			case <-done:
				return
			default:
				var batch []*pb.IngestRequest
				for k := range 10 {
					batch = append(batch, generated(i+k))
				}
				s.send(s.job(), batch...)
			}
		}
	}()
	ada := s.as(identity.Request{Subject: "user:local/ada"})
	for i := range 30 {
		p := everyone()
		if i%2 == 0 {
			p = allow("user:local/somebody-else")
		}
		s.mustSend(&pb.IngestRequest{Item: &pb.IngestRequest_Access{Access: &pb.DocumentAccess{Source: "bad", Id: "toggled", AccessVersion: int64(i + 1), Policy: p}}})
		resp, err := s.retrieval().Retrieve(ada, &pb.RetrieveRequest{Query: "nothing of toggled must ever be stored", Limit: 5})
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, r := range resp.GetResults() {
			found = found || strings.Contains(r.GetText(), "toggled")
		}
		if found != (i%2 == 1) {
			t.Fatalf("change %d: found: %t", i, found)
		}
	}
	close(done)
	<-busy
}
