package identity

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/muniment/muniment/acl"
)

func TestIssueThenVerify(t *testing.T) {
	k := newRing(t)
	a, _ := newAuthority(t, k, nil)
	internal, confidential := acl.DefaultScale.UpTo("internal"), acl.DefaultScale.UpTo("confidential")
	unrestricted := acl.Scope{AllSources: true, Clearance: acl.DefaultScale.UpTo("restricted")}
	usual := acl.Scope{AllSources: true, Clearance: internal}
	for _, c := range []struct {
		request Request
		want    Caller
	}{
		{
			Request{Subject: "user:local/ada"},
			Caller{
				Identity: acl.Identity{User: "user:local/ada", App: BuiltinApp, Clearance: internal, Scope: unrestricted},
				Expires:  start.Add(DefaultTTL), Chain: []string{string(BuiltinApp)},
			},
		}, {
			Request{
				Subject: "user:local/Zoë/x", App: "chat", Guest: true, Clearance: "confidential", TTL: MinTTL,
				Roles: []Grant{{RoleIngest, "a:b"}, {RoleAuditor, ""}, {RoleIngest, "a:b"}, {RoleSteward, "<&>"}},
			},
			Caller{
				Identity: acl.Identity{User: "user:local/Zoë/x", App: "service:chat", Guest: true, Clearance: confidential, Scope: usual},
				Roles:    Roles{{RoleIngest, "a:b"}, {RoleAuditor, ""}, {RoleSteward, "<&>"}},
				Expires:  start.Add(time.Second), Chain: []string{"service:chat"},
			},
		}, {
			Request{Subject: "service:crawler", TTL: MaxTTL},
			Caller{
				Identity: acl.Identity{User: "service:crawler", App: "service:crawler", Clearance: internal, Scope: usual},
				Expires:  start.Add(MaxTTL),
			},
		}, {
			Request{Subject: "service:crawler", App: "service:gateway"},
			Caller{
				Identity: acl.Identity{User: "service:crawler", App: "service:gateway", Clearance: internal, Scope: usual},
				Expires:  start.Add(DefaultTTL), Chain: []string{"service:gateway"},
			},
		},
	} {
		got, err := a.Verify(issue(t, a, c.request))
		if err != nil {
			t.Errorf("%+v: %v", c.request, err)
			continue
		}
		if got.TokenID == "" {
			t.Errorf("%+v: no token id", c.request)
		}
		if diff := cmp.Diff(c.want, got, cmpopts.IgnoreFields(Caller{}, "TokenID")); diff != "" {
			t.Errorf("%+v:\n%s", c.request, diff)
		}
	}
}

func TestIssueRefuses(t *testing.T) {
	a, _ := newAuthority(t, newRing(t), nil)
	var many []Grant
	for i := range 1000 {
		many = append(many, Grant{RoleIngest, fmt.Sprintf("source-%d", i)})
	}
	ada := acl.Principal("user:local/ada")
	for _, c := range []struct {
		says    string // what the error must say
		request Request
	}{
		{"subject: missing", Request{}},
		{"subject: the embedded issuer", Request{Subject: "user:corp/ada"}},
		{"subject: the embedded issuer", Request{Subject: "user:LOCAL/ada"}},
		{"subject: the embedded issuer", Request{Subject: "group:staff"}},
		{"subject: the embedded issuer", Request{Subject: acl.Everyone}},
		{"subject: ", Request{Subject: "ada"}},
		{"subject: character U+200B", Request{Subject: "user:local/a\u200bda"}},
		{"app: character U+0020", Request{Subject: ada, App: "a b"}},
		{"app: ", Request{Subject: ada, App: "service:"}},
		{"app: leave out", Request{Subject: ada, App: "service:service:x"}},
		{"roles: unknown role", Request{Subject: ada, Roles: []Grant{{}}}},
		{"roles: auditor cannot", Request{Subject: ada, Roles: []Grant{{RoleAuditor, "handbook"}}}},
		{"roles: the token would have", Request{Subject: ada, Roles: many}},
		{"clearance: unknown label", Request{Subject: ada, Clearance: "cosmic"}},
		{"public < internal < confidential < restricted", Request{Subject: ada, Clearance: "cosmic"}},
		{"guest: ", Request{Subject: "service:x", Guest: true}},
		{"ttl: ", Request{Subject: ada, TTL: -time.Second}},
		{"ttl: ", Request{Subject: ada, TTL: MinTTL - 1}},
		{"ttl: ", Request{Subject: ada, TTL: MaxTTL + 1}},
	} {
		token, err := a.Issue(c.request)
		if token != "" || !errors.Is(err, ErrRequest) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("Issue(%.200v) = %q, %v; want an error that says %q", c.request, token, err, c.says)
		}
	}

	traffic, _ := newAuthority(t, newRing(t), func(c *Config) { c.Scale = acl.Scale{"green", "red"} })
	if _, err := traffic.Issue(Request{Subject: ada}); err == nil || !strings.Contains(err.Error(), "clearance: name one") {
		t.Errorf("a default clearance that is not on the scale: %v", err)
	}
	issue(t, traffic, Request{Subject: ada, Clearance: "red"})
}

// TestIssuedTokenIsValidForItsTTL holds at any fraction of a second.
func TestIssuedTokenIsValidForItsTTL(t *testing.T) {
	a, clock := newAuthority(t, newRing(t), nil)
	for _, fraction := range []time.Duration{0, 1, 500 * time.Millisecond, time.Second - 1} {
		clock.at(fraction)
		token := issue(t, a, Request{Subject: "user:local/ada", TTL: MinTTL})
		for _, c := range []struct {
			after time.Duration
			want  string
		}{{0, ""}, {MinTTL - 1, ""}, {MinTTL + time.Second, ReasonExpired}} {
			clock.at(fraction + c.after)
			if _, err := a.Verify(token); Reason(err) != c.want || (err == nil) != (c.want == "") {
				t.Errorf("issued at %v, after %v: %v, want %q", fraction, c.after, err, c.want)
			}
		}
	}
}

func TestTokensDiffer(t *testing.T) {
	a, _ := newAuthority(t, newRing(t), nil)
	r := Request{Subject: "user:local/ada"}
	first, second := issue(t, a, r), issue(t, a, r)
	if first == second {
		t.Error("two tokens are one: their ids do not differ")
	}
}
