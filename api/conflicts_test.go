package api_test

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

const refundRules = "# Refunds\n\nThe shop rules for every branch. Customers may return unopened goods within %s of delivery for a full refund. " +
	"The branch manager signs every refund and files the receipt in the blue folder behind the counter.\n\n" +
	"A gift voucher is valid for %s from the day on which it was bought, in every branch and online."

// rules is a version of one page, of a source, that states how long goods may be returned and
// how long a voucher lasts.
func rules(source, id, window, voucher string) *pb.IngestRequest {
	item := page(source, id, fmt.Sprintf(refundRules, window, voucher))
	item.GetDocument().Uri = "https://example.org/refunds"
	return item
}

func (s *server) conflicts(role string, edit ...func(*pb.ListConflictsRequest)) *pb.ListConflictsResponse {
	s.Helper()
	req := &pb.ListConflictsRequest{}
	for _, f := range edit {
		f(req)
	}
	resp, err := pb.NewStewardshipServiceClient(s.conn).ListConflicts(s.as(ada, role), req)
	s.must(err)
	return resp
}

// inBrief is what is listed, a conflict a line.
func inBrief(resp *pb.ListConflictsResponse) string {
	var b strings.Builder
	for _, cluster := range resp.GetClusters() {
		for _, c := range cluster.GetConflicts() {
			fmt.Fprintf(&b, "%s/%s %s | %s/%s %s | %v\n", c.GetA().GetDocument().GetSource(), c.GetA().GetDocument().GetId(), c.GetA().GetValue(),
				c.GetB().GetDocument().GetSource(), c.GetB().GetDocument().GetId(), c.GetB().GetValue(), c.GetResolution().GetVerdict())
		}
	}
	return b.String()
}

// TestListConflicts finds one contradiction between two versions of a page, with everything
// that a steward needs to judge it.
func TestListConflicts(t *testing.T) {
	s := start(t, nil)
	s.send(s.as(ada, "ingest"), rules("handbook", "old", "30 days", "2 years"), rules("handbook", "new", "14 days", "2 years"))
	resp := s.conflicts("steward:handbook")
	if got, want := inBrief(resp), "handbook/new 14 days | handbook/old 30 days | VERDICT_UNSPECIFIED\n"; got != want || resp.GetTotal() != 1 || resp.GetSearching() {
		t.Fatalf("%s of %d, searching %v", got, resp.GetTotal(), resp.GetSearching())
	}
	cluster := resp.GetClusters()[0]
	c := cluster.GetConflicts()[0]
	if len(cluster.GetDocuments()) != 2 || cluster.GetTotal() != 1 || c.GetTier() != pb.ContestedValue_TIER_A || c.GetQuantity() != "duration" || c.GetConfidence() < 0.5 || len(c.GetId()) != 64 {
		t.Errorf("%v", resp)
	}
	text := []rune(fmt.Sprintf(refundRules, "14 days", "2 years"))
	cut := func(sp *pb.Span) string { return string(text[sp.GetStart():sp.GetEnd()]) }
	if a := c.GetA(); cut(a.GetValueSpan()) != "14 days" || cut(a.GetSpan()) != a.GetSentence() || !strings.HasPrefix(a.GetSentence(), "Customers may return") {
		t.Errorf("side a is %v", a)
	}
}

// TestListConflictsIsForStewards: one document at least is of the steward's, and both are what
// the steward may read.
func TestListConflictsIsForStewards(t *testing.T) {
	s := start(t, nil)
	hidden := rules("handbook", "hidden", "7 days", "2 years")
	hidden.GetDocument().Policy = only("user:local/ben")
	s.send(s.as(ada, "ingest"), rules("handbook", "a", "30 days", "2 years"), rules("wiki", "b", "14 days", "2 years"), rules("shop", "c", "21 days", "2 years"), hidden)
	const ab, ac, bc = "handbook/a 30 days | wiki/b 14 days", "handbook/a 30 days | shop/c 21 days", "shop/c 21 days | wiki/b 14 days"
	for role, want := range map[string][]string{
		"steward": {ab, ac, bc}, "steward:handbook": {ab, ac}, "steward:wiki": {ab, bc}, "steward:none": nil, "ingest": nil, "auditor": nil, "admin": nil,
	} {
		got := inBrief(s.conflicts(role))
		if strings.Count(got, "\n") != len(want) {
			t.Errorf("%s: %s", role, got)
		}
		for _, line := range want {
			if !strings.Contains(got, line) {
				t.Errorf("%s does not see %s", role, line)
			}
		}
	}
	// The right to read is taken away, and counts at once.
	s.send(s.as(ada, "ingest"), &pb.IngestRequest{Item: &pb.IngestRequest_Access{Access: &pb.DocumentAccess{Source: "wiki", Id: "b", AccessVersion: 2, Policy: only("user:local/ben")}}})
	if got := inBrief(s.conflicts("steward:handbook")); strings.Contains(got, "wiki") || !strings.Contains(got, ac) {
		t.Errorf("after the revocation: %s", got)
	}
}

func TestListConflictsFilters(t *testing.T) {
	s := start(t, nil)
	s.send(s.as(ada, "ingest"), rules("handbook", "a", "30 days", "2 years"), rules("wiki", "b", "14 days", "2 years"), rules("shop", "c", "14 days", "3 years"))
	all := s.conflicts("steward")
	if all.GetTotal() != 1 || len(all.GetClusters()[0].GetConflicts()) != 4 {
		t.Fatalf("%s in %d clusters", inBrief(all), all.GetTotal())
	}
	for name, c := range map[string]struct {
		edit func(*pb.ListConflictsRequest)
		want int
	}{
		"a source":       {func(r *pb.ListConflictsRequest) { r.Filter = &pb.Filter{Sources: []string{"wiki"}} }, 2},
		"another source": {func(r *pb.ListConflictsRequest) { r.Filter = &pb.Filter{Sources: []string{"none"}} }, 0},
		"stale ones": {func(r *pb.ListConflictsRequest) {
			r.Filter = &pb.Filter{States: []pb.Freshness_State{pb.Freshness_STATE_STALE}}
		}, 0},
		"of unknown state": {func(r *pb.ListConflictsRequest) {
			r.Filter = &pb.Filter{States: []pb.Freshness_State{pb.Freshness_STATE_UNKNOWN}}
		}, 4},
		"tier A":             {func(r *pb.ListConflictsRequest) { r.Tiers = []pb.ContestedValue_Tier{pb.ContestedValue_TIER_A} }, 4},
		"tier B":             {func(r *pb.ListConflictsRequest) { r.Tiers = []pb.ContestedValue_Tier{pb.ContestedValue_TIER_B} }, 0},
		"durations":          {func(r *pb.ListConflictsRequest) { r.Quantities = []string{"money", "duration"} }, 4},
		"money":              {func(r *pb.ListConflictsRequest) { r.Quantities = []string{"money"} }, 0},
		"more than sure":     {func(r *pb.ListConflictsRequest) { r.MinConfidence = 1 }, 0},
		"as sure as the one": {func(r *pb.ListConflictsRequest) { r.MinConfidence = 0.5 }, 4},
	} {
		if got := strings.Count(inBrief(s.conflicts("steward", c.edit)), "\n"); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// TestListConflictsPages walks through clusters one by one.
func TestListConflictsPages(t *testing.T) {
	s := start(t, nil)
	var items []*pb.IngestRequest
	for i := range 3 {
		for _, days := range []string{"14 days", "30 days"} {
			item := rules("handbook", fmt.Sprintf("page %d, %s", i, days), days, "2 years")
			item.GetDocument().Uri = fmt.Sprint("https://example.org/", i)
			item.GetDocument().Text = fmt.Sprintf("Chapter %c. ", 'A'+i) + item.GetDocument().GetText()
			items = append(items, item)
		}
	}
	s.send(s.as(ada, "ingest"), items...)
	whole := s.conflicts("steward")
	if whole.GetTotal() != 3 {
		t.Fatalf("%d clusters, want 3:\n%s", whole.GetTotal(), inBrief(whole))
	}
	var pages []*pb.ConflictCluster
	req := &pb.ListConflictsRequest{Limit: 1}
	for n := 0; n == 0 || req.PageToken != ""; n++ {
		resp, err := pb.NewStewardshipServiceClient(s.conn).ListConflicts(s.as(ada, "steward"), req)
		s.must(err)
		if resp.GetTotal() != whole.GetTotal() || len(resp.GetClusters()) != 1 {
			t.Fatalf("page %d has %d clusters of %d", n, len(resp.GetClusters()), resp.GetTotal())
		}
		pages = append(pages, resp.GetClusters()...)
		req.PageToken = resp.GetNextPageToken()
	}
	for i, c := range whole.GetClusters() {
		if i >= len(pages) || !proto.Equal(withoutTimes(c), withoutTimes(pages[i])) {
			t.Errorf("cluster %d is not what page %d shows", i, i)
		}
	}
	_, err := pb.NewStewardshipServiceClient(s.conn).ListConflicts(s.as(ada, "steward"), &pb.ListConflictsRequest{PageToken: "made up"})
	if code, why := reason(err); code != codes.InvalidArgument || why != "INVALID_TOKEN" {
		t.Errorf("a made-up token: %v", err)
	}
}

func withoutTimes(c *pb.ConflictCluster) *pb.ConflictCluster {
	c = proto.CloneOf(c)
	for _, x := range c.GetConflicts() {
		x.A.Freshness, x.B.Freshness = nil, nil
	}
	return c
}
