package api_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/audit"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// ferries sends n pages on one subject, each of which the principal may read.
func (s *server) ferries(n int, reader string) {
	s.Helper()
	var items []*pb.IngestRequest
	for i := range n {
		p := page("handbook", fmt.Sprintf("%s %02d", reader, i), "the ferry")
		p.GetDocument().Policy = only(reader)
		items = append(items, p)
	}
	s.send(s.as(ada, "ingest"), items...)
}

// rotate gives a key ring a second version with other secrets, and takes the first away if
// asked to.
func rotate(t *testing.T, dir string, removeFirst bool) *identity.KeyRing {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "1.key"))
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]any
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	file["version"] = 2
	for _, kind := range []string{"token", "seal", "hash", "log"} {
		secret := make([]byte, 32)
		rand.Read(secret)
		file[kind] = secret
	}
	second, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "2.key"), second, 0o600); err != nil {
		t.Fatal(err)
	}
	if removeFirst {
		if err := os.Remove(filepath.Join(dir, "1.key")); err != nil {
			t.Fatal(err)
		}
	}
	keys, err := identity.ReadKeyRing(dir)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// TestPages walks through an answer: 5, 5 and 2 passages, each page a retrieval with a
// record and a receipt of its own, and none comes twice.
func TestPages(t *testing.T) {
	s := start(t, nil)
	s.ferries(12, "everyone")
	client := pb.NewRetrievalServiceClient(s.conn)
	req := &pb.RetrieveRequest{Query: "ferry", Limit: 5}
	var sizes []int
	seen := map[string]bool{}
	for {
		before := s.Audit.Size()
		resp, err := client.Retrieve(s.as(ada), req)
		s.must(err)
		if n := s.Audit.Size() - before; n != 1 || seen[resp.GetReceipt()] || seen[resp.GetRetrievalId()] {
			t.Errorf("page %d: %d records; its receipt is %q", len(sizes)+1, n, resp.GetReceipt())
		}
		seen[resp.GetReceipt()], seen[resp.GetRetrievalId()] = true, true
		for _, r := range resp.GetResults() {
			if seen[r.GetCitationId()] {
				t.Errorf("%s comes twice", r.GetCitationId())
			}
			seen[r.GetCitationId()] = true
		}
		sizes = append(sizes, len(resp.GetResults()))
		if req.PageToken = resp.GetNextPageToken(); req.PageToken == "" {
			break
		}
		if len(req.PageToken) != identity.SealedLength {
			t.Errorf("a token of %d characters, want %d", len(req.PageToken), identity.SealedLength)
		}
	}
	if !slices.Equal(sizes, []int{5, 5, 2}) {
		t.Errorf("pages of %v passages", sizes)
	}
}

// TestPageTokens tries page tokens of others, of another app, query or method, that are
// over, changed in one character, or of a key that was taken away, and what is no page token
// at all: all get one error, byte for byte (LEAK-15).
func TestPageTokens(t *testing.T) {
	s := start(t, nil)
	dir := filepath.Join(t.TempDir(), "ring")
	keys, err := identity.OpenKeyRing(dir)
	s.must(err)
	s.Keys = keys
	now := time.Now()
	s.Now = func() time.Time { return now }
	s.listen()
	s.ferries(12, "everyone")
	ack := s.send(s.as(ada, "ingest"), page("wiki", "a", "a quay"))[0]

	asks := func() *pb.RetrieveRequest {
		return &pb.RetrieveRequest{Query: "ferry", Limit: 5, Filter: &pb.Filter{Sources: []string{"handbook"}}}
	}
	first, err := pb.NewRetrievalServiceClient(s.conn).Retrieve(s.as(ada), asks())
	s.must(err)
	good := first.GetNextPageToken()
	list, err := pb.NewSourceServiceClient(s.conn).ListSources(s.as(ada, "admin"), &pb.ListSourcesRequest{Limit: 1})
	s.must(err)
	if good == "" || list.GetNextPageToken() == "" {
		t.Fatalf("no token: %v, %v", first, list)
	}
	const bo = "user:local/bo"
	stranger := start(t, nil)
	stranger.ferries(12, "everyone")
	foreign, err := pb.NewRetrievalServiceClient(stranger.conn).Retrieve(stranger.as(ada), asks())
	s.must(err)

	var want []byte
	refused := func(name string, err error) {
		t.Helper()
		got, merr := proto.MarshalOptions{Deterministic: true}.Marshal(status.Convert(err).Proto())
		s.must(merr)
		code, why := reason(err)
		if code != codes.InvalidArgument || why != "INVALID_TOKEN" {
			t.Errorf("%s: %v", name, err)
		}
		if want == nil {
			want = got
		}
		if string(got) != string(want) {
			t.Errorf("%s has an error of its own: %v", name, err)
		}
	}
	with := func(token string, edits ...func(*pb.RetrieveRequest)) *pb.RetrieveRequest {
		req := asks()
		req.PageToken = token
		for _, edit := range edits {
			edit(req)
		}
		return req
	}
	ask := func(subject, app string, req *pb.RetrieveRequest) error {
		ctx := s.bearer(s.token(identity.Request{Subject: acl.Principal(subject), App: app}))
		return second(pb.NewRetrievalServiceClient(s.conn).Retrieve(ctx, req))
	}
	refused("another caller", ask(bo, "", with(good)))
	refused("another app", ask(ada, "chat", with(good)))
	for name, edit := range map[string]func(*pb.RetrieveRequest){
		"another query":      func(r *pb.RetrieveRequest) { r.Query = "Ferry" },
		"another limit":      func(r *pb.RetrieveRequest) { r.Limit = 6 },
		"no filter":          func(r *pb.RetrieveRequest) { r.Filter = nil },
		"another filter":     func(r *pb.RetrieveRequest) { r.Filter.Sources = []string{"handbook", "wiki"} },
		"a label":            func(r *pb.RetrieveRequest) { r.Filter.Labels = map[string]string{"a": "b"} },
		"a consistency mark": func(r *pb.RetrieveRequest) { r.AtLeastAsFresh = ack.GetConsistencyToken() },
	} {
		refused(name, ask(ada, "", with(good, edit)))
	}
	for name, token := range map[string]string{
		"a receipt": first.GetReceipt(), "a consistency token": ack.GetConsistencyToken(), "a page token of another method": list.GetNextPageToken(),
		"another server's": foreign.GetNextPageToken(), "nonsense": "nonsense", "one cut short": good[:len(good)-1], "one with a line break": good + "\n",
	} {
		refused(name, ask(ada, "", with(token)))
	}
	for i := range good {
		changed := []byte(good)
		changed[i] = 'A'
		if good[i] == 'A' {
			changed[i] = 'B'
		}
		refused(fmt.Sprint("character ", i, " changed"), ask(ada, "", with(string(changed))))
	}
	refused("that of a query, for sources", second(pb.NewSourceServiceClient(s.conn).ListSources(s.as(ada, "admin"), &pb.ListSourcesRequest{Limit: 1, PageToken: good})))

	now = now.Add(15*time.Minute - time.Second)
	if err := ask(ada, "", with(good)); err != nil {
		t.Errorf("just before it is over: %v", err)
	}
	now = now.Add(time.Second)
	refused("one that is over", ask(ada, "", with(good)))
	now = now.Add(-time.Minute)

	s.Keys = rotate(t, dir, false)
	s.listen()
	if err := ask(ada, "", with(good)); err != nil {
		t.Errorf("after the key was rotated: %v", err)
	}
	s.Keys = rotate(t, dir, true)
	s.listen()
	refused("one of a key that was taken away", ask(ada, "", with(good)))
}

// TestPagesCheckRightsAnew takes documents away between two pages: the second page has none
// of them, and one that is left with nothing is empty and the last.
func TestPagesCheckRightsAnew(t *testing.T) {
	s := start(t, nil)
	s.ferries(12, "everyone")
	client, job := pb.NewRetrievalServiceClient(s.conn), s.as(ada, "ingest")
	req := &pb.RetrieveRequest{Query: "ferry", Limit: 5}
	first, err := client.Retrieve(s.as(ada), req)
	s.must(err)
	shown := map[string]bool{}
	for _, r := range first.GetResults() {
		shown[r.GetDocument().GetId()] = true
	}
	close := func(id string) {
		s.send(job, &pb.IngestRequest{Item: &pb.IngestRequest_Access{Access: &pb.DocumentAccess{Source: "handbook", Id: id, AccessVersion: 2, Policy: only("user:local/bo")}}})
	}
	var rest []string
	for i := range 12 {
		if id := fmt.Sprintf("everyone %02d", i); !shown[id] {
			rest = append(rest, id)
		}
	}
	for _, id := range rest[:4] {
		close(id)
	}
	req.PageToken = first.GetNextPageToken()
	next, err := client.Retrieve(s.as(ada), req)
	s.must(err)
	if len(next.GetResults()) != 3 || next.GetNextPageToken() != "" {
		t.Errorf("%d passages, want the 3 that are left, and the token %q", len(next.GetResults()), next.GetNextPageToken())
	}
	for _, r := range next.GetResults() {
		if slices.Contains(rest[:4], r.GetDocument().GetId()) {
			t.Errorf("%s was closed and is shown", r.GetDocument().GetId())
		}
	}
	for _, id := range rest[4:] {
		close(id)
	}
	next, err = client.Retrieve(s.as(ada), req)
	if err != nil || len(next.GetResults()) != 0 || next.GetNextPageToken() != "" || next.GetEvidence() != pb.Evidence_EVIDENCE_NONE {
		t.Errorf("with all closed: %v, %v", next, err)
	}
}

// TestSourcesHavePages walks through the sources of a caller's roles while others are
// registered between what was shown: none comes twice and none that was there is missing.
func TestSourcesHavePages(t *testing.T) {
	s := start(t, nil)
	var items []*pb.IngestRequest
	for i := range 9 {
		items = append(items, page(fmt.Sprint("source ", i), "a", "Text."))
	}
	s.send(s.as(ada, "ingest"), items...)
	client := pb.NewSourceServiceClient(s.conn)
	as := s.as(ada, "ingest:source 1", "steward:source 3", "ingest:source 4", "ingest:source 8", "ingest:source 00")
	req := &pb.ListSourcesRequest{Limit: 2}
	var names []string
	for pages := 0; pages < 2 || req.PageToken != ""; pages++ {
		resp, err := client.ListSources(as, req)
		s.must(err)
		for _, source := range resp.GetSources() {
			names = append(names, source.GetName())
		}
		req.PageToken = resp.GetNextPageToken()
		s.send(s.as(ada, "ingest"), page("source 00", fmt.Sprint(pages), "Text."))
	}
	if want := []string{"source 1", "source 3", "source 4", "source 8"}; !slices.Equal(names, want) {
		t.Errorf("sources %v, want %v", names, want)
	}
}

// wholeLists are the lists of responses that have no pages, each with why.
var wholeLists = map[protoreflect.FullName]string{
	"muniment.v1.RecordAnswerResponse.unresolved":                   "of the 200 citations of the request at most",
	"muniment.v1.TraceAnswerResponse.answers":                       "100 at most",
	"muniment.v1.TraceAnswerResponse.retrievals":                    "20 at most, with 20,000 grants and 16 MiB of text at most",
	"muniment.v1.ReplayRetrievalResponse.ranks":                     "of the passages of one page",
	"muniment.v1.ReplayRetrievalResponse.differences":               "names of the record's fields",
	"muniment.v1.ReplayRetrievalResponse.recorded_degradations":     "one of each kind",
	"muniment.v1.ReplayRetrievalResponse.replayed_degradations":     "one of each kind",
	"muniment.v1.ReplayRetrievalResponse.recorded_withheld_sources": "as in the response of the retrieval",
	"muniment.v1.ReplayRetrievalResponse.replayed_withheld_sources": "as in the response of the retrieval",
	"muniment.v1.RetrieveResponse.conflicts":                        "of the passages of the page",
	"muniment.v1.RetrieveResponse.degradations":                     "one of each kind",
	"muniment.v1.RetrieveResponse.withheld_sources":                 "names of sources, of which a filter leaves those asked for",
	"muniment.v1.GetDocumentResponse.labels":                        "256 at most",
	"muniment.v1.GetDocumentResponse.supersedes":                    "of one document",
	"muniment.v1.GetCallerResponse.roles":                           "of one token",
	"muniment.v1.GetCallerResponse.clearance":                       "the configured scale",
	"muniment.v1.GetGroupResponse.members":                          "a group is written and read whole, so that a job can compare",
	"muniment.v1.GetRecordResponse.inclusion_proof":                 "64 hashes at most",
	"muniment.v1.GetStatusResponse.indexes":                         "two",
	"muniment.v1.GetStatusResponse.disk":                            "six",
	"muniment.v1.ExplainAccessResponse.nodes":                       "a document and 16 containers at most",
	"muniment.v1.PreviewAccessChangeResponse.gains":                 "1,000 at most, the greatest first",
	"muniment.v1.PreviewAccessChangeResponse.losses":                "1,000 at most, the greatest first",
	"muniment.v1.GetConsistencyProofResponse.proof":                 "64 hashes at most",

	"muniment.v1.PreviewAccessChangeResponse.unjudged_issuers": "of the configuration",
}

// TestListsHavePages demands of every method of the contract that answers with a list that
// it has pages, or is known to be short.
func TestListsHavePages(t *testing.T) {
	paged := 0
	for _, m := range methods(t) {
		out, in := m.Output().Fields(), m.Input().Fields()
		token, next := in.ByName("page_token"), out.ByName("next_page_token")
		if (token == nil) != (next == nil) || token != nil && in.ByName("limit") == nil {
			t.Errorf("%s has a part of what pages need", m.FullName())
		}
		for i := range out.Len() {
			f := out.Get(i)
			if f.Cardinality() != protoreflect.Repeated || m.IsStreamingServer() {
				continue
			}
			_, whole := wholeLists[f.FullName()]
			switch {
			case whole:
			case next == nil:
				t.Errorf("%s is a list without pages", f.FullName())
			default:
				paged++
			}
		}
	}
	if paged != 7 {
		t.Errorf("%d lists have pages, want those of Retrieve, ListSources, ListRetrievals, ListRecords, TraceDocument, ListWork and ListConflicts", paged)
	}
}

// TestReceiptsOfOthers: a receipt is for auditors, who open those of other callers; the
// caller it was given to cannot.
func TestReceiptsOfOthers(t *testing.T) {
	s := start(t, nil)
	s.ferries(2, "everyone")
	resp, err := pb.NewRetrievalServiceClient(s.conn).Retrieve(s.as(ada), &pb.RetrieveRequest{Query: "ferry"})
	s.must(err)
	client := pb.NewAuditServiceClient(s.conn)
	got, err := client.GetRecord(s.as("user:local/auditor", "auditor"), &pb.GetRecordRequest{Receipt: resp.GetReceipt()})
	s.must(err)
	var record audit.Record
	s.must(json.Unmarshal([]byte(got.GetRecord()), &record))
	if record.User != ada || record.ID != resp.GetRetrievalId() {
		t.Errorf("the record is %v", record)
	}
	if code, _ := reason(second(client.GetRecord(s.as(ada), &pb.GetRecordRequest{Receipt: resp.GetReceipt()}))); code != codes.PermissionDenied {
		t.Errorf("without the role: %v", code)
	}
}
