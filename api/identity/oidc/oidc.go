// Package oidc verifies access tokens of other people's issuers: JWTs as in RFC 9068, signed
// with keys that the issuer publishes (OpenID Connect Discovery, RFC 7517).
//
// It answers one question, "did this issuer say this, for us, and does it still hold?". What
// the claims mean for a reader is decided by package identity.
//
// # Keys
//
// Keys come from the place that the configuration names, and from nowhere else: nothing that
// a token says makes the server connect anywhere. A set of keys is used for five minutes and
// then fetched again, so that a key that was removed ends soon; if that fails the old set
// serves on for an hour at most, and then nobody of the issuer is verified. A key id that is
// not in the set may be new, so it causes a fetch too, but one in five minutes, however many
// tokens name one.
//
// # Claims that are not known
//
// The embedded issuer's tokens are refused for a claim that this version does not know. Those
// of other issuers are not: they carry dozens of claims that were never meant for us, and
// differ from release to release. So nothing that narrows may be said by a claim alone; it
// must be in the configuration, which says what is done if the claim is not there.
package oidc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Limits.
const (
	// MaxTokenBytes is the longest token accepted: with 200 groups, a token of Entra ID has
	// some 11 KiB.
	MaxTokenBytes = 12 << 10
	// MaxLeeway is the largest leeway that can be configured.
	MaxLeeway = 5 * time.Minute
	// Interval is how long a set of keys is used before it is fetched again, and the time in
	// which key ids that are not known cause one fetch.
	Interval = 5 * time.Minute
	// MaxAge is how long a set of keys serves if it cannot be fetched again.
	MaxAge = time.Hour
)

// DefaultTypes are the values of the typ header accepted if none are configured. "none"
// stands for a header without typ.
var DefaultTypes = []string{"at+jwt"}

// Algorithms are the signature algorithms that can be allowed.
var Algorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

// mutableClaims are names of people that are given to others when somebody leaves, or that
// people choose themselves.
var mutableClaims = []string{"email", "preferred_username", "upn", "unique_name", "name", "nickname"}

// Config describes an issuer.
type Config struct {
	Issuer     string   // what iss must be, byte for byte
	Audience   string   // what aud must hold, byte for byte
	Algorithms []string // of Algorithms; others are refused
	// Exactly one of these says where the keys are.
	Discovery bool   // in the document at Issuer + "/.well-known/openid-configuration"
	KeysURL   string // a JWK set
	KeysFile  string // a JWK set
	// Clients are the apps that tokens may be issued to or name as actor; others are refused.
	Clients []string
	Types   []string // of the typ header, in small letters; DefaultTypes if nil
	// IDTokens accepts ID tokens, which say who logged in at an app and were not meant for us.
	IDTokens bool
	Subject  string // the claim that names the subject; "sub" if empty
	Client   string // the claim that names the client; "azp" and "client_id" if empty
	Leeway   time.Duration

	Transport http.RoundTripper // for tests
	Now       func() time.Time  // time.Now if nil
	Log       *slog.Logger      // nil for none
}

// Issuer verifies the tokens of one issuer. It is safe for concurrent use.
type Issuer struct {
	Config
	keys *keys
}

// New returns an issuer. Its errors begin with the key of the configuration that is wrong.
// Keys are fetched when they are needed, but a file is read at once.
func New(c Config) (*Issuer, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.Types == nil {
		c.Types = DefaultTypes
	}
	if c.Subject == "" {
		c.Subject = "sub"
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	i := &Issuer{Config: c, keys: &keys{now: c.Now, log: c.Log.With("issuer", c.Issuer), load: c.source()}}
	if c.KeysFile != "" {
		if err := i.Prepare(context.Background()); err != nil {
			return nil, fmt.Errorf("jwks_file: %w", err)
		}
	}
	return i, nil
}

// check refuses what is missing or cannot be meant.
func (c Config) check() error {
	places := 0
	for _, set := range []bool{c.Discovery, c.KeysURL != "", c.KeysFile != ""} {
		if set {
			places++
		}
	}
	switch {
	case c.Issuer == "":
		return errors.New("issuer: missing")
	case strings.TrimSpace(c.Audience) == "":
		return errors.New("audience: must not be empty, or tokens for any service would do")
	case places != 1:
		return errors.New("discovery: exactly one of discovery, jwks_url and jwks_file says where the keys are")
	case len(c.Algorithms) == 0:
		return errors.New("algorithms: must name those that the issuer signs with")
	case c.Leeway < 0 || c.Leeway > MaxLeeway:
		return fmt.Errorf("leeway: %v, must be 0 to %v", c.Leeway, MaxLeeway)
	case slices.Contains(mutableClaims, c.Subject):
		return fmt.Errorf("subject: %s can be given to somebody else, who would then read what the first may", c.Subject)
	case len(c.Clients) == 0 || slices.Contains(c.Clients, ""):
		return errors.New("apps: must list the clients whose tokens are accepted")
	case c.Types != nil && len(c.Types) == 0:
		return errors.New("types: must not be empty")
	}
	for _, a := range c.Algorithms {
		if !slices.Contains(Algorithms, a) {
			return fmt.Errorf("algorithms: %q is not one of %s", a, strings.Join(Algorithms, ", "))
		}
	}
	for _, t := range c.Types {
		if t == "" || t != strings.ToLower(t) {
			return fmt.Errorf("types: %q: use small letters, and none for a header without typ", t)
		}
	}
	if c.Discovery {
		return inKey("issuer", checkURL(c.Issuer))
	}
	if c.KeysURL != "" {
		return inKey("jwks_url", checkURL(c.KeysURL))
	}
	return nil
}

func inKey(name string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// checkURL refuses places from which anybody on the way could send other keys.
func checkURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return errors.New("not a URL")
	case u.Host == "" || u.User != nil || u.Fragment != "":
		return fmt.Errorf("%.100q is not the URL of a document", s)
	case u.Scheme == "https", u.Scheme == "http" && isLoopback(u.Hostname()):
		return nil
	}
	return fmt.Errorf("%.100q must begin with https://; only a loopback address may do without", s)
}

// Refusal is why a token was refused: for programs, and in words. It quotes no token.
type Refusal struct{ Reason, Text string }

// Error implements error.
func (r *Refusal) Error() string { return "verifying the token: " + r.Text }

// The reasons of refusals.
const (
	ReasonTooLarge    = "TOKEN_TOO_LARGE"     // longer than MaxTokenBytes
	ReasonExpired     = "TOKEN_EXPIRED"       // genuine, but over
	ReasonNotYetValid = "TOKEN_NOT_YET_VALID" // genuine, but nbf or iat is in the future
	ReasonApp         = "APP_NOT_LISTED"      // genuine, but of an app that is not configured
	ReasonInvalid     = "TOKEN_INVALID"       // anything else
)

func refuse(format string, args ...any) error {
	return &Refusal{ReasonInvalid, fmt.Sprintf(format, args...)}
}

// ErrUnavailable says that the issuer's keys could not be fetched for so long that no token of
// it can be verified.
var ErrUnavailable = errors.New("the keys of the issuer cannot be fetched")
