package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/api/identity/oidc/oidctest"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// askFor asks the provider's token endpoint, as an app does.
func askFor(t *testing.T, p *oidctest.Provider, client, secret string, form url.Values) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.Issuer+"/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(client, secret)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.Token == "" {
		t.Fatalf("the token endpoint: %s, %v", resp.Status, err)
	}
	return answer.Token
}

// TestOnBehalfOf goes through what docs/identity.md tells apps to do, with a provider on the
// network: two people log in at one app, and each gets the answer that is theirs.
func TestOnBehalfOf(t *testing.T) {
	t.Parallel()
	p := oidctest.New("")
	p.Listen(t)
	p.Register("chat-id", "secret")
	p.Register("other-id", "secret")
	cfg := testConfig(t.TempDir())
	cfg.Issuers = []issuerConfig{{
		Name: "corp", Issuer: p.Issuer, Audience: "muniment", Algorithms: []string{"ES256"}, Discovery: true, Person: "scope",
		Apps: map[string]string{"chat-id": "chat", "other-id": "other"}, Groups: groupsConfig{From: "claim", Claim: "groups"},
	}}
	s := serveConfig(t, cfg)
	feed := s.as(identity.Request{Subject: "service:feed", Roles: []identity.Grant{{Role: identity.RoleIngest}}})
	for id, principal := range map[string]string{"adas": "user:corp/ada", "bens": "user:corp/ben", "engs": "group:corp/eng", "all": "everyone"} {
		d := page(id)
		d.Text, d.Policy = "The ferry leaves at six, says "+id, &pb.Policy{Layers: []*pb.Layer{{Allow: []*pb.Grant{{Principal: principal}}}}}
		if _, err := s.sendRaw(feed, encoded(t, documentItem(d))); err != nil {
			t.Fatal(err)
		}
	}
	ask := func(token string, more ...string) string {
		ctx := metadata.AppendToOutgoingContext(bearer(token), more...)
		resp, err := pb.NewRetrievalServiceClient(s.conn).Retrieve(ctx, &pb.RetrieveRequest{Query: "ferry"})
		if err != nil {
			return status.Code(err).String()
		}
		var ids []string
		for _, r := range resp.GetResults() {
			ids = append(ids, r.GetDocument().GetId())
		}
		slices.Sort(ids)
		return strings.Join(ids, " ")
	}
	own := askFor(t, p, "chat-id", "secret", url.Values{"grant_type": {"client_credentials"}, "audience": {"muniment"}})
	others := askFor(t, p, "other-id", "secret", url.Values{"grant_type": {"client_credentials"}, "audience": {"muniment"}})
	for person, c := range map[string]struct {
		groups []string
		want   string
	}{"ada": {[]string{"eng"}, "adas all engs"}, "ben": {[]string{}, "all bens"}} {
		login := p.Login(person, "chat-id", map[string]any{"groups": c.groups})
		exchanged := askFor(t, p, "chat-id", "secret", url.Values{
			"grant_type":    {"urn:ietf:params:oauth:grant-type:token-exchange"},
			"subject_token": {login}, "subject_token_type": {"urn:ietf:params:oauth:token-type:access_token"}, "audience": {"muniment"},
		})
		for what, got := range map[string][2]string{
			"exchanged":                     {ask(exchanged), c.want},
			"beside the app's own":          {ask(own, "x-muniment-user-token", exchanged), c.want},
			"beside another app's":          {ask(others, "x-muniment-user-token", exchanged), codes.Unauthenticated.String()},
			"the login's own, for the app":  {ask(login), codes.Unauthenticated.String()},
			"the app's own alone":           {ask(own), codes.PermissionDenied.String()},
			"the exchanged one, and a name": {ask(exchanged, "x-user", "ben"), c.want},
		} {
			if got[0] != got[1] {
				t.Errorf("%s, %s: %s, want %s", person, what, got[0], got[1])
			}
		}
	}
	if _, err := pb.NewDocumentServiceClient(s.conn).GetDocument(context.Background(), &pb.GetDocumentRequest{}); status.Code(err) != codes.Unauthenticated {
		t.Errorf("no token: %v", err)
	}
}

// TestIdentityPageNamesEveryKey compares docs/identity.md with the configuration.
func TestIdentityPageNamesEveryKey(t *testing.T) {
	page, err := os.ReadFile("../../docs/identity.md")
	if err != nil {
		t.Fatal(err)
	}
	for i := range reflect.TypeFor[issuerConfig]().NumField() {
		key := reflect.TypeFor[issuerConfig]().Field(i).Tag.Get("yaml")
		if row := regexp.MustCompile("(?m)^\\|[^|]*`" + key + "[`:]"); !row.Match(page) {
			t.Errorf("docs/identity.md has no row for %q", key)
		}
	}
}
