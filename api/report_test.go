package api_test

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/freshness"
	"github.com/muniment/muniment/indexer"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// asOf is when reports are judged in these tests.
var asOf = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// report is a whole stream.
func (s *server) report(role string, req *pb.ReportFreshnessRequest) (*pb.FreshnessSummary, []*pb.DocumentFreshness) {
	s.Helper()
	req.AsOf = timestamppb.New(asOf)
	stream, err := pb.NewStewardshipServiceClient(s.conn).ReportFreshness(s.as(ada, role), req)
	s.must(err)
	first, err := stream.Recv()
	s.must(err)
	var list []*pb.DocumentFreshness
	for {
		resp, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return first.GetSummary(), list
		}
		s.must(err)
		if resp.GetDocument() == nil {
			s.Fatalf("not a document: %v", resp)
		}
		list = append(list, resp.GetDocument())
	}
}

// aged is a document last changed so many review intervals of 100 days before asOf.
func aged(id string, intervals float64, edit func(*pb.Document)) *pb.IngestRequest {
	item := page("handbook", id, "About "+id+".")
	d := item.GetDocument()
	d.Modified, d.ReviewInterval = timestamppb.New(asOf.Add(-time.Duration(intervals*float64(100*day)))), durationpb.New(100*day)
	d.Owner = "user:local/bo"
	if edit != nil {
		edit(d)
	}
	return item
}

func names(list []*pb.DocumentFreshness) (ids []string) {
	for _, d := range list {
		ids = append(ids, d.GetDocument().GetId())
	}
	return ids
}

// TestReportFreshness has one document of each sort, and says by hand what the report is.
func TestReportFreshness(t *testing.T) {
	s := start(t, nil)
	folder, wiki := "docs", page("wiki", "plain", "Plain.")
	wiki.GetDocument().Owner = "user:local/cy"
	s.send(s.as(ada, "ingest"),
		&pb.IngestRequest{Item: &pb.IngestRequest_Container{Container: &pb.Container{Source: "handbook", Id: folder, Policy: everyone}}},
		aged("fresh", 0.3, nil), aged("due", 1.2, nil), aged("stale", 2, func(d *pb.Document) { d.Container = &folder }),
		aged("very stale", 9, func(d *pb.Document) { d.Owner = "user:local/cy" }),
		aged("outdated", 0.1, func(d *pb.Document) { d.ValidUntil = timestamppb.New(asOf) }),
		aged("outdated, no interval", 0, func(d *pb.Document) { d.ValidUntil, d.ReviewInterval = timestamppb.New(asOf), nil }),
		aged("coming", 2, func(d *pb.Document) { d.ValidFrom = timestamppb.New(asOf.Add(1)) }),
		aged("old copy", 0.5, nil), aged("new copy", 0.2, func(d *pb.Document) { d.Supersedes = []*pb.DocumentRef{ref("old copy")} }),
		aged("undated", 0, func(d *pb.Document) { d.Modified = nil }),
		aged("verified", 5, func(d *pb.Document) {
			d.Verified = &pb.Verification{By: "user:local/bo", At: timestamppb.New(asOf.Add(-day))}
		}),
		wiki,
	)
	summary, list := s.report("steward", &pb.ReportFreshnessRequest{})
	// severity × max(1, min(ratio, 4)): 8, 4, 3, 3, 3, 1.2; then what has no severity.
	want := []string{"very stale", "stale", "old copy", "outdated", "outdated, no interval", "due", "undated", "plain", "coming", "fresh", "new copy", "verified"}
	if got := names(list); !slices.Equal(got, want) {
		t.Errorf("worst first:\n%q, want\n%q", got, want)
	}
	for i, p := range []float64{8, 4, 3, 3, 3, 1.2, 0, 0, 0, 0, 0, 0} {
		if got := list[i].GetPriority(); math.Abs(got-p) > 1e-9 {
			t.Errorf("%s has the priority %v, want %v", want[i], got, p)
		}
	}
	if d := list[1]; d.GetState() != pb.Freshness_STATE_STALE || math.Abs(d.GetRatio()-2) > 1e-9 || d.GetTitle() != "stale" || d.GetOwner() != "user:local/bo" ||
		d.GetContainer() != "docs" || d.GetContentHash() != hashOf("About stale.") || d.GetFreshness().GetAgeDays() != 200 || d.GetFreshness().GetReason() == "" {
		t.Errorf("a document is %v", d)
	}
	if d := list[2]; d.GetFreshness().GetSupersededBy().GetId() != "new copy" {
		t.Errorf("a superseded one is %v", d)
	}
	// By number of the state: none, superseded, outdated, not yet valid, unknown, stale, due, fresh.
	if all := summary.GetAll(); !slices.Equal(all.GetStates(), []int64{0, 1, 2, 1, 2, 2, 1, 3}) || all.GetDocuments() != 12 || all.GetVerified() != 1 {
		t.Errorf("all: %v", all)
	}
	lines := func(counts []*pb.FreshnessCount) (text string) {
		for _, c := range counts {
			text += fmt.Sprintf("%s|%s %d %v %d; ", c.GetSource(), c.GetName(), c.GetDocuments(), c.GetStates(), c.GetVerified())
		}
		return text
	}
	if got, want := lines(summary.GetSources()), "handbook| 11 [0 1 2 1 1 2 1 3] 1; wiki| 1 [0 0 0 0 1 0 0 0] 0; "; got != want {
		t.Errorf("sources %s, want %s", got, want)
	}
	if got, want := lines(summary.GetOwners()), "|user:local/bo 10 [0 1 2 1 1 1 1 3] 1; |user:local/cy 2 [0 0 0 0 1 1 0 0] 0; "; got != want {
		t.Errorf("owners %s, want %s", got, want)
	}
	if got, want := lines(summary.GetContainers()), "handbook|docs 1 [0 0 0 0 0 1 0 0] 0; "; got != want {
		t.Errorf("containers %s, want %s", got, want)
	}
	// Ratios 0.01, 0.1 and 0.2; 0.3; 0.5; 1.2; 2 and 2; 9.
	if got := summary.GetRatios(); !slices.Equal(got, []int64{3, 1, 1, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1}) {
		t.Errorf("ratios %v", got)
	}
	if !summary.GetTime().AsTime().Equal(asOf) {
		t.Errorf("judged at %v", summary.GetTime().AsTime())
	}
	if n := s.reads("freshness report"); n != 1 {
		t.Errorf("%d records", n)
	}

	for name, c := range map[string]struct {
		role string
		req  *pb.ReportFreshnessRequest
		want string
		all  int64
	}{
		"a limit":             {"steward", &pb.ReportFreshnessRequest{Limit: 2}, "very stale,stale", 12},
		"a state":             {"steward", filtered(&pb.Filter{States: []pb.Freshness_State{pb.Freshness_STATE_DUE, pb.Freshness_STATE_NOT_YET_VALID}}), "due,coming", 2},
		"an owner":            {"steward", filtered(&pb.Filter{Owners: []string{"user:local/cy"}}), "very stale,plain", 2},
		"a container":         {"steward", filtered(&pb.Filter{Containers: []*pb.DocumentRef{ref("docs")}}), "stale", 1},
		"a source":            {"steward", filtered(&pb.Filter{Sources: []string{"wiki"}}), "plain", 1},
		"the role for one":    {"steward:wiki", &pb.ReportFreshnessRequest{}, "plain", 1},
		"another source's":    {"steward:wiki", filtered(&pb.Filter{Sources: []string{"handbook"}}), "", 0},
		"another role":        {"admin", &pb.ReportFreshnessRequest{}, "", 0},
		"a source of nothing": {"steward", filtered(&pb.Filter{Sources: []string{"nowhere"}}), "", 0},
	} {
		summary, list := s.report(c.role, c.req)
		if got := strings.Join(names(list), ","); got != c.want || summary.GetAll().GetDocuments() != c.all {
			t.Errorf("%s: %q of %d, want %q of %d", name, got, summary.GetAll().GetDocuments(), c.want, c.all)
		}
	}
	stream, err := pb.NewStewardshipServiceClient(s.conn).ReportFreshness(s.as(ada, "steward"), &pb.ReportFreshnessRequest{Limit: -1})
	s.must(err)
	_, err = stream.Recv()
	if code, why := reason(err); code != codes.InvalidArgument || why != "INVALID_FIELD" {
		t.Errorf("a limit below 0: %v %s", code, why)
	}
}

func filtered(f *pb.Filter) *pb.ReportFreshnessRequest { return &pb.ReportFreshnessRequest{Filter: f} }

// TestReportCountsRetrievals has documents returned more and less often: counts are rounded up
// to a power of two.
func TestReportCountsRetrievals(t *testing.T) {
	s := start(t, nil)
	s.send(s.as(ada, "ingest"), aged("capstan", 2, nil), aged("lantern", 2, nil), aged("buoy", 2, nil))
	for i, step := range []struct {
		query string
		limit int32
		n     int
		want  string
	}{
		{"", 0, 0, "buoy 0, capstan 0, lantern 0"},
		{"lantern", 1, 1, "lantern 1, buoy 0, capstan 0"},
		{"capstan", 1, 5, "capstan 8, lantern 1, buoy 0"},
		{"lantern", 1, 1, "capstan 8, lantern 2, buoy 0"},
	} {
		for range step.n {
			got, err := pb.NewRetrievalServiceClient(s.conn).Retrieve(s.as(eve), &pb.RetrieveRequest{Query: step.query, Limit: step.limit})
			s.must(err)
			if n := len(got.GetResults()); n != int(step.limit) {
				t.Fatalf("%d passages", n)
			}
		}
		_, list := s.report("steward", &pb.ReportFreshnessRequest{})
		var text []string
		for _, d := range list {
			text = append(text, fmt.Sprint(d.GetDocument().GetId(), " ", d.GetRetrievals()))
			if want := 4 * (1 + math.Log(1+float64(d.GetRetrievals()))); math.Abs(d.GetPriority()-want) > 1e-9 {
				t.Errorf("%s has the priority %v, want %v", d.GetDocument().GetId(), d.GetPriority(), want)
			}
		}
		if got := strings.Join(text, ", "); got != step.want {
			t.Errorf("step %d: %s, want %s", i, got, step.want)
		}
	}
}

// TestReportCountsConfirmedConflicts makes two copies contradict each other. The verdict that
// one is right makes both worse, for who may read both, until the sentence is mended.
func TestReportCountsConfirmedConflicts(t *testing.T) {
	s := start(t, nil)
	text := func(days int) string {
		return fmt.Sprintf("# Refunds\n\nPassengers get a refund within %d days of the voyage.\n\nThe harbour office sends it by post to the address on the ticket.\n", days)
	}
	copied := func(id string, days int) *pb.IngestRequest {
		return aged(id, 0.5, func(d *pb.Document) { d.Uri, d.Text = "https://pages.example/refunds", text(days) })
	}
	s.send(s.as(ada, "ingest"), copied("a", 14), copied("b", 30), aged("c", 0.6, nil))
	conflicts := func() string {
		t.Helper()
		_, list := s.report("steward", filtered(&pb.Filter{Sources: []string{"handbook"}}))
		var parts []string
		for _, d := range list {
			parts = append(parts, fmt.Sprintf("%s %d %.0f", d.GetDocument().GetId(), d.GetConflicts(), d.GetPriority()))
		}
		return strings.Join(parts, ", ")
	}
	state, err := s.Indexer.Pin(t.Context(), 0)
	s.must(err)
	defer state.Release()
	passages := map[string]catalog.Passage{}
	cleared := acl.DefaultScale.UpTo(acl.DefaultSensitivity)
	view, err := state.View(acl.Identity{User: ada, App: "service:local", Clearance: cleared, Scope: acl.Scope{AllSources: true, Clearance: cleared}}, time.Now())
	s.must(err)
	for d, err := range state.Contents(t.Context(), view) {
		s.must(err)
		passages[d.Document.ID] = d.Passages[0]
	}
	found := freshness.Compare(passages["a"].Statements, passages["b"].Statements)
	if len(found) != 1 {
		t.Fatalf("%d conflicts between the copies", len(found))
	}
	settle := func(v catalog.Verdict) {
		t.Helper()
		ticket, err := s.Indexer.Submit(t.Context(), indexer.Actor{}, catalog.SettleConflict{
			First:      catalog.DocumentID{Source: "handbook", ID: "a"},
			Settlement: catalog.Settlement{With: catalog.DocumentID{Source: "handbook", ID: "b"}, Sentences: found[0].Sentences, Verdict: v, By: ada},
		}, catalog.Request{})
		s.must(err)
		_, _, err = ticket.Wait(t.Context())
		s.must(err)
	}
	if got, want := conflicts(), "c 0 0, a 0 0, b 0 0"; got != want {
		t.Errorf("before a verdict: %s, want %s", got, want)
	}
	settle(catalog.SecondIsRight)
	if got, want := conflicts(), "a 1 2, b 1 2, c 0 0"; got != want {
		t.Errorf("confirmed: %s, want %s", got, want)
	}
	closed := version(copied("b", 30), 2, func(d *pb.Document) { d.Policy = only("user:local/ben") })
	s.send(s.as(ada, "ingest"), closed)
	if got, want := conflicts(), "c 0 0, a 0 0"; got != want {
		t.Errorf("the other one is hidden: %s, want %s", got, want)
	}
	s.send(s.as(ada, "ingest"), version(copied("b", 30), 3, func(d *pb.Document) { d.Policy = everyone }))
	if got, want := conflicts(), "a 1 2, b 1 2, c 0 0"; got != want {
		t.Errorf("shown again: %s, want %s", got, want)
	}
	s.send(s.as(ada, "ingest"), version(copied("a", 30), 2, func(*pb.Document) {}))
	if got, want := conflicts(), "c 0 0, a 0 0, b 0 0"; got != want {
		t.Errorf("mended: %s, want %s", got, want)
	}
}
