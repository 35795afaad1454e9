package api_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/audit"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// TestExplainGroupsOfTokens: of somebody whose groups come with tokens there is no answer
// without them, and with them the one that such a token gets.
func TestExplainGroupsOfTokens(t *testing.T) {
	s, p := believing(t, func(i *identity.IssuerConfig) { i.Groups = "groups" })
	denied := readable("wiki", "denied", "everyone")
	denied.GetDocument().Policy.Layers[0].Deny = grants("group:corp/temps")
	s.send(s.as(ada, "ingest", "directory"), readable("wiki", "eng", "group:corp/eng"), denied,
		&pb.IngestRequest{Item: &pb.IngestRequest_Group{Group: &pb.Group{Name: "group:staff", Members: []string{corpAda}}}})
	client := pb.NewAccessServiceClient(s.conn)
	explain := func(who, id string, groups *pb.ClaimedGroups) (*pb.ExplainAccessResponse, error) {
		return client.ExplainAccess(s.as(ada, "steward:wiki"), &pb.ExplainAccessRequest{
			Document: &pb.DocumentRef{Source: "wiki", Id: id}, Subject: &pb.Subject{Principal: who, ClaimedGroups: groups},
		})
	}
	for _, who := range []struct {
		principal string
		groups    *pb.ClaimedGroups
	}{{corpAda, nil}, {ada, &pb.ClaimedGroups{}}, {corpAda, &pb.ClaimedGroups{Groups: []string{"group:staff"}}}} {
		if resp, err := explain(who.principal, "eng", who.groups); err == nil {
			t.Errorf("%s in %v: %v", who.principal, who.groups, resp)
		} else if code, why := reason(err); code != codes.InvalidArgument || why != "INVALID_SUBJECT" || !strings.Contains(err.Error(), "subject") {
			t.Errorf("%s in %v: %v", who.principal, who.groups, err)
		}
	}
	for _, groups := range [][]string{{}, {"eng"}, {"temps"}, {"eng", "temps"}, {"other"}} {
		claimed := &pb.ClaimedGroups{}
		for _, g := range groups {
			claimed.Groups = append(claimed.Groups, "group:corp/"+g)
		}
		caller := s.headers(person(p, "client-chat", map[string]any{"groups": groups}))
		for _, id := range []string{"eng", "denied"} {
			got, err := explain(corpAda, id, claimed)
			s.must(err)
			_, err = pb.NewDocumentServiceClient(s.conn).GetDocument(caller, &pb.GetDocumentRequest{Document: &pb.DocumentRef{Source: "wiki", Id: id}})
			if code, _ := reason(err); got.GetAdmitted() != (code == codes.OK) {
				t.Errorf("in %q, %s: explained %t, and the token gets %v", groups, id, got.GetAdmitted(), code)
			}
		}
	}
	got, err := explain(corpAda, "eng", &pb.ClaimedGroups{Groups: []string{"group:corp/eng"}})
	s.must(err)
	if path := got.GetNodes()[0].GetLayers()[0].GetAllow()[0].GetPath(); !slices.Equal(path, []string{corpAda, "group:corp/eng"}) {
		t.Errorf("the path is %q", path)
	}
}

// TestPreviewSkipsGroupsOfTokens: people whose groups nobody knows are not said to gain or to
// lose; that they were not looked at is.
func TestPreviewSkipsGroupsOfTokens(t *testing.T) {
	for _, from := range []string{"", "groups"} {
		s, _ := believing(t, func(i *identity.IssuerConfig) { i.Groups = from })
		s.send(s.as(ada, "ingest", "directory"), readable("wiki", "eng", "group:corp/eng"),
			&pb.IngestRequest{Item: &pb.IngestRequest_Group{Group: &pb.Group{Name: "group:staff", Members: []string{corpAda, "user:local/ben"}}}})
		resp, err := pb.NewAccessServiceClient(s.conn).PreviewAccessChange(s.as(ada, "admin"), &pb.PreviewAccessChangeRequest{
			Change: &pb.PreviewAccessChangeRequest_Access{Access: &pb.DocumentAccess{Source: "wiki", Id: "eng", Policy: allowing("group:staff")}},
		})
		s.must(err)
		var who []string
		for _, e := range resp.GetGains() {
			who = append(who, e.GetPrincipal())
		}
		slices.Sort(who)
		wantWho, wantIssuers, callers := []string{corpAda, "user:local/ben"}, []string(nil), int64(3)
		if from != "" {
			wantWho, wantIssuers, callers = wantWho[1:], []string{"corp"}, 2
		}
		if !slices.Equal(who, wantWho) || !slices.Equal(resp.GetUnjudgedIssuers(), wantIssuers) || resp.GetCallers() != callers {
			t.Errorf("groups from the claim %q: %v", from, resp)
		}
	}
}

// TestRecordsPinGroups: the record of an answer says where the groups came from that decided
// and, if from a token, which they were.
func TestRecordsPinGroups(t *testing.T) {
	s, p := believing(t, func(i *identity.IssuerConfig) { i.Groups = "groups" })
	s.send(s.as(ada, "ingest"), readable("wiki", "eng", "group:corp/eng"))
	record := func(receipt string) audit.Record {
		t.Helper()
		got, err := pb.NewAuditServiceClient(s.conn).GetRecord(s.as("user:local/auditor", "auditor"), &pb.GetRecordRequest{Receipt: receipt})
		s.must(err)
		var r audit.Record
		s.must(json.Unmarshal([]byte(got.GetRecord()), &r))
		return r
	}
	claimed := s.headers(person(p, "client-chat", map[string]any{"groups": []string{"eng", "all", "with space"}}))
	resp, err := pb.NewRetrievalServiceClient(s.conn).Retrieve(claimed, &pb.RetrieveRequest{Query: "ferry"})
	s.must(err)
	want := audit.GroupsOf(acl.Identity{Groups: []acl.Principal{"group:corp/all", "group:corp/eng"}})
	if r := record(resp.GetReceipt()); r.Groups == nil || r.Groups.Hash != want.Hash || !slices.Equal(r.Groups.Listed, want.Listed) || r.Groups.From != audit.FromClaim {
		t.Errorf("a token's groups are recorded as %+v, want %+v", r.Groups, want)
	}
	resp, err = pb.NewRetrievalServiceClient(s.conn).Retrieve(s.as(ada), &pb.RetrieveRequest{Query: "ferry"})
	s.must(err)
	if r := record(resp.GetReceipt()); r.Groups == nil || r.Groups.From != audit.FromDirectory || r.Groups.Listed != nil {
		t.Errorf("the directory's groups are recorded as %+v", r.Groups)
	}
}

// readable is a document for the principals.
func readable(source, id string, principals ...string) *pb.IngestRequest {
	item := page(source, id, "The ferry, says "+id)
	item.GetDocument().Policy = allowing(principals...)
	return item
}
