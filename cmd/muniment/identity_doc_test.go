package main

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/api/identity/oidc/oidctest"
)

// documented returns the configurations of docs/identity.md by the comment they begin with.
func documented(t *testing.T) map[string]string {
	page, err := os.ReadFile("../../docs/identity.md")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, m := range regexp.MustCompile("(?s)```yaml\n# (\\w+)\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		found[m[1]] = m[2]
	}
	return found
}

// loadText loads a configuration as serve does.
func loadText(t *testing.T, text string) (config, error) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "muniment.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return loadConfig("", dir, "")
}

// TestDocumentedIssuers loads every configuration of docs/identity.md as it stands and shows
// it tokens of the form that the issuer's own documentation gives: one of a person, one that
// an app gets for itself, and ones that must not pass.
func TestDocumentedIssuers(t *testing.T) {
	type claims = map[string]any
	jwt := func(p *oidctest.Provider) claims { h := p.Header(); h["typ"] = "JWT"; return h }
	for name, c := range map[string]struct {
		header func(*oidctest.Provider) claims
		person claims // besides iss, iat and exp
		own    claims // changes to it in a token that the app gets for itself; nil if it gets none
		user   acl.Principal
		groups []acl.Principal
		refuse map[string]claims // changes that must not pass
	}{
		"generic": {
			header: (*oidctest.Provider).Header,
			person: claims{"aud": "https://muniment.corp.example", "sub": "8f3c", "client_id": "77aa", "auth_time": 1, "groups": []string{"eng"}, "user_type": "employee", "roles": "Muniment.Audit"},
			own:    claims{"sub": "91c2", "client_id": "91c2", "auth_time": nil},
			user:   "user:corp/8f3c", groups: []acl.Principal{"group:corp/eng"},
			refuse: map[string]claims{"another client": {"client_id": "0f5f"}},
		},
		"entra": {
			header: jwt,
			person: claims{
				"aud": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "nbf": time.Now().Unix() - 300, "acct": 0, "aio": "AVQAq/8TAAAA", "azp": "99999999-8888-7777-6666-555555555555", "azpacr": "1",
				"groups": []string{"0e2f"}, "name": "Ada Lovelace", "oid": "69d2", "preferred_username": "ada@corp.example", "rh": "0.AX", "scp": "Muniment.Read",
				"sub": "pairwise", "tid": "11111111-2222-3333-4444-555555555555", "uti": "Qn", "ver": "2.0",
			},
			own:  claims{"scp": nil, "roles": []string{"Muniment.Service"}, "sub": "5p", "oid": "5p", "groups": nil, "name": nil, "acct": nil},
			user: "user:entra/69d2", groups: []acl.Principal{"group:entra/0e2f"},
			refuse: map[string]claims{
				"overage":       {"groups": nil, "_claim_names": claims{"groups": "src1"}, "_claim_sources": claims{"src1": claims{"endpoint": "https://graph.windows.net/x"}}},
				"another aud":   {"aud": "00000003-0000-0000-c000-000000000000"},
				"ID token":      {"nonce": "n", "scp": nil},
				"other tenant":  {"tid": "66666666-2222-3333-4444-555555555555"},
				"no object id":  {"oid": nil},
				"v1 issuer":     {"iss": "https://sts.windows.net/11111111-2222-3333-4444-555555555555/"},
				"other version": {"iss": "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v1.0"},
			},
		},
		"okta": {
			header: func(p *oidctest.Provider) claims { h := p.Header(); delete(h, "typ"); return h },
			person: claims{"ver": 1, "jti": "AT.0", "aud": "api://muniment", "cid": "0oa1gthbecHsxvbqr5d7", "uid": "00u1", "scp": []string{"openid", "muniment"}, "auth_time": 1, "sub": "ada@corp.example", "groups": []string{"eng"}},
			own:    claims{"uid": nil, "sub": "0oa1gthbecHsxvbqr5d7", "groups": nil, "auth_time": nil},
			user:   "user:okta/00u1", groups: []acl.Principal{"group:okta/eng"},
			refuse: map[string]claims{"ID token": {"cid": nil, "aud": "0oa1gthbecHsxvbqr5d7"}, "another client": {"cid": "0oa2"}},
		},
		"google": {
			header: jwt,
			person: claims{
				"azp": "1234567890-abc.apps.googleusercontent.com", "aud": "1234567890-abc.apps.googleusercontent.com", "sub": "110169484474386276334", "hd": "corp.example",
				"email": "ada@corp.example", "email_verified": true, "at_hash": "HK6E", "nonce": "n", "name": "Ada",
			},
			user:   "user:google/110169484474386276334",
			refuse: map[string]claims{"another organisation": {"hd": "other.example"}, "a private account": {"hd": nil}, "another app": {"aud": "other.apps.googleusercontent.com"}},
		},
		"keycloak": {
			header: (*oidctest.Provider).Header,
			person: claims{
				"jti": "onrtac:1", "aud": []string{"muniment", "account"}, "sub": "8f3c-uuid", "typ": "Bearer", "azp": "chat-frontend", "sid": "s", "acr": "1",
				"realm_access": claims{"roles": []string{"offline_access"}}, "scope": "openid email profile", "email_verified": true, "groups": []string{"/eng"}, "preferred_username": "ada",
			},
			own:  claims{"sid": nil, "sub": "sa-uuid", "client_id": "chat-frontend", "clientHost": "10.0.0.1", "preferred_username": "service-account-chat-frontend", "groups": nil},
			user: "user:keycloak/8f3c-uuid", groups: []acl.Principal{"group:keycloak//eng"},
			refuse: map[string]claims{"for account alone": {"aud": "account"}, "admin console": {"azp": "security-admin-console"}, "another realm": {"iss": "https://keycloak.corp.example/realms/master"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, err := loadText(t, documented(t)[name])
			if err != nil {
				t.Fatal(err)
			}
			settings, err := cfg.identity()
			if err != nil || len(settings.Issuers) != 1 {
				t.Fatalf("%d issuers, %v", len(settings.Issuers), err)
			}
			p := oidctest.New(settings.Issuers[0].Issuer)
			p.Rotate("rsa", settings.Issuers[0].Algorithms[0])
			settings.Issuers[0].Transport = p
			keys, err := identity.OpenKeyRing(cfg.path("keys"))
			if err != nil {
				t.Fatal(err)
			}
			a, err := identity.NewAuthority(keys, settings)
			if err != nil {
				t.Fatal(err)
			}
			token := func(change claims) string {
				all := claims{"iss": p.Issuer, "iat": time.Now().Unix() - 300, "exp": time.Now().Add(time.Hour).Unix()}
				maps.Copy(all, c.person)
				maps.Copy(all, change)
				maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
				return p.Sign(c.header(p), all)
			}
			person := token(nil)
			got, err := a.Verify(person)
			if err != nil || got.User != c.user || got.App == "" || got.Guest || !slices.Equal(got.Groups, c.groups) || (got.Groups == nil) != (c.groups == nil) {
				t.Errorf("a person: %v through %v, guest %t, groups %q, %v", got.User, got.App, got.Guest, got.Groups, err)
			}
			if name == "generic" != got.Roles.May(identity.RoleAuditor, "") {
				t.Errorf("roles %v", got.Roles)
			}
			for what, change := range c.refuse {
				if caller, err := a.Verify(token(change)); err == nil {
					t.Errorf("%s: accepted as %v", what, caller.User)
				}
			}
			if c.own == nil {
				return
			}
			own := token(c.own)
			both, err := a.Authenticate(context.Background(), identity.Credentials{Token: own, UserToken: person})
			if name == "generic" { // here the app of its own is the crawler
				if alone, err := a.Verify(own); err != nil || alone.User != "service:crawler" || !alone.Roles.May(identity.RoleIngest, "handbook") {
					t.Errorf("the crawler's own: %v, %v", alone.User, err)
				}
				if identity.Reason(err) != identity.ReasonUnbound {
					t.Errorf("the crawler with somebody's: %v", err)
				}
				return
			}
			if err != nil || both.User != c.user {
				t.Errorf("both tokens: %v, %v", both.User, err)
			}
			if caller, err := a.Verify(own); err == nil {
				t.Errorf("the app's own alone: accepted as %v", caller.User)
			}
		})
	}
	if cfg, err := loadText(t, documented(t)["certificates"]); err != nil || len(cfg.TLS.Apps) != 2 {
		t.Errorf("client certificates: %+v, %v", cfg.TLS, err)
	}
	if n := len(documented(t)); n != 6 {
		t.Errorf("docs/identity.md has %d configurations, this test knows 6", n)
	}
}

// TestIssuerConfigurationsThatAreRefused (ID-07, ID-36): the server does not start with what
// is empty, misspelt, or could mean two things. The texts name the key.
func TestIssuerConfigurationsThatAreRefused(t *testing.T) {
	good := documented(t)["generic"]
	for want, change := range map[string][2]string{
		"field audiences":         {"audience:", "audiences:"},
		"audience: must not":      {"audience: https://muniment.corp.example", `audience: ""`},
		"audience: must not be":   {"    audience: https://muniment.corp.example\n", ""},
		"issuer: missing":         {"issuer: https://login.corp.example\n", "issuer: \"\"\n"},
		"algorithms: must":        {"algorithms: [RS256]", "algorithms: []"},
		`algorithms: "none"`:      {"algorithms: [RS256]", "algorithms: [RS256, none]"},
		`algorithms: "HS256"`:     {"algorithms: [RS256]", "algorithms: [HS256]"},
		"discovery: exactly":      {"discovery: true", "discovery: false"},
		"discovery: exactly one":  {"discovery: true", "discovery: true\n    jwks_file: keys.json"},
		"person: must name":       {"    person: auth_time\n", ""},
		"apps: must list":         {"apps: {0f5e: chat, 77aa: console, 91c2: crawler}", "apps: {}"},
		"groups.from: must":       {"from: claim, claim: groups", "from: both"},
		"groups.claim: missing":   {"from: claim, claim: groups", "from: claim"},
		"groups: a claim, and":    {"from: claim, claim: groups", "from: directory, claim: groups"},
		"groups: a claim, and no": {"from: claim, claim: groups", "claim: groups"},
		"clearance.default: must": {"default: internal", `default: ""`},
		"clearance.values.C3":     {"C3: confidential", "C3: cosmic"},
		"guest: needs":            {"value: guest", `value: ""`},
		"roles[0].role":           {`role: "ingest:handbook"`, "role: root"},
		"roles[1]: apps: must":    {"value: Muniment.Audit, apps: [console]", "value: Muniment.Audit"},
		"roles[1]: issuer":        {"issuer: corp, claim", "issuer: crop, claim"},
		"roles[2]: principal":     {"user:corp/8f3c", "user:crop/8f3c"},
		"leeway: 1h":              {"person: auth_time", "person: auth_time\n    leeway: 1h"},
	} {
		text := strings.Replace(good, change[0], change[1], 1)
		if text == good {
			t.Fatalf("%s: %q is not in the configuration", want, change[0])
		}
		cfg, err := loadText(t, text)
		if err == nil {
			err = serve(t.Context(), cfg, func(string) { t.Errorf("%s: the server is up", want) })
		}
		if err == nil || !strings.Contains(err.Error(), want) || exitCode(err) != exitUsage {
			t.Errorf("exit %d: %v, want %q", exitCode(err), err, want)
		}
	}
}
