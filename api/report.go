package api

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/freshness"
	"github.com/muniment/muniment/freshness/desk"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// Limits of reports on freshness. See docs/limits.md.
const (
	reportsJudged = 2                // at once; more wait
	reportTime    = 10 * time.Minute // from the request to the last document
)

func (s stewardship) ReportFreshness(req *pb.ReportFreshnessRequest, stream pb.StewardshipService_ReportFreshnessServer) error {
	ctx, cancel := context.WithTimeout(stream.Context(), reportTime)
	defer cancel()
	c, err := callOf(ctx)
	if err != nil {
		return err
	}
	if err := s.validate(req); err != nil {
		return err
	}
	report, err := s.report(ctx, c, req)
	if err != nil {
		return err
	}
	defer report.Close()
	if _, err := s.record(ctx, c, audit.Record{Kind: audit.KindRead, Read: &audit.Read{ID: "freshness report"}}); err != nil {
		return err
	}
	summary := &pb.ReportFreshnessResponse{Item: &pb.ReportFreshnessResponse_Summary{Summary: fromSummary(report.Summary)}}
	if err := stream.Send(summary); err != nil {
		return err
	}
	for d, err := range report.Documents(ctx, int(req.GetLimit())) {
		if err != nil {
			return err
		}
		item := &pb.ReportFreshnessResponse{Item: &pb.ReportFreshnessResponse_Document{Document: fromRanked(d)}}
		if err := stream.Send(item); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// report judges, once it has a place to. What follows is bounded by how fast the caller reads,
// so the place is given back before.
func (s stewardship) report(ctx context.Context, c call, req *pb.ReportFreshnessRequest) (*desk.Report, error) {
	scope, err := toScope(req.GetFilter())
	if err != nil {
		return nil, err
	}
	select {
	case s.judging <- struct{}{}:
		defer func() { <-s.judging }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return s.desk.Report(ctx, c.Identity, desk.Query{
		Filter: scope, States: toStates(req.GetFilter().GetStates()), Looks: c.may, At: toTime(req.GetAsOf()),
	})
}

func toStates(wanted []pb.Freshness_State) (list []freshness.State) {
	for state, name := range states {
		for _, w := range wanted {
			if w == name {
				list = append(list, state)
			}
		}
	}
	return list
}

func fromSummary(s desk.Summary) *pb.FreshnessSummary {
	out := &pb.FreshnessSummary{
		All: fromCount(s.All), Sources: fromCounts(s.Sources), Owners: fromCounts(s.Owners), Containers: fromCounts(s.Containers),
		Time: timestamppb.New(s.At),
	}
	for _, n := range s.Ratios {
		out.Ratios = append(out.Ratios, int64(n))
	}
	return out
}

func fromCounts(counts []desk.Count) (list []*pb.FreshnessCount) {
	for _, c := range counts {
		list = append(list, fromCount(c))
	}
	return list
}

func fromCount(c desk.Count) *pb.FreshnessCount {
	out := &pb.FreshnessCount{
		Source: c.Source, Name: c.Name, Documents: int64(c.Documents), Verified: int64(c.Verified),
		States: make([]int64, len(pb.Freshness_State_name)),
	}
	for state, n := range c.States {
		out.States[states[freshness.State(state)]] = int64(n)
	}
	return out
}

func fromRanked(d desk.Ranked) *pb.DocumentFreshness {
	return &pb.DocumentFreshness{
		Document: fromID(d.DocumentID), State: states[d.Finding.State], Ratio: d.Finding.Ratio, Priority: d.Priority, Retrievals: d.Retrievals,
		Title: d.Title, Uri: d.URI, Owner: string(d.Owner), Container: d.Access.Container,
		Freshness: fromFinding(d.Finding, d.Document, d.SupersededBy), ContentHash: contentHash(d.Document), Conflicts: int32(d.Conflicts),
	}
}
