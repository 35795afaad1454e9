package identity

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/muniment/muniment/acl"
)

// How long a token may live.
const (
	DefaultTTL = time.Hour
	MinTTL     = time.Second
	MaxTTL     = 30 * 24 * time.Hour
)

// ErrRequest is what every error of Issue about the request wraps; the text names the field.
var ErrRequest = errors.New("no such token can be issued")

// Request is what a token is asked to say.
type Request struct {
	Subject   acl.Principal // "user:local/<subject>", or "service:<name>" for an app itself
	App       string        // "chat" or "service:chat"; BuiltinApp, or the subject if it is an app, if empty
	Roles     []Grant       // none by default
	Clearance string        // the subject's; a label of the scale, internal if empty
	Guest     bool          // "everyone" does not include the subject
	TTL       time.Duration // MinTTL to MaxTTL; DefaultTTL if 0
}

// Issue returns a token of the embedded issuer, signed with the newest key. What it issues,
// Verify accepts until the TTL is over. Errors wrap ErrRequest.
func (a *Authority) Issue(r Request) (string, error) {
	c, err := a.claims(r)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrRequest, err)
	}
	version := a.ring.token.newest
	t := &jwt.Token{
		Method: jwt.SigningMethodEdDSA,
		Header: map[string]any{"alg": algorithm, "typ": "at+jwt", "kid": strconv.FormatUint(uint64(version), 10)},
		Claims: c,
	}
	token, err := t.SignedString(a.ring.token.current())
	if err != nil {
		return "", fmt.Errorf("signing the token: %w", err)
	}
	if len(token) > MaxTokenBytes {
		return "", fmt.Errorf("%w: roles: the token would have %d bytes, at most %d", ErrRequest, len(token), MaxTokenBytes)
	}
	return token, nil
}

// claims turns a request into what the token says. Errors name the field of the request.
func (a *Authority) claims(r Request) (*claims, error) {
	if err := vouches(r.Subject); err != nil {
		return nil, fmt.Errorf("subject: %w", err)
	}
	act, err := actor(r)
	if err != nil {
		return nil, fmt.Errorf("app: %w", err)
	}
	if r.Guest && r.Subject.Kind() != acl.User {
		return nil, errors.New("guest: only a person can be a guest")
	}
	var names []string
	for _, g := range r.Roles {
		if _, err := ParseRole(g.String()); err != nil {
			return nil, fmt.Errorf("roles: %w", err)
		}
		if !slices.Contains(names, g.String()) {
			names = append(names, g.String())
		}
	}
	var clearance *string
	if r.Clearance != "" {
		clearance = &r.Clearance
	}
	if label := r.Clearance; label != "" && !a.scale.Knows(label) {
		return nil, fmt.Errorf("clearance: %w", a.unknownLabel(label))
	} else if label == "" && !a.scale.Knows(acl.DefaultSensitivity) {
		return nil, fmt.Errorf("clearance: name one, for the default is not on the scale: %w", a.unknownLabel(acl.DefaultSensitivity))
	}
	ttl := r.TTL
	if ttl == 0 {
		ttl = DefaultTTL
	}
	if ttl < MinTTL || ttl > MaxTTL {
		return nil, fmt.Errorf("ttl: %v, must be %v to %v", ttl, MinTTL, MaxTTL)
	}
	// Whole seconds: the beginning is rounded down and the end up, so that the token is valid
	// at once and for no less than was asked for.
	now := a.now()
	end := now.Add(ttl)
	if end.Nanosecond() != 0 {
		end = end.Add(time.Second)
	}
	return &claims{
		Issuer: a.ring.issuer(), Audience: jwt.ClaimStrings{a.audience}, Subject: r.Subject,
		IssuedAt: now.Unix(), NotBefore: now.Unix(), Expires: end.Unix(), ID: rand.Text(),
		Act: act, Roles: names, Clearance: clearance, Guest: r.Guest,
	}, nil
}

// actor returns the act claim of a request; none for an app that acts for itself.
func actor(r Request) (json.RawMessage, error) {
	app := BuiltinApp
	if r.App != "" {
		var err error
		if app, err = appPrincipal(strings.TrimPrefix(r.App, servicePrefix)); err != nil {
			return nil, err
		}
	} else if r.Subject.Kind() == acl.Service {
		return nil, nil
	}
	return json.Marshal(map[string]acl.Principal{"sub": app})
}

// utc is a time claim for people.
func utc(seconds int64) string { return time.Unix(seconds, 0).UTC().Format(time.RFC3339) }
