package identity

import (
	"bytes"
	"encoding/base64"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/muniment/muniment/acl"
)

// seal seals a page token, bound to nothing, for an hour.
func seal(t testing.TB, k *KeyRing, payload string) string {
	t.Helper()
	token, err := k.Seal(PurposePage, nil, []byte(payload), start.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestSealedTokensAreAlikeOutside(t *testing.T) {
	k := newRing(t)
	form := regexp.MustCompile(`^[A-Za-z0-9_-]{156}$`)
	if SealedLength != 156 {
		t.Errorf("SealedLength = %d", SealedLength)
	}
	rapid.Check(t, func(t *rapid.T) {
		purpose := rapid.SampledFrom([]Purpose{PurposeConsistency, PurposeReceipt, PurposePage, "other"}).Draw(t, "purpose")
		binding := rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "binding")
		payload := rapid.SliceOfN(rapid.Byte(), 0, MaxSealedBytes).Draw(t, "payload")
		expires := start.Add(time.Duration(rapid.Int64Range(1, 1<<62).Draw(t, "expires")) + time.Microsecond)
		token, err := k.Seal(purpose, binding, payload, expires)
		if err != nil || !form.MatchString(token) {
			t.Fatalf("Seal = %q, %v", token, err)
		}
		got, err := k.Unseal(purpose, binding, token, start)
		if err != nil || !bytes.Equal(got, payload) {
			t.Fatalf("Unseal = %x, %v; want %x", got, err, payload)
		}
		if again, _ := k.Seal(purpose, binding, payload, expires); again == token {
			t.Fatal("sealing twice gives one token: equal contents would show")
		}
	})
}

func TestSealRefuses(t *testing.T) {
	k := newRing(t)
	for name, c := range map[string]struct {
		purpose Purpose
		size    int
		expires time.Time
	}{
		"no purpose":          {"", 0, start},
		"payload over 64":     {PurposePage, MaxSealedBytes + 1, start},
		"no expiry":           {PurposePage, 0, time.Time{}},
		"expiry in year 9999": {PurposePage, 0, NeverExpires.Add(1)},
	} {
		if token, err := k.Seal(c.purpose, nil, make([]byte, c.size), c.expires); err == nil || token != "" {
			t.Errorf("%s: %q, %v", name, token, err)
		}
	}
}

func TestUnsealOnlyForPurposeAndBinding(t *testing.T) {
	k := newRing(t)
	bind := func(user, app acl.Principal, request string) []byte {
		return append(Caller{Identity: acl.Identity{User: user, App: app}}.Binding(), request...)
	}
	mine := bind("user:local/ada", "service:chat", "query 1")
	token, err := k.Seal(PurposePage, mine, []byte("revision 7"), NeverExpires)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		ring    *KeyRing
		purpose Purpose
		binding []byte
	}{
		"another purpose":       {k, PurposeReceipt, mine},
		"a purpose that begins": {k, PurposePage + "x", mine},
		"no purpose":            {k, "", mine},
		"another person":        {k, PurposePage, bind("user:local/eve", "service:chat", "query 1")},
		"another app":           {k, PurposePage, bind("user:local/ada", "service:cli", "query 1")},
		"another request":       {k, PurposePage, bind("user:local/ada", "service:chat", "query 2")},
		"no binding":            {k, PurposePage, nil},
		"another ring":          {newRing(t), PurposePage, mine},
	} {
		if payload, err := c.ring.Unseal(c.purpose, c.binding, token, start); err != ErrSeal || payload != nil {
			t.Errorf("%s: %q, %v", name, payload, err)
		}
	}
	if payload, err := k.Unseal(PurposePage, mine, token, NeverExpires.Add(-time.Hour)); err != nil || string(payload) != "revision 7" {
		t.Errorf("its own: %q, %v", payload, err)
	}
}

func TestUnsealExpiry(t *testing.T) {
	k := newRing(t)
	expires := start.Add(time.Hour + 7*time.Microsecond)
	token, err := k.Seal(PurposePage, nil, nil, expires)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		now  time.Time
		want error
	}{
		{time.Time{}, nil}, {start, nil}, {expires.Add(-time.Microsecond), nil}, {expires.Add(-1), nil},
		{expires, ErrSeal}, {expires.Add(1), ErrSeal}, {expires.Add(time.Hour), ErrSeal}, {NeverExpires, ErrSeal},
	} {
		if _, err := k.Unseal(PurposePage, nil, token, c.now); err != c.want {
			t.Errorf("at %v: %v, want %v", c.now, err, c.want)
		}
	}
}

// TestUnsealRefusesEveryChange flips every bit of the sealed bytes and of their text.
func TestUnsealRefusesEveryChange(t *testing.T) {
	k := newRing(t)
	token := seal(t, k, "revision 7")
	refused := func(changed string) {
		t.Helper()
		if payload, err := k.Unseal(PurposePage, nil, changed, start); err != ErrSeal || payload != nil {
			t.Fatalf("%q: %q, %v", changed, payload, err)
		}
	}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	for bit := range len(raw) * 8 {
		raw[bit/8] ^= 1 << (bit % 8)
		refused(base64.RawURLEncoding.EncodeToString(raw))
		raw[bit/8] ^= 1 << (bit % 8)
	}
	for bit := range len(token) * 8 {
		b := []byte(token)
		b[bit/8] ^= 1 << (bit % 8)
		refused(string(b))
	}
	for i := range len(token) {
		refused(token[:i])
		refused(token[:i] + "\n" + token[i:])
		refused(token[:i] + "\n" + token[i+1:])
	}
	refused(strings.Repeat("\n", SealedLength))
	refused("AAAA" + strings.Repeat("\r", SealedLength-4))
	refused(token + "=")
	refused(token + token)
	refused(strings.Repeat("A", SealedLength))
	if _, err := k.Unseal(PurposePage, nil, token, start); err != nil {
		t.Errorf("the token that was changed: %v", err)
	}
}

func BenchmarkSeal(b *testing.B) {
	k := newRing(b)
	for b.Loop() {
		seal(b, k, "revision 7")
	}
}

func BenchmarkUnseal(b *testing.B) {
	k := newRing(b)
	token := seal(b, k, "revision 7")
	for b.Loop() {
		if _, err := k.Unseal(PurposePage, nil, token, start); err != nil {
			b.Fatal(err)
		}
	}
}
