package oidc

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/muniment/muniment/api/identity/oidc/oidctest"
)

// published are the keys of a provider with one of each kind, as members of JSON.
func published(t testing.TB) map[string]map[string]any {
	p := oidctest.New("https://idp.test")
	for _, alg := range []string{"RS256", "ES384", "ES512", "EdDSA"} {
		p.Rotate(alg, alg)
	}
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal(p.Set(), &set); err != nil {
		t.Fatal(err)
	}
	found := map[string]map[string]any{}
	for _, k := range set.Keys {
		found[k["kid"].(string)] = k
	}
	return found
}

func setOf(keys ...any) []byte {
	data, _ := json.Marshal(map[string]any{"keys": keys})
	return data
}

// TestParseKeys says which keys of a set are used and which sets are refused whole.
func TestParseKeys(t *testing.T) {
	k := published(t)
	rsa, ec := k["RS256"], k["1"]
	short := strings.Repeat("_", 172) // 1032 bits
	for name, c := range map[string]struct {
		set  []byte
		want string // ids of the keys, or what the error says
	}{
		"all kinds":              {setOf(k["RS256"], k["1"], k["ES384"], k["ES512"], k["EdDSA"]), "1 ES384 ES512 EdDSA RS256"},
		"none":                   {[]byte(`{"keys":[]}`), ""},
		"more members":           {setOf(with(with(rsa, "x5c", []string{"AA=="}), "x5t", "AA")), "RS256"},
		"key_ops verify":         {setOf(with(rsa, "key_ops", []string{"verify"})), "RS256"},
		"no id":                  {setOf(with(rsa, "kid", nil), with(ec, "kid", nil)), ""},
		"for encryption":         {setOf(with(rsa, "use", "enc"), ec), "1"},
		"key_ops encrypt":        {setOf(with(rsa, "key_ops", []string{"encrypt"}), ec), "1"},
		"another kind":           {setOf(map[string]any{"kty": "AKP", "kid": "pq"}, ec), "1"},
		"symmetric":              {setOf(map[string]any{"kty": "oct", "kid": "s", "k": "AAAA"}, ec), "1"},
		"another curve":          {setOf(with(ec, "crv", "secp256k1")), ""},
		"X25519":                 {setOf(with(k["EdDSA"], "crv", "X25519")), ""},
		"a small RSA key":        {setOf(with(rsa, "n", short), ec), "1"},
		"ID-15 an id twice":      {setOf(rsa, with(ec, "kid", "RS256")), "occurs twice"},
		"ID-15 one for another":  {setOf(with(rsa, "use", "enc"), with(ec, "kid", "RS256")), "occurs twice"},
		"ID-15 the same twice":   {setOf(rsa, rsa), "occurs twice"},
		"ID-15 a member twice":   {[]byte(`{"keys":[{"kty":"x","kty":"x"}]}`), "occurs twice"},
		"ID-15 keys twice":       {[]byte(`{"keys":[],"keys":[]}`), "occurs twice"},
		"a private key":          {setOf(ec, with(k["EdDSA"], "d", "AAAA")), "private"},
		"not on the curve":       {setOf(with(ec, "x", ec["y"])), "not a point"},
		"coordinates of another": {setOf(with(ec, "crv", "P-384")), "not coordinates"},
		"an even modulus":        {setOf(with(rsa, "n", strings.Repeat("AAAA", 86))), "not an RSA key"},
		"exponent 1":             {setOf(with(rsa, "e", "AQ")), "not an RSA key"},
		"exponent 2":             {setOf(with(rsa, "e", "Ag")), "not an RSA key"},
		"a huge exponent":        {setOf(with(rsa, "e", "AQAAAAAB")), "not an exponent"},
		"no exponent":            {setOf(with(rsa, "e", nil)), "not an exponent"},
		"not base64url":          {setOf(with(rsa, "n", "+/+/")), "not a number"},
		"a line break":           {setOf(with(k["EdDSA"], "x", "\n"+k["EdDSA"]["x"].(string))), "not an Ed25519"},
		"a short Ed25519 key":    {setOf(with(k["EdDSA"], "x", "AAAA")), "not an Ed25519"},
		"no kty":                 {setOf(with(rsa, "kty", nil)), "kty"},
		"kid a number":           {setOf(with(rsa, "kid", 1)), "kid"},
		"key_ops text":           {setOf(with(rsa, "key_ops", "verify")), "key_ops"},
		"a key that is a string": {setOf("key"), "not a JSON object"},
		"keys an object":         {[]byte(`{"keys":{}}`), "no list"},
		"keys null":              {[]byte(`{"keys":null}`), "no list"},
		"no keys":                {[]byte(`{}`), "no list"},
		"HTML":                   {[]byte(`<html>`), "not valid JSON"},
		"too many":               {setOf(make([]struct{}, maxKeys+1)), "keys"},
		"too long":               {[]byte(strings.Repeat(" ", maxSetBytes) + "{}"), "longer"},
	} {
		found, err := parseKeys(c.set)
		got := strings.Join(slices.Sorted(maps.Keys(found)), " ")
		if err != nil {
			got = err.Error()
		}
		if err == nil && got != c.want || err != nil && (c.want == "" || !strings.Contains(got, c.want)) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestKeysFitTheirAlgorithms: a key verifies what it was made for and nothing else.
func TestKeysFitTheirAlgorithms(t *testing.T) {
	k := published(t)
	found, err := parseKeys(setOf(k["RS256"], k["1"], k["ES384"], k["ES512"], k["EdDSA"], with(with(k["RS256"], "kid", "pinned"), "alg", "PS256")))
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{
		"RS256": "RS256 RS384 RS512 PS256 PS384 PS512", "pinned": "PS256", "1": "ES256", "ES384": "ES384", "ES512": "ES512", "EdDSA": "EdDSA",
	} {
		var fits []string
		for _, alg := range append(slices.Clone(Algorithms), "none", "HS256", "") {
			if found[id].fits(alg) {
				fits = append(fits, alg)
			}
		}
		if got := strings.Join(fits, " "); got != want {
			t.Errorf("%s fits %s, want %s", id, got, want)
		}
	}
}

// FuzzParseKeys: whatever a place answers, a set is read whole or refused, and what is read
// has ids that differ and keys that fit something.
func FuzzParseKeys(f *testing.F) {
	k := published(f)
	f.Add(setOf(k["RS256"], k["1"], k["ES384"], k["ES512"], k["EdDSA"]))
	for _, one := range k {
		f.Add(setOf(one))
		f.Add(setOf(one, one))
	}
	for _, text := range []string{`{"keys":[]}`, `{"keys":[{"kty":"EC","crv":"P-256","x":"","y":"","kid":"a"}]}`, `{"keys":[{"kty":"RSA","n":"AA","e":"AQAB","kid":"a"}]}`, `[]`, ``} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		found, err := parseKeys(data)
		if err != nil && found != nil {
			t.Fatal("an error, and keys")
		}
		for id, k := range found {
			if id == "" || k.public == nil {
				t.Errorf("key %q: %v", id, k)
			}
			if k.alg == "" && !slices.ContainsFunc(Algorithms, k.fits) {
				t.Errorf("key %q fits nothing: %v", id, k)
			}
			for _, alg := range []string{"none", "HS256", "HS512", ""} {
				if k.fits(alg) {
					t.Errorf("key %q fits %q", id, alg)
				}
			}
		}
		if n := strings.Count(string(data), fmt.Sprintf("%q", "kid")); len(found) > max(n, strings.Count(string(data), `\u`)) {
			t.Errorf("%d keys of %d ids", len(found), n)
		}
	})
}
