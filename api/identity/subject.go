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
}

// Imagine returns the identity that the subject would have. It is for explaining decisions
// and must never serve a call: nobody has proved to be the subject. Somebody whose groups
// come with tokens is thought of as in none. Errors wrap ErrRequest.
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
	for _, x := range a.externals {
		if s.User.Kind() == acl.User && issuerOf(s.User) == x.Name && x.Groups != "" {
			id.Groups = []acl.Principal{} // only a token would say
		}
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
