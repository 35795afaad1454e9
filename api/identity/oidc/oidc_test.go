package oidc

import (
	"encoding/json"
	"errors"
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/muniment/muniment/api/identity/oidc/oidctest"
)

// start is when the clock of tests begins that do not let time pass by themselves.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// issuerOf returns an issuer that trusts the provider, and what sets its clock.
func issuerOf(t testing.TB, p *oidctest.Provider, change func(*Config)) (*Issuer, *time.Time) {
	t.Helper()
	now := start
	c := Config{
		Issuer: p.Issuer, Audience: "muniment", Algorithms: Algorithms, KeysURL: "https://idp.test/keys",
		Clients: []string{"client-chat", "client-crawler"}, Transport: p, Now: func() time.Time { return now },
	}
	if change != nil {
		change(&c)
	}
	i, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return i, &now
}

// goodClaims are what a token for Alice through the client of the app chat says.
func goodClaims(issuer string) map[string]any {
	return map[string]any{
		"iss": issuer, "aud": "muniment", "sub": "alice", "client_id": "client-chat", "jti": "id-1",
		"iat": start.Unix(), "exp": start.Add(time.Hour).Unix(), "scope": "read", "groups": []string{"eng"},
	}
}

// with returns the map with one member changed; nil removes it.
func with(m map[string]any, name string, value any) map[string]any {
	m = maps.Clone(m)
	if m[name] = value; value == nil {
		delete(m, name)
	}
	return m
}

func reasonOf(err error) string {
	r, ok := errors.AsType[*Refusal](err)
	if !ok {
		return ""
	}
	return r.Reason
}

// TestConfigThatIsRefused: among others a server configured with an empty audience (ID-07) or
// with nothing where a secret would be (ID-36) does not start.
func TestConfigThatIsRefused(t *testing.T) {
	p := oidctest.New("https://idp.test")
	empty := filepath.Join(t.TempDir(), "keys.json")
	for want, change := range map[string]func(*Config){
		"issuer: missing":      func(c *Config) { c.Issuer = "" },
		"audience: must":       func(c *Config) { c.Audience = "" },
		"audience: must not":   func(c *Config) { c.Audience = " " },
		"discovery: exactly":   func(c *Config) { c.KeysURL = "" },
		"discovery: exactly o": func(c *Config) { c.Discovery = true },
		"algorithms: must":     func(c *Config) { c.Algorithms = nil },
		`algorithms: "none"`:   func(c *Config) { c.Algorithms = []string{"RS256", "none"} },
		`algorithms: "HS256"`:  func(c *Config) { c.Algorithms = []string{"HS256"} },
		`algorithms: "rs256"`:  func(c *Config) { c.Algorithms = []string{"rs256"} },
		`algorithms: ""`:       func(c *Config) { c.Algorithms = []string{""} },
		"leeway: ":             func(c *Config) { c.Leeway = MaxLeeway + 1 },
		"leeway: -":            func(c *Config) { c.Leeway = -1 },
		"subject: email":       func(c *Config) { c.Subject = "email" }, // ID-29
		"apps: must":           func(c *Config) { c.Clients = nil },
		"apps: must list":      func(c *Config) { c.Clients = []string{""} },
		"types: must":          func(c *Config) { c.Types = []string{} },
		`types: ""`:            func(c *Config) { c.Types = []string{""} },
		`types: "JWT"`:         func(c *Config) { c.Types = []string{"JWT"} },
		`jwks_url: "http:`:     func(c *Config) { c.KeysURL = "http://idp.test/keys" },
		"jwks_url: not a URL":  func(c *Config) { c.KeysURL = "https://idp.test/%zz" },
		`jwks_url: "file:`:     func(c *Config) { c.KeysURL = "file:///keys" },
		`jwks_url: "https://u`: func(c *Config) { c.KeysURL = "https://user:pass@idp.test/keys" },
		`issuer: "http:`:       func(c *Config) { c.Issuer, c.KeysURL, c.Discovery = "http://idp.test", "", true },
		"jwks_file: ":          func(c *Config) { c.KeysURL, c.KeysFile = "", empty },
	} {
		c := Config{Issuer: p.Issuer, Audience: "muniment", Algorithms: []string{"ES256"}, KeysURL: "https://idp.test/keys", Clients: []string{"c"}, Transport: p}
		if _, err := New(c); err != nil {
			t.Fatalf("the configuration that the cases change: %v", err)
		}
		change(&c)
		if _, err := New(c); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("New: %v, want %q", err, want)
		}
	}
}

// TestObjectIsStrict (ID-15): one object, no name twice at any depth.
func TestObjectIsStrict(t *testing.T) {
	for text, want := range map[string]bool{
		`{}`: true, ` {"a":1} `: true, `{"a":{"a":1},"b":[{"a":1},{"a":2}]}`: true, `{"a":1e999}`: true,
		``: false, `null`: false, `[]`: false, `"a"`: false, `{"a":1}{}`: false, `{"a":1,}`: false,
		`{"a":1,"a":1}`: false, `{"a":1,"\u0061":2}`: false, `{"b":{"a":1,"a":2}}`: false, `{"b":[{"a":1,"a":2}]}`: false,
		"{\"a\":\"\xff\"}": false,
		`{"a":` + strings.Repeat("[", maxDepth-1) + strings.Repeat("]", maxDepth-1) + `}`: true,
		`{"a":` + strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1) + `}`: false,
	} {
		found, err := Object([]byte(text))
		if (err == nil) != want || want && found == nil {
			t.Errorf("Object(%q) = %v, %v", text, found, err)
		}
	}
}

// TestValues: what is no plain value is refused and never taken for none.
func TestValues(t *testing.T) {
	token := Token{claims: map[string]json.RawMessage{}}
	if err := json.Unmarshal([]byte(`{"one":"a","many":["a","b"],"none":[],"yes":true,"n":1,"null":null,"odd":[{"a":1}],"nest":[["a"]],"nulls":[null],"object":{}}`), &token.claims); err != nil {
		t.Fatal(err)
	}
	for claim, want := range map[string]string{
		"one": "[a]", "many": "[a b]", "none": "[]", "yes": "[true]", "n": "[1]", "null": "nil", "missing": "nil",
		"odd": "error", "nest": "error", "nulls": "error", "object": "error",
	} {
		values, err := token.Values(claim)
		got := "[" + strings.Join(values, " ") + "]"
		if err != nil {
			got = "error"
		} else if values == nil {
			got = "nil"
		}
		if got != want {
			t.Errorf("%s: %s, want %s", claim, got, want)
		}
	}
}
