package api

import (
	"context"
	"errors"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/muniment/muniment/indexer"
	pb "github.com/muniment/muniment/proto/muniment/v1"
	"github.com/muniment/muniment/retriever"
)

const defaultLimit = 10

type retrieval struct {
	pb.UnimplementedRetrievalServiceServer
	*handler
}

func (s retrieval) Retrieve(ctx context.Context, req *pb.RetrieveRequest) (*pb.RetrieveResponse, error) {
	c, atLeast, err := s.begin(ctx, req)
	if err != nil {
		return nil, err
	}
	limit := int(req.GetLimit())
	if limit == 0 {
		limit = defaultLimit
	}
	filter, err := toFilter(req)
	if err != nil {
		return nil, err
	}
	place, err := s.place(c, req)
	if err != nil {
		return nil, err
	}
	from, err := toOffset(place)
	if err != nil {
		return nil, err
	}
	answer, err := s.Retriever.Retrieve(ctx, c.Identity, retriever.Request{
		ID: c.id, Query: req.GetQuery(), Limit: limit, From: from, Filter: filter, AsOf: toTime(req.GetAsOf()), AtLeast: atLeast, Chain: c.Chain,
		Roles: roles(c), Vector: toVector(req.GetVector()),
	})
	if errors.Is(err, indexer.ErrTooManyTerms) {
		return nil, fieldError{"query", err}
	}
	if err != nil {
		return nil, err
	}
	receipt, err := s.receipt(answer.Entry)
	if err != nil {
		return nil, err
	}
	resp := &pb.RetrieveResponse{
		Evidence: evidences[answer.Evidence], Receipt: receipt, RetrievalId: c.id, RequestId: c.id,
		ServedAt: timestamppb.New(answer.At), WithheldSources: answer.Withheld,
	}
	if answer.More {
		if resp.NextPageToken, err = s.nextPage(c, req, fromOffset(from+limit)); err != nil {
			return nil, err
		}
	}
	for _, r := range answer.Results {
		resp.Results = append(resp.Results, fromResult(r))
	}
	for _, conflict := range answer.Conflicts {
		resp.Conflicts = append(resp.Conflicts, fromConflict(conflict, answer.Results))
	}
	for _, d := range answer.Degradations {
		resp.Degradations = append(resp.Degradations, degradations[d])
	}
	return resp, nil
}

// roles are the caller's, in words.
func roles(c call) (list []string) {
	for _, g := range c.Roles {
		list = append(list, g.String())
	}
	return list
}

func toVector(v *pb.QueryVector) *retriever.Vector {
	if v == nil {
		return nil
	}
	return &retriever.Vector{Space: v.GetSpace(), Values: v.GetValues()}
}

var (
	evidences = map[retriever.Evidence]pb.Evidence{
		retriever.None: pb.Evidence_EVIDENCE_NONE, retriever.Weak: pb.Evidence_EVIDENCE_WEAK,
		retriever.Moderate: pb.Evidence_EVIDENCE_MODERATE, retriever.Strong: pb.Evidence_EVIDENCE_STRONG,
	}
	degradations = map[retriever.Degradation]pb.Degradation{
		retriever.KeywordOnly:       pb.Degradation_DEGRADATION_KEYWORD_ONLY,
		retriever.KeywordRebuilding: pb.Degradation_DEGRADATION_KEYWORD_REBUILDING,
		retriever.VectorRebuilding:  pb.Degradation_DEGRADATION_VECTOR_REBUILDING,
		retriever.PendingEmbedding:  pb.Degradation_DEGRADATION_PENDING_EMBEDDING,
		retriever.SourceWithheld:    pb.Degradation_DEGRADATION_SOURCE_WITHHELD,
		retriever.CutOff:            pb.Degradation_DEGRADATION_CUT_OFF,
	}
)

func fromResult(r retriever.Result) *pb.Result {
	d := r.Document
	return &pb.Result{
		Document: fromID(d.DocumentID), Version: d.Version, Title: d.Title, Headings: r.Passage.Headings,
		Text: r.Passage.Text, Span: fromSpan(r.Passage.Span), Score: r.Score, Uri: d.URI, Owner: string(d.Owner),
		Freshness: fromFinding(r.Finding, d, r.SupersededBy), CitationId: r.Passage.ID.Citation(),
		ContentHash: contentHash(d), Labels: d.Labels, Sensitivity: d.Access.Label(),
		HiddenChars: int32(d.Hidden),
	}
}

func fromConflict(c retriever.Conflict, results []retriever.Result) *pb.Conflict {
	side := func(i int, span *pb.Span, value string) *pb.Conflict_Side {
		return &pb.Conflict_Side{Result: int32(i), Document: fromID(results[i].Document.DocumentID), Span: span, Value: value}
	}
	out := &pb.Conflict{
		Confidence: c.Confidence, Explanation: c.Explanation,
		Preferred: pb.Conflict_Preference(c.Preferred), PreferredReason: c.PreferredReason,
	}
	if c.Superseded {
		out.Kind, out.A, out.B = pb.Conflict_KIND_SUPERSEDED, side(c.A, nil, ""), side(c.B, nil, "")
		return out
	}
	out.Kind, out.Quantity = pb.Conflict_KIND_VALUE, c.Kind
	out.A, out.B = side(c.A, fromSpan(c.SpanA), c.ValueA), side(c.B, fromSpan(c.SpanB), c.ValueB)
	return out
}
