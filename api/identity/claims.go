package identity

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/muniment/muniment/acl"
)

const (
	maxChain = 8            // apps in an act chain
	lastTime = 253402300799 // the last second of the year 9999
	maxJTI   = 128          // bytes
)

// claims is the payload of a token of the embedded issuer. It implements jwt.Claims.
type claims struct {
	Issuer    string           `json:"iss"`
	Audience  jwt.ClaimStrings `json:"aud"`
	Subject   acl.Principal    `json:"sub"`
	IssuedAt  int64            `json:"iat"`
	NotBefore int64            `json:"nbf"`
	Expires   int64            `json:"exp"`
	ID        string           `json:"jti"`
	Act       json.RawMessage  `json:"act,omitempty"` // read only after the signature is checked
	Roles     []string         `json:"roles,omitempty"`
	Clearance *string          `json:"clearance,omitempty"` // nil and "" differ: "" is no label
	Guest     bool             `json:"guest,omitempty"`
}

var (
	requiredClaims = []string{"iss", "aud", "sub", "iat", "exp", "jti"}
	optionalClaims = []string{"nbf", "act", "roles", "clearance", "guest"}
)

// UnmarshalJSON implements json.Unmarshaler: exactly these claims, each once, of these types.
func (c *claims) UnmarshalJSON(data []byte) error {
	if _, err := members(data, requiredClaims, optionalClaims); err != nil {
		return err
	}
	type plain claims // without this method
	if err := json.Unmarshal(data, (*plain)(c)); err != nil {
		return err
	}
	for _, t := range []int64{c.IssuedAt, c.NotBefore, c.Expires} {
		if t < 0 || t > lastTime {
			return errors.New("a time out of range")
		}
	}
	return nil
}

// caller returns who the claims speak of. Errors name the claim.
func (a *Authority) caller(c *claims) (Caller, error) {
	chain, err := actors(c.Act)
	if err != nil {
		return Caller{}, fmt.Errorf("act: %w", err)
	}
	if err := vouches(c.Subject); err != nil {
		return Caller{}, fmt.Errorf("sub: %w", err)
	}
	app := c.Subject
	if len(chain) > 0 {
		app = acl.Principal(chain[0])
	}
	switch {
	case app.Kind() != acl.Service:
		return Caller{}, errors.New("act: missing; a person's token must say which app acts for them")
	case c.Guest && c.Subject.Kind() != acl.User:
		return Caller{}, errors.New("guest: only a person can be a guest")
	case c.ID == "" || len(c.ID) > maxJTI:
		return Caller{}, fmt.Errorf("jti: must have 1 to %d bytes", maxJTI)
	}
	label := acl.DefaultSensitivity // where the scale lacks it, cleared for nothing
	if c.Clearance != nil {
		if label = *c.Clearance; !a.scale.Knows(label) {
			return Caller{}, fmt.Errorf("clearance: %w", a.unknownLabel(label))
		}
	}
	var roles Roles
	for _, name := range c.Roles {
		g, err := ParseRole(name)
		if err != nil {
			return Caller{}, fmt.Errorf("roles: %w", err)
		}
		roles = append(roles, g)
	}
	return Caller{
		Identity: acl.Identity{
			User: c.Subject, App: app, Guest: c.Guest,
			Clearance: a.scale.UpTo(label), Scope: a.scope(app),
		},
		Roles:   roles,
		Expires: time.Unix(c.Expires, 0).UTC(),
		TokenID: c.ID,
		Chain:   chain,
	}, nil
}

// actors reads an act claim, nested ones included, outermost first; nil for no claim.
func actors(act json.RawMessage) ([]string, error) {
	var chain []string
	for act != nil {
		if len(chain) == maxChain {
			return nil, fmt.Errorf("more than %d apps in a chain", maxChain)
		}
		found, err := members(act, []string{"sub"}, []string{"act"})
		if err != nil {
			return nil, err
		}
		var p acl.Principal
		if err := json.Unmarshal(found["sub"], &p); err != nil {
			return nil, errors.New("sub is not a string")
		}
		if p.Kind() != acl.Service {
			return nil, fmt.Errorf("sub is not %q", servicePrefix+"<name>")
		}
		chain, act = append(chain, string(p)), found["act"]
	}
	return chain, nil
}

// GetExpirationTime implements jwt.Claims.
func (c *claims) GetExpirationTime() (*jwt.NumericDate, error) { return numeric(c.Expires) }

// GetIssuedAt implements jwt.Claims.
func (c *claims) GetIssuedAt() (*jwt.NumericDate, error) { return numeric(c.IssuedAt) }

// GetNotBefore implements jwt.Claims. A missing nbf is 1970.
func (c *claims) GetNotBefore() (*jwt.NumericDate, error) { return numeric(c.NotBefore) }

// GetIssuer implements jwt.Claims.
func (c *claims) GetIssuer() (string, error) { return c.Issuer, nil }

// GetSubject implements jwt.Claims.
func (c *claims) GetSubject() (string, error) { return string(c.Subject), nil }

// GetAudience implements jwt.Claims.
func (c *claims) GetAudience() (jwt.ClaimStrings, error) { return c.Audience, nil }

func numeric(seconds int64) (*jwt.NumericDate, error) {
	return &jwt.NumericDate{Time: time.Unix(seconds, 0)}, nil
}
