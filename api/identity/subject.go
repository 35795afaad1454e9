package identity

import (
	"fmt"
	"strings"

	"github.com/muniment/muniment/acl"
)

// Subject is a caller that is thought of, to ask what it could read.
type Subject struct {
	User      acl.Principal // of any issuer
	App       string        // "chat" or "service:chat"; an app that reaches everything if empty
	Clearance string        // the user's; internal if empty
	Guest     bool
	// Groups are what the subject's tokens would say of its groups; nil for nothing.
	Groups []acl.Principal
}

var errGroupsOfTokens = fmt.Errorf("%w: claimed_groups: tokens of this issuer say which groups a person is in; say which, or that there are none", ErrRequest)

// Imagine returns the identity that the subject would have. It is for explaining decisions
// and must never serve a call: nobody has proved to be the subject. Somebody whose groups come
// with tokens cannot be thought of without them: an answer as if in none
// would be wrong wherever a group is allowed or denied. Errors wrap ErrRequest.
func (a *Authority) Imagine(s Subject) (acl.Identity, error) {
	if kind := s.User.Kind(); kind != acl.User && kind != acl.Service {
		return acl.Identity{}, fmt.Errorf("%w: principal: %.80q is no user and no service", ErrRequest, s.User)
	}
	label := s.Clearance
	if label == "" {
		label = acl.DefaultSensitivity
	}
	if !a.scale.Knows(label) {
		return acl.Identity{}, fmt.Errorf("%w: clearance: %w", ErrRequest, a.unknownLabel(label))
	}
	id := acl.Identity{
		User: s.User, App: BuiltinApp, Guest: s.Guest, Clearance: a.scale.UpTo(label),
		Scope: acl.Scope{AllSources: true, Clearance: a.scale.UpTo(a.scale.Top())},
	}
	var err error
	if id.Groups, err = a.claimed(s); err != nil {
		return acl.Identity{}, err
	}
	if s.App != "" {
		app, err := appPrincipal(strings.TrimPrefix(s.App, servicePrefix))
		if err != nil {
			return acl.Identity{}, fmt.Errorf("%w: app: %w", ErrRequest, err)
		}
		id.App, id.Scope = app, a.scope(app)
	}
	return id, nil
}

// GroupsFromTokens reports whether the groups of a principal come with its tokens, and from
// which issuer.
func (a *Authority) GroupsFromTokens(p acl.Principal) (issuer string, yes bool) {
	for _, x := range a.externals {
		if p.Kind() == acl.User && issuerOf(p) == x.Name && x.Groups != "" {
			return x.Name, true
		}
	}
	return "", false
}

// MembersFromTokens reports whether only tokens say who is in a group.
func (a *Authority) MembersFromTokens(group acl.Principal) bool {
	for _, x := range a.externals {
		if x.Groups != "" && strings.HasPrefix(string(group), "group:"+x.Name+"/") {
			return true
		}
	}
	return false
}

// claimed returns the groups that the subject's token would hold, nil if the directory decides.
func (a *Authority) claimed(s Subject) ([]acl.Principal, error) {
	issuer, yes := a.GroupsFromTokens(s.User)
	switch {
	case yes && s.Groups == nil:
		return nil, errGroupsOfTokens
	case !yes && s.Groups != nil:
		return nil, fmt.Errorf("%w: claimed_groups: the directory knows the groups of %.80q", ErrRequest, s.User)
	}
	for _, g := range s.Groups {
		if value, of := strings.CutPrefix(string(g), "group:"+issuer+"/"); !of || value == "" || g.Kind() != acl.Group {
			return nil, fmt.Errorf("%w: claimed_groups: %.80q is no group:%s/VALUE", ErrRequest, g, issuer)
		}
	}
	return s.Groups, nil
}
