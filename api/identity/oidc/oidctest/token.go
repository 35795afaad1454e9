package oidctest

import (
	"encoding/json"
	"maps"
	"net/http"
	"time"
)

// exchange is the grant of RFC 8693.
const exchange = "urn:ietf:params:oauth:grant-type:token-exchange"

// Login returns what an app gets when a person has logged in at it: an access token for the
// app itself, with more claims about the person.
func (p *Provider) Login(person, client string, more map[string]any) string {
	claims := map[string]any{"sub": person, "scope": "openid"}
	maps.Copy(claims, more)
	return p.issue(client, client, claims)
}

// Register lets a client ask the token endpoint, with a secret.
func (p *Provider) Register(client, secret string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.secrets[client] = secret
}

func (p *Provider) issue(client, audience string, claims map[string]any) string {
	now := time.Now()
	claims = maps.Clone(claims)
	maps.Copy(claims, map[string]any{
		"iss": p.Issuer, "aud": audience, "client_id": client, "iat": now.Unix() - 10, "exp": now.Add(time.Hour).Unix(),
	})
	token := p.Sign(nil, claims)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.issued[token] = claims
	return token
}

// token is the token endpoint: tokens of an app's own, and tokens of people for another
// service in exchange for those that they have given the app.
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	client, secret, _ := r.BasicAuth()
	p.mu.Lock()
	known := secret != "" && p.secrets[client] == secret
	presented := p.issued[r.FormValue("subject_token")]
	p.mu.Unlock()
	var token string
	switch grant := r.FormValue("grant_type"); {
	case !known:
		w.WriteHeader(http.StatusUnauthorized)
	case grant == "client_credentials":
		token = p.issue(client, r.FormValue("audience"), map[string]any{"sub": client})
	case grant == exchange && presented["aud"] == client:
		claims := maps.Clone(presented)
		claims["act"] = map[string]any{"sub": client}
		token = p.issue(client, r.FormValue("audience"), claims)
	default:
		w.WriteHeader(http.StatusBadRequest)
	}
	json.NewEncoder(w).Encode(map[string]any{"access_token": token, "token_type": "Bearer"})
}
