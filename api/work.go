package api

import (
	"context"
	"errors"

	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/freshness/desk"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

func (s stewardship) ListWork(ctx context.Context, req *pb.ListWorkRequest) (*pb.ListWorkResponse, error) {
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
	q := desk.WorkQuery{
		Filter: scope, States: toStates(req.GetFilter().GetStates()), Limit: orDefault(req.GetLimit(), defaultWork),
		Elsewhere: s.Authority.MembersFromTokens,
	}
	for _, kind := range req.GetKinds() {
		q.Kinds = append(q.Kinds, desk.WorkKind(kind))
	}
	if q.After, err = s.place(c, req); err != nil {
		return nil, err
	}
	select { // as many documents are judged as for a report
	case s.judging <- struct{}{}:
		defer func() { <-s.judging }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	work, err := s.desk.Work(ctx, c.Identity, c.office(), q)
	if errors.Is(err, desk.ErrPlace) {
		return nil, errPage
	}
	if err != nil {
		return nil, err
	}
	if _, err := s.record(ctx, c, audit.Record{Kind: audit.KindRead, Read: &audit.Read{ID: "work"}}); err != nil {
		return nil, err
	}
	resp := &pb.ListWorkResponse{Total: int64(work.Total), Searching: work.Searching}
	for _, item := range work.Items {
		resp.Items = append(resp.Items, fromWorkItem(item))
	}
	if work.Next != nil {
		resp.NextPageToken, err = s.nextPage(c, req, work.Next)
	}
	return resp, err
}

func fromWorkItem(i desk.WorkItem) *pb.WorkItem {
	out := &pb.WorkItem{
		Kind: pb.WorkItem_Kind(i.Kind), Summary: i.Summary, Action: i.Action, Priority: i.Priority, Source: i.Source, Owner: string(i.Owner),
		ConflictId: i.ConflictID, Documents: int64(i.Documents),
	}
	if i.Document != (catalog.DocumentID{}) {
		out.Document = fromID(i.Document)
	}
	if i.Other != (catalog.DocumentID{}) {
		out.Other = fromID(i.Other)
	}
	if i.Judged != nil {
		out.Freshness = fromFinding(i.Judged.Finding, i.Judged.Document, i.Judged.SupersededBy)
	}
	return out
}
