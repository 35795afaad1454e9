package api_test

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/api/identity/oidc"
	"github.com/muniment/muniment/api/identity/oidc/oidctest"
	"github.com/muniment/muniment/audit"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

const corpAda = "user:corp/ada"

// believing starts a server that believes an OpenID provider, under the name corp. The app
// chat reaches the source wiki alone, and crawler may call for itself.
func believing(t testing.TB, change func(*identity.IssuerConfig)) (*server, *oidctest.Provider) {
	s := start(t, nil)
	p := oidctest.New("https://idp.test")
	issuer := identity.IssuerConfig{
		Name: "corp", Person: "scope",
		Config: oidc.Config{Issuer: p.Issuer, Audience: "muniment", Algorithms: []string{"ES256"}, Discovery: true, Transport: p},
		Apps:   map[string]string{"client-chat": "chat", "client-desk": "desk", "client-crawler": "crawler"},
	}
	if change != nil {
		change(&issuer)
	}
	var err error
	s.Authority, err = identity.NewAuthority(s.Keys, identity.Config{
		Audience: "muniment", Scale: acl.DefaultScale, Issuers: []identity.IssuerConfig{issuer},
		Apps:  map[string]identity.App{"chat": {Sources: []string{"wiki"}}, "crawler": {Service: true}},
		Roles: []identity.Assignment{{Role: identity.Grant{Role: identity.RoleIngest}, Principal: "service:crawler"}},
	})
	s.must(err)
	s.listen()
	return s, p
}

// person is a token of Ada's through a client, app one of the client's own.
func person(p *oidctest.Provider, client string, more map[string]any) string {
	claims := map[string]any{
		"iss": p.Issuer, "aud": "muniment", "sub": "ada", "client_id": client, "scope": "read",
		"iat": time.Now().Unix() - 10, "exp": time.Now().Add(time.Hour).Unix(),
	}
	maps.Copy(claims, more)
	return p.Sign(nil, claims)
}

func app(p *oidctest.Provider, client string) string {
	return p.Sign(nil, map[string]any{
		"iss": p.Issuer, "aud": "muniment", "sub": client, "client_id": client,
		"iat": time.Now().Unix() - 10, "exp": time.Now().Add(time.Hour).Unix(),
	})
}

// headers is a context with metadata: authorization and what else is named.
func (s *server) headers(token string, more ...string) context.Context {
	return metadata.AppendToOutgoingContext(s.bearer(token), more...)
}

// found are the ids of the documents that answer "ferry", joined.
func (s *server) found(ctx context.Context) (string, *pb.RetrieveResponse) {
	s.Helper()
	resp, err := pb.NewRetrievalServiceClient(s.conn).Retrieve(ctx, &pb.RetrieveRequest{Query: "ferry"})
	if err != nil {
		code, why := reason(err)
		return code.String() + " " + why, nil
	}
	var ids []string
	for _, r := range resp.GetResults() {
		ids = append(ids, r.GetDocument().GetId())
	}
	slices.Sort(ids)
	return strings.Join(ids, " "), resp
}

// harbour stores what the tests below ask for.
func (s *server) harbour() {
	only := func(source, id string, principals ...string) *pb.IngestRequest {
		item := page(source, id, "The ferry, says "+id)
		item.GetDocument().Policy = allowing(principals...)
		return item
	}
	s.send(s.as("service:feed", "ingest", "directory"),
		page("wiki", "all", "The ferry for everyone"), only("wiki", "hers", corpAda), only("wiki", "eng", "group:corp/eng"), only("wiki", "staff", "group:staff"),
		only("wiki", "chats", "service:chat"), only("wiki", "crawlers", "service:crawler"), only("wiki", "locals", ada), only("wiki", "ceos", "user:corp/ceo"),
		only("desk", "hers at the desk", corpAda),
		&pb.IngestRequest{Item: &pb.IngestRequest_Group{Group: &pb.Group{Name: "group:staff", Members: []string{corpAda}}}})
}

// TestAppsActForPeople: by one token or by two, the answer is the person's cut by the app's
// scope, and the record names both and the chain (ID-18, ID-19, ID-20, ID-21).
func TestAppsActForPeople(t *testing.T) {
	s, p := believing(t, nil)
	s.harbour()
	chat, desk := person(p, "client-chat", nil), person(p, "client-desk", nil)
	act := person(p, "client-desk", map[string]any{"act": map[string]any{"sub": "client-chat", "act": map[string]any{"sub": "client-desk"}}})
	for name, c := range map[string]struct {
		ctx   context.Context
		want  string
		chain string
	}{
		"one token":                 {s.headers(chat), "all hers staff", "service:chat"},
		"another app":               {s.headers(desk), "all hers hers at the desk staff", "service:desk"},
		"two tokens":                {s.headers(app(p, "client-chat"), "x-muniment-user-token", chat), "all hers staff", "service:chat"},
		"delegated":                 {s.headers(act), "all hers staff", "service:chat service:desk"},
		"delegated, two tokens":     {s.headers(app(p, "client-chat"), "x-muniment-user-token", act), "all hers staff", "service:chat service:desk"},
		"a service":                 {s.headers(app(p, "client-crawler")), "crawlers", ""},
		"an app without a person":   {s.headers(app(p, "client-chat")), "PermissionDenied USER_REQUIRED", ""},
		"another app's person":      {s.headers(app(p, "client-chat"), "x-muniment-user-token", desk), "Unauthenticated TOKEN_UNBOUND", ""},
		"an app that is not listed": {s.headers(person(p, "client-evil", nil)), "Unauthenticated APP_NOT_LISTED", ""},
		"two people's tokens":       {s.headers(app(p, "client-chat"), "x-muniment-user-token", chat, "x-muniment-user-token", chat), "Unauthenticated TOKEN_MISSING", ""},
		"an empty person's token":   {s.headers(app(p, "client-chat"), "x-muniment-user-token", ""), "Unauthenticated TOKEN_MISSING", ""},
		"a service, and empty":      {s.headers(app(p, "client-crawler"), "x-muniment-user-token", ""), "Unauthenticated TOKEN_MISSING", ""},
		"a person's token alone in the second place": {
			metadata.AppendToOutgoingContext(t.Context(), "x-muniment-user-token", chat), "Unauthenticated TOKEN_MISSING", ""},
	} {
		got, resp := s.found(c.ctx)
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		if resp == nil {
			continue
		}
		answer, err := pb.NewAuditServiceClient(s.conn).GetRecord(s.as(ada, "auditor"), &pb.GetRecordRequest{Receipt: resp.GetReceipt()})
		s.must(err)
		var record audit.Record
		s.must(json.Unmarshal([]byte(answer.GetRecord()), &record))
		wantUser, wantApp := corpAda, strings.SplitN(c.chain, " ", 2)[0]
		if c.chain == "" {
			wantUser, wantApp = "service:crawler", "service:crawler"
		}
		if record.User != wantUser || record.App != wantApp || strings.Join(record.Chain, " ") != c.chain {
			t.Errorf("%s: the record names %s through %s, chain %q", name, record.User, record.App, record.Chain)
		}
	}
}

// TestNothingElseIsIdentity (ID-22): names and groups in metadata, in claims that are not
// configured and in requests change nothing.
func TestNothingElseIsIdentity(t *testing.T) {
	s, p := believing(t, nil)
	s.harbour()
	want, _ := s.found(s.headers(person(p, "client-chat", nil)))
	for name, ctx := range map[string]context.Context{
		"x-user": s.headers(person(p, "client-chat", nil), "x-user", "ceo", "x-groups", "eng", "x-forwarded-user", "ceo",
			"x-muniment-user", "user:corp/ceo", "x-muniment-groups", "group:corp/eng", "x-muniment-app", "service:desk", "user", "ceo", "act", "ceo"),
		"claims": s.headers(person(p, "client-chat", map[string]any{
			"user": "ceo", "groups": []string{"eng", "group:corp/eng"}, "email": "ceo@corp.test", "preferred_username": "ceo", "roles": []string{"admin"},
			"clearance": "restricted", "guest": false, "app": "desk", "oid": "ceo", "uid": "ceo", "cid": "client-desk",
		})),
	} {
		if got, _ := s.found(ctx); got != want || want != "all hers staff" {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
		_, err := pb.NewAuditServiceClient(s.conn).GetCheckpoint(ctx, &pb.GetCheckpointRequest{})
		if code, why := reason(err); code != codes.PermissionDenied {
			t.Errorf("%s: gave a role: %v %s", name, code, why)
		}
	}
}

// TestGroupsOfOneOrigin (ID-23, ID-24): the claim or the directory, never both, and none that
// is not whole; one person with two tokens is answered by each.
func TestGroupsOfOneOrigin(t *testing.T) {
	s, p := believing(t, func(i *identity.IssuerConfig) { i.Groups = "groups" })
	s.harbour()
	groups := func(v any) context.Context {
		return s.headers(person(p, "client-chat", map[string]any{"groups": v}))
	}
	for range 2 { // nothing is remembered under the person's name
		for _, c := range []struct {
			name string
			ctx  context.Context
			want string
		}{
			{"in eng", groups([]string{"eng"}), "all eng hers"},
			{"in none", groups([]string{}), "all hers"},
			{"in the directory's, by the claim", groups([]string{"staff", "group:staff"}), "all hers"},
			{"in eng, with two tokens", metadata.AppendToOutgoingContext(s.bearer(app(p, "client-chat")), "x-muniment-user-token", person(p, "client-chat", map[string]any{"groups": "eng"})), "all eng hers"},
			{"overage", s.headers(person(p, "client-chat", map[string]any{"_claim_names": map[string]string{"groups": "src1"}})), "FailedPrecondition GROUPS_INCOMPLETE"},
			{"no word of groups", s.headers(person(p, "client-chat", nil)), "FailedPrecondition GROUPS_INCOMPLETE"},
		} {
			if got, _ := s.found(c.ctx); got != c.want {
				t.Errorf("%s: %s, want %s", c.name, got, c.want)
			}
		}
	}
}

// TestIssuerUnavailable (ID-14): without keys the server cannot answer; that is not a refusal.
func TestIssuerUnavailable(t *testing.T) {
	s, p := believing(t, nil)
	p.Instead(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	if got, _ := s.found(s.headers(person(p, "client-chat", nil))); got != codes.Unavailable.String()+" ISSUER_UNAVAILABLE" {
		t.Error(got)
	}
	if got, _ := s.found(s.as(ada)); got != "" {
		t.Errorf("the embedded issuer beside it: %s", got)
	}
}

// TestStreamEndsWithTheEarlierToken: of two tokens, whichever that is.
func TestStreamEndsWithTheEarlierToken(t *testing.T) {
	for name, ends := range map[string][2]time.Duration{"the app's": {time.Hour, 3 * time.Hour}, "the person's": {3 * time.Hour, time.Hour}} {
		s, p := believing(t, nil)
		var later atomic.Int64
		s.Now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
		s.Authority = withRoles(s, p)
		s.listen()
		until := func(d time.Duration) map[string]any { return map[string]any{"exp": time.Now().Add(d).Unix()} }
		own := p.Sign(nil, map[string]any{
			"iss": p.Issuer, "aud": "muniment", "sub": "client-chat", "client_id": "client-chat",
			"iat": time.Now().Unix() - 10, "exp": time.Now().Add(ends[0]).Unix(),
		})
		stream := s.ingest(s.headers(own, "x-muniment-user-token", person(p, "client-chat", until(ends[1]))))
		s.must(stream.Send(page("wiki", "in time", "text")))
		if ack, err := stream.Recv(); err != nil || ack.GetStatus() != pb.IngestResponse_STATUS_APPLIED {
			t.Fatalf("while both hold: %v, %v", ack, err)
		}
		later.Store(int64(2 * time.Hour))
		stream.Send(page("wiki", "too late", "text")) // Recv says what became of it
		if _, err := stream.Recv(); err == nil {
			t.Errorf("%s token is over, and the stream goes on", name)
		} else if code, why := reason(err); code != codes.Unauthenticated || why != "TOKEN_EXPIRED" {
			t.Errorf("%s token is over: %v", name, err)
		}
	}
}

// withRoles is an authority under which Ada may send through the app chat.
func withRoles(s *server, p *oidctest.Provider) *identity.Authority {
	a, err := identity.NewAuthority(s.Keys, identity.Config{
		Audience: "muniment", Scale: acl.DefaultScale,
		Issuers: []identity.IssuerConfig{{
			Name: "corp", Person: "scope", Apps: map[string]string{"client-chat": "chat"},
			Config: oidc.Config{Issuer: p.Issuer, Audience: "muniment", Algorithms: []string{"ES256"}, Discovery: true, Transport: p},
		}},
		Roles: []identity.Assignment{{Role: identity.Grant{Role: identity.RoleIngest}, Principal: corpAda, Apps: []string{"chat"}}},
		Now:   s.Now,
	})
	s.must(err)
	return a
}
