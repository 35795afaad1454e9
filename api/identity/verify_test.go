package identity

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/muniment/muniment/acl"
)

// TestVerifyRefuses signs what is wrong with the genuine key, so that only the strictness of
// Verify stands in the way. The names are rows of the project's security cases.
func TestVerifyRefuses(t *testing.T) {
	k := newRing(t)
	a, _ := newAuthority(t, k, nil)
	h, c := goodHeader(), goodClaims(k)
	header, payload := encode(t, h), encode(t, c)
	if _, err := a.Verify(sign(k, header, payload)); err != nil {
		t.Fatalf("the token that the cases change is refused: %v", err)
	}
	withHeader := func(name string, v any) string { return sign(k, encode(t, with(h, name, v)), payload) }
	withClaim := func(name string, v any) string { return sign(k, header, encode(t, with(c, name, v))) }
	// text adds members as they stand, for what a map cannot say.
	text := func(members string) string { return sign(k, header, strings.TrimSuffix(payload, "}")+","+members+"}") }
	deep := map[string]any{"sub": "service:deep"}
	for range maxChain {
		deep = map[string]any{"sub": "service:deep", "act": deep}
	}
	type object = map[string]any

	for name, token := range map[string]string{
		"ID-02 alg none":                  withHeader("alg", "none"),
		"ID-02 alg None":                  withHeader("alg", "None"),
		"ID-02 alg nOnE, no signature":    unsigned(t, with(h, "alg", "nOnE"), c),
		"ID-02 no signature":              unsigned(t, h, c),
		"ID-02 alg HS256 with public key": hs256(t, k, h, c),
		"ID-02 alg missing":               withHeader("alg", nil),
		"ID-02 alg EDDSA":                 withHeader("alg", "EDDSA"),
		"ID-04 no exp":                    withClaim("exp", nil),
		"ID-04 exp null":                  withClaim("exp", rawJSON("null")),
		"nbf null":                        withClaim("nbf", rawJSON("null")),
		"clearance null":                  withClaim("clearance", rawJSON("null")),
		"roles null":                      withClaim("roles", rawJSON("null")),
		"ID-04 exp text":                  withClaim("exp", "1800000000"),
		"ID-04 exp fraction":              withClaim("exp", 1.8e9+0.5),
		"ID-04 exp huge":                  withClaim("exp", 1e18),
		"ID-04 exp negative":              withClaim("exp", -1),
		"no iat":                          withClaim("iat", nil),
		"no jti":                          withClaim("jti", nil),
		"empty jti":                       withClaim("jti", ""),
		"long jti":                        withClaim("jti", strings.Repeat("j", maxJTI+1)),
		"ID-06 no aud":                    withClaim("aud", nil),
		"ID-06 other aud":                 withClaim("aud", "other"),
		"ID-06 aud in other case":         withClaim("aud", "Muniment"),
		"ID-06 empty aud":                 withClaim("aud", ""),
		"ID-06 empty list of aud":         withClaim("aud", []string{}),
		"ID-06 other auds":                withClaim("aud", []string{"a", "b"}),
		"ID-06 aud of numbers":            withClaim("aud", []any{audience, 7}),
		"ID-08 typ JWT":                   withHeader("typ", "JWT"),
		"ID-08 typ missing":               withHeader("typ", nil),
		"ID-08 typ of another kind":       withHeader("typ", "application/jwt"),
		"ID-08 nonce":                     withClaim("nonce", "n"),
		"ID-09 jku":                       withHeader("jku", "https://keys.example/"),
		"ID-09 x5u":                       withHeader("x5u", "https://keys.example/"),
		"ID-09 x5c":                       withHeader("x5c", []string{"AA=="}),
		"ID-09 jwk":                       withHeader("jwk", object{"kty": "OKP"}),
		"ID-09 crit":                      withHeader("crit", []string{"exp"}),
		"ID-09 zip":                       withHeader("zip", "DEF"),
		"ID-09 b64":                       withHeader("b64", false),
		"ID-10 iss with slash":            withClaim("iss", k.issuer()+"/"),
		"ID-10 iss in other case":         withClaim("iss", strings.ToUpper(k.issuer())),
		"ID-10 iss of another ring":       withClaim("iss", newRing(t).issuer()),
		"ID-10 no iss":                    withClaim("iss", nil),
		"ID-10 empty iss":                 withClaim("iss", ""),
		"ID-10 kid unknown":               withHeader("kid", "2"),
		"ID-10 kid padded":                withHeader("kid", "01"),
		"ID-10 kid signed":                withHeader("kid", "+1"),
		"ID-10 kid number":                withHeader("kid", 1),
		"ID-10 kid missing":               withHeader("kid", nil),
		"ID-10 kid wraps around":          withHeader("kid", "4294967297"),
		"ID-11 no sub":                    withClaim("sub", nil),
		"ID-11 empty sub":                 withClaim("sub", ""),
		"ID-11 long sub":                  withClaim("sub", "user:local/"+strings.Repeat("a", acl.MaxPrincipalBytes)),
		"ID-11 sub with zero width":       withClaim("sub", "user:local/al\u200bice"),
		"ID-11 sub with a lone surrogate": sign(k, header, strings.Replace(payload, "ada", `\ud800`, 1)),
		"ID-11 sub a number":              withClaim("sub", 7),
		"ID-11 sub of another issuer":     withClaim("sub", "user:corp/ada"),
		"ID-11 sub of local in capitals":  withClaim("sub", "user:Local/ada"),
		"ID-11 sub a group":               withClaim("sub", "group:staff"),
		"ID-11 sub everyone":              withClaim("sub", "everyone"),
		"ID-15 aud twice":                 text(`"aud":"muniment"`),
		"ID-15 sub twice":                 text(`"sub":"user:local/ada"`),
		"ID-15 sub twice, escaped":        text(`"\u0073ub":"user:local/ceo"`),
		"ID-15 sub in capitals":           text(`"SUB":"user:local/ceo"`),
		"ID-15 alg twice in the header":   sign(k, `{"alg":"EdDSA","alg":"EdDSA","kid":"1","typ":"at+jwt"}`, payload),
		"ID-15 sub of act twice":          withClaim("act", rawJSON(`{"sub":"service:chat","sub":"service:cli"}`)),
		"ID-17 five segments":             sign(k, header, payload) + ".AA.AA",
		"ID-20 act a string":              withClaim("act", "service:chat"),
		"ID-20 act empty":                 withClaim("act", object{}),
		"ID-20 act null":                  withClaim("act", rawJSON("null")),
		"ID-20 act with more":             withClaim("act", object{"sub": "service:chat", "iss": "x"}),
		"ID-20 act a person":              withClaim("act", object{"sub": "user:local/ceo"}),
		"ID-20 inner act a group":         withClaim("act", object{"sub": "service:chat", "act": object{"sub": "group:g"}}),
		"ID-20 inner act a list":          withClaim("act", object{"sub": "service:chat", "act": []any{}}),
		"ID-20 act too deep":              withClaim("act", deep),
		"ID-20 act a list":                withClaim("act", []any{object{"sub": "service:chat"}}),
		"ID-21 a person without an app":   withClaim("act", nil),
		"ID-22 user claim":                withClaim("user", "user:local/ceo"),
		"ID-22 groups claim":              withClaim("groups", []string{"group:admins"}),
		"ID-22 x-user claim":              withClaim("x-user", "ceo"),
		"unknown role":                    withClaim("roles", []string{"root"}),
		"role in capitals":                withClaim("roles", []string{"Admin"}),
		"role of a null":                  withClaim("roles", rawJSON(`["ingest",null]`)),
		"role scoped that cannot be":      withClaim("roles", []string{"admin:handbook"}),
		"roles a string":                  withClaim("roles", "admin"),
		"unknown clearance":               withClaim("clearance", "cosmic"),
		"empty clearance":                 withClaim("clearance", ""),
		"clearance in capitals":           withClaim("clearance", "Public"),
		"guest a string":                  withClaim("guest", "false"),
		"guest a service":                 sign(k, header, encode(t, with(with(with(c, "act", nil), "sub", "service:chat"), "guest", true))),
		"payload null":                    sign(k, header, "null"),
		"payload a list":                  sign(k, header, "[]"),
		"payload with a tail":             sign(k, header, payload+"{}"),
		"payload empty":                   sign(k, header, ""),
		"payload not UTF-8":               sign(k, header, strings.Replace(payload, "id-1", "id-\xff", 1)),
		"header null":                     sign(k, "null", payload),
		"header empty":                    sign(k, "", payload),
		"not a token":                     "muniment",
		"dots":                            "..",
		"a bearer":                        "Bearer " + sign(k, header, payload),
	} {
		t.Run(name, func(t *testing.T) {
			caller, err := a.Verify(token)
			if Reason(err) != ReasonInvalid || !errors.Is(err, ErrUnauthenticated) {
				t.Errorf("Verify = %v, %v (%s), want %s", caller, err, Reason(err), ReasonInvalid)
			}
			if diff := cmp.Diff(Caller{}, caller); diff != "" {
				t.Errorf("a refused token gave a caller:\n%s", diff)
			}
		})
	}
}

type rawJSON string

func (r rawJSON) MarshalJSON() ([]byte, error) { return []byte(r), nil }

func unsigned(t *testing.T, header, claims map[string]any) string {
	b64 := base64.RawURLEncoding.EncodeToString
	return b64([]byte(encode(t, header))) + "." + b64([]byte(encode(t, claims))) + "."
}

// hs256 signs with the public key as an HMAC secret, for a verifier that believes alg.
func hs256(t *testing.T, k *KeyRing, header, claims map[string]any) string {
	text := strings.TrimSuffix(unsigned(t, with(header, "alg", "HS256"), claims), ".")
	h := hmac.New(sha256.New, k.token.current().Public().(ed25519.PublicKey))
	h.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

func TestVerifyMissingAndTooLarge(t *testing.T) {
	a, _ := newAuthority(t, newRing(t), nil)
	if _, err := a.Verify(""); Reason(err) != ReasonMissing {
		t.Errorf("no token: %v", err)
	}
	for _, size := range []int{MaxTokenBytes + 1, 1 << 20} {
		if _, err := a.Verify(strings.Repeat("a", size)); Reason(err) != ReasonTooLarge {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	if _, err := a.Verify(strings.Repeat("a", MaxTokenBytes)); Reason(err) != ReasonInvalid {
		t.Errorf("%d bytes: %v", MaxTokenBytes, err)
	}
}

func TestVerifyAccepts(t *testing.T) {
	k := newRing(t)
	a, _ := newAuthority(t, k, nil)
	h, c := goodHeader(), goodClaims(k)
	for name, token := range map[string]string{
		"typ in capitals":       sign(k, encode(t, with(h, "typ", "AT+JWT")), encode(t, c)),
		"typ as a media type":   sign(k, encode(t, with(h, "typ", "Application/at+jwt")), encode(t, c)),
		"ID-06 one of two auds": sign(k, encode(t, h), encode(t, with(c, "aud", []string{"other", audience}))),
		"no nbf":                sign(k, encode(t, h), encode(t, with(c, "nbf", nil))),
		"members spaced out":    sign(k, " "+encode(t, h)+"\n", "\t"+encode(t, c)+" "),
	} {
		if caller, err := a.Verify(token); err != nil || caller.User != "user:local/ada" || caller.App != "service:chat" {
			t.Errorf("%s: %v, %v", name, caller.Identity, err)
		}
	}
}

// TestVerifyTime is ID-05: the borders of a token's life, with and without leeway.
func TestVerifyTime(t *testing.T) {
	k := newRing(t)
	for _, leeway := range []time.Duration{0, time.Minute} {
		a, clock := newAuthority(t, k, func(c *Config) { c.Leeway = leeway })
		live := goodClaims(k) // from start, for an hour
		late := with(live, "nbf", start.Add(time.Minute).Unix())
		for _, c := range []struct {
			claims map[string]any
			at     time.Duration
			want   string
		}{
			{live, time.Hour + leeway, ReasonExpired},
			{live, time.Hour + leeway + time.Second, ReasonExpired},
			{live, time.Hour + leeway - time.Nanosecond, ""},
			{live, time.Hour + leeway - time.Second, ""},
			{live, -leeway, ""},
			{live, -leeway - time.Nanosecond, ReasonNotYetValid},
			{late, time.Minute - leeway, ""},
			{late, time.Minute - leeway - time.Nanosecond, ReasonNotYetValid},
			{with(live, "iat", start.Add(2*time.Minute).Unix()), 2*time.Minute - leeway - 1, ReasonNotYetValid},
			{with(live, "aud", "other"), 2 * time.Hour, ReasonInvalid}, // wrong and expired is wrong
		} {
			clock.at(c.at)
			_, err := a.Verify(sign(k, encode(t, goodHeader()), encode(t, c.claims)))
			if Reason(err) != c.want || (err == nil) != (c.want == "") {
				t.Errorf("leeway %v, at %v: %v, want %q", leeway, c.at, err, c.want)
			}
		}
	}
}

// TestVerifyChain is ID-20: the outermost app decides, the inner ones are told.
func TestVerifyChain(t *testing.T) {
	k := newRing(t)
	a, _ := newAuthority(t, k, func(c *Config) {
		c.Apps = map[string]App{"x": {Sources: []string{"handbook"}, Clearance: "public"}, "w": {Clearance: "restricted"}}
	})
	act := map[string]any{"sub": "service:x", "act": map[string]any{"sub": "service:w"}}
	got, err := a.Verify(sign(k, encode(t, goodHeader()), encode(t, with(goodClaims(k), "act", act))))
	if err != nil {
		t.Fatal(err)
	}
	want := Caller{
		Identity: acl.Identity{
			User: "user:local/ada", App: "service:x",
			Clearance: acl.Clearance{"public": true, "internal": true},
			Scope:     acl.Scope{Sources: []string{"handbook"}, Clearance: acl.Clearance{"public": true}},
		},
		Expires: start.Add(time.Hour), TokenID: "id-1",
		Chain: []string{"service:x", "service:w"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
