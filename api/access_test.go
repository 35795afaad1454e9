package api_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

func grants(principals ...string) (list []*pb.Grant) {
	for _, p := range principals {
		list = append(list, &pb.Grant{Principal: p})
	}
	return list
}

func allowing(principals ...string) *pb.Policy {
	return &pb.Policy{Layers: []*pb.Layer{{Allow: grants(principals...)}}}
}

// yard is a folder that staff may read but for Cedric, with two pages; Ada is staff through
// the workshop, Cedric too.
func yard(s *server) {
	s.Helper()
	closed := allowing("group:staff")
	closed.Layers[0].Deny = grants("user:local/cedric")
	item := func(id, container string, p *pb.Policy) *pb.IngestRequest {
		return &pb.IngestRequest{Item: &pb.IngestRequest_Document{Document: &pb.Document{
			Source: "yard", Id: id, Version: 1, Text: "Bids.", Container: &container, Policy: p,
		}}}
	}
	for _, ack := range s.send(s.as(ada, "ingest", "directory"),
		&pb.IngestRequest{Item: &pb.IngestRequest_Group{Group: &pb.Group{Name: "group:staff", Members: []string{"group:workshop"}}}},
		&pb.IngestRequest{Item: &pb.IngestRequest_Group{Group: &pb.Group{Name: "group:workshop", Members: []string{ada, "user:local/cedric"}}}},
		&pb.IngestRequest{Item: &pb.IngestRequest_Container{Container: &pb.Container{Source: "yard", Id: "refit", Policy: closed}}},
		item("bids", "refit", nil), item("drawings", "refit", &pb.Policy{Inherit: pb.Inherit_INHERIT_EXTEND, Layers: allowing("user:local/viggo").Layers}),
	) {
		if ack.GetStatus() != applied {
			s.Fatalf("%v", ack)
		}
	}
}

func TestExplainAccess(t *testing.T) {
	s := start(t, nil)
	yard(s)
	client := pb.NewAccessServiceClient(s.conn)
	explain := func(who, id string) *pb.ExplainAccessResponse {
		t.Helper()
		resp, err := client.ExplainAccess(s.as(ada, "steward:yard"), &pb.ExplainAccessRequest{
			Document: &pb.DocumentRef{Source: "yard", Id: id}, Subject: &pb.Subject{Principal: who},
		})
		s.must(err)
		return resp
	}
	got := explain(ada, "bids")
	path := got.GetNodes()[1].GetLayers()[0].GetAllow()[0].GetPath()
	if !got.GetAdmitted() || strings.Join(path, " ") != ada+" group:workshop group:staff" {
		t.Errorf("Ada: %v", got)
	}
	if got := explain("user:local/cedric", "bids"); got.GetAdmitted() || !strings.Contains(got.GetSummary(), `container "refit" denies user:local/cedric`) {
		t.Errorf("Cedric: %v", got)
	}
	if got := explain("user:local/viggo", "drawings"); !got.GetAdmitted() || got.GetNodes()[1].GetAdmitted() || !got.GetNodes()[0].GetOwn() {
		t.Errorf("Viggo on the drawings: %v", got)
	}
	if got := explain("user:local/viggo", "bids"); got.GetAdmitted() || !strings.Contains(got.GetSummary(), "allows others only") {
		t.Errorf("Viggo on the bids: %v", got)
	}
	for name, req := range map[string]struct {
		roles  string
		id     string
		code   codes.Code
		reason string
	}{
		"another source's steward": {"steward:wiki", "bids", codes.PermissionDenied, "MISSING_ROLE"},
		"a document that is not":   {"steward:yard", "none", codes.NotFound, "NOT_FOUND"},
	} {
		_, err := client.ExplainAccess(s.as(ada, req.roles), &pb.ExplainAccessRequest{
			Document: &pb.DocumentRef{Source: "yard", Id: req.id}, Subject: &pb.Subject{Principal: ada},
		})
		if code, why := reason(err); code != req.code || why != req.reason {
			t.Errorf("%s: %v %s", name, code, why)
		}
	}
}

// A source that is withheld is named to its readers and to whoever looks after it.
func TestWithheldSource(t *testing.T) {
	s := start(t, nil)
	yard(s)
	steward := s.as(ada, "steward:yard")
	bound := func(d time.Duration) *pb.Source {
		t.Helper()
		resp, err := pb.NewSourceServiceClient(s.conn).SetSource(steward, &pb.SetSourceRequest{Source: &pb.Source{Name: "yard", AccessBound: durationpb.New(d)}})
		s.must(err)
		return resp.GetSource()
	}
	ask := func(who string) *pb.RetrieveResponse {
		t.Helper()
		resp, err := pb.NewRetrievalServiceClient(s.conn).Retrieve(s.as(who), &pb.RetrieveRequest{Query: "bids"})
		s.must(err)
		return resp
	}
	if got := bound(time.Hour); got.GetWithheldTime().AsTime() != got.GetFirstChange().AsTime().Add(time.Hour) {
		t.Errorf("the source: %v", got)
	}
	if got := ask(ada); len(got.GetResults()) == 0 || len(got.GetWithheldSources())+len(got.GetDegradations()) > 0 {
		t.Errorf("in time: %v", got)
	}
	bound(1)
	if got := ask(ada); len(got.GetResults()) > 0 || !slices.Equal(got.GetWithheldSources(), []string{"yard"}) ||
		!slices.Equal(got.GetDegradations(), []pb.Degradation{pb.Degradation_DEGRADATION_SOURCE_WITHHELD}) {
		t.Errorf("too late: %v", got)
	}
	if got := ask("user:local/nobody"); len(got.GetWithheldSources())+len(got.GetDegradations()) > 0 {
		t.Errorf("too late, to one who reads nothing there: %v", got)
	}
	_, err := pb.NewDocumentServiceClient(s.conn).GetDocument(s.as(ada), &pb.GetDocumentRequest{Document: &pb.DocumentRef{Source: "yard", Id: "bids"}})
	if code, why := reason(err); code != codes.NotFound || why != "NOT_FOUND" {
		t.Errorf("reading what is withheld: %v %s", code, why)
	}
	explained, err := pb.NewAccessServiceClient(s.conn).ExplainAccess(steward, &pb.ExplainAccessRequest{
		Document: &pb.DocumentRef{Source: "yard", Id: "bids"}, Subject: &pb.Subject{Principal: ada},
	})
	s.must(err)
	if explained.GetAdmitted() || !strings.Contains(explained.GetSummary(), "withheld since") || !explained.GetNodes()[0].GetAdmitted() {
		t.Errorf("explained: %v", explained)
	}
}

func TestPreviewAccessChange(t *testing.T) {
	s := start(t, nil)
	yard(s)
	client := pb.NewAccessServiceClient(s.conn)
	preview := func(req *pb.PreviewAccessChangeRequest) string {
		t.Helper()
		resp, err := client.PreviewAccessChange(s.as(ada, "admin"), req)
		s.must(err)
		var parts []string
		for _, e := range resp.GetGains() {
			parts = append(parts, "+"+strings.Repeat("1", int(e.GetDocuments()))+e.GetPrincipal())
		}
		for _, e := range resp.GetLosses() {
			parts = append(parts, "-"+strings.Repeat("1", int(e.GetDocuments()))+e.GetPrincipal())
		}
		return strings.Join(parts, " ")
	}
	open := &pb.PreviewAccessChangeRequest{Change: &pb.PreviewAccessChangeRequest_Container{
		Container: &pb.Container{Source: "yard", Id: "refit", Policy: allowing("everyone")},
	}}
	if got, want := preview(open), "+11user:local/cedric +11everyone +1user:local/viggo"; got != want {
		t.Errorf("opened to everyone: %s, want %s", got, want)
	}
	shut := &pb.PreviewAccessChangeRequest{Change: &pb.PreviewAccessChangeRequest_Container{
		Container: &pb.Container{Source: "yard", Id: "refit", Policy: allowing("user:local/cedric")},
	}}
	if got, want := preview(shut), "+11user:local/cedric -11user:local/ada"; got != want {
		t.Errorf("given to Cedric: %s, want %s", got, want)
	}
	one := &pb.PreviewAccessChangeRequest{Change: &pb.PreviewAccessChangeRequest_Access{
		Access: &pb.DocumentAccess{Source: "yard", Id: "drawings", Policy: &pb.Policy{Inherit: pb.Inherit_INHERIT_REPLACE, Layers: allowing("user:local/hal").Layers}},
	}}
	if got, want := preview(one), "+1user:local/hal -1user:local/ada -1user:local/viggo"; got != want {
		t.Errorf("one page given to Hal: %s, want %s", got, want)
	}
	// Nothing was stored.
	if got, want := preview(shut), "+11user:local/cedric -11user:local/ada"; got != want {
		t.Errorf("asked again: %s, want %s", got, want)
	}
}
