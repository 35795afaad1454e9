package api

import (
	"encoding/hex"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/freshness"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

func toPrincipals(names []string) []acl.Principal {
	list := make([]acl.Principal, len(names))
	for i, n := range names {
		list[i] = acl.Principal(n)
	}
	return list
}

// toPolicy keeps absent apart from empty: the one is the parent's answer, the other
// admits nobody.
func toPolicy(p *pb.Policy) *acl.Policy {
	if p == nil {
		return nil
	}
	policy := &acl.Policy{}
	switch p.GetInherit() {
	case pb.Inherit_INHERIT_EXTEND:
		policy.Inherit = acl.Extend
	case pb.Inherit_INHERIT_REPLACE:
		policy.Inherit = acl.Replace
	}
	for _, l := range p.GetLayers() {
		policy.Layers = append(policy.Layers, acl.Layer{Allow: toGrants(l.GetAllow()), Deny: toGrants(l.GetDeny())})
	}
	return policy
}

func toGrants(grants []*pb.Grant) []acl.Grant {
	var list []acl.Grant
	for _, g := range grants {
		list = append(list, acl.Grant{
			Principal: acl.Principal(g.GetPrincipal()), NotBefore: toTime(g.GetNotBefore()), NotAfter: toTime(g.GetNotAfter()),
		})
	}
	return list
}

// toTime is the zero time for an absent timestamp.
func toTime(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}

// fromTime is absent for the zero time.
func fromTime(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

func toDocument(v *pb.Document) catalog.PutDocument {
	m := catalog.PutDocument{
		Document: catalog.Document{
			DocumentID: catalog.DocumentID{Source: v.GetSource(), ID: v.GetId()},
			Version:    v.GetVersion(), Title: v.GetTitle(), MIME: v.GetMime(), URI: v.GetUri(),
			Owner: acl.Principal(v.GetOwner()), Labels: v.GetLabels(),
			Modified: toTime(v.GetModified()), ReviewInterval: v.GetReviewInterval().AsDuration(),
			ValidFrom: toTime(v.GetValidFrom()), ValidUntil: toTime(v.GetValidUntil()),
			RetentionClass: v.GetRetentionClass(), VectorSpace: v.GetVectorSpace(),
		},
		Text:   v.GetText(),
		Access: catalog.AccessPatch{Version: v.GetAccessVersion(), Policy: toPolicy(v.GetPolicy()), Container: v.Container, Sensitivity: v.Sensitivity},
	}
	if by := v.GetVerified(); by != nil {
		m.Document.Verified = catalog.Verification{By: acl.Principal(by.GetBy()), At: toTime(by.GetAt())}
	}
	for _, id := range v.GetSupersedes() {
		m.Document.Supersedes = append(m.Document.Supersedes, toID(id))
	}
	for _, id := range v.GetSupersededBy() {
		m.Document.SupersededBy = append(m.Document.SupersededBy, toID(id))
	}
	for _, p := range v.GetPassages() {
		m.Passages = append(m.Passages, catalog.Passage{Text: p.GetText(), Headings: p.GetHeadings(), Vector: p.GetVector()})
	}
	return m
}

func toID(r *pb.DocumentRef) catalog.DocumentID {
	return catalog.DocumentID{Source: r.GetSource(), ID: r.GetId()}
}

func fromID(id catalog.DocumentID) *pb.DocumentRef {
	return &pb.DocumentRef{Source: id.Source, Id: id.ID}
}

// fromSpan is absent for an empty span.
func fromSpan(s freshness.Span) *pb.Span {
	if s.Start == s.End {
		return nil
	}
	return &pb.Span{Start: int32(s.Start), End: int32(s.End)}
}

func contentHash(d catalog.Document) string { return hex.EncodeToString(d.ContentHash[:]) }

var states = map[freshness.State]pb.Freshness_State{
	freshness.Unknown: pb.Freshness_STATE_UNKNOWN, freshness.Superseded: pb.Freshness_STATE_SUPERSEDED,
	freshness.Outdated: pb.Freshness_STATE_OUTDATED, freshness.NotYetValid: pb.Freshness_STATE_NOT_YET_VALID,
	freshness.Stale: pb.Freshness_STATE_STALE, freshness.Due: pb.Freshness_STATE_DUE, freshness.Fresh: pb.Freshness_STATE_FRESH,
}

func fromFinding(f freshness.Finding, d catalog.Document, by *catalog.DocumentID) *pb.Freshness {
	out := &pb.Freshness{
		State: states[f.State], Reason: f.Reason,
		Modified: fromTime(d.Modified), Verified: fromTime(d.Verified.At), VerifiedBy: string(d.Verified.By),
		Synced: fromTime(d.Synced), AclSynced: fromTime(d.ACLSynced),
		AgeDays: int32(f.AgeDays), Ratio: f.Ratio, Due: fromTime(f.Due),
		ValidFrom: fromTime(d.ValidFrom), ValidUntil: fromTime(d.ValidUntil),
	}
	if by != nil {
		out.SupersededBy = fromID(*by)
	}
	return out
}
