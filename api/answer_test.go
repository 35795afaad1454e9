package api_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/audit"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

func (s *server) retrieval() pb.RetrievalServiceClient { return pb.NewRetrievalServiceClient(s.conn) }

func (s *server) ask(ctx context.Context, query string) *pb.RetrieveResponse {
	s.Helper()
	resp, err := s.retrieval().Retrieve(ctx, &pb.RetrieveRequest{Query: query})
	s.must(err)
	return resp
}

func cite(id string) *pb.Citation {
	return &pb.Citation{Location: &pb.Citation_CitationId{CitationId: id}}
}

// shown is a report of an answer that was shown.
func shown(text string, ids ...string) *pb.RecordAnswerRequest {
	return &pb.RecordAnswerRequest{RetrievalIds: ids, Answer: &pb.RecordAnswerRequest_AnswerText{AnswerText: text}, Outcome: pb.Outcome_OUTCOME_SHOWN}
}

// TestRecordAnswer reports an answer with a citation of each form, and reads its record.
func TestRecordAnswer(t *testing.T) {
	s := start(t, nil)
	p := page("handbook", "dogs", "Dogs travel free on the ferry.")
	p.GetDocument().Uri = "https://handbook.example/dogs"
	s.send(s.as(ada, "ingest"), p, page("handbook", "cats", "Cats travel free on the ferry too."))
	got := s.ask(s.as(ada), "Do dogs travel free on the ferry?")
	first := got.GetResults()[0]
	if len(got.GetResults()) != 2 || first.GetUri() == "" {
		t.Fatal(got)
	}
	req := shown("Yes, dogs are free.", got.GetRetrievalId())
	req.Model, req.PromptId, req.PromptVersion = "a model", "desk", "7"
	req.Citations = []*pb.Citation{
		cite(first.GetCitationId()), cite("handbook/none@1#0"),
		{Location: &pb.Citation_UrlCitation{UrlCitation: &pb.UrlCitation{Url: first.GetUri(), StartIndex: 5, EndIndex: 18}}},
		{Location: &pb.Citation_FileCitation{FileCitation: &pb.FileCitation{FileId: got.GetResults()[1].GetCitationId(), Index: 9}}},
		{Location: &pb.Citation_SearchResultLocation{SearchResultLocation: &pb.SearchResultLocation{Source: first.GetUri(), CitedText: "Dogs travel free"}}, AnswerSpan: &pb.AnswerSpan{Start: 1, End: 4}},
		cite(strings.Repeat("x", 4096)),
	}
	size := s.Audit.Size()
	resp, err := s.retrieval().RecordAnswer(s.as(ada), req)
	s.must(err)
	if want := []int32{1, 5}; !slices.Equal(resp.GetUnresolved(), want) || len(resp.GetReceipt()) != identity.SealedLength || s.Audit.Size() != size+1 {
		t.Errorf("%v; %d records", resp, s.Audit.Size()-size)
	}
	record, _, err := s.Audit.Record(t.Context(), size)
	s.must(err)
	hash := sha256.Sum256([]byte("Yes, dogs are free."))
	quote := sha256.Sum256([]byte("Dogs travel free"))
	a := record.Answer
	if record.ID != resp.GetAnswerId() || record.User != ada || a.Hash != hex.EncodeToString(hash[:]) || a.Hash != resp.GetAnswerHash() || a.Text == "" ||
		a.Outcome != "SHOWN" || a.Model != "a model" || a.PromptID != "desk" || a.PromptVersion != "7" {
		t.Errorf("the record is %+v, %+v", record, a)
	}
	var told []string
	for _, c := range a.Citations {
		told = append(told, fmt.Sprintf("%s %d %s %d-%d", c.Form, c.Rank, c.ID, c.Start, c.End))
	}
	want := []string{"citation_id 1 dogs 0-0", "citation_id 0  0-0", "url_citation 1 dogs 5-18", "file_citation 2 cats 0-0", "search_result_location 1 dogs 1-4", "citation_id 0  0-0"}
	if !slices.Equal(told, want) || a.Citations[4].QuoteHash != hex.EncodeToString(quote[:]) {
		t.Errorf("citations are recorded as %q", told)
	}
	if r := a.Citations[5].Reference; !strings.HasPrefix(r, "sha256:") || len(r) > 100 || a.Citations[1].Reference != "handbook/none@1#0" {
		t.Errorf("what could not be resolved is kept as %q and %q", a.Citations[1].Reference, r)
	}
	auditor := s.as("user:local/audit", "auditor")
	body, err := pb.NewAuditServiceClient(s.conn).GetRecord(auditor, &pb.GetRecordRequest{Receipt: resp.GetReceipt()})
	s.must(err)
	list, err := pb.NewAuditServiceClient(s.conn).ListRecords(auditor, &pb.ListRecordsRequest{User: ada})
	s.must(err)
	for _, text := range append([]string{body.GetRecord()}, list.GetRecords()[0].GetRecord(), list.GetRecords()[1].GetRecord()) {
		if strings.Contains(text, "dogs are free") || strings.Contains(text, "Do dogs travel") || !strings.Contains(text, "_hash") {
			t.Errorf("an auditor is shown %s", text)
		}
	}
}

// TestRecordAnswerOwnRetrievals names retrievals of another person, of another app, that were
// erased or never were, and a record that is none: all get one error, byte for byte, also
// among good ones, and nothing is recorded but that they were refused.
func TestRecordAnswerOwnRetrievals(t *testing.T) {
	s := start(t, nil)
	s.send(s.as(ada, "ingest"), page("handbook", "dogs", "Dogs travel free on the ferry."))
	own, erased := s.ask(s.as(ada), "dogs"), s.ask(s.as(ada), "dogs")
	foreign := s.ask(s.as("user:local/bo"), "dogs")
	elsewhere := s.ask(s.bearer(s.token(identity.Request{Subject: ada, App: "chat"})), "dogs")
	read, err := pb.NewDocumentServiceClient(s.conn).GetDocument(s.as(ada), &pb.GetDocumentRequest{Document: &pb.DocumentRef{Source: "handbook", Id: "dogs"}})
	s.must(err)
	answer, err := s.retrieval().RecordAnswer(s.as(ada), shown("yes", own.GetRetrievalId()))
	s.must(err)
	for item, err := range s.Audit.Find(t.Context(), audit.WithID(erased.GetRetrievalId()), audit.Newest) {
		s.must(err)
		_, err = s.Audit.Erase(t.Context(), audit.Record{ID: "erasure", Time: time.Now(), Erasure: &audit.Erasure{Reason: "asked for"}}, item.Index)
		s.must(err)
	}
	size := s.Audit.Size()
	var first []byte
	for what, id := range map[string]string{
		"never was": strings.Repeat("0", 32), "another's": foreign.GetRetrievalId(), "another app's": elsewhere.GetRetrievalId(),
		"erased": erased.GetRetrievalId(), "a read": read.GetRequestId(), "an answer": answer.GetAnswerId(), "no id": "made up",
	} {
		for _, ids := range [][]string{{id}, {own.GetRetrievalId(), id}} {
			_, err := s.retrieval().RecordAnswer(s.as(ada), shown("yes", ids...))
			wire, _ := proto.Marshal(status.Convert(err).Proto())
			if first == nil {
				first = wire
			}
			if code, _ := reason(err); code != codes.NotFound || string(wire) != string(first) {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
	refusals := 0
	for item, err := range s.Audit.Records(t.Context(), size) {
		s.must(err)
		if item.Record.Kind != audit.KindRefuse {
			t.Errorf("a record of the kind %s of an answer that was refused", item.Record.Kind)
		}
		refusals++
	}
	if refusals != 14 {
		t.Errorf("%d records of 14 refusals", refusals)
	}
}

// TestRecordAnswerOnce sends one report many times at once, and others under its id.
func TestRecordAnswerOnce(t *testing.T) {
	s := start(t, nil)
	s.send(s.as(ada, "ingest"), page("handbook", "dogs", "Dogs travel free on the ferry."))
	got, other := s.ask(s.as(ada), "dogs"), s.ask(s.as("user:local/bo"), "dogs")
	report := func() *pb.RecordAnswerRequest {
		req := shown("yes", got.GetRetrievalId())
		req.RequestId, req.Citations = "once", []*pb.Citation{cite("nothing")}
		return req
	}
	size := s.Audit.Size()
	var sending sync.WaitGroup
	answers := make([]*pb.RecordAnswerResponse, 8)
	for i := range answers {
		sending.Go(func() { answers[i], _ = s.retrieval().RecordAnswer(s.as(ada), report()) })
	}
	sending.Wait()
	for _, a := range answers {
		if a.GetAnswerId() == "" || a.GetAnswerId() != answers[0].GetAnswerId() || len(a.GetUnresolved()) != 1 || a.GetAnswerHash() == "" {
			t.Errorf("one report was answered by %v and %v", answers[0], a)
		}
	}
	if n := s.Audit.Size() - size; n != 1 {
		t.Errorf("one report has %d records", n)
	}
	changed := report()
	changed.Outcome = pb.Outcome_OUTCOME_EDITED
	if _, err := s.retrieval().RecordAnswer(s.as(ada), changed); status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "request_id") {
		t.Errorf("another report under the id: %v", err)
	}
	theirs := shown("yes", other.GetRetrievalId())
	theirs.RequestId = "once"
	if a, err := s.retrieval().RecordAnswer(s.as("user:local/bo"), theirs); err != nil || a.GetAnswerId() == answers[0].GetAnswerId() {
		t.Errorf("another person's report under the id: %v, %v", a, err)
	}
}

// TestRecordAnswerRefuses tells what is wrong with a report.
func TestRecordAnswerRefuses(t *testing.T) {
	s := start(t, nil)
	s.send(s.as(ada, "ingest"), page("handbook", "dogs", "Dogs travel free on the ferry."))
	id := s.ask(s.as(ada), "dogs").GetRetrievalId()
	for field, edit := range map[string]func(*pb.RecordAnswerRequest){
		"retrieval_ids": func(r *pb.RecordAnswerRequest) { r.RetrievalIds = nil },
		"answer":        func(r *pb.RecordAnswerRequest) { r.Answer = nil },
		"answer_hash":   func(r *pb.RecordAnswerRequest) { r.Answer = &pb.RecordAnswerRequest_AnswerHash{AnswerHash: "ABC"} },
		"answer_text": func(r *pb.RecordAnswerRequest) {
			r.Answer = &pb.RecordAnswerRequest_AnswerText{AnswerText: strings.Repeat("x", 256<<10+1)}
		},
		"outcome":               func(r *pb.RecordAnswerRequest) { r.Outcome = 0 },
		"citations[0].location": func(r *pb.RecordAnswerRequest) { r.Citations = []*pb.Citation{{}} },
		"citations":             func(r *pb.RecordAnswerRequest) { r.Citations = slices.Repeat([]*pb.Citation{cite("a")}, 201) },
		"citations[0].answer_span.end": func(r *pb.RecordAnswerRequest) {
			r.Citations = []*pb.Citation{{Location: cite("a").Location, AnswerSpan: &pb.AnswerSpan{Start: 2, End: 1}}}
		},
		"citations[0].url_citation.end_index": func(r *pb.RecordAnswerRequest) {
			r.Citations = []*pb.Citation{{Location: &pb.Citation_UrlCitation{UrlCitation: &pb.UrlCitation{Url: "u", StartIndex: 2}}}}
		},
	} {
		req := shown("yes", id)
		edit(req)
		if _, err := s.retrieval().RecordAnswer(s.as(ada), req); status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	for _, n := range []int{21, 2} { // too many; one twice
		if _, err := s.retrieval().RecordAnswer(s.as(ada), shown("yes", slices.Repeat([]string{id}, n)...)); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%d ids: %v", n, err)
		}
	}
	// The longest of everything fits into a record.
	most := shown(strings.Repeat("\x01", 256<<10), id)
	most.Citations = slices.Repeat([]*pb.Citation{cite(strings.Repeat("\x01", 512))}, 200)
	if _, err := s.retrieval().RecordAnswer(s.as(ada), most); err != nil {
		t.Error(err)
	}
}

// TestListRetrievals: everybody finds their own, by the app that made them, newest first, page
// by page, and in a stretch of time.
func TestListRetrievals(t *testing.T) {
	s := start(t, nil)
	now := time.Date(2026, 10, 9, 12, 0, 0, 0, time.UTC)
	s.Server.Now = func() time.Time { return now }
	s.Retriever.Now = s.Server.Now
	s.listen()
	s.send(s.as(ada, "ingest"), page("handbook", "dogs", "Dogs travel free on the ferry."))
	var want []string
	for i := range 7 {
		now = now.Add(time.Minute)
		want = append([]string{fmt.Sprintf("question %d", i)}, want...)
		s.ask(s.as(ada), fmt.Sprintf("question %d", i))
		s.ask(s.as("user:local/bo"), "of another")
		s.ask(s.bearer(s.token(identity.Request{Subject: ada, App: "chat"})), "by another app")
	}
	list := func(req *pb.ListRetrievalsRequest) (queries []string, pages int) {
		t.Helper()
		for {
			resp, err := s.retrieval().ListRetrievals(s.as(ada), req)
			s.must(err)
			pages++
			for _, r := range resp.GetRetrievals() {
				queries = append(queries, r.GetQuery())
			}
			if req.PageToken = resp.GetNextPageToken(); req.PageToken == "" {
				return queries, pages
			}
			if len(req.PageToken) != identity.SealedLength {
				t.Errorf("a token of %d characters", len(req.PageToken))
			}
		}
	}
	if got, pages := list(&pb.ListRetrievalsRequest{Limit: 3}); !slices.Equal(got, want) || pages != 3 {
		t.Errorf("%d pages of %q", pages, got)
	}
	first := time.Date(2026, 10, 9, 12, 0, 0, 0, time.UTC)
	some := &pb.ListRetrievalsRequest{From: stamp(first.Add(3 * time.Minute)), Until: stamp(first.Add(5 * time.Minute))}
	if got, _ := list(some); !slices.Equal(got, []string{"question 3", "question 2"}) {
		t.Errorf("from the third minute until the fifth: %q", got)
	}
	resp, err := s.retrieval().ListRetrievals(s.as(ada), &pb.ListRetrievalsRequest{Limit: 3})
	s.must(err)
	if _, err := s.retrieval().ListRetrievals(s.as("user:local/bo"), &pb.ListRetrievalsRequest{Limit: 3, PageToken: resp.GetNextPageToken()}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("another's page token: %v", err)
	}
}

func stamp(t time.Time) *timestamppb.Timestamp { return timestamppb.New(t) }
