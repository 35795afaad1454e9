package identity

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/url"
	"strings"

	"github.com/muniment/muniment/acl"
)

// checkCertificates reads which names in client certificates stand for which app.
func (a *Authority) checkCertificates(names map[string]string) error {
	a.certificates = map[string]acl.Principal{}
	for name, app := range names {
		p, err := appPrincipal(app)
		if err != nil {
			return fmt.Errorf("tls.apps.%s: %w", name, err)
		}
		if _, listed := a.apps[p]; p == BuiltinApp && !listed {
			return fmt.Errorf("tls.apps.%s: %s is the command line, which reaches everything; give it a scope first", name, app)
		}
		isDNS := !strings.ContainsAny(name, ":/*@ ") && name == strings.ToLower(name) && strings.Contains(name, ".")
		if u, err := url.Parse(name); !isDNS && (err != nil || u.Scheme == "" || u.Host == "") {
			return fmt.Errorf("tls.apps.%s: neither a URI, such as a SPIFFE id, nor a DNS name in small letters", name)
		}
		a.certificates[name] = p
	}
	return nil
}

// certified returns the app that a verified client certificate is for, as a caller for itself.
// Only URI and DNS names of its subjectAltName say so, never its common name, which a CA may
// let anybody choose; and all that are known must be of one app.
func (a *Authority) certified(c *x509.Certificate) (Caller, error) {
	names := append([]string{}, c.DNSNames...)
	for _, u := range c.URIs {
		names = append(names, u.String())
	}
	var app acl.Principal
	for _, name := range names {
		switch found := a.certificates[name]; {
		case found == "":
		case app != "" && app != found:
			return Caller{}, &refusal{ReasonCertificate, "the client certificate is for two apps"}
		default:
			app = found
		}
	}
	now := a.now()
	switch {
	case app == "":
		return Caller{}, &refusal{ReasonCertificate, "the client certificate is for no app that is configured"}
	case len(c.URIs) > 1:
		return Caller{}, &refusal{ReasonCertificate, "the client certificate has several URIs, and a SPIFFE id is the only one"}
	case now.Before(c.NotBefore) || now.After(c.NotAfter):
		return Caller{}, &refusal{ReasonCertificate, "the client certificate is out of its time"}
	}
	caller := Caller{
		Identity: acl.Identity{User: app, App: app, Clearance: a.scale.UpTo(acl.DefaultSensitivity), Scope: a.scope(app)},
		Expires:  c.NotAfter.UTC(),
	}
	caller.Roles = a.assigned(caller, nil, nil)
	return caller, nil
}

var errOtherApp = &refusal{ReasonUnbound, "the token was issued to another app than the client certificate is for"}

// presented verifies what comes first: a token, a client certificate for itself, or a token
// with a certificate, which must be of the app that the token was issued to. Outside reports
// whether it is not the embedded issuer's.
func (a *Authority) presented(ctx context.Context, c Credentials) (caller Caller, outside bool, err error) {
	if c.Certificate == nil {
		return a.verify(ctx, c.Token)
	}
	app, err := a.certified(c.Certificate)
	if err != nil || c.Token == "" {
		return app, true, err
	}
	if caller, outside, err = a.verify(ctx, c.Token); err != nil {
		return Caller{}, false, err
	}
	if caller.App != app.App {
		return Caller{}, false, errOtherApp
	}
	if app.Expires.Before(caller.Expires) {
		caller.Expires = app.Expires
	}
	return caller, outside, nil
}
