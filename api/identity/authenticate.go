package identity

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/api/identity/oidc"
)

// Credentials are what a call brings.
type Credentials struct {
	// Token is a person's token, issued to the app that presents it, or the app's own; "" for
	// none, which only a certificate makes up for.
	Token string
	// UserToken is the person's if Token is the app's own; "" for none.
	UserToken string
	// Certificate is the connection's client certificate, nil for none. It must have been
	// verified, but for what its names mean.
	Certificate *x509.Certificate
}

// Why a caller whose tokens are genuine is refused all the same.
var (
	// ErrUserRequired says that an app called for itself and is not configured to do so.
	ErrUserRequired = errors.New("the app must say for which person it acts")
	// ErrGroupsIncomplete says that a token does not hold all of the person's groups.
	ErrGroupsIncomplete = errors.New("the token does not hold all groups of the person")
	// ErrUnavailable says that the keys of the token's issuer cannot be had.
	ErrUnavailable = oidc.ErrUnavailable
)

// Authenticate returns the caller that the credentials speak of. With two tokens both are
// verified, and the person's must have been issued to the very app whose token comes with it:
// a token that was stolen from one app, or that one app passes to another, opens nothing.
// What the two may read is the person's, cut by the app's scope; of roles there are the
// person's alone; and it ends when the first of the two tokens does. A client certificate
// stands for the app's own token, or must be of the same app as the token that it comes with.
//
// Errors wrap ErrUnauthenticated, with a Reason, or ErrUserRequired, ErrGroupsIncomplete,
// ErrUnavailable or acl.ErrTooManyGroups.
func (a *Authority) Authenticate(ctx context.Context, c Credentials) (Caller, error) {
	caller, outside, err := a.presented(ctx, c)
	if err != nil {
		return Caller{}, err
	}
	alone := caller.User == caller.App
	if c.UserToken == "" {
		if alone && outside && !a.apps[caller.App].Service {
			return Caller{}, ErrUserRequired
		}
		return caller, nil
	}
	if !alone {
		return Caller{}, invalid(errors.New("there is a person's token beside it, so it must be the app's own"))
	}
	person, _, err := a.verify(ctx, c.UserToken)
	switch {
	case err != nil:
		return Caller{}, err
	case person.User.Kind() != acl.User:
		return Caller{}, invalid(errors.New("what should be a person's token is an app's"))
	case person.App != caller.App:
		return Caller{}, &refusal{ReasonUnbound, "the person's token was not issued to the app that presents it"}
	}
	if caller.Expires.Before(person.Expires) {
		person.Expires = caller.Expires
	}
	return person, nil
}

// Verify is Authenticate for one token. It may wait for the keys of an external issuer.
func (a *Authority) Verify(token string) (Caller, error) {
	return a.Authenticate(context.Background(), Credentials{Token: token})
}

// Prepare fetches the keys of the external issuers, so that the first callers need not wait.
// Its errors name the issuers that cannot be asked.
func (a *Authority) Prepare(ctx context.Context) error {
	var errs []error
	for _, x := range a.externals {
		if err := x.issuer.Prepare(ctx); err != nil {
			errs = append(errs, fmt.Errorf("issuer %s: %w", x.Name, err))
		}
	}
	return errors.Join(errs...)
}

// KeysFrom returns for each external issuer, by its name, when the keys in use were fetched;
// the zero time if none were.
func (a *Authority) KeysFrom() map[string]time.Time {
	from := map[string]time.Time{}
	for _, x := range a.externals {
		from[x.Name] = x.issuer.KeysFrom()
	}
	return from
}

// verify verifies one token by the issuer that it names, and reports whether that is an
// external one. What the token names is read before anything is verified and chooses whose
// rules it must pass; each issuer looks at iss again.
func (a *Authority) verify(ctx context.Context, token string) (c Caller, outside bool, err error) {
	v, err := a.verified.of(ctx, token, a.now())
	if v == nil && err == nil {
		if v, err = a.fromTheBeginning(ctx, token); err == nil {
			a.verified.remember(token, v)
		}
	}
	if err != nil {
		return Caller{}, false, translated(err)
	}
	return v.caller, v.outside, nil
}

// translated is an error of package oidc in the words of this one.
func translated(err error) error {
	if r, ok := errors.AsType[*oidc.Refusal](err); ok {
		return &refusal{r.Reason, r.Text}
	}
	return err
}

func (a *Authority) fromTheBeginning(ctx context.Context, token string) (*verification, error) {
	if len(a.externals) > 0 {
		if len(token) > oidc.MaxTokenBytes {
			return nil, &refusal{ReasonTooLarge, fmt.Sprintf("%d bytes, at most %d", len(token), oidc.MaxTokenBytes)}
		}
		claimed := oidc.Claimed(token)
		i := slices.IndexFunc(a.externals, func(x *external) bool { return x.Issuer == claimed })
		if i >= 0 {
			return a.outside(ctx, a.externals[i], token)
		}
	}
	return a.embedded(token)
}

func (a *Authority) outside(ctx context.Context, x *external, token string) (*verification, error) {
	t, err := x.issuer.Verify(ctx, token)
	var c Caller
	if err == nil {
		c, err = a.external(x, t)
	}
	if err != nil {
		return nil, err
	}
	return &verification{
		caller: c, outside: true, from: t.From, until: t.Expires,
		stands: func(ctx context.Context) (bool, error) { return x.issuer.Stands(ctx, t.Proof) },
	}, nil
}
