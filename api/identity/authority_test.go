package identity

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/muniment/muniment/acl"
)

// TestNewAuthorityRefuses includes ID-07: no audience must not mean any audience.
func TestNewAuthorityRefuses(t *testing.T) {
	k := newRing(t)
	good := Config{Audience: audience, Scale: acl.DefaultScale}
	for field, change := range map[string]func(*Config){
		"audience":            func(c *Config) { c.Audience = "" },
		"audience: ":          func(c *Config) { c.Audience = " \t" },
		"scale":               func(c *Config) { c.Scale = nil },
		"leeway":              func(c *Config) { c.Leeway = MaxLeeway + 1 },
		"leeway: ":            func(c *Config) { c.Leeway = -1 },
		"apps.chat.clearance": func(c *Config) { c.Apps = map[string]App{"chat": {Clearance: "cosmic"}} },
		"apps.chat.sources":   func(c *Config) { c.Apps = map[string]App{"chat": {Sources: []string{""}}} },
		"apps.service:chat":   func(c *Config) { c.Apps = map[string]App{"service:chat": {}} },
		"apps.a b":            func(c *Config) { c.Apps = map[string]App{"a b": {}} },
		"apps.: ":             func(c *Config) { c.Apps = map[string]App{"": {}} },
	} {
		c := good
		change(&c)
		if a, err := NewAuthority(k, c); a != nil || err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v, %v", field, a, err)
		}
	}
	if a, err := NewAuthority(nil, good); a != nil || err == nil {
		t.Errorf("no key ring: %v, %v", a, err)
	}
	if _, err := NewAuthority(k, good); err != nil {
		t.Errorf("the configuration that the cases change: %v", err)
	}
}

func TestAppScopes(t *testing.T) {
	k := newRing(t)
	internal := acl.DefaultScale.UpTo("internal")
	all := acl.DefaultScale.UpTo("restricted")
	apps := map[string]App{
		"everything": {Clearance: "restricted"},
		"plain":      {},
		"one":        {Sources: []string{"handbook"}, Clearance: "public"},
		"none":       {Sources: []string{}},
	}
	narrowed := map[string]App{"muniment-cli": {Sources: []string{"handbook"}}}
	for _, c := range []struct {
		name string
		apps map[string]App
		app  string
		want acl.Scope
	}{
		{"the built-in app reaches everything", apps, "", acl.Scope{AllSources: true, Clearance: all}},
		{"the built-in app by name", apps, "muniment-cli", acl.Scope{AllSources: true, Clearance: all}},
		{"the built-in app, configured", narrowed, "", acl.Scope{Sources: []string{"handbook"}, Clearance: internal}},
		{"an app that is not listed", apps, "other", acl.Scope{AllSources: true, Clearance: internal}},
		{"an app listed in other case", apps, "ONE", acl.Scope{AllSources: true, Clearance: internal}},
		{"an app without limits of its own", apps, "plain", acl.Scope{AllSources: true, Clearance: internal}},
		{"an app cleared for more", apps, "everything", acl.Scope{AllSources: true, Clearance: all}},
		{"an app of one source", apps, "one", acl.Scope{Sources: []string{"handbook"}, Clearance: acl.Clearance{"public": true}}},
		{"an app of no source", apps, "none", acl.Scope{Sources: []string{}, Clearance: internal}},
	} {
		a, _ := newAuthority(t, k, func(cfg *Config) { cfg.Apps = c.apps })
		caller, err := a.Verify(issue(t, a, Request{Subject: "user:local/ada", App: c.app}))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if diff := cmp.Diff(c.want, caller.Scope); diff != "" {
			t.Errorf("%s:\n%s", c.name, diff)
		}
	}
}

func TestScaleWithoutInternalClearsForNothing(t *testing.T) {
	k := newRing(t)
	usual, _ := newAuthority(t, k, nil)
	traffic, _ := newAuthority(t, k, func(c *Config) { c.Scale = acl.Scale{"green", "red"} })
	caller, err := traffic.Verify(issue(t, usual, Request{Subject: "user:local/ada", App: "chat"}))
	if err != nil {
		t.Fatal(err)
	}
	if len(caller.Clearance) != 0 || len(caller.Scope.Clearance) != 0 {
		t.Errorf("cleared for %v through an app cleared for %v", caller.Clearance, caller.Scope.Clearance)
	}
}

func TestConfigurationIsCopied(t *testing.T) {
	sources, scale := []string{"handbook"}, acl.Scale{"public", "internal", "secret"}
	apps := map[string]App{"one": {Sources: sources}}
	a, _ := newAuthority(t, newRing(t), func(c *Config) { c.Apps, c.Scale = apps, scale })
	sources[0], scale[2] = "payroll", "internal2"
	delete(apps, "one")
	caller, err := a.Verify(issue(t, a, Request{Subject: "user:local/ada", App: "one", Clearance: "secret"}))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"handbook"}, caller.Scope.Sources); diff != "" {
		t.Error(diff)
	}
}

func TestClockDefaultsToNow(t *testing.T) {
	a, err := NewAuthority(newRing(t), Config{Audience: audience, Scale: acl.DefaultScale})
	if err != nil {
		t.Fatal(err)
	}
	before := time.Now().Truncate(time.Second)
	caller, err := a.Verify(issue(t, a, Request{Subject: "user:local/ada"}))
	if err != nil {
		t.Fatal(err)
	}
	if caller.Expires.Before(before.Add(DefaultTTL)) {
		t.Errorf("expires %v, issued after %v", caller.Expires, before)
	}
}
