package oidc

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/muniment/muniment/api/identity/oidc/oidctest"
)

func TestVerifyAccepts(t *testing.T) {
	p := oidctest.New("https://idp.test/")
	i, _ := issuerOf(t, p, nil)
	for n, alg := range Algorithms { // a claim that is not known is none of ours
		p.Rotate(alg, alg)
		i.keys.set = nil // as if this were the first call
		i.keys.tried = time.Time{}
		token := p.Sign(nil, with(goodClaims(p.Issuer), "unheard_of", map[string]any{"n": n}))
		got, err := i.Verify(t.Context(), token)
		if err != nil || got.Subject != "alice" || got.Client != "client-chat" || got.App() != "client-chat" || got.ID != "id-1" || !got.Expires.Equal(start.Add(time.Hour)) {
			t.Errorf("%s: %+v, %v", alg, got, err)
		}
	}
	act := map[string]any{"sub": "client-crawler", "iss": p.Issuer, "act": map[string]any{"sub": "anything", "note": "x"}}
	for name, c := range map[string]map[string]any{
		"ID-06 several aud":       with(goodClaims(p.Issuer), "aud", []string{"other", "muniment"}),
		"azp":                     with(with(goodClaims(p.Issuer), "client_id", nil), "azp", "client-chat"),
		"azp and client_id":       with(goodClaims(p.Issuer), "azp", "client-chat"),
		"ID-20 act":               with(goodClaims(p.Issuer), "act", act),
		"ID-20 act and no client": with(with(goodClaims(p.Issuer), "act", act), "client_id", nil),
		"no jti":                  with(goodClaims(p.Issuer), "jti", nil),
		"nbf now":                 with(goodClaims(p.Issuer), "nbf", start.Unix()),
	} {
		got, err := i.Verify(t.Context(), p.Sign(nil, c))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if strings.HasPrefix(name, "ID-20") && (got.App() != "client-crawler" || len(got.Actors) != 2) {
			t.Errorf("%s: the app is %q, the chain %q", name, got.App(), got.Actors)
		}
	}
}

// TestVerifyRefuses signs what is wrong with the genuine key, so that only the strictness of
// Verify stands in the way. The names are rows of the project's security cases.
func TestVerifyRefuses(t *testing.T) {
	p := oidctest.New("https://idp.test/")
	i, _ := issuerOf(t, p, func(c *Config) { c.Algorithms = []string{"ES256", "RS256"} })
	h, c := p.Header(), goodClaims(p.Issuer)
	if _, err := i.Verify(t.Context(), p.Sign(h, c)); err != nil {
		t.Fatalf("the token that the cases change is refused: %v", err)
	}
	header := func(name string, v any) string { return p.Sign(with(h, name, v), c) }
	claim := func(name string, v any) string { return p.Sign(h, with(c, name, v)) }
	raw := func(v string) json.RawMessage { return json.RawMessage(v) }
	plain, _ := json.Marshal(h)
	payload, _ := json.Marshal(c)
	// text adds members as they stand, for what a map cannot say.
	text := func(members string) string {
		return p.SignText(string(plain), strings.TrimSuffix(string(payload), "}")+","+members+"}")
	}
	unsigned := func(alg string) string {
		token := p.Sign(with(h, "alg", alg), c)
		return token[:strings.LastIndexByte(token, '.')+1]
	}
	deep := map[string]any{"sub": "x"}
	for range maxChain {
		deep = map[string]any{"sub": "client-chat", "act": deep}
	}
	type object = map[string]any

	for name, token := range map[string]string{
		"ID-02 alg none":                 header("alg", "none"),
		"ID-02 alg None":                 header("alg", "None"),
		"ID-02 alg nOnE, no signature":   unsigned("nOnE"),
		"ID-02 no signature":             unsigned("ES256"),
		"ID-02 alg HS256 over the set":   hs256(p, h, c),
		"ID-02 alg of another key kind":  header("alg", "RS256"),
		"ID-02 alg that is not allowed":  header("alg", "ES384"),
		"ID-02 alg missing":              header("alg", nil),
		"ID-04 no exp":                   claim("exp", nil),
		"ID-04 exp null":                 claim("exp", raw("null")),
		"ID-04 exp text":                 claim("exp", "4102444800"),
		"ID-04 exp fraction":             claim("exp", 1.8e9+0.5),
		"ID-04 exp huge":                 claim("exp", 1e18),
		"ID-04 exp negative":             claim("exp", -1),
		"no iat":                         claim("iat", nil),
		"nbf text":                       claim("nbf", "0"),
		"ID-06 no aud":                   claim("aud", nil),
		"ID-06 other aud":                claim("aud", "other"),
		"ID-06 aud in other case":        claim("aud", "Muniment"),
		"ID-06 aud that begins alike":    claim("aud", "muniment2"),
		"ID-06 empty aud":                claim("aud", ""),
		"ID-06 empty list":               claim("aud", []string{}),
		"ID-06 other auds":               claim("aud", []string{"a", "b"}),
		"ID-06 aud of mixed kinds":       claim("aud", []any{"muniment", 7}),
		"ID-06 aud with null":            claim("aud", []any{"muniment", nil}),
		"ID-06 aud null":                 claim("aud", raw("null")),
		"ID-06 several, no client":       p.Sign(h, with(with(with(c, "aud", []string{"muniment", "b"}), "client_id", nil), "act", object{"sub": "client-chat"})),
		"ID-08 typ JWT":                  header("typ", "JWT"),
		"ID-08 typ missing":              header("typ", nil),
		"ID-08 typ empty":                header("typ", ""),
		"ID-08 typ none":                 header("typ", "none"),
		"ID-08 nonce":                    claim("nonce", "n"),
		"ID-08 at_hash":                  claim("at_hash", "n"),
		"ID-09 jku":                      header("jku", "https://keys.example/"),
		"ID-09 x5u":                      header("x5u", "https://keys.example/"),
		"ID-09 x5c":                      header("x5c", []string{"AA=="}),
		"ID-09 jwk":                      header("jwk", object{"kty": "OKP"}),
		"ID-09 kid that is a URL":        header("kid", "https://keys.example/"),
		"ID-09 crit":                     header("crit", []string{"exp"}),
		"ID-09 b64":                      header("b64", false),
		"ID-10 iss without slash":        claim("iss", "https://idp.test"),
		"ID-10 iss in other case":        claim("iss", "https://IDP.test/"),
		"ID-10 iss with a port":          claim("iss", "https://idp.test:443/"),
		"ID-10 no iss":                   claim("iss", nil),
		"ID-10 kid missing":              header("kid", nil),
		"ID-10 kid empty":                header("kid", ""),
		"ID-10 kid number":               header("kid", 1),
		"ID-11 no sub":                   claim("sub", nil),
		"ID-11 empty sub":                claim("sub", ""),
		"ID-11 long sub":                 claim("sub", strings.Repeat("a", maxSubject+1)),
		"ID-11 sub of a megabyte":        claim("sub", strings.Repeat("a", 1<<20)),
		"ID-11 sub a number":             claim("sub", 7),
		"ID-11 sub null":                 claim("sub", raw("null")),
		"ID-15 aud twice":                text(`"aud":"muniment"`),
		"ID-15 sub twice":                text(`"sub":"alice"`),
		"ID-15 sub twice, escaped":       text(`"\u0073ub":"ceo"`),
		"ID-15 twice in an unknown one":  text(`"ext":{"a":1,"a":2}`),
		"ID-15 alg twice in the header":  p.SignText(`{"alg":"ES256","alg":"ES256","kid":"1","typ":"at+jwt"}`, string(payload)),
		"ID-17 five parts":               p.Sign(h, c) + ".AA.AA",
		"ID-17 zip":                      header("zip", "DEF"),
		"ID-17 enc":                      header("enc", "A256GCM"),
		"ID-20 act a string":             claim("act", "client-chat"),
		"ID-20 act null":                 claim("act", raw("null")),
		"ID-20 act empty":                claim("act", object{}),
		"ID-20 act of another issuer":    claim("act", object{"sub": "client-chat", "iss": "https://other.test"}),
		"ID-20 inner act a list":         claim("act", object{"sub": "client-chat", "act": []any{}}),
		"ID-20 act too deep":             claim("act", deep),
		"ID-21 an actor not listed":      claim("act", object{"sub": "client-evil"}),
		"ID-21 a client not listed":      claim("client_id", "client-evil"),
		"ID-21 a client in other case":   claim("client_id", "Client-chat"),
		"ID-21 no client":                claim("client_id", nil),
		"ID-21 client empty":             claim("client_id", ""),
		"ID-21 client null":              claim("client_id", raw("null")),
		"ID-21 listed actor, not client": p.Sign(h, with(with(c, "act", object{"sub": "client-chat"}), "client_id", "client-evil")),
		"ID-21 two clients":              claim("azp", "client-crawler"),
		"payload null":                   p.SignText(string(plain), "null"),
		"payload a list":                 p.SignText(string(plain), "[]"),
		"payload with a tail":            p.SignText(string(plain), string(payload)+"{}"),
		"payload not UTF-8":              p.SignText(string(plain), strings.Replace(string(payload), "id-1", "id-\xff", 1)),
		"header null":                    p.SignText("null", string(payload)),
		"a line break":                   strings.Replace(p.Sign(h, c), ".", "\n.", 1),
		"padding":                        strings.Replace(p.Sign(h, c), ".", "=.", 1),
		"empty":                          "",
		"dots":                           "..",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := i.Verify(t.Context(), token)
			want := ReasonInvalid
			switch {
			case strings.Contains(name, "not listed"), strings.Contains(name, "other case") && strings.HasPrefix(name, "ID-21"), strings.Contains(name, "not client"):
				want = ReasonApp
			case strings.Contains(name, "megabyte"):
				want = ReasonTooLarge
			}
			if reasonOf(err) != want || got.claims != nil {
				t.Errorf("Verify = %+v, %v, want %s", got, err, want)
			}
		})
	}
	// ID-09: whatever the tokens named, only the configured place was asked.
	if all, keys := p.Fetches(""), p.Fetches("/keys"); all != keys || keys > 2 {
		t.Errorf("%d requests, %d of them for the keys, want at most 2 and no others", all, keys)
	}
}

func hs256(p *oidctest.Provider, h, c map[string]any) string {
	head, _ := json.Marshal(with(h, "alg", "HS256"))
	body, _ := json.Marshal(c)
	b64 := base64.RawURLEncoding.EncodeToString
	text := b64(head) + "." + b64(body)
	mac := hmac.New(sha256.New, p.Set())
	mac.Write([]byte(text))
	return text + "." + b64(mac.Sum(nil))
}

// TestVerifyTimes (ID-05): to the second, with the leeway and the clock of the configuration.
func TestVerifyTimes(t *testing.T) {
	p := oidctest.New("https://idp.test")
	i, now := issuerOf(t, p, func(c *Config) { c.Leeway = time.Minute })
	for _, c := range []struct {
		claim  string
		at     time.Duration // of the claim, from now
		reason string
	}{
		{"exp", -61 * time.Second, ReasonExpired}, {"exp", -60 * time.Second, ReasonExpired}, {"exp", -59 * time.Second, ""},
		{"nbf", 60 * time.Second, ""}, {"nbf", 61 * time.Second, ReasonNotYetValid},
		{"iat", 60 * time.Second, ""}, {"iat", 61 * time.Second, ReasonNotYetValid},
	} {
		*now = start
		got, err := i.Verify(t.Context(), p.Sign(nil, with(goodClaims(p.Issuer), c.claim, start.Add(c.at).Unix())))
		if reasonOf(err) != c.reason || (err == nil) != (c.reason == "") {
			t.Errorf("%s %v from now: %v, want %q", c.claim, c.at, err, c.reason)
		}
		if c.claim == "exp" && err == nil && !got.Expires.Equal(start.Add(c.at+time.Minute)) {
			t.Errorf("exp %v from now: accepted until %v", c.at, got.Expires)
		}
	}
	// Out of time is not the reason if something else is wrong too.
	both := with(with(goodClaims(p.Issuer), "exp", 1), "aud", "other")
	if _, err := i.Verify(t.Context(), p.Sign(nil, both)); reasonOf(err) != ReasonInvalid {
		t.Errorf("expired and for another service: %v", err)
	}
}

// TestOtherForms is what issuers send that follow RFC 9068 in part.
func TestOtherForms(t *testing.T) {
	p := oidctest.New("https://idp.test")
	for name, c := range map[string]struct {
		change func(*Config)
		token  string
	}{
		"no typ, cid and uid": {
			func(c *Config) { c.Types, c.Client, c.Subject = []string{"none"}, "cid", "uid" },
			p.Sign(with(p.Header(), "typ", nil), with(with(with(goodClaims(p.Issuer), "client_id", nil), "cid", "client-chat"), "uid", "alice")),
		},
		"typ JWT and x5t": {
			func(c *Config) { c.Types = []string{"jwt"} },
			p.Sign(with(with(p.Header(), "typ", "JWT"), "x5t", "AAAA"), goodClaims(p.Issuer)),
		},
		"an ID token, where they are allowed": {
			func(c *Config) { c.Types, c.IDTokens = []string{"jwt"}, true },
			p.Sign(with(p.Header(), "typ", "JWT"), with(goodClaims(p.Issuer), "nonce", "n")),
		},
	} {
		strict, _ := issuerOf(t, p, nil)
		if _, err := strict.Verify(t.Context(), c.token); reasonOf(err) != ReasonInvalid {
			t.Errorf("%s: %v where it is not configured", name, err)
		}
		i, _ := issuerOf(t, p, c.change)
		if got, err := i.Verify(t.Context(), c.token); err != nil || got.Subject != "alice" || got.App() != "client-chat" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}
