package api_test

import (
	"testing"

	"google.golang.org/grpc/codes"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// ACL-21: no role reads. Whoever runs the service, or owns a document, reads what its policy
// says and nothing more; there is no way past it, so none has to be watched.
func TestRolesReadNothing(t *testing.T) {
	s := start(t, nil)
	hidden := page("handbook", "hidden", "ferry")
	hidden.GetDocument().Policy, hidden.GetDocument().Owner = only("user:local/ben"), ada
	s.send(s.as(ada, "ingest"), hidden)
	for _, roles := range [][]string{{"admin"}, {"steward"}, {"auditor"}, {"directory"}, {"ingest"}, {"admin", "steward", "auditor", "directory", "ingest"}} {
		as := s.as(ada, roles...)
		_, err := pb.NewDocumentServiceClient(s.conn).GetDocument(as, &pb.GetDocumentRequest{Document: ref("hidden")})
		if code, _ := reason(err); code != codes.NotFound {
			t.Errorf("%v opens it: %v", roles, err)
		}
		resp, err := pb.NewRetrievalServiceClient(s.conn).Retrieve(as, &pb.RetrieveRequest{Query: "ferry"})
		s.must(err)
		if n := len(resp.GetResults()); n != 0 {
			t.Errorf("%v finds %d passages", roles, n)
		}
	}
	resp, err := pb.NewRetrievalServiceClient(s.conn).Retrieve(s.as("user:local/ben"), &pb.RetrieveRequest{Query: "ferry"})
	if err != nil || len(resp.GetResults()) != 1 {
		t.Errorf("ben, whom the policy names, finds %v, %v", resp, err)
	}
}
