package api

import (
	"context"
	"encoding/hex"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/audit/trace"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

func (s auditing) TraceAnswer(ctx context.Context, req *pb.TraceAnswerRequest) (*pb.TraceAnswerResponse, error) {
	c, err := callOf(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.validate(req); err != nil {
		return nil, err
	}
	item, err := s.named(ctx, "answer", req.GetAnswer())
	if err != nil {
		return nil, err
	}
	state, err := s.Indexer.Pin(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer state.Release()
	view, err := state.View(c.Identity, s.Now())
	if err != nil {
		return nil, err
	}
	tracer := trace.Tracer{Log: s.Audit, Past: s.Indexer.Store.Snapshot, Who: s.who}
	found, err := tracer.Trace(ctx, state, view, item)
	if err != nil {
		return nil, err
	}
	if _, err := s.record(ctx, c, audit.Record{Kind: audit.KindRead, Read: &audit.Read{ID: "trace of " + item.Record.ID}}); err != nil {
		return nil, err
	}
	resp := &pb.TraceAnswerResponse{Time: timestamppb.New(view.At())}
	for _, a := range found.Answers {
		resp.Answers = append(resp.Answers, fromTracedAnswer(a))
	}
	left := &room{mostGrants, mostText}
	for _, r := range found.Retrievals {
		resp.Retrievals = append(resp.Retrievals, left.retrieval(r, state.Directory()))
	}
	return resp, nil
}

// named is the record of an id, or of a receipt. What is shaped like an id is looked up as
// one; nothing of what is found out by trying is told.
func (h *handler) named(ctx context.Context, field, name string) (audit.Item, error) {
	if b, err := hex.DecodeString(name); err == nil && len(b) == 16 {
		return h.recorded(ctx, name)
	}
	named, err := h.entry(name)
	if err != nil {
		return audit.Item{}, fieldError{field, identity.ErrSeal}
	}
	record, entry, err := h.Audit.Record(ctx, named.Index)
	if err == nil && entry.Leaf != named.Leaf {
		err = audit.ErrNotFound // a receipt of another log
	}
	return audit.Item{Entry: entry, Record: record}, err
}

// who is the caller of a retrieval as they would call now: with what the token said then, its
// groups if it named any, the app's scope of today, and the directory's groups of today. Somebody
// whose token named more groups than a record lists cannot be judged, nor can who was recorded
// by an older server.
func (h *handler) who(r audit.Record) (acl.Identity, bool) {
	pinned := r.Retrieval.Caller
	if pinned == nil {
		return acl.Identity{}, false
	}
	app := r.App
	if app == string(identity.BuiltinApp) {
		app = ""
	}
	groups, ok := r.Groups.Claimed()
	if !ok {
		return acl.Identity{}, false
	}
	id, err := h.Authority.Imagine(identity.Subject{User: acl.Principal(r.User), App: app, Guest: pinned.Guest, Groups: groups})
	if err != nil {
		return acl.Identity{}, false
	}
	id.Clearance = acl.Clearance{}
	for _, label := range pinned.Clearance {
		id.Clearance[label] = true
	}
	return id, true
}

func fromTracedAnswer(a trace.Answer) *pb.TracedAnswer {
	r := a.Record
	out := &pb.TracedAnswer{
		AnswerId: r.ID, Index: a.Index, Time: timestamppb.New(r.Time), User: r.User, App: r.App, RetrievalIds: r.Answer.Retrievals,
		Model: r.Answer.Model, PromptId: r.Answer.PromptID, PromptVersion: r.Answer.PromptVersion,
		AnswerHash: r.Answer.Hash, AnswerText: a.Text, Outcome: outcome(r.Answer),
	}
	for _, c := range r.Answer.Citations {
		cited := &pb.TracedCitation{
			Form: c.Form, RetrievalId: c.Retrieval, Rank: int32(c.Rank), Version: c.Version, DocumentOnly: c.Document,
			Reference: c.Reference, QuoteHash: c.QuoteHash,
		}
		if c.Resolved() {
			cited.Document = &pb.DocumentRef{Source: c.Source, Id: c.ID}
		}
		if c.End > c.Start {
			cited.AnswerSpan = &pb.AnswerSpan{Start: int32(c.Start), End: int32(c.End)}
		}
		out.Citations = append(out.Citations, cited)
	}
	return out
}
