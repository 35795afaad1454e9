package identity

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/muniment/muniment/acl"
)

// BuiltinApp is the app that a token acts through if none is named. Its scope is every source
// and every label, unless the configuration lists it.
const BuiltinApp acl.Principal = servicePrefix + "muniment-cli"

// MaxLeeway is the largest leeway that can be configured.
const MaxLeeway = 5 * time.Minute

const (
	localPrefix   = "user:local/" // of the users whom the embedded issuer vouches for
	servicePrefix = "service:"
	algorithm     = "EdDSA"
)

// Config is what an Authority goes by.
type Config struct {
	// Audience names this service; a token must be meant for it. It must not be empty.
	Audience string
	// Scale holds the sensitivity labels, lowest first. It must not be empty.
	Scale acl.Scale
	// Apps holds the scopes of apps by name: "chat" for "service:chat". An app that is not
	// listed reaches all sources, up to internal.
	Apps map[string]App
	// Leeway is how far the clocks of issuer and server may be apart, 0 to MaxLeeway. The
	// default is none: the embedded issuer is the server itself or its neighbour.
	Leeway time.Duration
	// Issuers are whom else to believe.
	Issuers []IssuerConfig
	// Certificates holds the app that a URI or DNS name in a client certificate stands for.
	Certificates map[string]string
	// Roles says what callers of those issuers, and with those certificates, may do besides
	// reading.
	Roles []Assignment
	// Now is the clock; time.Now if nil.
	Now func() time.Time
}

// App is what one app may reach, whoever it acts for.
type App struct {
	Sources   []string // nil for all; empty for none
	Clearance string   // a label of the scale; "" for internal
	// Service allows the app to call for itself with its own token of an external issuer. The
	// embedded issuer makes such tokens only for those who hold its keys.
	Service bool
}

// Authority issues the tokens of the embedded issuer, and verifies those and the tokens of
// the external issuers that it is told of. It is safe for concurrent use.
type Authority struct {
	ring      *KeyRing
	audience  string
	scale     acl.Scale
	apps      map[acl.Principal]App
	externals []*external
	roles     []Assignment
	now       func() time.Time
	parser    *jwt.Parser
	leeway    time.Duration
	verified  verified

	certificates map[string]acl.Principal
}

// NewAuthority returns an authority over the ring's keys. Its errors name the field of the
// configuration that is wrong.
func NewAuthority(k *KeyRing, c Config) (*Authority, error) {
	if k == nil {
		return nil, errors.New("missing key ring")
	}
	return build(k, k.issuer(), c)
}

// Check returns the error that NewAuthority would, for those who have no key ring yet.
func (c Config) Check() error {
	_, err := build(nil, "", c)
	return err
}

func build(k *KeyRing, issuer string, c Config) (*Authority, error) {
	switch {
	case strings.TrimSpace(c.Audience) == "":
		return nil, errors.New("audience: must not be empty, or tokens for any service would do")
	case len(c.Scale) == 0:
		return nil, errors.New("sensitivity scale: must not be empty")
	case c.Leeway < 0 || c.Leeway > MaxLeeway:
		return nil, fmt.Errorf("leeway: %v, must be 0 to %v", c.Leeway, MaxLeeway)
	}
	a := &Authority{ring: k, audience: c.Audience, scale: slices.Clone(c.Scale), apps: map[acl.Principal]App{}, now: c.Now, leeway: c.Leeway}
	if a.now == nil {
		a.now = time.Now
	}
	for name, app := range c.Apps {
		p, err := appPrincipal(name)
		if err != nil {
			return nil, fmt.Errorf("apps.%s: %w", name, err)
		}
		if app.Clearance != "" && !a.scale.Knows(app.Clearance) {
			return nil, fmt.Errorf("apps.%s.clearance: %w", name, a.unknownLabel(app.Clearance))
		}
		if slices.Contains(app.Sources, "") {
			return nil, fmt.Errorf("apps.%s.sources: a source has no name", name)
		}
		app.Sources = slices.Clone(app.Sources)
		a.apps[p] = app
	}
	for _, other := range c.Issuers {
		if other.Issuer == issuer && issuer != "" {
			return nil, fmt.Errorf("issuers.%s.issuer: this is the embedded issuer's", other.Name)
		}
		x, err := a.newExternal(other)
		if err != nil {
			return nil, fmt.Errorf("issuers.%s.%w", other.Name, err)
		}
		for _, other := range a.externals {
			if other.Name == x.Name || other.Issuer == x.Issuer {
				return nil, fmt.Errorf("issuers.%s: two issuers have this name, or one iss", x.Name)
			}
		}
		a.externals = append(a.externals, x)
	}
	if err := a.checkCertificates(c.Certificates); err != nil {
		return nil, err
	}
	for i, r := range c.Roles {
		if err := r.check(a); err != nil {
			return nil, fmt.Errorf("roles[%d]: %w", i, err)
		}
		a.roles = append(a.roles, r)
	}
	a.parser = jwt.NewParser(
		jwt.WithValidMethods([]string{algorithm}),
		jwt.WithStrictDecoding(),
		jwt.WithIssuer(issuer),
		jwt.WithAudience(a.audience),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
		jwt.WithLeeway(c.Leeway),
		jwt.WithTimeFunc(a.now),
	)
	return a, nil
}

// appPrincipal returns the principal of the app that the configuration calls name.
func appPrincipal(name string) (acl.Principal, error) {
	if strings.HasPrefix(name, servicePrefix) {
		return "", fmt.Errorf("leave out %q", servicePrefix)
	}
	p := acl.Principal(servicePrefix + name)
	return p, p.Validate()
}

// vouches reports what is wrong with a principal that the embedded issuer would speak for.
func vouches(p acl.Principal) error {
	switch kind := p.Kind(); {
	case kind == acl.Invalid:
		return p.Validate()
	case kind == acl.Service, kind == acl.User && strings.HasPrefix(string(p), localPrefix):
		return nil
	}
	return fmt.Errorf("the embedded issuer vouches only for %q and %q", localPrefix+"<subject>", servicePrefix+"<name>")
}

// scope returns what the app may reach.
func (a *Authority) scope(app acl.Principal) acl.Scope {
	configured, listed := a.apps[app]
	if !listed && app == BuiltinApp {
		return acl.Scope{AllSources: true, Clearance: a.scale.UpTo(a.scale.Top())}
	}
	label := configured.Clearance
	if label == "" {
		label = acl.DefaultSensitivity
	}
	return acl.Scope{
		AllSources: configured.Sources == nil,
		Sources:    configured.Sources,
		Clearance:  a.scale.UpTo(label),
	}
}

func (a *Authority) unknownLabel(label string) error {
	return fmt.Errorf("unknown label %.40q; the scale is %s", label, strings.Join(a.scale, " < "))
}
