package api_test

import (
	"fmt"
	"slices"
	"testing"

	"google.golang.org/grpc/codes"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// tooMany is a policy over the limit of entries that would admit everyone.
func tooMany() *pb.Policy {
	p := &pb.Policy{Layers: []*pb.Layer{{Allow: grants("everyone")}, {Allow: grants("everyone")}}}
	for i := range 9_999 {
		p.Layers[0].Allow = append(p.Layers[0].Allow, &pb.Grant{Principal: fmt.Sprintf("group:g%d", i)})
	}
	return p
}

// A policy that cannot be taken closes what it is of: to keep the old one would let people
// read who no longer may (ACL-05, ACL-19). The next good line opens it again.
func TestPolicyThatCannotBeTakenCloses(t *testing.T) {
	readable := func(s *server) bool {
		_, err := pb.NewDocumentServiceClient(s.conn).GetDocument(s.as(ada), &pb.GetDocumentRequest{Document: &pb.DocumentRef{Source: "wiki", Id: "a"}})
		return err == nil
	}
	badGrant := allowing("everyone")
	badGrant.Layers[0].Deny = grants("robot:ada")
	unknown := allowing("everyone")
	unknown.ProtoReflect().SetUnknown([]byte{0x7a, 0x01, 0x01}) // field 15, which a newer sender might mean as a deny
	mode := allowing("everyone")
	mode.Inherit = 99
	container := "f"
	secret := "secret"
	document := func(version int64, change func(d *pb.Document)) *pb.IngestRequest {
		d := &pb.Document{Source: "wiki", Id: "a", Version: version, Text: "Text.", Container: &container, Policy: everyone}
		change(d)
		return &pb.IngestRequest{Item: &pb.IngestRequest_Document{Document: d}}
	}
	access := func(p *pb.Policy) *pb.IngestRequest {
		return &pb.IngestRequest{Item: &pb.IngestRequest_Access{Access: &pb.DocumentAccess{Source: "wiki", Id: "a", AccessVersion: 1, Policy: p}}}
	}
	folder := func(version int64, p *pb.Policy) *pb.IngestRequest {
		return &pb.IngestRequest{Item: &pb.IngestRequest_Container{Container: &pb.Container{Source: "wiki", Id: container, Version: version, Policy: p}}}
	}
	for name, bad := range map[string]*pb.IngestRequest{
		"document, too many entries":  document(2, func(d *pb.Document) { d.Policy = tooMany() }),
		"document, unknown principal": document(2, func(d *pb.Document) { d.Policy = badGrant }),
		"document, unknown field":     document(2, func(d *pb.Document) { d.Policy = unknown }),
		"document, unknown mode":      document(2, func(d *pb.Document) { d.Policy = mode }),
		"document, unknown label":     document(2, func(d *pb.Document) { d.Sensitivity = &secret }),
		"access, too many entries":    access(tooMany()),
		"access, unknown principal":   access(badGrant),
		"container, too many entries": folder(2, tooMany()),
		"container, unknown field":    folder(2, unknown),
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, nil)
			job := s.as(ada, "ingest")
			s.send(job, folder(1, everyone), document(1, func(*pb.Document) {}))
			if !readable(s) {
				t.Fatal("the document cannot be read to begin with")
			}
			ack := s.send(job, bad)[0]
			if ack.GetStatus() != refused || !slices.Contains(ack.GetNotices(), pb.IngestResponse_NOTICE_CLOSED) {
				t.Errorf("the bad line: %v", ack)
			}
			if readable(s) {
				t.Error("readable after a policy that could not be taken")
			}
			for _, ack := range s.send(job, folder(3, everyone), document(2, func(d *pb.Document) { d.AccessVersion = 2 })) {
				if ack.GetStatus() != applied {
					t.Errorf("the good line: %v", ack)
				}
			}
			if !readable(s) {
				t.Error("a good line does not open it again")
			}
		})
	}
}

// What is refused for anything else, or comes late, or from somebody without the role,
// closes nothing.
func TestOtherRefusalsCloseNothing(t *testing.T) {
	s := start(t, nil)
	job := s.as(ada, "ingest")
	good := page("wiki", "a", "Text.")
	good.GetDocument().Version, good.GetDocument().AccessVersion = 5, 5
	s.send(job, good)
	wrongMIME := page("wiki", "a", "Text.")
	wrongMIME.GetDocument().Version, wrongMIME.GetDocument().Mime = 6, "image/png"
	late := page("wiki", "a", "Text.")
	late.GetDocument().Version, late.GetDocument().AccessVersion, late.GetDocument().Policy = 6, 4, tooMany()
	for name, ack := range map[string]*pb.IngestResponse{
		"another field": s.send(job, wrongMIME)[0], "an older access": s.send(job, late)[0],
		"no role": s.send(s.as(ada, "ingest:other"), func() *pb.IngestRequest {
			r := page("wiki", "a", "Text.")
			r.GetDocument().Version, r.GetDocument().AccessVersion, r.GetDocument().Policy = 9, 9, tooMany()
			return r
		}())[0],
	} {
		if ack.GetStatus() != refused {
			t.Errorf("%s: %v", name, ack)
		}
	}
	_, err := pb.NewDocumentServiceClient(s.conn).GetDocument(s.as(ada), &pb.GetDocumentRequest{Document: &pb.DocumentRef{Source: "wiki", Id: "a"}})
	if code, _ := reason(err); code != codes.OK {
		t.Errorf("after refusals that say nothing of access: %v", err)
	}
}
