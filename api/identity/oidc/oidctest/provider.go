// Package oidctest is an OpenID provider for tests: it publishes keys and signs whatever it is
// told to, in memory or on a loopback address.
package oidctest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

// Provider is an issuer with keys. It is its own http.RoundTripper, so that tests need no
// network; Listen gives it an address.
type Provider struct {
	Issuer string

	mu      sync.Mutex
	keys    map[string]signer
	gone    map[string]bool // keys that are not published any more
	current string
	fetches map[string]int
	instead http.HandlerFunc
	secrets map[string]string         // of clients
	issued  map[string]map[string]any // tokens of the endpoint, and their claims
}

type signer struct {
	alg string
	key crypto.Signer
}

// rsaKey is made once: it takes long.
var rsaKey = sync.OnceValue(func() *rsa.PrivateKey { k, _ := rsa.GenerateKey(rand.Reader, 2048); return k })

// New returns a provider with one key for ES256, whose id is "1".
func New(issuer string) *Provider {
	p := &Provider{Issuer: issuer, keys: map[string]signer{}, gone: map[string]bool{}, fetches: map[string]int{}, secrets: map[string]string{}, issued: map[string]map[string]any{}}
	p.Rotate("1", "ES256")
	return p
}

// Listen serves the provider on a loopback address until the test ends; that is its issuer.
func (p *Provider) Listen(t testing.TB) {
	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	p.Issuer = s.URL
}

// Rotate adds a key and signs with it from now on.
func (p *Provider) Rotate(id, alg string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := signer{alg: alg}
	switch {
	case alg == "EdDSA":
		_, s.key, _ = ed25519.GenerateKey(rand.Reader)
	case strings.HasPrefix(alg, "ES"):
		curve := map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()}[alg]
		s.key, _ = ecdsa.GenerateKey(curve, rand.Reader)
	default:
		s.key = rsaKey()
	}
	p.keys[id], p.current = s, id
}

// Remove takes a key out of the set. Sign goes on signing with it if it is the newest one.
func (p *Provider) Remove(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone[id] = true
}

// Instead makes the provider answer every request so; nil ends that.
func (p *Provider) Instead(h http.HandlerFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.instead = h
}

// Fetches returns how many requests there were for a path, or for all if it is empty.
func (p *Provider) Fetches(path string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for at, count := range p.fetches {
		if path == "" || at == path {
			n += count
		}
	}
	return n
}

// Set returns the JWK set.
func (p *Provider) Set() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	b64 := base64.RawURLEncoding.EncodeToString
	var list []map[string]any
	for _, id := range slices.Sorted(maps.Keys(p.keys)) {
		if p.gone[id] {
			continue
		}
		k := map[string]any{"kid": id, "use": "sig"}
		switch public := p.keys[id].key.Public().(type) {
		case *rsa.PublicKey:
			k["kty"], k["n"], k["e"] = "RSA", b64(public.N.Bytes()), b64(big.NewInt(int64(public.E)).Bytes())
		case *ecdsa.PublicKey:
			point, _ := public.Bytes()
			half := len(point) / 2
			k["kty"], k["crv"], k["x"], k["y"] = "EC", public.Curve.Params().Name, b64(point[1:1+half]), b64(point[1+half:])
		case ed25519.PublicKey:
			k["kty"], k["crv"], k["x"] = "OKP", "Ed25519", b64(public)
		}
		list = append(list, k)
	}
	data, _ := json.Marshal(map[string]any{"keys": list})
	return data
}

// ServeHTTP implements http.Handler: the discovery document, the keys, and tokens.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.fetches[r.URL.Path]++
	instead := p.instead
	p.mu.Unlock()
	switch {
	case instead != nil:
		instead(w, r)
	case strings.HasSuffix(r.URL.Path, "/.well-known/openid-configuration"):
		json.NewEncoder(w).Encode(map[string]any{"issuer": p.Issuer, "jwks_uri": strings.TrimSuffix(p.Issuer, "/") + "/keys", "response_types_supported": []string{"code"}})
	case strings.HasSuffix(r.URL.Path, "/keys"):
		w.Write(p.Set())
	case strings.HasSuffix(r.URL.Path, "/token"):
		p.token(w, r)
	default:
		http.NotFound(w, r)
	}
}

// RoundTrip implements http.RoundTripper without a network.
func (p *Provider) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return w.Result(), nil
}

// Header returns the header that Sign uses if it is given none.
func (p *Provider) Header() map[string]any {
	p.mu.Lock()
	defer p.mu.Unlock()
	return map[string]any{"alg": p.keys[p.current].alg, "kid": p.current, "typ": "at+jwt"}
}

// Sign signs claims with the newest key; header is Header() if nil.
func (p *Provider) Sign(header, claims map[string]any) string {
	if header == nil {
		header = p.Header()
	}
	h, err := json.Marshal(header)
	if err != nil {
		panic(err)
	}
	c, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	return p.SignText(string(h), string(c))
}

// SignText signs a header and a payload as they stand with the newest key.
func (p *Provider) SignText(header, payload string) string {
	p.mu.Lock()
	s := p.keys[p.current]
	p.mu.Unlock()
	b64 := base64.RawURLEncoding.EncodeToString
	text := b64([]byte(header)) + "." + b64([]byte(payload))
	signature, err := jwt.GetSigningMethod(s.alg).Sign(text, s.key)
	if err != nil {
		panic(fmt.Sprint("signing: ", err))
	}
	return text + "." + b64(signature)
}
