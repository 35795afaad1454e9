package identity

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/api/identity/oidc"
	"github.com/muniment/muniment/api/identity/oidc/oidctest"
)

// trusting returns an authority that trusts the provider, under the name corp.
func trusting(t testing.TB, p *oidctest.Provider, change func(*Config, *IssuerConfig)) (*Authority, *clock) {
	t.Helper()
	return newAuthority(t, newRing(t), func(c *Config) {
		i := corp(p)
		c.Apps = map[string]App{"chat": {Sources: []string{"handbook"}, Clearance: "confidential"}, "crawler": {Service: true}}
		if change != nil {
			change(c, &i)
		}
		c.Issuers = append(c.Issuers, i)
	})
}

func corp(p *oidctest.Provider) IssuerConfig {
	return IssuerConfig{
		Name: "corp", Person: "scope",
		Config: oidc.Config{Issuer: p.Issuer, Audience: audience, Algorithms: []string{"ES256", "EdDSA"}, KeysURL: p.Issuer + "/keys", Transport: p},
		Apps:   map[string]string{"client-chat": "chat", "client-crawler": "crawler", "client-wiki": "wiki"},
	}
}

// aliceClaims are what a token for Alice through the app chat says, and appClaims what that
// app gets for itself.
func aliceClaims(p *oidctest.Provider) map[string]any {
	return map[string]any{
		"iss": p.Issuer, "aud": audience, "sub": "8f3c", "client_id": "client-chat", "scope": "read", "jti": "id-1",
		"iat": start.Unix(), "exp": start.Add(time.Hour).Unix(), "groups": []string{"eng"}, "roles": []string{"admin"}, "email": "ceo@corp.test",
	}
}

func appClaims(p *oidctest.Provider, client string) map[string]any {
	return with(with(with(aliceClaims(p), "scope", nil), "sub", client), "client_id", client)
}

func TestExternalCaller(t *testing.T) {
	p := oidctest.New("https://idp.test")
	a, _ := trusting(t, p, nil)
	got, err := a.Verify(p.Sign(nil, aliceClaims(p)))
	if err != nil {
		t.Fatal(err)
	}
	want := Caller{
		Identity: acl.Identity{
			User: "user:corp/8f3c", App: "service:chat", Clearance: acl.Clearance{"public": true, "internal": true},
			Scope: acl.Scope{Sources: []string{"handbook"}, Clearance: acl.Clearance{"public": true, "internal": true, "confidential": true}},
		},
		Expires: start.Add(time.Hour), TokenID: "id-1", Chain: []string{"service:chat"},
	}
	if diff := cmp.Diff(want, got); diff != "" { // no groups and no roles of the token (ID-22, ID-23, ID-29)
		t.Error(diff)
	}
	// ID-20: the outermost actor is the app, and the inner ones are recorded.
	act := map[string]any{"sub": "client-wiki", "act": map[string]any{"sub": "client-chat", "act": map[string]any{"sub": "gateway"}}}
	got, err = a.Verify(p.Sign(nil, with(aliceClaims(p), "act", act)))
	if err != nil || got.App != "service:wiki" || !slices.Equal(got.Chain, []string{"service:wiki", "service:chat", "client:corp/gateway"}) {
		t.Errorf("with act: %v, chain %q, %v", got.App, got.Chain, err)
	}
	if c, err := a.Verify(issue(t, a, Request{Subject: "user:local/ada"})); err != nil || c.User != "user:local/ada" {
		t.Errorf("the embedded issuer beside it: %v, %v", c.User, err)
	}
	if from := a.KeysFrom(); len(from) != 1 || !from["corp"].Equal(start) {
		t.Errorf("the keys are from %v", from)
	}
}

// TestExternalClaims says what each claim of the configuration gives, and that what is missing
// or odd gives less, never more.
func TestExternalClaims(t *testing.T) {
	p := oidctest.New("https://idp.test")
	a, _ := trusting(t, p, func(_ *Config, i *IssuerConfig) {
		i.Groups = "groups"
		i.Clearance = ClearanceClaim{Claim: "level", Values: map[string]string{"l1": "public", "l3": "restricted", "l2": "confidential"}, Default: "public"}
		i.Guest = GuestClaim{Claim: "acct", Value: "1"}
		i.Require = map[string]string{"hd": "corp.test"}
		i.Subject = "oid"
	})
	member := with(with(with(aliceClaims(p), "acct", 0), "hd", "corp.test"), "oid", "8f3c")
	groups := func(values ...acl.Principal) []acl.Principal { return append([]acl.Principal{}, values...) }
	many := make([]string, 200)
	for i := range many {
		many[i] = strings.Repeat("0", 5) + string(rune('a'+i%26))
	}
	for name, c := range map[string]struct {
		claims map[string]any
		err    error
		groups []acl.Principal
		top    string // the highest label
		guest  bool
	}{
		"a member":               {member, nil, groups("group:corp/eng"), "public", false},
		"ID-23 no groups":        {with(member, "groups", []string{}), nil, groups(), "public", false},
		"one group":              {with(member, "groups", "eng"), nil, groups("group:corp/eng"), "public", false},
		"a group with a slash":   {with(member, "groups", []string{"/a/b"}), nil, groups("group:corp//a/b"), "public", false},
		"names nobody can write": {with(member, "groups", []string{"a b", "", "c\u200bd", "eng"}), nil, groups("group:corp/eng"), "public", false},
		"ID-24 overage":          {with(with(member, "groups", nil), "_claim_names", map[string]string{"groups": "src1"}), ErrGroupsIncomplete, nil, "", false},
		"ID-24 overage and some": {with(member, "_claim_names", map[string]string{"groups": "src1"}), ErrGroupsIncomplete, nil, "", false},
		"ID-24 hasgroups":        {with(with(member, "groups", nil), "hasgroups", true), ErrGroupsIncomplete, nil, "", false},
		"ID-24 hasgroups text":   {with(member, "hasgroups", "true"), ErrGroupsIncomplete, nil, "", false},
		"no claim at all":        {with(member, "groups", nil), ErrGroupsIncomplete, nil, "", false},
		"groups null":            {with(member, "groups", rawJSON("null")), ErrGroupsIncomplete, nil, "", false},
		"groups of objects":      {with(member, "groups", []any{map[string]any{"id": "eng"}}), ErrUnauthenticated, nil, "", false},
		"cleared":                {with(member, "level", "l3"), nil, groups("group:corp/eng"), "restricted", false},
		"cleared twice":          {with(member, "level", []string{"l2", "l1", "l9"}), nil, groups("group:corp/eng"), "confidential", false},
		"cleared for nothing":    {with(member, "level", "restricted"), nil, groups("group:corp/eng"), "public", false},
		"level an object":        {with(member, "level", map[string]any{}), ErrUnauthenticated, nil, "", false},
		"a guest":                {with(member, "acct", 1), nil, groups("group:corp/eng"), "public", true},
		"a guest among others":   {with(member, "acct", []int{0, 1}), nil, groups("group:corp/eng"), "public", true},
		"no word of guests":      {with(member, "acct", nil), nil, groups("group:corp/eng"), "public", true},
		"another organisation":   {with(member, "hd", "other.test"), ErrUnauthenticated, nil, "", false},
		"no organisation":        {with(member, "hd", nil), ErrUnauthenticated, nil, "", false},
		"a person without oid":   {with(member, "oid", nil), ErrUnauthenticated, nil, "", false},
		"oid empty":              {with(member, "oid", ""), ErrUnauthenticated, nil, "", false},
		"oid null":               {with(member, "oid", rawJSON("null")), ErrUnauthenticated, nil, "", false},
		"sub missing":            {with(member, "sub", nil), ErrUnauthenticated, nil, "", false},
		"acct an object":         {with(member, "acct", map[string]any{}), ErrUnauthenticated, nil, "", false},
	} {
		got, err := a.Verify(p.Sign(nil, c.claims))
		if c.err != nil {
			if !errors.Is(err, c.err) || got.User != "" {
				t.Errorf("%s: %v, %v, want %v", name, got.User, err, c.err)
			}
			continue
		}
		if err != nil || got.Groups == nil || !slices.Equal(got.Groups, c.groups) || got.Guest != c.guest || !maps.Equal(got.Clearance, acl.DefaultScale.UpTo(c.top)) {
			t.Errorf("%s: groups %q, guest %t, cleared for %v, %v", name, got.Groups, got.Guest, got.Clearance, err)
		}
	}
	if got, err := a.Verify(p.Sign(nil, with(member, "groups", many))); err != nil || len(got.Groups) != 200 {
		t.Errorf("200 groups: %d, %v", len(got.Groups), err)
	}
}

// TestExternalSubjects (ID-11, ID-28): a subject is taken as it stands, or refused.
func TestExternalSubjects(t *testing.T) {
	p := oidctest.New("https://idp.test")
	a, _ := trusting(t, p, nil)
	for sub, want := range map[string]string{
		"Alice": "user:corp/Alice", "alice": "user:corp/alice", "\u0430lice": "user:corp/\u0430lice", "\uff41lice": "user:corp/\uff41lice",
		"a/b": "user:corp/a/b", "local/ada": "user:corp/local/ada", "user:local/ada": "user:corp/user:local/ada",
		"al\u200bice": "", "al ice": "", "alice\n": "", "\u202ealice": "", "\x00": "", " ": "",
	} {
		got, err := a.Verify(p.Sign(nil, with(aliceClaims(p), "sub", sub)))
		if string(got.User) != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", sub, got.User, err)
		}
	}
}

// TestIssuersAreKeptApart (ID-10): the keys of one issuer verify nothing of another, whatever
// key id it says, and each has its own names, audience and apps.
func TestIssuersAreKeptApart(t *testing.T) {
	p, q := oidctest.New("https://idp.test/a"), oidctest.New("https://idp.test/b") // both have a key "1"
	a, _ := trusting(t, p, func(c *Config, i *IssuerConfig) {
		other := corp(q)
		other.Name, other.Audience, other.Apps = "partner", "muniment-partner", map[string]string{"client-wiki": "wiki"}
		c.Issuers = append(c.Issuers, other)
	})
	partner := with(with(aliceClaims(q), "aud", "muniment-partner"), "client_id", "client-wiki")
	for name, c := range map[string]struct{ token, user string }{
		"corp":                         {p.Sign(nil, aliceClaims(p)), "user:corp/8f3c"},
		"partner":                      {q.Sign(nil, partner), "user:partner/8f3c"},
		"corp's iss, partner's key":    {q.Sign(nil, aliceClaims(p)), ""},
		"partner's iss, corp's key":    {p.Sign(nil, partner), ""},
		"partner for corp's audience":  {q.Sign(nil, with(partner, "aud", audience)), ""},
		"partner through corp's app":   {q.Sign(nil, with(partner, "client_id", "client-chat")), ""},
		"the embedded issuer's iss":    {p.Sign(nil, with(aliceClaims(p), "iss", a.ring.issuer())), ""},
		"the embedded issuer's form":   {p.Sign(with(goodHeader(), "alg", "ES256"), goodClaims(a.ring)), ""},
		"an issuer nobody knows":       {p.Sign(nil, with(aliceClaims(p), "iss", "https://idp.test/c")), ""},
		"an issuer in other case":      {p.Sign(nil, with(aliceClaims(p), "iss", "https://idp.test/A")), ""},
		"an issuer with a slash":       {p.Sign(nil, with(aliceClaims(p), "iss", "https://idp.test/a/")), ""},
		"corp's iss, embedded key":     {sign(a.ring, encode(t, goodHeader()), encode(t, aliceClaims(p))), ""},
		"corp's iss twice in one":      {p.SignText(encode(t, p.Header()), strings.Replace(encode(t, aliceClaims(p)), "{", `{"iss":"https://idp.test/b",`, 1)), ""},
		"a subject of the other":       {p.Sign(nil, with(aliceClaims(p), "sub", "../partner/8f3c")), "user:corp/../partner/8f3c"},
		"a subject of another, sealed": {p.Sign(nil, with(aliceClaims(p), "sub", "user:partner/8f3c")), "user:corp/user:partner/8f3c"},
	} {
		got, err := a.Verify(c.token)
		if string(got.User) != c.user || (err == nil) != (c.user != "") {
			t.Errorf("%s: %q, %v, want %q", name, got.User, err, c.user)
		}
	}
}

// TestIssuersThatAreRefused (ID-07): the server does not start with these.
func TestIssuersThatAreRefused(t *testing.T) {
	p := oidctest.New("https://idp.test")
	ring := newRing(t)
	for want, change := range map[string]func(*Config, *IssuerConfig){
		"issuers.local.name":                    func(_ *Config, i *IssuerConfig) { i.Name = "local" },
		"issuers..name":                         func(_ *Config, i *IssuerConfig) { i.Name = "" },
		"issuers.a/b.name":                      func(_ *Config, i *IssuerConfig) { i.Name = "a/b" },
		"issuers.Corp.name":                     func(_ *Config, i *IssuerConfig) { i.Name = "Corp" },
		"issuers.corp.issuer":                   func(_ *Config, i *IssuerConfig) { i.Issuer = ring.issuer() },
		"issuers.corp.audience: must not":       func(_ *Config, i *IssuerConfig) { i.Audience = "" },
		"issuers.corp.person":                   func(_ *Config, i *IssuerConfig) { i.Person = "" },
		"issuers.corp.require":                  func(_ *Config, i *IssuerConfig) { i.Require = map[string]string{"hd": ""} },
		"issuers.corp.guest":                    func(_ *Config, i *IssuerConfig) { i.Guest.Claim = "acct" },
		"issuers.corp.clearance.claim":          func(_ *Config, i *IssuerConfig) { i.Clearance.Values = map[string]string{"a": "public"} },
		"issuers.corp.clearance.default: must":  func(_ *Config, i *IssuerConfig) { i.Clearance.Claim = "level" },
		"issuers.corp.clearance.default: unkno": func(_ *Config, i *IssuerConfig) { i.Clearance.Default = "cosmic" },
		"issuers.corp.clearance.values.a": func(_ *Config, i *IssuerConfig) {
			i.Clearance = ClearanceClaim{"c", map[string]string{"a": "cosmic"}, "public"}
		},
		"issuers.corp.apps: must":           func(_ *Config, i *IssuerConfig) { i.Apps = nil },
		"issuers.corp.apps.c: leave":        func(_ *Config, i *IssuerConfig) { i.Apps = map[string]string{"c": "service:chat"} },
		"issuers.corp.apps.c: not ":         func(_ *Config, i *IssuerConfig) { i.Apps = map[string]string{"c": ""} },
		"issuers.corp.apps.c: muniment-cli": func(_ *Config, i *IssuerConfig) { i.Apps = map[string]string{"c": "muniment-cli"} },
		"issuers.corp: two issuers":         func(c *Config, _ *IssuerConfig) { c.Issuers = []IssuerConfig{corp(p)} },
		"roles[0]: unknown role": func(c *Config, _ *IssuerConfig) {
			c.Roles = []Assignment{{Role: Grant{"root", ""}, Principal: "service:a"}}
		},
		"roles[0]: give": func(c *Config, _ *IssuerConfig) { c.Roles = []Assignment{{Role: Grant{RoleAdmin, ""}}} },
		"roles[0]: give a": func(c *Config, _ *IssuerConfig) {
			c.Roles = []Assignment{{Role: Grant{RoleAdmin, ""}, Principal: "service:a", Issuer: "corp"}}
		},
		"roles[0]: an issuer": func(c *Config, _ *IssuerConfig) {
			c.Roles = []Assignment{{Role: Grant{RoleAdmin, ""}, Issuer: "corp", Claim: "roles"}}
		},
		"roles[0]: issuer": func(c *Config, _ *IssuerConfig) {
			c.Roles = []Assignment{{Role: Grant{RoleAdmin, ""}, Issuer: "x", Claim: "roles", Value: "a"}}
		},
		"roles[0]: principal: must": func(c *Config, _ *IssuerConfig) {
			c.Roles = []Assignment{{Role: Grant{RoleAdmin, ""}, Principal: "everyone"}}
		},
		"roles[0]: principal: the issuer": func(c *Config, _ *IssuerConfig) {
			c.Roles = []Assignment{{Role: Grant{RoleAdmin, ""}, Principal: "user:local/ada"}}
		},
		"roles[0]: apps: must": func(c *Config, _ *IssuerConfig) {
			c.Roles = []Assignment{{Role: Grant{RoleAdmin, ""}, Principal: "user:corp/a"}}
		},
		"roles[0]: apps: an app's": func(c *Config, _ *IssuerConfig) {
			c.Roles = []Assignment{{Role: Grant{RoleAdmin, ""}, Principal: "service:a", Apps: []string{"b"}}}
		},
	} {
		c := Config{Audience: audience, Scale: acl.DefaultScale}
		i := corp(p)
		change(&c, &i)
		c.Issuers = append(c.Issuers, i)
		if _, err := NewAuthority(ring, c); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("NewAuthority: %v, want %q", err, want)
		}
	}
}
