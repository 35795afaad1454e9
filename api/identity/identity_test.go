package identity

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/muniment/muniment/acl"
)

// start is when the clock of every test begins.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const audience = "muniment"

// clock is a clock that stands still until it is set.
type clock struct{ now time.Time }

func (c *clock) at(d time.Duration) { c.now = start.Add(d) }

func newRing(t testing.TB) *KeyRing {
	t.Helper()
	k, err := OpenKeyRing(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newAuthority(t testing.TB, k *KeyRing, change func(*Config)) (*Authority, *clock) {
	t.Helper()
	c := &clock{start}
	config := Config{Audience: audience, Scale: acl.DefaultScale, Now: func() time.Time { return c.now }}
	if change != nil {
		change(&config)
	}
	a, err := NewAuthority(k, config)
	if err != nil {
		t.Fatal(err)
	}
	return a, c
}

func issue(t testing.TB, a *Authority, r Request) string {
	t.Helper()
	token, err := a.Issue(r)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// goodHeader and goodClaims are what a token for Ada through the app chat says.
func goodHeader() map[string]any {
	return map[string]any{"alg": "EdDSA", "typ": "at+jwt", "kid": "1"}
}

func goodClaims(k *KeyRing) map[string]any {
	return map[string]any{
		"iss": k.issuer(), "aud": audience, "sub": "user:local/ada", "jti": "id-1",
		"iat": start.Unix(), "nbf": start.Unix(), "exp": start.Add(time.Hour).Unix(),
		"act": map[string]any{"sub": "service:chat"},
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

func encode(t testing.TB, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// sign signs a header and a payload as they stand with the ring's genuine token key.
func sign(k *KeyRing, header, payload string) string {
	b64 := base64.RawURLEncoding.EncodeToString
	text := b64([]byte(header)) + "." + b64([]byte(payload))
	return text + "." + b64(ed25519.Sign(k.token.current(), []byte(text)))
}

// TestBindingIsInjective cuts one text into user, app and what a caller appends, in two ways:
// bindings that were plain concatenations would be equal.
func TestBindingIsInjective(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom([]rune("a:\x00\x01\x02/")), 1, 8, -1).Draw(t, "text")
		cut := func(name string) [3]string {
			i := rapid.IntRange(0, len(text)).Draw(t, name)
			j := rapid.IntRange(i, len(text)).Draw(t, name)
			return [3]string{text[:i], text[i:j], text[j:]}
		}
		bind := func(s [3]string) string {
			c := Caller{Identity: acl.Identity{User: acl.Principal(s[0]), App: acl.Principal(s[1])}}
			return string(c.Binding()) + s[2]
		}
		a, b := cut("a"), cut("b")
		if same := bind(a) == bind(b); same != (a == b) {
			t.Fatalf("%q and %q: equal bindings: %t", a, b, same)
		}
	})
}

func TestZeroCallerIsNobody(t *testing.T) {
	var c Caller
	if _, err := new(acl.Directory).View(c.Identity, start); !errors.Is(err, acl.ErrIdentity) {
		t.Errorf("the zero caller gets a view: %v", err)
	}
	for _, r := range roles {
		if c.Roles.May(r.name, "") {
			t.Errorf("the zero caller has the role %s", r.name)
		}
	}
}

func TestReasonIsOfRefusalsOnly(t *testing.T) {
	for err, want := range map[error]string{
		nil:                             "",
		errors.New("broken"):            "",
		ErrUnauthenticated:              "",
		&refusal{ReasonExpired, "over"}: ReasonExpired,
		fmt.Errorf("asking: %w", &refusal{ReasonMissing, "no"}): ReasonMissing,
	} {
		if got := Reason(err); got != want {
			t.Errorf("Reason(%v) = %q, want %q", err, got, want)
		}
	}
}
