package identity

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/api/identity/oidc"
)

// Assignment is a row of the one table that says who may do what besides reading, for the
// callers of all external issuers. The embedded issuer's tokens say it themselves.
//
// It names a principal, or a value of a claim of one issuer. People have a role only through
// the apps that the row lists: an app that answers questions for an administrator has no need
// to administrate, and whatever misleads it should find that it cannot.
type Assignment struct {
	Role      Grant
	Principal acl.Principal // this person or app; or else
	Issuer    string        // the people of this issuer, by its name,
	Claim     string        // whose token has in this claim
	Value     string        // this value
	Apps      []string      // through which apps, by name; none for an app's own role
}

func (r Assignment) check(a *Authority) error {
	if _, err := ParseRole(r.Role.String()); err != nil {
		return err
	}
	for _, name := range r.Apps {
		if _, err := appPrincipal(name); err != nil {
			return fmt.Errorf("apps: %w", err)
		}
	}
	named := func(issuer string) bool {
		return slices.ContainsFunc(a.externals, func(x *external) bool { return x.Name == issuer })
	}
	byClaim := r.Issuer != "" || r.Claim != "" || r.Value != ""
	switch kind := r.Principal.Kind(); {
	case (r.Principal != "") == byClaim:
		return errors.New("give a principal, or an issuer, a claim and a value")
	case byClaim && (r.Claim == "" || r.Value == ""):
		return errors.New("an issuer needs a claim and a value")
	case byClaim && !named(r.Issuer):
		return fmt.Errorf("issuer: %q is not configured", r.Issuer)
	case !byClaim && kind != acl.User && kind != acl.Service:
		return errors.New("principal: must be user:<issuer>/<subject> or service:<name>")
	case kind == acl.User && !named(issuerOf(r.Principal)):
		return fmt.Errorf("principal: the issuer %q is not configured here; the embedded issuer's tokens name their roles themselves", issuerOf(r.Principal))
	case kind == acl.Service && len(r.Apps) > 0:
		return errors.New("apps: an app's own role is its own alone")
	case kind != acl.Service && len(r.Apps) == 0:
		return errors.New("apps: must list the apps through which people have the role")
	}
	return nil
}

// issuerOf returns the name of the issuer in "user:<name>/<subject>".
func issuerOf(user acl.Principal) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(string(user), "user:"), "/")
	return name
}

// assigned returns the roles of a caller whose token of x is t; both are nil for an app
// without a token.
func (a *Authority) assigned(c Caller, x *external, t *oidc.Token) (roles Roles) {
	person := c.User.Kind() == acl.User
	for _, r := range a.roles {
		if person && !slices.Contains(r.Apps, strings.TrimPrefix(string(c.App), servicePrefix)) {
			continue
		}
		gives := r.Principal == c.User
		if person && r.Issuer == x.Name {
			values, _ := t.Values(r.Claim) // what cannot be read gives nothing
			gives = slices.Contains(values, r.Value)
		}
		if gives {
			roles = append(roles, r.Role)
		}
	}
	return roles
}
