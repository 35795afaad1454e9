package api

import (
	"context"
	"encoding/hex"
	"strings"

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
	for _, r := range found.Retrievals {
		resp.Retrievals = append(resp.Retrievals, fromTracedRetrieval(r, state.Directory()))
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

// who is the caller of a retrieval as they would call now: with what the token said then, the
// app's scope of today, and the directory's groups of today. Somebody whose groups come with
// tokens cannot be judged, nor can who was recorded by an older server.
func (h *handler) who(r audit.Record) (acl.Identity, bool) {
	pinned := r.Retrieval.Caller
	if pinned == nil {
		return acl.Identity{}, false
	}
	app := r.App
	if app == string(identity.BuiltinApp) {
		app = ""
	}
	id, err := h.Authority.Imagine(identity.Subject{User: acl.Principal(r.User), App: app, Guest: pinned.Guest})
	if err != nil || id.Groups != nil {
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

func fromTracedRetrieval(r trace.Retrieval, d *acl.Directory) *pb.TracedRetrieval {
	if r.Missing {
		return &pb.TracedRetrieval{RetrievalId: r.ID, Missing: true}
	}
	of := r.Record.Retrieval
	out := &pb.TracedRetrieval{
		RetrievalId: r.ID, Index: r.Index, Time: timestamppb.New(r.Record.Time), User: r.Record.User, App: r.Record.App,
		QueryHash: of.QueryHash, Query: r.Query, Revision: int64(of.Revision), Ranking: of.Ranking, VectorSpace: of.VectorSpace,
		Degradations: of.Degradations,
	}
	gone := d.Deactivated(acl.Principal(r.Record.User))
	for _, p := range r.Passages {
		out.Passages = append(out.Passages, fromTracedPassage(p, gone))
	}
	return out
}

func fromTracedPassage(p trace.Passage, deactivated bool) *pb.TracedPassage {
	out := &pb.TracedPassage{
		Rank: int32(p.Rank), Document: &pb.DocumentRef{Source: p.Source.Source, Id: p.ID}, Version: p.Version, ContentHash: p.ContentHash,
		Score: p.Score, State: p.State, ConflictsWith: int32s(p.ConflictsWith), CitationId: p.Citation(), Cited: p.Cited,
		Policy: fromTracedPolicy(p.Policy), Text: p.Text,
	}
	if p.End > p.Start {
		out.Span = &pb.Span{Start: int32(p.Start), End: int32(p.End)}
	}
	for _, c := range p.Changes {
		out.Changes = append(out.Changes, fromChange(c, deactivated))
	}
	return out
}

func fromTracedPolicy(p trace.Policy) *pb.TracedPolicy {
	out := &pb.TracedPolicy{
		Origin: pb.TracedPolicy_Origin(p.Origin), Hash: p.Hash, AccessVersion: p.AccessVersion, Sensitivity: p.Sensitivity,
	}
	for _, n := range p.Nodes {
		out.Nodes = append(out.Nodes, &pb.TracedNode{Node: fromID(n.ID), Policy: fromPolicy(n.Policy)})
	}
	return out
}

var changes = map[trace.Kind]struct {
	kind pb.SourceChange_Kind
	text string
}{
	trace.Deleted:       {pb.SourceChange_KIND_DELETED, "the document was deleted"},
	trace.Edited:        {pb.SourceChange_KIND_EDITED, "the document was edited"},
	trace.Superseded:    {pb.SourceChange_KIND_SUPERSEDED, "another document declares to replace it"},
	trace.Revoked:       {pb.SourceChange_KIND_REVOKED, "the user may no longer read it"},
	trace.AccessChanged: {pb.SourceChange_KIND_ACCESS_CHANGED, "who may read it was changed; the user still may"},
	trace.Conflict:      {pb.SourceChange_KIND_CONFLICT, "it contradicts another source of the retrieval now"},
	trace.AccessUnknown: {pb.SourceChange_KIND_ACCESS_UNKNOWN, "whether the user may still read it cannot be told"},
}

func fromChange(c trace.Change, deactivated bool) *pb.SourceChange {
	of := changes[c.Kind]
	out := &pb.SourceChange{
		Kind: of.kind, Explanation: of.text, Version: c.Version, ContentHash: c.ContentHash,
		Before: c.Before, After: c.After, Withheld: c.Withheld,
	}
	if c.By.ID != "" {
		out.By = fromID(c.By)
	}
	switch {
	case c.Kind == trace.Revoked && deactivated:
		out.Explanation = "the user has been deactivated, and may read nothing"
	case c.Kind == trace.Revoked && len(c.Explained.Nodes) > 0:
		out.Explanation = "the user " + strings.Replace(summary(*c.Explained), "may not", "may no longer", 1)
	case c.Kind == trace.Conflict && c.After != "":
		out.Explanation, out.After = c.After, ""
	}
	return out
}

// fromPolicy is absent for no policy.
func fromPolicy(p *acl.Policy) *pb.Policy {
	if p == nil {
		return nil
	}
	out := &pb.Policy{Inherit: inherits[p.Inherit]}
	for _, l := range p.Layers {
		out.Layers = append(out.Layers, &pb.Layer{Allow: fromGrants(l.Allow), Deny: fromGrants(l.Deny)})
	}
	return out
}

func fromGrants(grants []acl.Grant) (list []*pb.Grant) {
	for _, g := range grants {
		list = append(list, &pb.Grant{Principal: string(g.Principal), NotBefore: fromTime(g.NotBefore), NotAfter: fromTime(g.NotAfter)})
	}
	return list
}

