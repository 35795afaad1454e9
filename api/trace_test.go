package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// traced is a server with one answer by ada, made from some documents.
type traced struct {
	*server
	answer, retrieval, receipt string
}

// story sends the documents, lets ada ask and reports an answer that cites all she was shown.
func story(t *testing.T, query string, items ...*pb.IngestRequest) traced {
	s := start(t, nil)
	for _, ack := range s.send(s.as(ada, "ingest", "directory"), items...) {
		if code, why := refusal(ack); code != codes.OK {
			t.Fatal(why)
		}
	}
	got := s.ask(s.as(ada), query)
	req := shown("The answer's own text.", got.GetRetrievalId())
	for _, r := range got.GetResults() {
		req.Citations = append(req.Citations, cite(r.GetCitationId()))
	}
	resp, err := s.retrieval().RecordAnswer(s.as(ada), req)
	s.must(err)
	return traced{s, resp.GetAnswerId(), got.GetRetrievalId(), resp.GetReceipt()}
}

// trace is the trace by an auditor, as whom they are.
func (s traced) trace(auditor string) *pb.TraceAnswerResponse {
	s.Helper()
	resp, err := pb.NewAuditServiceClient(s.conn).TraceAnswer(s.as(auditor, "auditor"), &pb.TraceAnswerRequest{Answer: s.answer})
	s.must(err)
	return resp
}

// changes tells of each document what has changed, in order.
func changes(resp *pb.TraceAnswerResponse) map[string]string {
	told := map[string]string{}
	for _, p := range resp.GetRetrievals()[0].GetPassages() {
		var kinds []string
		for _, c := range p.GetChanges() {
			kind := strings.TrimPrefix(c.GetKind().String(), "KIND_")
			if c.GetBy() != nil {
				kind += " by " + c.GetBy().GetId()
			}
			kinds = append(kinds, kind)
		}
		told[p.GetDocument().GetId()] = strings.Join(kinds, ", ")
	}
	return told
}

func version(item *pb.IngestRequest, v int64, edit func(*pb.Document)) *pb.IngestRequest {
	item.GetDocument().Version = v
	edit(item.GetDocument())
	return item
}

func closedTo(id string, reader string) *pb.IngestRequest {
	return &pb.IngestRequest{Item: &pb.IngestRequest_Access{Access: &pb.DocumentAccess{Source: "handbook", Id: id, AccessVersion: 9, Policy: only(reader)}}}
}

const dues = "# Berths\n\nThe berth dues are £40 a week.\n\nPay at the office.\n"

// TestTraceTellsWhatChanged changes each of an answer's sources in another way.
func TestTraceTellsWhatChanged(t *testing.T) {
	ids := []string{"same", "edited", "moved", "revoked", "opened", "deleted", "replaced", "left", "renamed"}
	var items []*pb.IngestRequest
	for _, id := range ids {
		items = append(items, version(page("handbook", id, dues), 1, func(d *pb.Document) { d.Text += "\nAlso see " + id + ".\n" }))
	}
	items[7].GetDocument().Policy = only("group:crew")
	items = append([]*pb.IngestRequest{{Item: &pb.IngestRequest_Group{Group: &pb.Group{Name: "group:crew", Members: []string{ada, "user:local/eve"}}}}}, items...)
	s := story(t, "berth dues", items...)
	for id, told := range changes(s.trace("user:local/eve")) {
		if told != "" {
			t.Errorf("before anything was changed, %s: %s", id, told)
		}
	}
	s.send(s.as(ada, "ingest", "directory"),
		version(page("handbook", "edited", dues), 2, func(d *pb.Document) { d.Text = strings.ReplaceAll(dues, "£40", "£45") + "\nAlso see edited.\n" }),
		version(page("handbook", "moved", dues), 2, func(d *pb.Document) { d.Text = "News first.\n\n" + dues + "\nAlso see moved.\n" }),
		closedTo("revoked", "user:local/eve"), closedTo("opened", ada),
		&pb.IngestRequest{Item: &pb.IngestRequest_Delete{Delete: &pb.DocumentDeletion{Source: "handbook", Id: "deleted", Version: 2}}},
		version(page("handbook", "renamed", dues), 2, func(d *pb.Document) {
			d.Text += "\nAlso see renamed.\n"
			d.SupersededBy = []*pb.DocumentRef{ref("newer"), ref("never")}
		}),
		version(page("handbook", "newer", "Nothing of the kind."), 1, func(d *pb.Document) {
			d.Supersedes = []*pb.DocumentRef{ref("replaced")}
		}),
		&pb.IngestRequest{Item: &pb.IngestRequest_Group{Group: &pb.Group{Name: "group:crew", Members: []string{"user:local/eve"}}}},
	)
	resp := s.trace("user:local/eve")
	told := changes(resp)
	for id, want := range map[string]string{
		"same": "", "edited": "EDITED", "moved": "EDITED", "revoked": "REVOKED", "opened": "ACCESS_CHANGED", "deleted": "DELETED",
		"replaced": "SUPERSEDED by newer", "left": "REVOKED", "renamed": "EDITED, SUPERSEDED by newer",
	} {
		got, _, _ := strings.Cut(told[id], "CONFLICT") // with the copy that was edited
		if got = strings.TrimSuffix(got, ", "); got != want {
			t.Errorf("%s: %q, want %q", id, told[id], want)
		}
	}
	for _, p := range resp.GetRetrievals()[0].GetPassages() {
		if o := p.GetPolicy(); o.GetOrigin() != pb.TracedPolicy_ORIGIN_HISTORY || len(o.GetHash()) != 64 || len(o.GetNodes()) != 1 || !p.GetCited() {
			t.Errorf("%s: the policy is %v", p.GetDocument().GetId(), o)
		}
		for _, c := range p.GetChanges() {
			was, is := strings.Contains(c.GetBefore(), "£40"), strings.Contains(c.GetAfter(), "£45")
			switch id := p.GetDocument().GetId(); {
			case c.GetKind() == pb.SourceChange_KIND_EDITED && id == "edited" && (!was || !is || c.GetVersion() != 2):
				t.Errorf("the edit is told as %v", c)
			case id == "moved" && c.GetBefore() != c.GetAfter():
				t.Errorf("a passage that moved is told as %v", c)
			case id == "left" && !strings.Contains(c.GetExplanation(), "may no longer read it"):
				t.Errorf("the revocation is told as %v", c)
			}
		}
	}
}

// TestTraceTellsNewConflicts edits one of two copies that said the same.
func TestTraceTellsNewConflicts(t *testing.T) {
	copyOf := func(id string, v int64, price string) *pb.IngestRequest {
		return version(page("handbook", id, dues), v, func(d *pb.Document) {
			d.Uri, d.Text = "https://pages.example/dues", strings.ReplaceAll(dues, "£40", price)
		})
	}
	s := story(t, "berth dues", copyOf("a", 1, "£40"), copyOf("b", 1, "£40"))
	s.send(s.as(ada, "ingest"), copyOf("b", 2, "£45"))
	got := changes(s.trace("user:local/eve"))
	if got["a"] != "CONFLICT by b" || got["b"] != "EDITED, CONFLICT by a" {
		t.Errorf("the conflict is told as %q", got)
	}
}

// TestTraceShowsTextToReaders: an auditor is told ids, hashes and policies of everything, and
// text of what they may read themselves; of questions and answers only if they may read all that
// those were made from.
func TestTraceShowsTextToReaders(t *testing.T) {
	open, closed := page("handbook", "open", dues), page("handbook", "closed", strings.ReplaceAll(dues, "office", "hidden desk"))
	closed.GetDocument().Policy = only(ada)
	s := story(t, "where are the berth dues paid?", open, closed)
	s.send(s.as(ada, "ingest"), version(page("handbook", "closed", "The hidden desk is shut."), 2, func(d *pb.Document) { d.Policy = nil }))
	for auditor, may := range map[string]bool{ada: true, "user:local/eve": false} {
		resp := s.trace(auditor)
		if got := resp.GetAnswers()[0].GetAnswerText() != ""; got != may {
			t.Errorf("%s is shown the answer: %t", auditor, got)
		}
		if got := resp.GetRetrievals()[0].GetQuery() != ""; got != may {
			t.Errorf("%s is shown the question: %t", auditor, got)
		}
		all := fmt.Sprint(resp)
		if strings.Contains(all, "hidden desk") != may || !strings.Contains(all, "at the office") || len(resp.GetRetrievals()[0].GetPassages()) < 2 {
			t.Errorf("%s is shown %s", auditor, all)
		}
	}
	// Opened now, the old version stays closed: what was taken out may have been why.
	s.send(s.as(ada, "ingest"), closedTo("closed", "everyone"))
	if all := fmt.Sprint(s.trace("user:local/eve")); strings.Contains(all, "hidden desk") || !strings.Contains(all, "could not have read the old version") {
		t.Errorf("after it was opened: %s", all)
	}
}

// TestTraceNames traces by all names there are, and by none.
func TestTraceNames(t *testing.T) {
	s := story(t, "berth dues", page("handbook", "a", dues))
	client, auditor := pb.NewAuditServiceClient(s.conn), s.as("user:local/eve", "auditor")
	read, err := pb.NewDocumentServiceClient(s.conn).GetDocument(s.as(ada), &pb.GetDocumentRequest{Document: ref("a")})
	s.must(err)
	for _, name := range []string{s.answer, s.receipt, s.retrieval} {
		size := s.Audit.Size()
		resp, err := client.TraceAnswer(auditor, &pb.TraceAnswerRequest{Answer: name})
		if err != nil || len(resp.GetAnswers()) != 1 || len(resp.GetRetrievals()) != 1 || resp.GetAnswers()[0].GetAnswerId() != s.answer || s.Audit.Size() != size+1 {
			t.Errorf("%s: %v, %v", name, resp, err)
		}
	}
	for name, want := range map[string]codes.Code{
		strings.Repeat("0", 32): codes.NotFound, read.GetRequestId(): codes.NotFound, read.GetReceipt(): codes.NotFound, "made up": codes.InvalidArgument,
	} {
		if _, err := client.TraceAnswer(auditor, &pb.TraceAnswerRequest{Answer: name}); want != codeOf(err) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
}

func codeOf(err error) codes.Code {
	code, _ := reason(err)
	return code
}

// TestTraceDocument finds the retrieval, the read and the answer that used a version, for the
// auditor and the steward of its source, and for nobody else.
func TestTraceDocument(t *testing.T) {
	s := story(t, "berth dues", page("handbook", "a", dues), page("handbook", "b", "Something else."))
	client := pb.NewAuditServiceClient(s.conn)
	_, err := pb.NewDocumentServiceClient(s.conn).GetDocument(s.as("user:local/bo"), &pb.GetDocumentRequest{Document: ref("a")})
	s.must(err)
	s.send(s.as(ada, "ingest"), version(page("handbook", "a", dues), 2, func(d *pb.Document) { d.Text += "More." }))
	s.ask(s.as(ada), "berth dues")
	uses := func(role string, edit func(*pb.TraceDocumentRequest)) (list []string) {
		t.Helper()
		req := &pb.TraceDocumentRequest{Document: ref("a"), Limit: 1}
		edit(req)
		for {
			resp, err := client.TraceDocument(s.as("user:local/eve", role), req)
			s.must(err)
			for _, u := range resp.GetUses() {
				list = append(list, fmt.Sprint(u.GetKind(), u.GetVersions()))
				if (u.Index != nil) != (role == "auditor") {
					t.Errorf("%s is told the place %v in the log", role, u.Index)
				}
			}
			if req.PageToken = resp.GetNextPageToken(); req.PageToken == "" {
				return list
			}
		}
	}
	want := []string{"retrieve[2]", "read[1]", "answer[1]", "retrieve[1]"}
	for _, role := range []string{"auditor", "steward", "steward:handbook"} {
		if got := uses(role, func(*pb.TraceDocumentRequest) {}); !slices.Equal(got, want) {
			t.Errorf("%s is told %q", role, got)
		}
	}
	one := int64(1)
	if got := uses("auditor", func(r *pb.TraceDocumentRequest) { r.Version = &one }); !slices.Equal(got, want[1:]) {
		t.Errorf("of version 1: %q", got)
	}
	if got := uses("auditor", func(r *pb.TraceDocumentRequest) { r.App = "service:none" }); got != nil {
		t.Errorf("of another app: %q", got)
	}
	for _, role := range []string{"steward:wiki", "ingest", "admin"} {
		if _, err := client.TraceDocument(s.as("user:local/eve", role), &pb.TraceDocumentRequest{Document: ref("a")}); codeOf(err) != codes.PermissionDenied {
			t.Errorf("%s: %v", role, err)
		}
	}
}

// TestListRecords compares filters with a walk over the whole log.
func TestListRecords(t *testing.T) {
	s := story(t, "berth dues", page("handbook", "a", dues))
	s.ask(s.as("user:local/bo"), "berth dues")
	client := pb.NewAuditServiceClient(s.conn)
	list := func(req *pb.ListRecordsRequest) (indexes []int64) {
		t.Helper()
		req.Limit = 2
		for {
			resp, err := client.ListRecords(s.as("user:local/eve", "auditor"), req)
			s.must(err)
			for _, r := range resp.GetRecords() {
				indexes = append(indexes, r.GetIndex())
			}
			if req.PageToken = resp.GetNextPageToken(); req.PageToken == "" {
				return indexes
			}
		}
	}
	for what, c := range map[string]struct {
		req  *pb.ListRecordsRequest
		want func(kind, user string) bool
	}{
		"all":           {&pb.ListRecordsRequest{}, func(string, string) bool { return true }},
		"kind":          {&pb.ListRecordsRequest{Kind: "answer"}, func(k, _ string) bool { return k == "answer" }},
		"user":          {&pb.ListRecordsRequest{User: ada}, func(_, u string) bool { return u == ada }},
		"user and app":  {&pb.ListRecordsRequest{User: ada, App: "service:muniment-cli"}, func(_, u string) bool { return u == ada }},
		"user and kind": {&pb.ListRecordsRequest{User: ada, Kind: "retrieve"}, func(k, u string) bool { return u == ada && k == "retrieve" }},
		"document":      {&pb.ListRecordsRequest{Document: ref("a")}, func(k, u string) bool { return k == "retrieve" || k == "answer" }},
		"other app":     {&pb.ListRecordsRequest{App: "service:none"}, func(string, string) bool { return false }},
	} {
		size := s.Audit.Size()
		got := list(c.req)
		var want []int64
		for item, err := range s.Audit.Backwards(t.Context(), size) {
			s.must(err)
			if c.want(string(item.Record.Kind), item.Record.User) {
				want = append(want, item.Index)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: records %v, want %v", what, got, want)
		}
	}
}

// TestTraceHasRoom: a trace with more grants than it may hold says which policies it leaves out.
func TestTraceHasRoom(t *testing.T) {
	wide := &pb.Layer{Allow: []*pb.Grant{{Principal: ada}}}
	for i := range 8000 {
		wide.Allow = append(wide.Allow, &pb.Grant{Principal: fmt.Sprintf("user:local/%d", i)})
	}
	var items []*pb.IngestRequest
	for _, id := range []string{"a", "b", "c"} {
		items = append(items, version(page("handbook", id, dues+id), 1, func(d *pb.Document) { d.Policy = &pb.Policy{Layers: []*pb.Layer{wide}} }))
	}
	told := 0
	for _, p := range story(t, "berth dues", items...).trace(ada).GetRetrievals()[0].GetPassages() {
		if o := p.GetPolicy(); o.GetOmitted() == (len(o.GetNodes()) > 0) || len(o.GetHash()) != 64 {
			t.Errorf("%d nodes, omitted: %t, hash %q", len(o.GetNodes()), o.GetOmitted(), o.GetHash())
		} else if !o.GetOmitted() {
			told++
		}
	}
	if told != 2 {
		t.Errorf("%d policies of 8,001 grants are told, want 2", told)
	}
}
