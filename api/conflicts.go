package api

import (
	"context"
	"errors"
	"strings"

	"google.golang.org/grpc/codes"

	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/freshness"
	"github.com/muniment/muniment/freshness/desk"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// Limits of pages of the steward's desk if a request does not say.
const (
	defaultClusters = 20
	defaultWork     = 50
)

// errNoConflict is said of a conflict that is not there and of one that the caller may not see.
var errNoConflict = fail(codes.NotFound, "NOT_FOUND", "no such conflict, or one of its documents is not visible to you")

// office is what the caller looks after.
func (c call) office() desk.Office {
	return desk.Office{Has: c.may, Name: strings.Join(roles(c), " ")}
}

func (s stewardship) ListConflicts(ctx context.Context, req *pb.ListConflictsRequest) (*pb.ListConflictsResponse, error) {
	c, err := callOf(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.validate(req); err != nil {
		return nil, err
	}
	scope, err := toScope(req.GetFilter())
	if err != nil {
		return nil, err
	}
	q := desk.ConflictQuery{
		Filter: scope, States: toStates(req.GetFilter().GetStates()), Quantities: req.GetQuantities(), Confidence: req.GetMinConfidence(),
		Resolved: req.GetIncludeResolved(), Limit: orDefault(req.GetLimit(), defaultClusters),
	}
	for _, tier := range req.GetTiers() {
		q.Tiers = append(q.Tiers, freshness.Tier(tier))
	}
	if q.After, err = s.place(c, req); err != nil {
		return nil, err
	}
	list, err := s.desk.Conflicts(ctx, c.Identity, c.office(), q)
	if errors.Is(err, desk.ErrPlace) {
		return nil, errPage
	}
	if err != nil {
		return nil, err
	}
	if _, err := s.record(ctx, c, audit.Record{Kind: audit.KindRead, Read: &audit.Read{ID: "conflicts"}}); err != nil {
		return nil, err
	}
	resp := &pb.ListConflictsResponse{Total: int64(list.Total), Searching: list.Searching}
	for _, cluster := range list.Clusters {
		out := &pb.ConflictCluster{Total: int64(cluster.Total)}
		for _, conflict := range cluster.Conflicts {
			out.Conflicts = append(out.Conflicts, fromContested(conflict))
		}
		for _, id := range cluster.Documents {
			out.Documents = append(out.Documents, fromID(id))
		}
		resp.Clusters = append(resp.Clusters, out)
	}
	if list.Next != nil {
		resp.NextPageToken, err = s.nextPage(c, req, list.Next)
	}
	return resp, err
}

func (s stewardship) ResolveConflict(ctx context.Context, req *pb.ResolveConflictRequest) (*pb.ResolveConflictResponse, error) {
	c, err := callOf(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.validate(req); err != nil {
		return nil, err
	}
	conflict, at, err := s.desk.Resolve(ctx, c.Identity, c.office(), desk.Resolution{
		ID: req.GetConflictId(), A: toID(req.GetA()), B: toID(req.GetB()), Verdict: catalog.Verdict(req.GetVerdict()), Note: req.GetNote(),
	})
	if foreign, ok := errors.AsType[*desk.ForeignError](err); ok {
		return nil, fail(codes.PermissionDenied, "MISSING_ROLE", "source %q needs the role %s too: a conflict is settled by those who look after both documents", foreign.Source, c.needed())
	}
	if errors.Is(err, desk.ErrNoConflict) {
		return nil, errNoConflict
	}
	if err != nil {
		return nil, err
	}
	token, err := s.consistency(at)
	if err != nil {
		return nil, err
	}
	return &pb.ResolveConflictResponse{Conflict: fromContested(conflict), ConsistencyToken: token}, nil
}

func fromContested(c desk.Conflict) *pb.ContestedValue {
	out := &pb.ContestedValue{
		Id: c.ID, Tier: pb.ContestedValue_Tier(c.Tier), A: fromConflictSide(c.A), B: fromConflictSide(c.B), Quantity: c.Quantity,
		Confidence: c.Confidence, Explanation: c.Explanation,
		Preferred: pb.Conflict_Preference(c.Preferred), PreferredReason: c.PreferredReason,
	}
	if s := c.Settlement; s.Verdict != catalog.Unsettled {
		out.Resolution = &pb.Resolution{Verdict: pb.Verdict(s.Verdict), Note: s.Note, Author: string(s.By), Time: fromTime(s.At)}
	}
	return out
}

func fromConflictSide(s desk.Side) *pb.ConflictSide {
	d := s.Document
	return &pb.ConflictSide{
		Document: fromID(d.DocumentID), Version: d.Version, Title: d.Title, Owner: string(d.Owner), Uri: d.URI,
		Span: fromSpan(s.Span), Sentence: s.Sentence, Value: s.Value, ValueSpan: fromSpan(s.ValueSpan),
		Freshness: fromFinding(s.Finding, d, s.SupersededBy),
	}
}
