package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Claimed returns the iss that a token claims, unverified: it says whose keys to try and
// nothing else. It is "" for what is no token.
func Claimed(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || len(token) > MaxTokenBytes {
		return ""
	}
	payload, err := unbase64(parts[1])
	if err != nil {
		return ""
	}
	claims, err := Object(payload)
	if err != nil {
		return ""
	}
	iss, _ := text(claims, "iss")
	return iss
}

// Prepare fetches the keys if there are none yet, so that the first caller need not wait.
func (i *Issuer) Prepare(ctx context.Context) error {
	if i.keys.ready() {
		return nil
	}
	_, _, err := i.keys.get(ctx, "")
	return err
}

// KeysFrom returns when the keys in use were fetched; the zero time if none were. Nobody is
// verified by keys older than MaxAge.
func (i *Issuer) KeysFrom() time.Time { return i.keys.from() }

// Verify returns what a token of this issuer says. Its error is a Refusal, or wraps
// ErrUnavailable.
func (i *Issuer) Verify(ctx context.Context, token string) (Token, error) {
	if len(token) > MaxTokenBytes {
		return Token{}, &Refusal{ReasonTooLarge, fmt.Sprintf("%d bytes, at most %d", len(token), MaxTokenBytes)}
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return Token{}, refuse("not three parts; encrypted tokens are not supported")
	}
	header, err := unbase64(parts[0])
	if err != nil {
		return Token{}, refuse("header: not base64url")
	}
	alg, kid, err := i.header(header)
	if err != nil {
		return Token{}, refuse("header: %v", err)
	}
	payload, err := unbase64(parts[1])
	if err != nil {
		return Token{}, refuse("payload: not base64url")
	}
	signature, err := unbase64(parts[2])
	if err != nil {
		return Token{}, refuse("signature: not base64url")
	}
	k, ok, err := i.keys.get(ctx, kid)
	switch {
	case err != nil:
		return Token{}, err
	case !ok:
		return Token{}, errNoKey
	case !k.fits(alg):
		return Token{}, refuse("alg: not for this key")
	}
	if err := jwt.GetSigningMethod(alg).Verify(parts[0]+"."+parts[1], signature, k.public); err != nil {
		return Token{}, refuse("the signature is not of this issuer")
	}
	claims, err := Object(payload)
	if err != nil {
		return Token{}, refuse("payload: %v", err)
	}
	t, err := i.token(claims)
	t.Proof = Proof{kid, k.fetch}
	return t, err
}

var errNoKey = refuse("kid: the issuer has no such key")

// Proof names the key that a token was verified with, as it was fetched.
type Proof struct {
	kid   string
	fetch uint64
}

// Stands reports whether what Verify has said of a token still holds, but for the time; if not
// it must be asked again, or the error is what it would say. The keys are fetched when Verify
// would. A key that was fetched again counts as another one, whether or not it is the same.
func (i *Issuer) Stands(ctx context.Context, p Proof) (bool, error) {
	k, ok, err := i.keys.get(ctx, p.kid)
	if err == nil && !ok {
		err = errNoKey
	}
	return k.fetch == p.fetch, err
}

// header returns the algorithm and the key id. x5t repeats the key id and is not looked at;
// with any other member a token could bring a key, or say where to fetch one, or ask for an
// extension.
func (i *Issuer) header(data []byte) (alg, kid string, err error) {
	members, err := Object(data)
	if err != nil {
		return "", "", err
	}
	for name := range members {
		if !slices.Contains([]string{"alg", "kid", "typ", "x5t"}, name) {
			return "", "", fmt.Errorf("unknown member %.40q", name)
		}
	}
	if alg, err = text(members, "alg"); err != nil {
		return "", "", err
	}
	if !slices.Contains(i.Algorithms, alg) {
		return "", "", fmt.Errorf("alg: must be one of %s", strings.Join(i.Algorithms, ", "))
	}
	if kid, err = text(members, "kid"); err != nil {
		return "", "", err
	}
	if kid == "" {
		return "", "", errors.New("kid: missing")
	}
	typ, err := text(members, "typ")
	if err != nil {
		return "", "", err
	}
	if _, there := members["typ"]; !there {
		typ = "none"
	} else if typ == "none" {
		typ = ""
	}
	if typ = strings.TrimPrefix(strings.ToLower(typ), "application/"); !slices.Contains(i.Types, typ) {
		return "", "", fmt.Errorf("typ: must be one of %s; an ID token is not an access token", strings.Join(i.Types, ", "))
	}
	return alg, kid, nil
}

// isMember reports whether the claims have any of the names.
func isMember(claims map[string]json.RawMessage, names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { _, ok := claims[name]; return ok })
}
