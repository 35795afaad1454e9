package oidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// Limits of a JWK set.
const (
	maxSetBytes = 1 << 20
	maxKeys     = 100
	minRSABits  = 2048
	maxRSABits  = 8192
)

// key is a public key that signatures can be checked with.
type key struct {
	public crypto.PublicKey // *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey
	alg    string           // the only algorithm it is for; "" for each that fits
	fetch  uint64           // which fetch it is of
}

// curves are the elliptic curves, by their names in a set, and the algorithm of each.
var curves = map[string]struct {
	elliptic.Curve
	alg string
}{"P-256": {elliptic.P256(), "ES256"}, "P-384": {elliptic.P384(), "ES384"}, "P-521": {elliptic.P521(), "ES512"}}

// fits reports whether a signature of the algorithm may be checked with the key.
func (k key) fits(alg string) bool {
	if k.alg != "" && k.alg != alg {
		return false
	}
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		return strings.HasPrefix(alg, "RS") || strings.HasPrefix(alg, "PS")
	case *ecdsa.PublicKey:
		return curves[public.Curve.Params().Name].alg == alg
	case ed25519.PublicKey:
		return alg == "EdDSA"
	}
	return false
}

// parseKeys reads a JWK set. Keys that no token can be verified with are left out: those
// without an id, for encryption, of a kind that is not known, too small. A set in which an id
// occurs twice, a key is broken or a private key lies open is refused whole: then the issuer
// is not in order, or it is not the issuer.
func parseKeys(data []byte) (map[string]key, error) {
	if len(data) > maxSetBytes {
		return nil, fmt.Errorf("the key set is longer than %d bytes", maxSetBytes)
	}
	set, err := Object(data)
	if err != nil {
		return nil, fmt.Errorf("the key set: %w", err)
	}
	var list []json.RawMessage
	if err := json.Unmarshal(set["keys"], &list); err != nil || list == nil {
		return nil, errors.New("the key set has no list of keys")
	}
	if len(list) > maxKeys {
		return nil, fmt.Errorf("the key set has more than %d keys", maxKeys)
	}
	found, ids := map[string]key{}, map[string]bool{}
	for i, raw := range list {
		members, err := Object(raw)
		if err != nil {
			return nil, fmt.Errorf("keys[%d]: %w", i, err)
		}
		id, err := text(members, "kid")
		if err != nil {
			return nil, fmt.Errorf("keys[%d]: %w", i, err)
		}
		if id != "" && ids[id] {
			return nil, fmt.Errorf("keys[%d]: the key id occurs twice", i)
		}
		ids[id] = true
		k, err := parseKey(members)
		if err != nil {
			return nil, fmt.Errorf("keys[%d]: %w", i, err)
		}
		if id != "" && k.public != nil {
			found[id] = k
		}
	}
	return found, nil
}

// parseKey reads one key; one that is of no use here has no public key.
func parseKey(members map[string]json.RawMessage) (k key, err error) {
	for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth"} {
		if _, ok := members[private]; ok {
			return key{}, errors.New("a private key; whoever has read it can make tokens")
		}
	}
	value := map[string]string{}
	for _, name := range []string{"kty", "use", "alg", "crv", "n", "e", "x", "y"} {
		if value[name], err = text(members, name); err != nil {
			return key{}, err
		}
	}
	var uses []string
	if raw, ok := members["key_ops"]; ok {
		if err := json.Unmarshal(raw, &uses); err != nil {
			return key{}, errors.New("key_ops: not a list of strings")
		}
	}
	if value["use"] != "" && value["use"] != "sig" || uses != nil && !slices.Contains(uses, "verify") {
		return key{}, nil
	}
	k.alg = value["alg"]
	switch value["kty"] {
	case "":
		return key{}, errors.New("kty: missing")
	case "RSA":
		public, err := rsaKey(value["n"], value["e"])
		if public == nil {
			return key{}, err
		}
		k.public = public
	case "EC":
		public, err := ecKey(value["crv"], value["x"], value["y"])
		if public == nil {
			return key{}, err
		}
		k.public = public
	case "OKP":
		if value["crv"] != "Ed25519" {
			return key{}, nil
		}
		x, err := unbase64(value["x"])
		if err != nil || len(x) != ed25519.PublicKeySize {
			return key{}, errors.New("x: not an Ed25519 key")
		}
		k.public = ed25519.PublicKey(x)
	}
	return k, nil
}

// rsaKey returns nil for a key that is too small, or larger than anybody uses.
func rsaKey(n, e string) (*rsa.PublicKey, error) {
	modulus, err := unbase64(n)
	if err != nil || len(modulus) == 0 {
		return nil, errors.New("n: not a number")
	}
	exponent, err := unbase64(e)
	if err != nil || len(exponent) == 0 || len(exponent) > 4 {
		return nil, errors.New("e: not an exponent")
	}
	public := &rsa.PublicKey{N: new(big.Int).SetBytes(modulus), E: int(new(big.Int).SetBytes(exponent).Int64())}
	switch bits := public.N.BitLen(); {
	case public.N.Bit(0) == 0 || public.E < 3 || public.E%2 == 0 || public.E > 1<<31-1:
		return nil, errors.New("n, e: not an RSA key")
	case bits < minRSABits || bits > maxRSABits:
		return nil, nil
	}
	return public, nil
}

// ecKey returns nil for a curve that is not known.
func ecKey(name, x, y string) (*ecdsa.PublicKey, error) {
	curve, ok := curves[name]
	if !ok {
		return nil, nil
	}
	size := (curve.Params().BitSize + 7) / 8
	point := []byte{4} // uncompressed
	for _, coordinate := range []string{x, y} {
		b, err := unbase64(coordinate)
		if err != nil || len(b) != size {
			return nil, errors.New("x, y: not coordinates of the curve")
		}
		point = append(point, b...)
	}
	public, err := ecdsa.ParseUncompressedPublicKey(curve.Curve, point)
	if err != nil {
		return nil, errors.New("x, y: not a point of the curve")
	}
	return public, nil
}

// unbase64 decodes base64url without padding. The library's decoder skips line breaks.
func unbase64(s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, errors.New("not base64url")
	}
	return base64.RawURLEncoding.Strict().DecodeString(s)
}
