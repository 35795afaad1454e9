package main

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/audit"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

var scimToken = strings.Repeat("0123456789abcdef", 4)

// withSCIM is a configuration with an identity provider for the embedded issuer.
func withSCIM(t *testing.T, dir string) config {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free.Close()
	file := filepath.Join(dir, "scim.token")
	if err := os.WriteFile(file, []byte(scimToken+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := testConfig(dir)
	cfg.SCIM = &scimConfig{Listen: free.Addr().String(), Issuer: "local", TokenFile: file}
	return cfg
}

// provision sends a request as the identity provider does, and returns the id in the answer.
func provision(t *testing.T, cfg config, want int, method, path, body string) (id string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+cfg.SCIM.Listen+"/scim/v2"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+scimToken)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != want {
		t.Fatalf("%s %s: %d, want %d: %s, %v", method, path, resp.StatusCode, want, b, err)
	}
	var answer struct{ ID string }
	json.Unmarshal(b, &answer) // there may be none
	return answer.ID
}

// TestProvisioning: users and groups that an identity provider keeps decide on the very next
// request of the real server, over restarts and a check, and every change is recorded.
func TestProvisioning(t *testing.T) {
	dir := t.TempDir()
	cfg := withSCIM(t, dir)
	s := serveConfig(t, cfg)
	ada := provision(t, cfg, 201, "POST", "/Users", `{"userName": "ada@example.com", "externalId": "ada"}`)
	group := provision(t, cfg, 201, "POST", "/Groups", `{"displayName": "Pursers"}`)
	s.mustSend(line(t, `{"document": {"source": "handbook", "id": "safe", "version": 1, "title": "Safe", "text": "The code of the safe is on the bridge.",
		"policy": {"layers": [{"allow": [{"principal": "group:local/`+group+`"}]}]}}}`))
	finds := func(who acl.Principal) (int, codes.Code) {
		t.Helper()
		resp, err := s.retrieval().Retrieve(s.user(who), &pb.RetrieveRequest{Query: "code of the safe"})
		return len(resp.GetResults()), status.Code(err)
	}
	expect := func(when string, want int, code codes.Code) {
		t.Helper()
		if n, got := finds("user:local/ada"); n != want || got != code {
			t.Fatalf("%s: %d passages, %v; want %d, %v", when, n, got, want, code)
		}
		if n, got := finds("user:local/ben"); n != 0 || got != codes.OK {
			t.Fatalf("%s: another user gets %d passages, %v", when, n, got)
		}
	}
	patch := func(path, op string) {
		t.Helper()
		want := 204
		if strings.HasPrefix(path, "/Users") {
			want = 200
		}
		provision(t, cfg, want, "PATCH", path, `{"Operations": [`+op+`]}`)
	}
	expect("before", 0, codes.OK)
	patch("/Groups/"+group, `{"op": "Add", "path": "members", "value": [{"value": "`+ada+`"}]}`)
	expect("in the group", 1, codes.OK)
	for range 3 {
		patch("/Users/"+ada, `{"op": "Replace", "path": "active", "value": "False"}`)
		expect("deactivated", 0, codes.PermissionDenied)
		patch("/Users/"+ada, `{"op": "Replace", "path": "active", "value": "True"}`)
		expect("active again", 1, codes.OK)
	}
	patch("/Users/"+ada, `{"op": "Replace", "path": "active", "value": "False"}`)
	s.stop()
	mustRun(t, "check", "--data", dir)

	s = serveConfig(t, cfg)
	expect("deactivated, after a restart", 0, codes.PermissionDenied)
	patch("/Users/"+ada, `{"op": "Replace", "path": "active", "value": "True"}`)
	expect("active again, after a restart", 1, codes.OK)
	patch("/Groups/"+group, `{"op": "Remove", "path": "members[value eq \"`+ada+`\"]"}`)
	expect("out of the group", 0, codes.OK)
	provision(t, cfg, 204, "DELETE", "/Users/"+ada, "")
	expect("deleted", 0, codes.PermissionDenied)
	s.stop()

	changes := recordedChanges(t, dir)
	for change, want := range map[string]int{
		"provision user /user:local/ada": 1 + 3 + 1, "deactivate user /user:local/ada": 4, "deprovision user /user:local/ada": 1,
		"provision group /group:local/" + group: 3,
	} {
		if changes[change] != want {
			t.Errorf("%q is recorded %d times, want %d", change, changes[change], want)
		}
	}
	if export := mustRun(t, "audit", "export", "--data", dir); strings.Count(export, `"service:scim-local"`) != 5+4+1+3 || strings.Contains(export, "ada@example.com") {
		t.Error("the records name another actor, or personal data")
	}
}

// TestProvisioningEndsStreams: a stream that is open when its user is deactivated ends at the
// next item, which is neither acknowledged nor stored; other streams go on.
func TestProvisioningEndsStreams(t *testing.T) {
	cfg := withSCIM(t, t.TempDir())
	s := serveConfig(t, cfg)
	ada := provision(t, cfg, 201, "POST", "/Users", `{"userName": "ada@example.com", "externalId": "ada"}`)
	open := func(who acl.Principal) pb.IngestionService_IngestClient {
		stream, err := pb.NewIngestionServiceClient(s.conn).Ingest(s.as(identity.Request{Subject: who, Roles: []identity.Grant{{Role: identity.RoleIngest}}}))
		if err != nil {
			t.Fatal(err)
		}
		return stream
	}
	adas, bens := open("user:local/ada"), open("user:local/ben")
	for i := range 20 {
		adas.Send(generated(i))
		if ack, err := adas.Recv(); err != nil || ack.GetError() != nil {
			t.Fatalf("item %d while the user is active: %v, %v", i, ack, err)
		}
	}
	provision(t, cfg, 200, "PATCH", "/Users/"+ada, `{"Operations": [{"op": "Replace", "path": "active", "value": "False"}]}`)
	adas.Send(documentItem(page("after")))
	if ack, err := adas.Recv(); status.Code(err) != codes.PermissionDenied || reason(status.Convert(err)) != "USER_DEACTIVATED" {
		t.Errorf("after the deactivation: %v, %v", ack, err)
	}
	bens.Send(documentItem(page("bens")))
	if ack, err := bens.Recv(); err != nil || ack.GetError() != nil {
		t.Errorf("another user's stream: %v, %v", ack, err)
	}
	for id, want := range map[string]codes.Code{"bens": codes.OK, "after": codes.NotFound} {
		_, err := s.documents().GetDocument(s.user("user:local/ben"), &pb.GetDocumentRequest{Document: &pb.DocumentRef{Source: page(id).GetSource(), Id: page(id).GetId()}})
		if status.Code(err) != want {
			t.Errorf("the document of the item %q: %v, want %v", id, err, want)
		}
	}
}

// TestProvisioningThatDoesNotStart: what would let anybody in stops the server.
func TestProvisioningThatDoesNotStart(t *testing.T) {
	dir := t.TempDir()
	good := withSCIM(t, dir)
	write := func(content string, mode os.FileMode) func(*scimConfig) {
		return func(c *scimConfig) {
			c.TokenFile = filepath.Join(t.TempDir(), "token")
			if err := os.WriteFile(c.TokenFile, []byte(content), mode); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, change := range map[string]func(*scimConfig){
		"an empty file": write("", 0o600), "an empty entry": write(scimToken+"\n\n", 0o600), "a short token": write("secret\n", 0o600),
		"a file for everybody": write(scimToken+"\n", 0o644), "no file": func(c *scimConfig) { c.TokenFile = filepath.Join(dir, "none") },
		"an address of the network": func(c *scimConfig) { c.Listen = "0.0.0.0:7602" }, "no address": func(c *scimConfig) { c.Listen = "" },
		"no issuer": func(c *scimConfig) { c.Issuer = "" }, "no token_file": func(c *scimConfig) { c.TokenFile = "" },
		"an unknown subject": func(c *scimConfig) { c.Subject = "email" }, "an unknown group": func(c *scimConfig) { c.Group = "displayName" },
	} {
		t.Run(name, func(t *testing.T) {
			cfg, scim := good, *good.SCIM
			change(&scim)
			cfg.SCIM = &scim
			err := cfg.check()
			if err == nil {
				err = serve(t.Context(), cfg, func(string) { t.Error("it serves") })
			}
			if _, usage := errors.AsType[usageError](err); !usage || strings.Contains(err.Error(), scimToken) {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestProvisioningIsOfAnIssuer: users and groups that no token speaks of would be kept in vain.
func TestProvisioningIsOfAnIssuer(t *testing.T) {
	scim := withSCIM(t, t.TempDir()).SCIM
	issuers := []issuerConfig{{Name: "claims", Groups: groupsConfig{From: "claim"}}, {Name: "corp", Groups: groupsConfig{From: "directory"}}}
	for issuer, want := range map[string]string{"local": "", "corp": "", "Corp": "none of the issuers", "other": "none of the issuers", "claims": "from a claim"} {
		scim.Issuer = issuer
		err := scim.check(issuers)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", issuer, err)
		}
	}
}

// TestProvisioningLeavesRecords: every request of a provider leaves its one record in the log of the
// real server, and a flood of strangers a few that count them.
func TestProvisioningLeavesRecords(t *testing.T) {
	dir := t.TempDir()
	cfg := withSCIM(t, dir)
	s := serveConfig(t, cfg)
	ada := provision(t, cfg, 201, "POST", "/Users", `{"userName": "ada@example.com", "externalId": "ada"}`)
	provision(t, cfg, 409, "POST", "/Users", `{"userName": "ada@example.com", "externalId": "bea"}`)
	provision(t, cfg, 200, "GET", "/Users/"+ada, "")
	provision(t, cfg, 200, "GET", `/Users?filter=userName%20eq%20%22ada@example.com%22`, "")
	provision(t, cfg, 404, "GET", "/Groups/none", "")
	const strangers = 300
	for range strangers {
		resp, err := http.Post("http://"+cfg.SCIM.Listen+"/scim/v2/Users", "application/scim+json", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		if resp.Body.Close(); resp.StatusCode != 401 {
			t.Fatalf("a stranger gets %d", resp.StatusCode)
		}
	}
	s.stop()

	left := map[string]int{}
	records, counted := 0, int64(0)
	for l := range strings.Lines(mustRun(t, "audit", "export", "--data", dir)) {
		var entry struct{ Body audit.Record }
		if err := json.Unmarshal([]byte(l), &entry); err != nil {
			t.Fatal(err)
		}
		switch r := entry.Body; {
		case r.Kind == audit.KindRefuse && r.Refusal.Count > 0:
			records, counted = records+1, counted+r.Refusal.Count
			if r.App != "" || r.Refusal.Code != "HTTP_401" {
				t.Errorf("strangers are recorded as %+v", r)
			}
		case r.App != "service:scim-local":
		case r.Refusal != nil:
			left[r.Refusal.Code+" "+r.Refusal.Method]++
		case r.Read != nil:
			left["read "+r.Read.ID]++
		default:
			left[string(r.Kind)]++
		}
	}
	want := map[string]int{
		"change": 1, "HTTP_409 POST /scim/v2/Users": 1, "read user:local/ada": 1, "read SCIM Users": 1, "HTTP_404 GET /scim/v2/Groups/{id}": 1,
	}
	if !maps.Equal(left, want) {
		t.Errorf("recorded %v, not %v", left, want)
	}
	if counted != strangers || records > strangers/4 {
		t.Errorf("%d strangers are counted as %d, in %d records", strangers, counted, records)
	}
}
