package oidc

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Limits of claims.
const (
	maxSubject = 256          // bytes, of subjects and clients
	maxChain   = 8            // apps in an act chain
	maxID      = 128          // bytes of jti
	lastTime   = 253402300799 // the last second of the year 9999
)

// Token is what a verified token says.
type Token struct {
	Subject string    // whom it is about
	Client  string    // the app that it was issued to; "" if it does not say
	Actors  []string  // the apps that act for the subject, the acting one first
	From    time.Time // from when on it is accepted: nbf and iat, less the leeway
	Expires time.Time // until when it is accepted: exp and the leeway
	Proof   Proof     // with which key it was verified
	ID      string    // jti, "" if it has none

	claims map[string]json.RawMessage
}

// App is the client id of the app that presents the token: the actor, else the client.
func (t Token) App() string {
	if len(t.Actors) > 0 {
		return t.Actors[0]
	}
	return t.Client
}

// Has reports whether the token has the claim and it is not null.
func (t Token) Has(claim string) bool {
	raw, ok := t.claims[claim]
	return ok && string(raw) != "null"
}

// Values returns the values of a claim that is a string, a number, true or false, or a list
// of those, as text. It returns nil for a claim that is not there or null, and not nil for an
// empty list.
func (t Token) Values(claim string) ([]string, error) {
	if !t.Has(claim) {
		return nil, nil
	}
	raw := t.claims[claim]
	list := []json.RawMessage{raw}
	if raw[0] == '[' {
		if err := json.Unmarshal(raw, &list); err != nil {
			return nil, refuse("%s: %v", claim, err)
		}
	}
	values := make([]string, 0, len(list))
	for _, v := range list {
		switch string(v[:min(len(v), 1)]) {
		case `"`:
			var s string
			if err := json.Unmarshal(v, &s); err != nil {
				return nil, refuse("%s: %v", claim, err)
			}
			values = append(values, s)
		case "", "{", "[", "n":
			return nil, refuse("%s: neither a plain value nor a list of them", claim)
		default:
			values = append(values, string(v))
		}
	}
	return values, nil
}

// token checks the claims that every token must have. Being out of time is the reason only if
// nothing else is wrong.
func (i *Issuer) token(claims map[string]json.RawMessage) (Token, error) {
	t := Token{claims: claims}
	if iss, err := text(claims, "iss"); err != nil || iss != i.Issuer {
		return Token{}, refuse("iss: another issuer")
	}
	several, err := i.audience(claims["aud"])
	if err != nil {
		return Token{}, refuse("aud: %v", err)
	}
	if !i.IDTokens && isMember(claims, "nonce", "at_hash", "c_hash") {
		return Token{}, refuse("an ID token is not an access token")
	}
	if t.Subject, err = i.subject(claims); err != nil {
		return Token{}, refuse("%v", err)
	}
	if t.Client, err = i.client(claims); err != nil {
		return Token{}, refuse("%v", err)
	}
	if t.Actors, err = actors(claims["act"], i.Issuer); err != nil {
		return Token{}, refuse("act: %v", err)
	}
	switch {
	case t.App() == "":
		return Token{}, refuse("the token does not say which app it was issued to")
	case !slices.Contains(i.Clients, t.App()), t.Client != "" && !slices.Contains(i.Clients, t.Client):
		return Token{}, &Refusal{ReasonApp, "the app that the token was issued to is not listed"}
	case several && t.Client == "":
		return Token{}, refuse("aud: several, and none says which app it was issued to")
	}
	if id, err := text(claims, "jti"); err == nil && len(id) <= maxID {
		t.ID = id
	}
	if t.From, t.Expires, err = i.times(claims); err != nil {
		return Token{}, err
	}
	return t, nil
}

// audience reports whether there are others besides ours.
func (i *Issuer) audience(raw json.RawMessage) (several bool, err error) {
	var one string
	list := []*string{&one}
	if len(raw) > 0 && raw[0] == '[' {
		err = json.Unmarshal(raw, &list)
	} else {
		err = json.Unmarshal(raw, &one)
	}
	if err != nil || slices.Contains(list, nil) {
		return false, errors.New("neither a string nor a list of strings")
	}
	if !slices.ContainsFunc(list, func(s *string) bool { return *s == i.Audience }) {
		return false, errors.New("meant for another service")
	}
	return len(list) > 1, nil
}

// subject returns whom the token is about. sub must be there whatever claim is configured:
// what has none is not an access token. Another claim may be missing: issuers give tokens to
// apps for themselves that have no person's.
func (i *Issuer) subject(claims map[string]json.RawMessage) (subject string, err error) {
	for _, name := range []string{"sub", i.Subject} {
		if subject, err = text(claims, name); err != nil {
			return "", err
		}
		if name != "sub" && !isMember(claims, name) {
			return "", nil
		}
		if subject == "" || len(subject) > maxSubject {
			return "", fmt.Errorf("%s: must have 1 to %d bytes", name, maxSubject)
		}
	}
	return subject, nil
}

// client returns the app that the token was issued to. Where two claims say so they must say
// the same.
func (i *Issuer) client(claims map[string]json.RawMessage) (client string, err error) {
	names := []string{"azp", "client_id"}
	if i.Client != "" {
		names = []string{i.Client}
	}
	for _, name := range names {
		value, err := text(claims, name)
		switch {
		case err != nil:
			return "", err
		case isMember(claims, name) && value == "", client != "" && value != "" && value != client:
			return "", fmt.Errorf("%s: empty, or not what another claim says", name)
		case value != "":
			client = value
		}
	}
	return client, nil
}

// actors reads an act claim (RFC 8693), nested ones included, the acting app first. Members
// besides sub and act are not identity, except iss: an app of another issuer is another app.
func actors(raw json.RawMessage, issuer string) (chain []string, err error) {
	for raw != nil {
		if len(chain) == maxChain {
			return nil, fmt.Errorf("more than %d apps in a chain", maxChain)
		}
		act, err := Object(raw)
		if err != nil {
			return nil, err
		}
		sub, err := text(act, "sub")
		if err != nil {
			return nil, err
		}
		if sub == "" || len(sub) > maxSubject {
			return nil, fmt.Errorf("sub: must have 1 to %d bytes", maxSubject)
		}
		if iss, err := text(act, "iss"); err != nil || isMember(act, "iss") && iss != issuer {
			return nil, errors.New("iss: an app of another issuer")
		}
		chain, raw = append(chain, sub), act["act"]
	}
	return chain, nil
}

// times checks exp, nbf and iat, and returns from when on and until when the token is accepted.
func (i *Issuer) times(claims map[string]json.RawMessage) (from, until time.Time, err error) {
	at := map[string]time.Time{}
	for _, name := range []string{"exp", "iat", "nbf"} {
		raw, ok := claims[name]
		if !ok {
			continue
		}
		seconds, err := strconv.ParseInt(string(raw), 10, 64)
		if err != nil || seconds < 0 || seconds > lastTime {
			return from, until, refuse("%s: not a time in whole seconds", name)
		}
		at[name] = time.Unix(seconds, 0).UTC()
	}
	for _, name := range []string{"exp", "iat"} {
		if at[name].IsZero() {
			return from, until, refuse("%s: missing", name)
		}
	}
	now := i.Now()
	if until = at["exp"].Add(i.Leeway); !now.Before(until) {
		return from, until, &Refusal{ReasonExpired, "it expired at " + at["exp"].Format(time.RFC3339)}
	}
	for _, name := range []string{"nbf", "iat"} {
		if at[name].After(now.Add(i.Leeway)) {
			return from, until, &Refusal{ReasonNotYetValid, name + ": it is not valid before " + at[name].Format(time.RFC3339)}
		}
	}
	if from = at["iat"]; at["nbf"].After(from) {
		from = at["nbf"]
	}
	return from.Add(-i.Leeway), until, nil
}
