package api

import (
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/audit/trace"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// What one trace may hold at most: grants of policies, and bytes of documents' text.
const (
	mostGrants = 20_000
	mostText   = 16 << 20
)

// room is what a trace may still hold. 20 retrievals of 100 passages, each let through by 17
// policies of 10,000 grants, would be gigabytes.
type room struct{ grants, bytes int }

// text is the text if there is room for it.
func (left *room) text(text string) string {
	if len(text) > left.bytes {
		return ""
	}
	left.bytes -= len(text)
	return text
}

func (left *room) retrieval(r trace.Retrieval, d *acl.Directory) *pb.TracedRetrieval {
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
		out.Passages = append(out.Passages, left.passage(p, gone))
	}
	return out
}

func (left *room) passage(p trace.Passage, deactivated bool) *pb.TracedPassage {
	out := &pb.TracedPassage{
		Rank: int32(p.Rank), Document: &pb.DocumentRef{Source: p.Source.Source, Id: p.ID}, Version: p.Version, ContentHash: p.ContentHash,
		Score: p.Score, State: p.State, ConflictsWith: int32s(p.ConflictsWith), CitationId: p.Citation(), Cited: p.Cited,
		Policy: left.policy(p.Policy), Text: left.text(p.Text),
	}
	if p.End > p.Start {
		out.Span = &pb.Span{Start: int32(p.Start), End: int32(p.End)}
	}
	for _, c := range p.Changes {
		out.Changes = append(out.Changes, left.change(c, deactivated))
	}
	return out
}

func (left *room) policy(p trace.Policy) *pb.TracedPolicy {
	out := &pb.TracedPolicy{
		Origin: pb.TracedPolicy_Origin(p.Origin), Hash: p.Hash, AccessVersion: p.AccessVersion, Sensitivity: p.Sensitivity,
	}
	grants := 0
	for _, n := range p.Nodes {
		for range n.Policy.Principals() {
			grants++
		}
	}
	if out.Omitted = grants > left.grants; out.Omitted {
		return out
	}
	left.grants -= grants
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

func (left *room) change(c trace.Change, deactivated bool) *pb.SourceChange {
	of := changes[c.Kind]
	out := &pb.SourceChange{
		Kind: of.kind, Explanation: of.text, Version: c.Version, ContentHash: c.ContentHash,
		Before: left.text(c.Before), After: left.text(c.After), Withheld: c.Withheld,
	}
	if out.Before != c.Before || out.After != c.After {
		out.Before, out.After, out.Withheld = "", "", "the trace is too long already"
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
