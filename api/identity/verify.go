package identity

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// MaxTokenBytes is the longest token of the embedded issuer.
const MaxTokenBytes = 8 << 10

// embedded returns who calls by a token of the embedded issuer, a JWT in compact form. Its errors wrap ErrUnauthenticated and have a Reason. It fetches nothing and
// reads no file.
func (a *Authority) embedded(token string) (*verification, error) {
	switch {
	case token == "":
		return nil, &refusal{ReasonMissing, "there is none"}
	case len(token) > MaxTokenBytes:
		return nil, &refusal{ReasonTooLarge, fmt.Sprintf("%d bytes, at most %d", len(token), MaxTokenBytes)}
	}
	version, err := keyVersion(token)
	if err != nil {
		return nil, invalid(err)
	}
	key, ok := a.ring.token.key(version)
	if !ok {
		return nil, invalid(errors.New("kid: the ring has no such key"))
	}
	var c claims
	if _, err := a.parser.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) {
		return key.Public().(ed25519.PublicKey), nil
	}); err != nil {
		return nil, rejected(&c, err)
	}
	caller, err := a.caller(&c)
	if err != nil {
		return nil, invalid(err)
	}
	return &verification{
		caller: caller, from: time.Unix(max(c.NotBefore, c.IssuedAt), 0).Add(-a.leeway), until: time.Unix(c.Expires, 0).Add(a.leeway),
	}, nil
}

// keyVersion checks the form of the token and of its header, and returns the version of the
// key that it names.
//
// The header may hold alg, kid and typ and nothing else. So a token cannot bring its own key
// (jwk, x5c), say where to fetch one (jku, x5u) or ask for an extension (crit).
func keyVersion(token string) (uint32, error) {
	// The library's decoder skips line breaks: one token would have many spellings.
	if i := strings.IndexFunc(token, notCompact); i >= 0 {
		return 0, errors.New("a character that no compact token has")
	}
	header, _, _ := strings.Cut(token, ".")
	data, err := base64.RawURLEncoding.Strict().DecodeString(header)
	if err != nil {
		return 0, errors.New("header: not base64url")
	}
	if _, err := members(data, []string{"alg", "kid", "typ"}, nil); err != nil {
		return 0, fmt.Errorf("header: %w", err)
	}
	var h struct{ Alg, Kid, Typ string } // exact names, by members
	if err := json.Unmarshal(data, &h); err != nil {
		return 0, errors.New("header: alg, kid and typ must be strings")
	}
	if h.Alg != algorithm {
		return 0, fmt.Errorf("alg: must be %s", algorithm)
	}
	if typ := strings.ToLower(h.Typ); strings.TrimPrefix(typ, "application/") != "at+jwt" {
		return 0, errors.New("typ: must be at+jwt; an ID token is not an access token")
	}
	version, err := strconv.ParseUint(h.Kid, 10, 32)
	if err != nil || strconv.FormatUint(version, 10) != h.Kid {
		return 0, errors.New("kid: the ring has no such key")
	}
	return uint32(version), nil
}

func notCompact(r rune) bool {
	letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
	return !letter && r != '-' && r != '_' && r != '.'
}

// rejected says in this package's words what the library found. Being out of time is the
// reason only if nothing else is wrong.
func rejected(c *claims, err error) error {
	for _, known := range []struct {
		err    error
		reason string
		text   string
	}{
		{jwt.ErrTokenMalformed, ReasonInvalid, "its form or one of its claims is wrong"},
		{jwt.ErrTokenSignatureInvalid, ReasonInvalid, "the signature is not of this key ring"},
		{jwt.ErrTokenInvalidIssuer, ReasonInvalid, "iss: another issuer"},
		{jwt.ErrTokenInvalidAudience, ReasonInvalid, "aud: meant for another service"},
		{jwt.ErrTokenRequiredClaimMissing, ReasonInvalid, "a required claim is missing"},
		{jwt.ErrTokenExpired, ReasonExpired, fmt.Sprintf("it expired at %s", utc(c.Expires))},
		{jwt.ErrTokenNotValidYet, ReasonNotYetValid, fmt.Sprintf("it is not valid before %s", utc(c.NotBefore))},
		{jwt.ErrTokenUsedBeforeIssued, ReasonNotYetValid, fmt.Sprintf("it was issued at %s, which is in the future here", utc(c.IssuedAt))},
	} {
		if errors.Is(err, known.err) {
			return &refusal{known.reason, known.text}
		}
	}
	return &refusal{ReasonInvalid, "it cannot be verified"}
}

func invalid(err error) error { return &refusal{ReasonInvalid, err.Error()} }
