package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/internal/prove"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// scimClient keeps a user and a group as one identity provider does, in the requests that it
// documents.
type scimClient struct {
	name                       string
	user, group, join, off, on string // bodies; NAME and USER are filled in
	replaced                   bool   // off and on replace the whole user
}

const scimUser = `"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "NAME@example.com", "externalId": "NAME",
	"name": {"givenName": "NAME", "familyName": "Byron"}, "emails": [{"primary": true, "value": "NAME@example.com", "type": "work"}]`

const scimPatch = `"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": `

var scimClients = []scimClient{{
	name: "Okta, PATCH",
	user: `{` + scimUser + `, "locale": "en-US", "groups": [], "password": "1mz050nq", "active": true}`, group: `{"displayName": "NAME", "members": []}`,
	join: `{` + scimPatch + `[{"op": "add", "path": "members", "value": [{"value": "USER", "display": "NAME@example.com"}]}]}`,
	off:  `{` + scimPatch + `[{"op": "replace", "value": {"active": false}}]}`, on: `{` + scimPatch + `[{"op": "replace", "value": {"active": true}}]}`,
}, {
	name: "Okta, PUT",
	user: `{` + scimUser + `, "active": true}`, group: `{"displayName": "NAME", "members": []}`,
	join: `{` + scimPatch + `[{"op": "replace", "path": "members", "value": [{"value": "USER"}]}]}`,
	off:  `{"id": "USER", ` + scimUser + `, "groups": [], "active": false}`, on: `{"id": "USER", ` + scimUser + `, "groups": [], "active": true}`, replaced: true,
}, {
	name:  "Entra ID",
	user:  `{` + scimUser + `, "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Deck"}, "active": true}`,
	group: `{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "NAME", "externalId": "group-NAME"}`,
	join:  `{` + scimPatch + `[{"op": "Add", "path": "members", "value": [{"value": "USER"}]}]}`,
	off:   `{` + scimPatch + `[{"op": "Replace", "path": "active", "value": "False"}]}`, on: `{` + scimPatch + `[{"op": "Replace", "path": "active", "value": "True"}]}`,
}}

// TestDeactivationsAreImmediate sends what Okta and Entra ID document to a real server and
// checks each answer; every user is deactivated twice and then deleted, while they ask without
// a pause. No request that begins after the provider has its answer may be answered.
func TestDeactivationsAreImmediate(t *testing.T) {
	users := prove.Count(6, 300)
	cfg := withSCIM(t, t.TempDir())
	s := serveConfig(t, cfg)
	requests, refused := 0, 0
	send := func(want int, method, path, body string) map[string]any {
		t.Helper()
		requests++
		answer, got := scimRequest(t, cfg, method, path, body)
		if got != want {
			t.Fatalf("%s %s %s: %d %v, want %d", method, path, body, got, answer, want)
		}
		return answer
	}
	for i := range users {
		c := scimClients[i%len(scimClients)]
		name := fmt.Sprint("user-", i)
		fill := strings.NewReplacer("NAME", name)
		query := func(what, filter string) float64 {
			return send(200, "GET", "/"+what+"?filter="+strings.ReplaceAll(filter, " ", "%20"), "")["totalResults"].(float64)
		}
		if query("Users", `userName eq "`+name+`@example.com"`) != 0 {
			t.Fatal("there before it was created")
		}
		user := send(201, "POST", "/Users", fill.Replace(c.user))
		id := user["id"].(string)
		if user["userName"] != any(name+"@example.com") || user["active"] != any(true) || user["password"] != nil {
			t.Fatalf("%s: %v", c.name, user)
		}
		group := send(201, "POST", "/Groups", fill.Replace(c.group))["id"].(string)
		fill = strings.NewReplacer("NAME", name, "USER", id, "GROUP", group)
		if query("Users", `userName eq "`+name+`@example.com"`) != 1 || query("Groups", `displayName eq "`+name+`"`) != 1 {
			t.Fatal("what was created is not found")
		}
		send(204, "PATCH", "/Groups/"+group, fill.Replace(c.join))
		s.mustSend(line(t, fill.Replace(`{"document": {"source": "safes", "id": "NAME", "version": 1, "title": "Safe", "text": "The code of the safe of NAME.",
			"policy": {"layers": [{"allow": [{"principal": "group:local/GROUP"}]}]}}}`)))
		who := acl.Principal("user:local/" + name)
		if !s.readsSafe(t, who, name) {
			t.Fatalf("%s: %s does not read before", c.name, name)
		}
		change := func(body string, active bool) func() {
			method := "PATCH"
			if c.replaced {
				method = "PUT"
			}
			return func() {
				if got := send(200, method, "/Users/"+id, fill.Replace(body)); got["active"] != any(active) {
					t.Errorf("%s: %v", c.name, got)
				}
			}
		}
		refused += s.shutsOut(t, who, name, change(c.off, false))
		change(c.on, true)()
		if !s.readsSafe(t, who, name) {
			t.Errorf("%s: %s does not read when active again", c.name, name)
		}
		refused += s.shutsOut(t, who, name, change(c.off, false))
		change(c.on, true)()
		refused += s.shutsOut(t, who, name, func() { send(204, "DELETE", "/Users/"+id, "") })
		if send(404, "GET", "/Users/"+id, ""); t.Failed() {
			return
		}
	}
	prove.Report(t, "provisioning", "%d SCIM requests in the forms of Okta and Entra ID, each answer checked; %d deactivations and deletions, %d calls of those users that began after the answer, 0 answered", requests, 3*users, refused)
}

// scimRequest sends a request as the provider does, and returns the answer and its status.
func scimRequest(t *testing.T, cfg config, method, path, body string) (answer map[string]any, code int) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+cfg.SCIM.Listen+"/scim/v2"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+scimToken)
	r.Header.Set("Content-Type", "application/scim+json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) > 0 && json.Unmarshal(b, &answer) != nil {
		t.Fatalf("%s %s: %s", method, path, b)
	}
	return answer, resp.StatusCode
}

// readsSafe reports whether the user reads the document of the name, by asking and by its id.
func (s *server) readsSafe(t *testing.T, who acl.Principal, name string) bool {
	t.Helper()
	resp, err := s.retrieval().Retrieve(s.user(who), &pb.RetrieveRequest{Query: "code of the safe of " + name})
	_, direct := s.documents().GetDocument(s.user(who), &pb.GetDocumentRequest{Document: &pb.DocumentRef{Source: "safes", Id: name}})
	if (err == nil && len(resp.GetResults()) > 0) != (direct == nil) {
		t.Errorf("%s: found %d, %v; got %v", who, len(resp.GetResults()), err, direct)
	}
	return direct == nil
}

// shutsOut has the user ask without a pause while they are shut out, and returns how many
// calls that began after it were refused. Each of them must be.
func (s *server) shutsOut(t *testing.T, who acl.Principal, name string, shut func()) (refused int) {
	t.Helper()
	type call struct {
		begun time.Time
		err   error
	}
	var calls []call
	over := make(chan struct{})
	var asking sync.WaitGroup
	asking.Go(func() {
		for last := 5; last > 0; {
			select {
			case <-over:
				last--
			default:
			}
			begun := time.Now()
			_, err := s.documents().GetDocument(s.user(who), &pb.GetDocumentRequest{Document: &pb.DocumentRef{Source: "safes", Id: name}})
			calls = append(calls, call{begun, err})
		}
	})
	shut()
	answered := time.Now()
	close(over)
	_, err := s.retrieval().Retrieve(s.user(who), &pb.RetrieveRequest{Query: "code of the safe of " + name})
	asking.Wait()
	for _, c := range append(calls, call{answered, err}) {
		switch {
		case c.begun.Before(answered):
		case status.Code(c.err) == codes.PermissionDenied && reason(status.Convert(c.err)) == "USER_DEACTIVATED":
			refused++
		default:
			t.Errorf("%s, %v after the provider had its answer: %v", who, c.begun.Sub(answered), c.err)
		}
	}
	return refused
}
