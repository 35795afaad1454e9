package main

import (
	"fmt"
	"testing"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// TestLongDocumentLeavesRoom: a document with a great many passages on the subject does not
// push the others out of an answer that has room for them.
func TestLongDocumentLeavesRoom(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	var long string
	for i := range 400 {
		long += fmt.Sprintf("## Part %d\n\nDerrick, derrick, derrick.\n\n", i)
	}
	items := []*pb.IngestRequest{documentItem(page("long", func(d *pb.Document) { d.Text, d.Mime = long, "text/markdown" }))}
	for i := range 8 {
		items = append(items, documentItem(page(fmt.Sprint("short ", i), func(d *pb.Document) {
			d.Text = fmt.Sprintf("On the quay number %d there are a crane, a shed, many bollards, two ladders and one derrick too.", i)
		})))
	}
	s.mustSend(items...)
	resp, err := s.retrieval().Retrieve(s.user("user:local/ada"), &pb.RetrieveRequest{Query: "derrick", Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(resp.GetResults()); n != 10 || len(resp.GetDegradations()) > 0 {
		var names []string
		for _, r := range resp.GetResults() {
			names = append(names, r.GetDocument().GetId())
		}
		t.Errorf("%d results (%v), and 9 documents speak of it, at most two passages each", n, names)
	}
}
