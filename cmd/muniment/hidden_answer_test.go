package main

import (
	"fmt"
	"testing"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// TestAnswersHideWhatIsHidden: on a server with documents that the asker may not read, some of
// them called as those that they may, and on one that never held them, the same reports of the
// same answers are resolved alike, and the same retrievals are listed.
func TestAnswersHideWhatIsHidden(t *testing.T) {
	t.Parallel()
	doc := func(id, uri, reader string) *pb.IngestRequest {
		return documentItem(&pb.Document{Source: "wiki", Id: id, Version: 1, Text: "The anchor watch changes at four bells.", Uri: uri, Policy: allow(reader)})
	}
	open := []*pb.IngestRequest{doc("open", "u:open", "everyone"), doc("twice", "u:twice", "everyone")}
	hidden := []*pb.IngestRequest{doc("hidden", "u:hidden", "user:local/bo"), doc("liar", "u:open", "user:local/bo"), doc("double", "u:twice", "user:local/bo"), doc("thief", "wiki/open@1#0", "user:local/bo")}
	var cited []*pb.Citation
	for _, name := range []string{"wiki/open@1#0", "wiki/hidden@1#0", "wiki/never@1#0", "u:open", "u:twice", "u:hidden", "u:never", "wiki/liar@1#0", "wiki/hidden", "hidden"} {
		cited = append(cited, &pb.Citation{Location: &pb.Citation_CitationId{CitationId: name}},
			&pb.Citation{Location: &pb.Citation_UrlCitation{UrlCitation: &pb.UrlCitation{Url: name}}})
		for i := range int32(4) {
			cited = append(cited, &pb.Citation{Location: &pb.Citation_SearchResultLocation{SearchResultLocation: &pb.SearchResultLocation{Source: name, SearchResultIndex: i}}})
		}
	}
	var told []string
	for _, items := range [][]*pb.IngestRequest{append(hidden, open...), open} {
		s := startServer(t, t.TempDir())
		s.mustSend(items...)
		ada := s.user("user:local/ada")
		var ids []string
		for _, q := range []string{"anchor watch", "four bells"} {
			resp, err := s.retrieval().Retrieve(ada, &pb.RetrieveRequest{Query: q})
			if err != nil || len(resp.GetResults()) != 2 {
				t.Fatal(resp, err)
			}
			if _, err := s.retrieval().Retrieve(s.user("user:local/bo"), &pb.RetrieveRequest{Query: q}); err != nil {
				t.Fatal(err)
			}
			ids = append(ids, resp.GetRetrievalId())
		}
		answer, err := s.retrieval().RecordAnswer(ada, &pb.RecordAnswerRequest{
			RetrievalIds: ids, Citations: cited, Outcome: pb.Outcome_OUTCOME_SHOWN, Answer: &pb.RecordAnswerRequest_AnswerText{AnswerText: "At four bells."},
		})
		if err != nil {
			t.Fatal(err)
		}
		list, err := s.retrieval().ListRetrievals(ada, &pb.ListRetrievalsRequest{})
		if err != nil || len(list.GetRetrievals()) != 2 {
			t.Fatal(list, err)
		}
		answer.AnswerId, answer.RequestId = "", ""
		if len(answer.GetReceipt()) == 0 || len(answer.GetUnresolved()) != 42 { // seven names that mean nothing, six times
			t.Errorf("%d of %d citations are unresolved", len(answer.GetUnresolved()), len(cited))
		}
		answer.Receipt = fmt.Sprint(len(answer.GetReceipt()))
		for _, r := range list.GetRetrievals() {
			r.RetrievalId, r.Time = fmt.Sprint(len(r.GetRetrievalId())), nil
		}
		told = append(told, wireOf(answer)+wireOf(list))
		s.stop()
	}
	if told[0] != told[1] {
		t.Errorf("with what is hidden:\n%q\nwithout:\n%q", told[0], told[1])
	}
}
