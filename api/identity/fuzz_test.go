package identity

import (
	"slices"
	"strings"
	"testing"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/api/identity/oidc/oidctest"
)

// FuzzVerify: only what was issued is accepted, and nothing panics.
func FuzzVerify(f *testing.F) {
	a, _ := newAuthority(f, newRing(f), nil)
	genuine := []string{
		issue(f, a, Request{Subject: "user:local/ada"}),
		issue(f, a, Request{Subject: "service:crawler", Roles: []Grant{{RoleIngest, "handbook"}}}),
	}
	for _, s := range append(genuine, "", "..", "e30.e30.e30", "eyJhbGciOiJub25lIn0.e30.") {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, token string) {
		_, err := a.Verify(token)
		if (err == nil) != slices.Contains(genuine, token) || (err == nil) != (Reason(err) == "") {
			t.Errorf("Verify(%q): %v, reason %q", token, err, Reason(err))
		}
	})
}

// FuzzSigned signs any header and payload with the genuine key: whoever is accepted must be
// somebody whom the embedded issuer may vouch for, and cleared for no more than the scale has.
func FuzzSigned(f *testing.F) {
	k := newRing(f)
	a, _ := newAuthority(f, k, nil)
	header, claims := encode(f, goodHeader()), goodClaims(k)
	f.Add(header, encode(f, claims))
	f.Add(header, encode(f, with(claims, "roles", []string{"ingest:handbook", "admin"})))
	f.Add(header, encode(f, with(claims, "clearance", "restricted")))
	f.Add(header, encode(f, with(with(claims, "act", nil), "sub", "service:crawler")))
	f.Add(header, encode(f, with(claims, "act", rawJSON(`{"sub":"service:a","act":{"sub":"service:b"}}`))))
	f.Add(header, encode(f, with(claims, "aud", []string{audience, "other"})))
	f.Add(`{"alg":"none","typ":"at+jwt","kid":"1"}`, "null")
	f.Fuzz(func(t *testing.T, header, payload string) {
		caller, err := a.Verify(sign(k, header, payload))
		if err != nil {
			if Reason(err) == "" || caller.User != "" {
				t.Errorf("%v: reason %q, caller %v", err, Reason(err), caller)
			}
			return
		}
		_, viewable := new(acl.Directory).View(caller.Identity, start)
		if viewable != nil || vouches(caller.User) != nil || !caller.Expires.After(start) || caller.TokenID == "" {
			t.Errorf("accepted %s as %+v", payload, caller)
		}
		for label := range caller.Clearance {
			if !acl.DefaultScale.Knows(label) {
				t.Errorf("accepted the label %q", label)
			}
		}
		for _, g := range caller.Roles {
			if _, err := ParseRole(g.String()); err != nil {
				t.Errorf("accepted the role %v", g)
			}
		}
	})
}

// FuzzUnseal: only the sealed token opens, only with its binding, and nothing panics.
func FuzzUnseal(f *testing.F) {
	k := newRing(f)
	genuine := seal(f, k, "revision 7")
	f.Add(genuine, []byte(nil))
	f.Add(genuine, []byte("x"))
	f.Add("", []byte(nil))
	f.Fuzz(func(t *testing.T, token string, binding []byte) {
		payload, err := k.Unseal(PurposePage, binding, token, start)
		if mine := token == genuine && len(binding) == 0; (err == nil) != mine || err != nil && err != ErrSeal || mine && string(payload) != "revision 7" {
			t.Errorf("Unseal(%q, %q) = %q, %v", token, binding, payload, err)
		}
	})
}

// FuzzSignedByOthers signs any header and payload with the genuine key of an external issuer:
// whoever is accepted must be one of its own people, or the app of a listed client.
func FuzzSignedByOthers(f *testing.F) {
	p := oidctest.New("https://idp.test")
	a, _ := trusting(f, p, func(_ *Config, i *IssuerConfig) { i.Groups = "groups" })
	header, claims := encode(f, p.Header()), aliceClaims(p)
	f.Add(header, encode(f, claims))
	f.Add(header, encode(f, appClaims(p, "client-crawler")))
	f.Add(header, encode(f, with(claims, "act", map[string]any{"sub": "client-wiki", "act": map[string]any{"sub": "x"}})))
	f.Add(header, encode(f, with(claims, "aud", []string{audience, "other"})))
	f.Add(header, encode(f, with(claims, "groups", []any{"a b", "", 7, true})))
	f.Add(header, encode(f, with(claims, "_claim_names", map[string]string{"groups": "src1"})))
	f.Add(`{"alg":"none","typ":"at+jwt","kid":"1"}`, "null")
	f.Fuzz(func(t *testing.T, header, payload string) {
		c, err := a.Verify(p.SignText(header, payload))
		if err != nil {
			return
		}
		listed := c.App == "service:chat" || c.App == "service:crawler" || c.App == "service:wiki"
		if !listed || c.User != "service:crawler" && issuerOf(c.User) != "corp" || c.User.Kind() == acl.Invalid {
			t.Errorf("accepted as %s through %s: %s", c.User, c.App, payload)
		}
		if len(c.Roles) > 0 || !c.Expires.After(start) || len(c.Clearance) > 2 || c.User.Kind() == acl.User && c.Groups == nil {
			t.Errorf("accepted as %+v: %s", c, payload)
		}
		for _, g := range c.Groups {
			if !strings.HasPrefix(string(g), "group:corp/") {
				t.Errorf("in %s: %s", g, payload)
			}
		}
	})
}
