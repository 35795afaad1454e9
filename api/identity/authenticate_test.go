package identity

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/api/identity/oidc/oidctest"
	"github.com/muniment/muniment/internal/prove"
)

// TestTwoTokens (ID-18, ID-19, ID-21): an app's own token and a person's, and every pair that
// is not one.
func TestTwoTokens(t *testing.T) {
	p := oidctest.New("https://idp.test")
	a, _ := trusting(t, p, nil)
	alice, chat, wiki, crawler := p.Sign(nil, aliceClaims(p)), p.Sign(nil, appClaims(p, "client-chat")), p.Sign(nil, appClaims(p, "client-wiki")), p.Sign(nil, appClaims(p, "client-crawler"))
	delegated := p.Sign(nil, with(aliceClaims(p), "act", map[string]any{"sub": "client-wiki", "act": map[string]any{"sub": "client-chat"}}))
	local := issue(t, a, Request{Subject: "service:chat", Roles: []Grant{{RoleAdmin, ""}}})
	expired := p.Sign(nil, with(appClaims(p, "client-chat"), "exp", start.Unix()-1))
	foreign := oidctest.New("https://idp.test").Sign(nil, appClaims(p, "client-chat"))

	for name, c := range map[string]struct {
		token, user string
		want        acl.Principal // the user; "" for a refusal
		app         acl.Principal
		err         error
		reason      string
	}{
		"the person's alone":            {alice, "", "user:corp/8f3c", "service:chat", nil, ""},
		"both":                          {chat, alice, "user:corp/8f3c", "service:chat", nil, ""},
		"the app's from the embedded":   {local, alice, "user:corp/8f3c", "service:chat", nil, ""},
		"both, delegated":               {wiki, delegated, "user:corp/8f3c", "service:wiki", nil, ""},
		"ID-18 the app's alone":         {chat, "", "", "", ErrUserRequired, ""},
		"a service's alone":             {crawler, "", "service:crawler", "service:crawler", nil, ""},
		"ID-19 through another app":     {wiki, alice, "", "", ErrUnauthenticated, ReasonUnbound},
		"ID-19 through a service":       {crawler, alice, "", "", ErrUnauthenticated, ReasonUnbound},
		"ID-19 delegated on":            {chat, delegated, "", "", ErrUnauthenticated, ReasonUnbound},
		"two people":                    {alice, alice, "", "", ErrUnauthenticated, ReasonInvalid},
		"two apps":                      {chat, chat, "", "", ErrUnauthenticated, ReasonInvalid},
		"the wrong way round":           {alice, chat, "", "", ErrUnauthenticated, ReasonInvalid},
		"no app's":                      {"", alice, "", "", ErrUnauthenticated, ReasonMissing},
		"the app's is over":             {expired, alice, "", "", ErrUnauthenticated, ReasonExpired},
		"the person's is over":          {chat, p.Sign(nil, with(aliceClaims(p), "exp", start.Unix()-1)), "", "", ErrUnauthenticated, ReasonExpired},
		"the app's is forged":           {foreign, alice, "", "", ErrUnauthenticated, ReasonInvalid},
		"the person's is none":          {chat, "alice", "", "", ErrUnauthenticated, ReasonInvalid},
		"ID-21 an app not listed":       {p.Sign(nil, appClaims(p, "client-evil")), alice, "", "", ErrUnauthenticated, ReasonApp},
		"an app that acts for an app":   {p.Sign(nil, with(appClaims(p, "client-chat"), "act", map[string]any{"sub": "client-wiki"})), "", "", "", ErrUnauthenticated, ReasonInvalid},
		"an app's with a person's mark": {p.Sign(nil, with(appClaims(p, "client-chat"), "scope", "read")), "", "", "", ErrUserRequired, ""},
		"a person without the mark":     {p.Sign(nil, with(aliceClaims(p), "scope", nil)), "", "", "", ErrUserRequired, ""},
	} {
		got, err := a.Authenticate(t.Context(), Credentials{Token: c.token, UserToken: c.user})
		if got.User != c.want || got.App != c.app || !errors.Is(err, c.err) || Reason(err) != c.reason {
			t.Errorf("%s: %q through %q, %v (%s), want %q through %q, %v (%s)", name, got.User, got.App, err, Reason(err), c.want, c.app, c.err, c.reason)
		}
		if c.err != nil && err == nil || len(got.Roles) > 0 && c.token == local {
			t.Errorf("%s: roles %v, %v: an app's own roles are not its people's", name, got.Roles, err)
		}
		if got.User.Kind() == acl.User && (len(got.Chain) == 0 || got.Chain[0] != string(c.app)) {
			t.Errorf("%s: the chain is %q", name, got.Chain)
		}
		if got.User != "" && got.Scope.AllSources != (c.app != "service:chat") {
			t.Errorf("%s: the scope is not the app's: %+v", name, got.Scope)
		}
	}
}

// TestTheEarlierTokenEnds: what both tokens allow ends with the first of them.
func TestTheEarlierTokenEnds(t *testing.T) {
	p := oidctest.New("https://idp.test")
	a, _ := trusting(t, p, nil)
	for _, c := range []struct{ app, user time.Duration }{{time.Minute, time.Hour}, {time.Hour, time.Minute}} {
		got, err := a.Authenticate(t.Context(), Credentials{
			Token:     p.Sign(nil, with(appClaims(p, "client-chat"), "exp", start.Add(c.app).Unix())),
			UserToken: p.Sign(nil, with(aliceClaims(p), "exp", start.Add(c.user).Unix())),
		})
		if err != nil || !got.Expires.Equal(start.Add(time.Minute)) {
			t.Errorf("%v and %v: until %v, %v", c.app, c.user, got.Expires, err)
		}
	}
}

// TestAssignments: roles come from the table alone, to people only through the apps of the row.
func TestAssignments(t *testing.T) {
	p := oidctest.New("https://idp.test")
	a, _ := trusting(t, p, func(c *Config, _ *IssuerConfig) {
		c.Roles = []Assignment{
			{Role: Grant{RoleSteward, "handbook"}, Principal: "user:corp/8f3c", Apps: []string{"wiki"}},
			{Role: Grant{RoleAuditor, ""}, Issuer: "corp", Claim: "roles", Value: "audit", Apps: []string{"wiki", "chat"}},
			{Role: Grant{RoleIngest, "handbook"}, Principal: "service:crawler"},
		}
	})
	roles := func(v any, client string) map[string]any {
		return with(with(aliceClaims(p), "roles", v), "client_id", client)
	}
	for name, c := range map[string]struct {
		claims map[string]any
		want   string
	}{
		"nothing":                   {roles([]string{"admin", "auditor", "Audit"}, "client-chat"), ""},
		"by name":                   {roles(nil, "client-wiki"), "steward:handbook"},
		"by name, another app":      {roles(nil, "client-chat"), ""},
		"by claim":                  {roles([]string{"x", "audit"}, "client-chat"), "auditor"},
		"by claim, a string":        {roles("audit", "client-chat"), "auditor"},
		"by claim, another app":     {roles("audit", "client-crawler"), ""},
		"by both":                   {roles("audit", "client-wiki"), "steward:handbook auditor"},
		"a claim of objects":        {roles([]any{map[string]any{"audit": true}, "audit"}, "client-chat"), ""},
		"somebody else":             {with(roles(nil, "client-wiki"), "sub", "9"), ""},
		"an app":                    {appClaims(p, "client-crawler"), "ingest:handbook"},
		"an app with people's mark": {with(appClaims(p, "client-crawler"), "roles", "audit"), "ingest:handbook"},
		"a person called crawler":   {with(roles(nil, "client-crawler"), "sub", "service:crawler"), ""},
	} {
		got, err := a.Verify(p.Sign(nil, c.claims))
		var names []string
		for _, g := range got.Roles {
			names = append(names, g.String())
		}
		if joined := strings.Join(names, " "); err != nil || joined != c.want {
			t.Errorf("%s: %q, %v, want %q", name, joined, err, c.want)
		}
	}
	// The table is not for the embedded issuer's tokens, which say it themselves.
	if got, err := a.Verify(issue(t, a, Request{Subject: "service:crawler"})); err != nil || len(got.Roles) != 0 {
		t.Errorf("an embedded token: %v, %v", got.Roles, err)
	}
}

// TestIssuerOutage (ID-14): without keys it is the server that cannot answer, not the caller
// that is refused; the other issuers go on.
func TestIssuerOutage(t *testing.T) {
	p := oidctest.New("https://idp.test")
	p.Instead(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	a, _ := trusting(t, p, nil)
	_, err := a.Verify(p.Sign(nil, aliceClaims(p)))
	if !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrUnauthenticated) {
		t.Errorf("without keys: %v", err)
	}
	if err := a.Prepare(context.Background()); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Prepare: %v", err)
	}
	if _, err := a.Verify(issue(t, a, Request{Subject: "user:local/ada"})); err != nil {
		t.Errorf("the embedded issuer: %v", err)
	}
}

// TestImagineGroupsOfTokens: nobody knows the groups of somebody whose issuer says them, and
// those of the directory are not theirs; so they must be told, of these people and no others.
func TestImagineGroupsOfTokens(t *testing.T) {
	p := oidctest.New("https://idp.test")
	a, _ := trusting(t, p, func(_ *Config, i *IssuerConfig) { i.Groups = "groups" })
	for _, c := range []struct {
		user   acl.Principal
		groups []acl.Principal
		wrong  string // what the error says; "" for none
	}{
		{"user:corp/a", nil, "say which, or that there are none"}, {"user:corp/a", []acl.Principal{}, ""}, {"user:corp/a", []acl.Principal{"group:corp/eng"}, ""},
		{"user:corp/a", []acl.Principal{"group:staff"}, "no group:corp/VALUE"}, {"user:corp/a", []acl.Principal{"group:corporation/eng"}, "no group:corp/VALUE"},
		{"user:corp/a", []acl.Principal{"user:corp/b"}, "no group:corp/VALUE"}, {"user:corp/a", []acl.Principal{"group:corp/"}, "no group:corp/VALUE"},
		{"user:local/a", nil, ""}, {"user:local/a", []acl.Principal{}, "the directory knows"}, {"user:corporation/a", nil, ""},
		{"service:chat", nil, ""}, {"service:chat", []acl.Principal{"group:corp/eng"}, "the directory knows"},
	} {
		id, err := a.Imagine(Subject{User: c.user, Groups: c.groups})
		if (err == nil) != (c.wrong == "") || err != nil && (!errors.Is(err, ErrRequest) || !strings.Contains(err.Error(), c.wrong)) {
			t.Errorf("%s in %q: %v, want %q", c.user, c.groups, err, c.wrong)
		}
		if err == nil && (!slices.Equal(id.Groups, c.groups) || (id.Groups == nil) != (c.groups == nil)) {
			t.Errorf("%s in %q: %#v", c.user, c.groups, id.Groups)
		}
	}
}

// TestMutatedTokensOfOtherIssuersAreRefused makes 1,000 tokens out of genuine ones
// of an external issuer, in the long form 10,000; none may be accepted.
func TestMutatedTokensOfOtherIssuersAreRefused(t *testing.T) {
	count := prove.Count(1_000, 10_000)
	p := oidctest.New("https://idp.test")
	a, _ := trusting(t, p, func(_ *Config, i *IssuerConfig) { i.Groups = "groups" })
	p.Rotate("2", "EdDSA")
	claims := []map[string]any{
		aliceClaims(p), appClaims(p, "client-crawler"),
		with(aliceClaims(p), "act", map[string]any{"sub": "client-wiki"}),
		with(aliceClaims(p), "aud", []string{audience, "other"}),
	}
	var genuine []string
	for _, c := range claims {
		genuine = append(genuine, p.Sign(nil, c))
	}
	mutantsRefused(t, a, genuine, count)
	if n := p.Fetches(""); n > 2 || n != p.Fetches("/keys") {
		t.Errorf("%d fetches, %d of the keys", n, p.Fetches("/keys"))
	}
	prove.Report(t, "identity", "%d tokens made out of another issuer's in %d ways, 0 accepted", count, len(mutations))
}
