// Package identity says who is calling, and keeps the keys that this rests on.
//
// A caller is always two: the person who wants to read, and the app that acts for them. Both
// come from signed tokens and from nothing else: from one that names both, or from the app's
// own and the person's, issued to that app. No other header and no field of a request sets
// them. What the two may read together is decided by package acl, from the acl.Identity
// inside the Caller that Authority.Authenticate returns.
//
// # The embedded issuer
//
// A server has an issuer of its own, named "local", whose tokens `muniment token` makes
// (Authority.Issue) and the server checks (Authority.Verify). It vouches for two kinds of
// principal: users of its own, "user:local/<subject>", and apps, "service:<name>". A token is a
// JWT of type at+jwt signed with Ed25519:
//
//	iss        "muniment:local:<ring id>", one fixed string per key ring
//	aud        the configured audience
//	sub        the person, or the app that acts for itself
//	act        the app that acts for the person: {"sub": "service:chat"}, as in RFC 8693; an
//	           inner act says who that app was called by, and is recorded but decides nothing
//	roles      what the caller may do besides reading: "auditor", "ingest:handbook"
//	clearance  the person's clearance; internal if the claim is missing
//	guest      true for a person whom "everyone" does not include
//	iat nbf exp jti
//
// Verify is strict, because JWT libraries are not: every claim above that is not optional must
// be there, the header may hold alg, kid and typ alone, no JSON member may occur twice, and a
// claim that this version does not know refuses the token, since it might have been meant to
// narrow what the token gives.
//
// # External issuers
//
// The configuration names others whose tokens are believed (IssuerConfig): package oidc
// verifies them, and this package says what they mean. They vouch for people,
// "user:<issuer name>/<subject>", for the groups of these people if the configuration says
// that groups come from a claim, and for apps by their client ids; for nothing else. Roles
// are not theirs to give: one table of the configuration does (Assignment).
//
// # The key ring
//
// KeyRing is a directory of small files, "1.key", "2.key" and so on. Each is one version, never
// changed once written, and holds one or more secrets: for signing tokens, for sealing, for
// keyed hashes, for signing the audit log's checkpoints. What is made is made with the newest
// version that has the right secret; what is presented names its version. Adding a file with a
// higher number rotates; removing a file ends what was made with it. Servers that share a
// catalog share the ring.
//
// # Sealed tokens
//
// Page, consistency and receipt tokens carry facts that callers must not see, such as
// revisions. KeyRing.Seal encrypts them for one purpose and one caller; all are equally long.
package identity

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/api/identity/oidc"
)

// Caller is a verified caller. The zero Caller is nobody: acl makes no view for it and it has
// no role.
type Caller struct {
	acl.Identity
	Roles   Roles
	Expires time.Time // when the token ends, UTC; streams must not outlive it
	TokenID string    // the token's jti, for the record
	// Chain is the act chain as the token tells it, the app itself first, then who called it.
	// It is for the record: decisions rest on Identity alone. It is empty for an app that acts
	// for itself.
	Chain []string
}

// Binding returns bytes that differ for any two pairs of user and app, to seal tokens to. No
// binding is the beginning of another, so what a caller appends (a hash of the request, say)
// cannot be mistaken for a part of it.
func (c Caller) Binding() []byte {
	var b []byte
	for _, p := range []acl.Principal{c.User, c.App} {
		b = binary.AppendUvarint(b, uint64(len(p)))
		b = append(b, p...)
	}
	return b
}

// ErrUnauthenticated is what every error of Verify wraps.
var ErrUnauthenticated = errors.New("not authenticated")

// The reasons for which a token is refused, as Reason returns them.
const (
	ReasonMissing     = "TOKEN_MISSING"        // there is no token
	ReasonTooLarge    = oidc.ReasonTooLarge    // longer than the issuer's tokens may be
	ReasonExpired     = oidc.ReasonExpired     // genuine, but over
	ReasonNotYetValid = oidc.ReasonNotYetValid // genuine, but nbf or iat is in the future
	ReasonApp         = oidc.ReasonApp         // genuine, but of an app that is not configured
	ReasonUnbound     = "TOKEN_UNBOUND"        // genuine, but issued to another app than presents it
	ReasonCertificate = "CERTIFICATE_UNKNOWN"  // the client certificate is for no app
	ReasonInvalid     = oidc.ReasonInvalid     // anything else
)

// refusal is why a token was refused: for programs, and in words.
type refusal struct{ reason, text string }

// Error implements error. It never quotes the token.
func (r *refusal) Error() string { return "verifying the token: " + r.text }

// Unwrap makes every refusal an ErrUnauthenticated.
func (r *refusal) Unwrap() error { return ErrUnauthenticated }

// Reason returns the machine-readable reason of an error of Verify, one of the Reason
// constants; "" for any other error.
func Reason(err error) string {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r.reason
	}
	return ""
}
