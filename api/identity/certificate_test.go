package identity

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/api/identity/oidc/oidctest"
)

// certificateOf is a certificate as it is once its chain has been verified. Names with "://"
// are URIs, the others DNS names.
func certificateOf(names ...string) *x509.Certificate {
	c := &x509.Certificate{NotBefore: start.Add(-time.Hour), NotAfter: start.Add(30 * time.Minute), Subject: pkix.Name{CommonName: "spiffe://corp.test/chat"}}
	for _, name := range names {
		if u, err := url.Parse(name); err == nil && strings.Contains(name, "://") {
			c.URIs = append(c.URIs, u)
		} else {
			c.DNSNames = append(c.DNSNames, name)
		}
	}
	return c
}

// TestCertificates (ID-18, ID-19, ID-32): a client certificate is an app's by its URI or DNS
// names and never by its common name; with one, people's tokens must have been issued to
// that app.
func TestCertificates(t *testing.T) {
	p := oidctest.New("https://idp.test")
	a, _ := trusting(t, p, func(c *Config, _ *IssuerConfig) {
		c.Certificates = map[string]string{"spiffe://corp.test/chat": "chat", "chat.corp.test": "chat", "spiffe://corp.test/crawler": "crawler", "wiki.corp.test": "wiki"}
		c.Roles = []Assignment{{Role: Grant{RoleIngest, "handbook"}, Principal: "service:crawler"}}
	})
	alice := p.Sign(nil, aliceClaims(p))
	chat, crawler := certificateOf("spiffe://corp.test/chat"), certificateOf("spiffe://corp.test/crawler")
	early, late := certificateOf("chat.corp.test"), certificateOf("chat.corp.test")
	early.NotBefore, late.NotAfter = start.Add(time.Second), start.Add(-time.Second)
	for name, c := range map[string]struct {
		certificate *x509.Certificate
		token, user string
		want        acl.Principal
		err         error
		reason      string
	}{
		"a person's token":                 {chat, alice, "", "user:corp/8f3c", nil, ""},
		"in the second place":              {chat, "", alice, "user:corp/8f3c", nil, ""},
		"beside the app's own":             {chat, p.Sign(nil, appClaims(p, "client-chat")), alice, "user:corp/8f3c", nil, ""},
		"by DNS name":                      {certificateOf("other.corp.test", "chat.corp.test"), alice, "", "user:corp/8f3c", nil, ""},
		"by both":                          {certificateOf("spiffe://corp.test/chat", "chat.corp.test"), alice, "", "user:corp/8f3c", nil, ""},
		"a service for itself":             {crawler, "", "", "service:crawler", nil, ""},
		"ID-18 no token":                   {chat, "", "", "", ErrUserRequired, ""},
		"ID-19 another app's person":       {crawler, alice, "", "", ErrUnauthenticated, ReasonUnbound},
		"ID-19 in the second place":        {crawler, "", alice, "", ErrUnauthenticated, ReasonUnbound},
		"ID-19 another app's own token":    {chat, p.Sign(nil, appClaims(p, "client-crawler")), "", "", ErrUnauthenticated, ReasonUnbound},
		"ID-19 an embedded token":          {crawler, issue(t, a, Request{Subject: "user:local/ada"}), "", "", ErrUnauthenticated, ReasonUnbound},
		"a bad token":                      {chat, "alice", "", "", ErrUnauthenticated, ReasonInvalid},
		"ID-32 the common name alone":      {certificateOf(), alice, "", "", ErrUnauthenticated, ReasonCertificate},
		"ID-32 an unknown SPIFFE id":       {certificateOf("spiffe://corp.test/other"), alice, "", "", ErrUnauthenticated, ReasonCertificate},
		"ID-32 another trust domain":       {certificateOf("spiffe://evil.test/chat"), alice, "", "", ErrUnauthenticated, ReasonCertificate},
		"ID-32 a longer path":              {certificateOf("spiffe://corp.test/chat/x"), alice, "", "", ErrUnauthenticated, ReasonCertificate},
		"ID-32 in other case":              {certificateOf("spiffe://corp.test/Chat"), alice, "", "", ErrUnauthenticated, ReasonCertificate},
		"ID-32 a wildcard":                 {certificateOf("*.corp.test"), alice, "", "", ErrUnauthenticated, ReasonCertificate},
		"ID-32 two SPIFFE ids":             {certificateOf("spiffe://corp.test/chat", "spiffe://corp.test/other"), alice, "", "", ErrUnauthenticated, ReasonCertificate},
		"ID-32 two apps":                   {certificateOf("spiffe://corp.test/chat", "wiki.corp.test"), alice, "", "", ErrUnauthenticated, ReasonCertificate},
		"ID-32 not yet valid":              {early, alice, "", "", ErrUnauthenticated, ReasonCertificate},
		"ID-32 expired on the connection":  {late, alice, "", "", ErrUnauthenticated, ReasonCertificate},
		"ID-32 unknown, with no token":     {certificateOf("x.test"), "", "", "", ErrUnauthenticated, ReasonCertificate},
		"ID-32 unknown, in second place":   {certificateOf("x.test"), "", alice, "", ErrUnauthenticated, ReasonCertificate},
		"no certificate, and no token":     {nil, "", "", "", ErrUnauthenticated, ReasonMissing},
		"no certificate, a token in place": {nil, alice, "", "user:corp/8f3c", nil, ""},
	} {
		got, err := a.Authenticate(t.Context(), Credentials{Token: c.token, UserToken: c.user, Certificate: c.certificate})
		if got.User != c.want || !errors.Is(err, c.err) || c.err != nil && err == nil || Reason(err) != c.reason {
			t.Errorf("%s: %q, %v (%s), want %q, %v (%s)", name, got.User, err, Reason(err), c.want, c.err, c.reason)
		}
		if err == nil && c.certificate != nil && !got.Expires.Equal(c.certificate.NotAfter) {
			t.Errorf("%s: until %v, though the certificate ends at %v", name, got.Expires, c.certificate.NotAfter)
		}
		if err == nil && got.Roles.May(RoleIngest, "handbook") != (got.User == "service:crawler") {
			t.Errorf("%s: roles %v", name, got.Roles)
		}
	}
}

// TestCertificateNamesThatAreRefused: a name that could never match, or match too much.
func TestCertificateNamesThatAreRefused(t *testing.T) {
	for _, name := range []string{"", "chat", "Chat.corp.test", "*.corp.test", "CN=chat", "chat@corp.test", "spiffe:", "spiffe://", "10.0.0.1:80", "chat .test"} {
		err := Config{Audience: audience, Scale: acl.DefaultScale, Certificates: map[string]string{name: "chat"}}.Check()
		if err == nil || !strings.HasPrefix(err.Error(), "tls.apps."+name+":") {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, app := range []string{"", "service:chat", "muniment-cli"} {
		if err := (Config{Audience: audience, Scale: acl.DefaultScale, Certificates: map[string]string{"a.test": app}}).Check(); err == nil {
			t.Errorf("the app %q is taken", app)
		}
	}
}
