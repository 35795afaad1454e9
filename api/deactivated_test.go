package api_test

import (
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// TestDeactivatedUser: from the next call on, a deactivated user is refused, whatever roles
// the token gives, with a token that was good before; and is back when active again.
func TestDeactivatedUser(t *testing.T) {
	s := start(t, nil)
	s.send(s.as(ada, "ingest"), page("handbook", "a", "the anchor"))
	mine, bens := s.as(ada, "auditor", "ingest"), s.as("user:local/ben", "auditor")
	calls := map[string]func() error{
		"retrieve": func() error {
			_, err := pb.NewRetrievalServiceClient(s.conn).Retrieve(mine, &pb.RetrieveRequest{Query: "anchor"})
			return err
		},
		"get": func() error {
			_, err := pb.NewDocumentServiceClient(s.conn).GetDocument(mine, &pb.GetDocumentRequest{Document: ref("a")})
			return err
		},
		"checkpoint": func() error {
			_, err := pb.NewAuditServiceClient(s.conn).GetCheckpoint(mine, &pb.GetCheckpointRequest{})
			return err
		},
	}
	for version, state := range []catalog.EntryState{catalog.Active, catalog.Inactive, catalog.Removed, catalog.Active} {
		s.say(ada, int64(version+1), state)
		for name, call := range calls {
			code, why := reason(call())
			switch {
			case state == catalog.Active && code != codes.OK:
				t.Errorf("version %d, %s: %v %s", version+1, name, code, why)
			case state != catalog.Active && (code != codes.PermissionDenied || why != "USER_DEACTIVATED"):
				t.Errorf("version %d, %s by a user who is not active: %v %s", version+1, name, code, why)
			}
		}
		if state != catalog.Active {
			stream := s.ingest(mine)
			stream.CloseSend()
			_, err := stream.Recv()
			if code, why := reason(err); why != "USER_DEACTIVATED" {
				t.Errorf("version %d, a stream: %v %s", version+1, code, why)
			}
		}
		if _, err := pb.NewDocumentServiceClient(s.conn).GetDocument(bens, &pb.GetDocumentRequest{Document: ref("a")}); err != nil {
			t.Errorf("version %d, another user: %v", version+1, err)
		}
	}
}

// TestProvisionedGroupHasOneMaster: a group line on a group that an identity provider keeps
// is refused by name.
func TestProvisionedGroupHasOneMaster(t *testing.T) {
	s := start(t, nil)
	ticket, err := s.Indexer.Submit(t.Context(), indexer.Actor{App: "service:test"}, catalog.PutEntry{
		Entry: catalog.Entry{Principal: "group:local/x", Version: 1, State: catalog.Active}, Members: []acl.Principal{ada},
	}, catalog.Request{})
	s.must(err)
	_, _, err = ticket.Wait(t.Context())
	s.must(err)
	acks := s.send(s.as(ada, "directory"), &pb.IngestRequest{Item: &pb.IngestRequest_Group{Group: &pb.Group{Name: "group:local/x"}}})
	if code, why := refusal(acks[0]); code != codes.FailedPrecondition || why != "GROUP_PROVISIONED" {
		t.Errorf("%v %s", code, why)
	}
}
