package identity

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/api/identity/oidc"
)

// IssuerConfig describes an external issuer: how its tokens are verified, and what they mean.
type IssuerConfig struct {
	// Name is the issuer in "user:<name>/<subject>" and "group:<name>/<value>".
	Name string
	// Config is how tokens are verified. Its Clients and Now are set by NewAuthority.
	oidc.Config
	// Apps holds the app of each client id whose tokens are accepted.
	Apps map[string]string
	// Person is a claim that the issuer puts into tokens of people and never into those that
	// apps get for themselves. "sub" is for issuers whose apps' own tokens have the client id
	// there.
	Person string
	// Groups is the claim that holds all groups of a person; "" if the directory decides.
	Groups    string
	Clearance ClearanceClaim
	Guest     GuestClaim
	// Require holds values that claims of people's tokens must have, so that an issuer of many
	// organisations vouches for the people of one.
	Require map[string]string
}

// ClearanceClaim maps a claim to labels. The highest label that a value has counts; Default if
// none has one, or if no claim is configured.
type ClearanceClaim struct {
	Claim   string
	Values  map[string]string // label by value
	Default string            // internal if empty, but not if there is a Claim
}

// GuestClaim says who is a guest: whose claim has the value, or who lacks the claim. Without
// a claim nobody is.
type GuestClaim struct{ Claim, Value string }

// external is an issuer that is not the embedded one.
type external struct {
	IssuerConfig
	issuer *oidc.Issuer
	apps   map[string]acl.Principal // by client id
}

var issuerName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// newExternal checks the configuration. Errors begin with the key that is wrong.
func (a *Authority) newExternal(c IssuerConfig) (*external, error) {
	x := &external{IssuerConfig: c, apps: map[string]acl.Principal{}}
	switch {
	case !issuerName.MatchString(c.Name):
		return nil, errors.New("name: must be 1 to 64 of a-z, 0-9, dot, dash and underscore")
	case c.Name+"/" == strings.TrimPrefix(localPrefix, "user:"):
		return nil, errors.New("name: local is the embedded issuer's")
	case c.Person == "":
		return nil, errors.New("person: must name a claim that only people's tokens have, or an app's own token would be taken for a person's")
	case slices.Contains(slices.Collect(maps.Values(c.Require)), ""):
		return nil, errors.New("require: a claim has no value")
	case (c.Guest.Claim == "") != (c.Guest.Value == ""):
		return nil, errors.New("guest: needs a claim and a value")
	case c.Clearance.Claim == "" && len(c.Clearance.Values) > 0:
		return nil, errors.New("clearance.claim: missing")
	case c.Clearance.Claim != "" && c.Clearance.Default == "":
		return nil, errors.New("clearance.default: must say what holds for those whose claim has none of the values")
	}
	for value, label := range c.Clearance.Values {
		if !a.scale.Knows(label) {
			return nil, fmt.Errorf("clearance.values.%s: %w", value, a.unknownLabel(label))
		}
	}
	if x.Clearance.Default == "" {
		x.Clearance.Default = acl.DefaultSensitivity
	}
	if !a.scale.Knows(x.Clearance.Default) {
		return nil, fmt.Errorf("clearance.default: %w", a.unknownLabel(x.Clearance.Default))
	}
	for client, name := range c.Apps {
		app, err := appPrincipal(name)
		if err != nil {
			return nil, fmt.Errorf("apps.%s: %w", client, err)
		}
		if _, listed := a.apps[app]; app == BuiltinApp && !listed {
			return nil, fmt.Errorf("apps.%s: %s is the command line, which reaches everything; give it a scope first", client, name)
		}
		x.apps[client] = app
	}
	c.Clients = slices.Sorted(maps.Keys(c.Apps))
	c.Now = a.now
	var err error
	x.issuer, err = oidc.New(c.Config)
	return x, err
}

// external returns who a verified token of x speaks of.
func (a *Authority) external(x *external, t oidc.Token) (Caller, error) {
	c := Caller{Expires: t.Expires, TokenID: t.ID}
	c.App = x.apps[t.App()]
	c.Scope = a.scope(c.App)
	label, err := x.label(t, a.scale)
	if err != nil {
		return Caller{}, err
	}
	c.Clearance = a.scale.UpTo(label)
	if !x.isPerson(t) {
		if len(t.Actors) > 0 {
			return Caller{}, invalid(errors.New("act: an app acts for an app, and for no person"))
		}
		c.User = c.App
		c.Roles = a.assigned(c, x, &t)
		return c, nil
	}
	if t.Subject == "" {
		return Caller{}, invalid(fmt.Errorf("%s: missing, though it is a person's token", x.issuer.Subject))
	}
	if err := x.meets(t); err != nil {
		return Caller{}, err
	}
	c.User = acl.Principal("user:" + x.Name + "/" + t.Subject)
	if err := c.User.Validate(); err != nil {
		return Caller{}, invalid(fmt.Errorf("%s: %w", x.issuer.Subject, err))
	}
	if c.Chain, err = x.chain(t); err != nil {
		return Caller{}, invalid(fmt.Errorf("act: %w", err))
	}
	if c.Guest, err = x.isGuest(t); err != nil {
		return Caller{}, err
	}
	if x.Groups != "" {
		if c.Groups, err = x.groups(t); err != nil {
			return Caller{}, err
		}
	}
	c.Roles = a.assigned(c, x, &t)
	return c, nil
}

// isPerson reports whether the token speaks of a person. Everything else is an app that acts
// for itself: a token of its own that passed for a person's would be in everyone.
func (x *external) isPerson(t oidc.Token) bool {
	_, client := x.apps[t.Subject]
	return t.Has(x.Person) && !client && t.Subject != t.Client
}

// meets checks what the configuration requires of people's tokens.
func (x *external) meets(t oidc.Token) error {
	for claim, value := range x.Require {
		values, err := t.Values(claim)
		if err != nil {
			return err
		}
		if !slices.Contains(values, value) {
			return invalid(fmt.Errorf("%s: not what is required", claim))
		}
	}
	return nil
}

// groups returns exactly the groups of the claim, never nil. A token that says that the list
// is elsewhere, or has no list, would leave out groups that a policy may deny.
func (x *external) groups(t oidc.Token) ([]acl.Principal, error) {
	if t.Has("_claim_names") || t.Has("hasgroups") {
		return nil, ErrGroupsIncomplete
	}
	values, err := t.Values(x.Groups)
	if err != nil {
		return nil, err
	}
	if values == nil {
		return nil, ErrGroupsIncomplete
	}
	if len(values) > acl.MaxGroups {
		return nil, acl.ErrTooManyGroups
	}
	groups := make([]acl.Principal, 0, len(values))
	for _, v := range values {
		// No policy can name what is no principal, so leaving it out changes no decision.
		if g := acl.Principal("group:" + x.Name + "/" + v); v != "" && g.Kind() == acl.Group {
			groups = append(groups, g)
		}
	}
	return groups, nil
}

// label returns what the subject is cleared for.
func (x *external) label(t oidc.Token, scale acl.Scale) (string, error) {
	if x.Clearance.Claim == "" {
		return x.Clearance.Default, nil
	}
	values, err := t.Values(x.Clearance.Claim)
	if err != nil {
		return "", err
	}
	highest := ""
	for _, v := range values {
		if label, ok := x.Clearance.Values[v]; ok && len(scale.UpTo(label)) > len(scale.UpTo(highest)) {
			highest = label
		}
	}
	if highest == "" {
		return x.Clearance.Default, nil
	}
	return highest, nil
}

func (x *external) isGuest(t oidc.Token) (bool, error) {
	if x.Guest.Claim == "" {
		return false, nil
	}
	values, err := t.Values(x.Guest.Claim)
	return values == nil || slices.Contains(values, x.Guest.Value), err
}

// chain returns the apps between the person and the server, the acting one first. An app
// further back need not be listed, since it decides nothing; it is recorded by its client id.
func (x *external) chain(t oidc.Token) ([]string, error) {
	chain := []string{string(x.apps[t.App()])}
	if len(t.Actors) < 2 {
		return chain, nil
	}
	for _, client := range t.Actors[1:] {
		name, listed := x.apps[client]
		if !listed {
			if err := acl.Principal(servicePrefix + client).Validate(); err != nil {
				return nil, err
			}
			name = acl.Principal("client:" + x.Name + "/" + client)
		}
		chain = append(chain, string(name))
	}
	return chain, nil
}
