package api

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// Limits of a preview: decisions it may take, and callers it lists on either side.
const (
	previewDecisions = 5_000_000
	previewEffects   = 1000
)

type access struct {
	pb.UnimplementedAccessServiceServer
	*handler
}

func (s access) ExplainAccess(ctx context.Context, req *pb.ExplainAccessRequest) (*pb.ExplainAccessResponse, error) {
	c, err := callForSource(ctx, req.GetDocument().GetSource())
	if err != nil {
		return nil, err
	}
	if err := s.validate(req); err != nil {
		return nil, err
	}
	subject := req.GetSubject()
	imagined := identity.Subject{
		User: acl.Principal(subject.GetPrincipal()), App: subject.GetApp(), Clearance: subject.GetClearance(), Guest: subject.GetGuest(),
	}
	if claimed := subject.GetClaimedGroups(); claimed != nil {
		imagined.Groups = append([]acl.Principal{}, toPrincipals(claimed.GetGroups())...)
	}
	who, err := s.Authority.Imagine(imagined)
	if err != nil {
		return nil, invalid("INVALID_SUBJECT", violation{"subject", err.Error()})
	}
	state, err := s.Indexer.Pin(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer state.Release()
	view, err := state.View(who, s.Now())
	if err != nil {
		return nil, err
	}
	id := toID(req.GetDocument())
	explained, ok := state.Table.Explain(id, view)
	if err := s.oversaw(ctx, c, "access of "+subject.GetPrincipal(), id); err != nil {
		return nil, err
	}
	if !ok {
		return nil, catalog.ErrNotFound
	}
	return fromExplanation(explained, id, state.Directory(), who), nil
}

func (s access) PreviewAccessChange(ctx context.Context, req *pb.PreviewAccessChangeRequest) (*pb.PreviewAccessChangeResponse, error) {
	id := catalog.DocumentID{Source: req.GetContainer().GetSource(), ID: req.GetContainer().GetId()}
	if v := req.GetAccess(); v != nil {
		id = catalog.DocumentID{Source: v.GetSource(), ID: v.GetId()}
	}
	c, err := callForSource(ctx, id.Source)
	if err != nil {
		return nil, err
	}
	if err := s.validate(req); err != nil {
		return nil, err
	}
	state, err := s.Indexer.Pin(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer state.Release()
	preview, err := s.preview(ctx, state, req)
	if err != nil {
		return nil, err
	}
	resp, err := s.effects(ctx, state, preview, req.GetClearance())
	if err != nil {
		return nil, err
	}
	return resp, s.oversaw(ctx, c, "preview of access", id)
}

// preview checks the change as if it were to be stored, and finds what it concerns.
func (s access) preview(ctx context.Context, state *indexer.State, req *pb.PreviewAccessChangeRequest) (indexer.Preview, error) {
	item := &pb.IngestRequest{Item: &pb.IngestRequest_Container{Container: req.GetContainer()}}
	if v := req.GetAccess(); v != nil {
		item = &pb.IngestRequest{Item: &pb.IngestRequest_Access{Access: v}}
	}
	prepared, err := s.Indexer.Prepare(ctx, toMutation(item))
	if err != nil {
		return indexer.Preview{}, err
	}
	if m, ok := prepared.(catalog.PutAccess); ok {
		p, found := state.Table.PreviewAccess(m)
		if !found {
			return p, catalog.ErrNotFound
		}
		return p, nil
	}
	return state.Table.PreviewContainer(prepared.(catalog.PutContainer).Container), nil
}

// effects asks the preview about every caller that the directory or a policy names, and
// about one that nothing names.
func (s access) effects(ctx context.Context, state *indexer.State, p indexer.Preview, clearance string) (*pb.PreviewAccessChangeResponse, error) {
	now := s.Now()
	callers := append(state.Directory().Users(), p.Named()...)
	slices.Sort(callers)
	callers = append(slices.Compact(callers), unnamed)
	if n := len(callers) * p.Kinds(); n > previewDecisions {
		return nil, fail(codes.FailedPrecondition, "PREVIEW_TOO_LARGE", "the preview would take %d decisions, at most %d; ask for a smaller container", n, previewDecisions)
	}
	resp := &pb.PreviewAccessChangeResponse{Documents: int64(p.Documents), Callers: int64(len(callers)), Time: timestamppb.New(now)}
	for i, user := range callers {
		if i%64 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if issuer, yes := s.Authority.GroupsFromTokens(user); yes {
			resp.Callers-- // who is in which group only a token would say
			if !slices.Contains(resp.UnjudgedIssuers, issuer) {
				resp.UnjudgedIssuers = append(resp.UnjudgedIssuers, issuer)
			}
			continue
		}
		who, err := s.Authority.Imagine(identity.Subject{User: user, Clearance: clearance})
		if err != nil {
			return nil, invalid("UNKNOWN_SENSITIVITY", violation{"clearance", err.Error()})
		}
		view, err := state.View(who, now)
		if err != nil {
			continue // in too many groups: reads nothing, before and after
		}
		e := p.On(view)
		name := string(user)
		if user == unnamed {
			name = string(acl.Everyone)
		}
		if e.Gained > 0 {
			resp.Gains = append(resp.Gains, &pb.AccessEffect{Principal: name, Documents: int64(e.Gained)})
		}
		if e.Lost > 0 {
			resp.Losses = append(resp.Losses, &pb.AccessEffect{Principal: name, Documents: int64(e.Lost)})
		}
	}
	resp.Gains, resp.Losses = mostFirst(resp.Gains), mostFirst(resp.Losses)
	return resp, nil
}

// unnamed stands for a user whom nothing names. No issuer's name has a capital.
const unnamed acl.Principal = "user:Anybody/anybody"

func mostFirst(list []*pb.AccessEffect) []*pb.AccessEffect {
	slices.SortStableFunc(list, func(a, b *pb.AccessEffect) int { return cmp.Compare(b.GetDocuments(), a.GetDocuments()) })
	return list[:min(len(list), previewEffects)]
}

// oversaw records that an overseer has looked at who may read something.
func (h *handler) oversaw(ctx context.Context, c call, what string, id catalog.DocumentID) error {
	_, err := h.record(ctx, c, audit.Record{Kind: audit.KindRead, Read: &audit.Read{Source: id.Source, ID: what + ": " + id.ID}})
	return err
}

func fromExplanation(e indexer.Explanation, id catalog.DocumentID, d *acl.Directory, who acl.Identity) *pb.ExplainAccessResponse {
	resp := &pb.ExplainAccessResponse{
		Admitted: e.Admitted, Sensitivity: e.Label, UserCleared: e.UserCleared, AppCleared: e.AppCleared, AppReaches: e.AppReaches,
		Dangling: e.Dangling, Summary: summary(e), WithheldTime: fromTime(e.Withheld),
	}
	for i, n := range e.Nodes {
		node := id
		if i > 0 {
			node = e.Containers[i-1].DocumentID
		}
		out := &pb.AccessNode{Node: fromID(node), HasPolicy: n.Policy, Own: n.Own, Denied: n.Denied, Admitted: n.Admitted}
		if n.Policy {
			out.Inherit = inherits[n.Inherit]
		}
		for _, l := range n.Layers {
			out.Layers = append(out.Layers, &pb.AccessLayer{Allow: fromMatches(l.Allow, d, who), Deny: fromMatches(l.Deny, d, who)})
		}
		resp.Nodes = append(resp.Nodes, out)
	}
	return resp
}

var inherits = map[acl.Inherit]pb.Inherit{
	acl.Restrict: pb.Inherit_INHERIT_RESTRICT, acl.Extend: pb.Inherit_INHERIT_EXTEND, acl.Replace: pb.Inherit_INHERIT_REPLACE,
}

func fromMatches(matches []acl.Match, d *acl.Directory, who acl.Identity) (list []*pb.AccessMatch) {
	for _, m := range matches {
		out := &pb.AccessMatch{Holds: m.Holds, Grant: &pb.Grant{
			Principal: string(m.Grant.Principal), NotBefore: fromTime(m.Grant.NotBefore), NotAfter: fromTime(m.Grant.NotAfter),
		}}
		path := d.Path(who.User, m.Grant.Principal)
		if m.Grant.Principal == acl.Everyone || slices.Contains(who.Groups, m.Grant.Principal) {
			path = []acl.Principal{who.User, m.Grant.Principal}
		}
		for _, p := range path {
			out.Path = append(out.Path, string(p))
		}
		list = append(list, out)
	}
	return list
}

// summary names the first step that says no, or says that none does.
func summary(e indexer.Explanation) string {
	switch {
	case e.Admitted:
		return "may read it: " + admits(e.Nodes[0])
	case !e.UserCleared:
		return fmt.Sprintf("may not read it: not cleared for %q", e.Label)
	case !e.AppCleared:
		return fmt.Sprintf("may not read it: the app is not cleared for %q", e.Label)
	case !e.AppReaches:
		return "may not read it: the source is not in the app's scope"
	case e.Nodes[0].Admitted:
		return fmt.Sprintf("may not read it: the permissions of the source have not been confirmed in time, so it is withheld since %s", e.Withheld.UTC().Format(time.RFC3339))
	}
	// The answer of the document is a no: the deepest node that says so by itself is why.
	for i := len(e.Nodes) - 1; i >= 0; i-- {
		if n := e.Nodes[i]; n.Policy && !n.Own && !n.Admitted {
			return fmt.Sprintf("may not read it: %s %s", nodeName(e, i), refuses(n))
		}
	}
	if e.Dangling != "" {
		return fmt.Sprintf("may not read it: the container %q is not known", e.Dangling)
	}
	return "may not read it: no policy on the way says who may"
}

// nodeName is a node of the chain, in words.
func nodeName(e indexer.Explanation, i int) string {
	if i == 0 {
		return "its own policy"
	}
	return fmt.Sprintf("the container %q", e.Containers[i-1].ID)
}

func admits(n acl.Node) string {
	if n.Policy && n.Own {
		return "its own policy admits"
	}
	return "what it lies in admits"
}

func refuses(n acl.Node) string {
	var ended []string
	for _, l := range n.Layers {
		for _, m := range l.Deny {
			if m.Holds {
				return fmt.Sprintf("denies %s", m.Grant.Principal)
			}
		}
		for _, m := range l.Allow {
			if !m.Holds {
				ended = append(ended, fmt.Sprintf("%s (%s)", m.Grant.Principal, span(m.Grant)))
			}
		}
	}
	if len(ended) > 0 {
		return "allows only for another time: " + strings.Join(ended, ", ")
	}
	return "allows others only"
}

// span is the time a grant holds in, in words.
func span(g acl.Grant) string {
	var parts []string
	if !g.NotBefore.IsZero() {
		parts = append(parts, "from "+g.NotBefore.UTC().Format(time.RFC3339))
	}
	if !g.NotAfter.IsZero() {
		parts = append(parts, "until "+g.NotAfter.UTC().Format(time.RFC3339))
	}
	return strings.Join(parts, " ")
}
