package scim

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/catalog/catalogtest"
)

var secret = strings.Repeat("0123456789abcdef", 4)

// memory keeps entries in a catalog in memory.
type memory struct {
	store catalog.Store
	fail  error // of the next Put, which stores nothing
	lost  error // of the next Put, which stores it all the same
	puts  int
}

func (m *memory) Entries(ctx context.Context) ([]catalog.Entry, error) {
	n, err := m.store.Snapshot(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer n.Close()
	return n.Entries(ctx)
}

func (m *memory) directory() *acl.Directory {
	n, err := m.store.Snapshot(context.Background(), 0)
	if err != nil {
		panic(err)
	}
	defer n.Close()
	return n.Directory()
}

func (m *memory) Members(_ context.Context, group acl.Principal) ([]acl.Principal, error) {
	return m.directory().Members(group), nil
}

func (m *memory) Put(ctx context.Context, e catalog.PutEntry) error {
	if err := m.fail; err != nil {
		m.fail = nil
		return err
	}
	m.puts++
	done, err := m.store.Commit(ctx, catalog.Commit{Mutations: []catalog.Mutation{e}, At: time.Unix(1_800_000_000, 0)})
	if err != nil {
		return err
	}
	if err := m.lost; err != nil {
		m.lost = nil
		return err
	}
	return done.Outcomes[0].Refused
}

// provider speaks to a handler as an identity provider does.
type provider struct {
	rapid.TB
	*Handler
	kept *memory
	logs logged
}

// logged is an audit log in memory, and the refusals that were counted.
type logged struct {
	mu      sync.Mutex
	records []audit.Record
	counted []audit.Refusal
	apps    []acl.Principal // of what was counted
	fail    error
}

func (l *logged) Append(_ context.Context, r audit.Record) (audit.Entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail != nil {
		return audit.Entry{}, l.fail
	}
	l.records = append(l.records, r)
	return audit.Entry{}, nil
}

func (l *logged) Count(app acl.Principal, why audit.Refusal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counted, l.apps = append(l.counted, why), append(l.apps, app)
}

func start(t rapid.TB, change ...func(*Config)) *provider {
	t.Helper()
	p := &provider{TB: t, kept: &memory{store: catalogtest.NewMemory()}}
	p.restart(change...)
	return p
}

// restart begins anew with what is stored.
func (p *provider) restart(change ...func(*Config)) {
	p.Helper()
	c := Config{
		Catalog: p.kept, Issuer: "corp", Tokens: []string{secret}, Subject: "externalId", GroupName: "id",
		Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return time.Unix(1_800_000_000, 0) },
		App: "service:scim-corp", Audit: &p.logs, Refusals: &p.logs,
	}
	for _, f := range change {
		f(&c)
	}
	var err error
	if p.Handler, err = New(c); err != nil {
		p.Fatal(err)
	}
}

// ask sends a request and demands the status.
func (p *provider) ask(want int, method, path, body string, headers ...string) (object, http.Header) {
	p.Helper()
	r := httptest.NewRequest(method, "/scim/v2"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+secret)
	r.Header.Set("Content-Type", "application/scim+json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	recorded, puts := len(p.logs.records), p.kept.puts
	p.ServeHTTP(w, r)
	if w.Code != want {
		p.Fatalf("%s %s: %d, want %d\n%.300s\n%s", method, path, w.Code, want, body, w.Body)
	}
	p.leftOne(method+" "+path, want, p.kept.puts > puts, p.logs.records[recorded:])
	var answer object
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			p.Fatalf("%s %s: %v in %s", method, path, err, w.Body)
		}
	}
	p.validAnswer(path, answer)
	return answer, w.Header()
}

// user creates one and returns the id.
func (p *provider) user(external string) string {
	p.Helper()
	got, _ := p.ask(201, "POST", "/Users", fmt.Sprintf(`{"schemas":[%q],"userName":"%s@example.com","externalId":%q,"active":true}`, userSchema, external, external))
	return got["id"].(string)
}

func (p *provider) group(name string, ids ...string) string {
	p.Helper()
	got, _ := p.ask(201, "POST", "/Groups", fmt.Sprintf(`{"schemas":[%q],"displayName":%q,"members":%s}`, groupSchema, name, membersOf(ids...)))
	return got["id"].(string)
}

func membersOf(ids ...string) string {
	list := []object{}
	for _, id := range ids {
		list = append(list, object{"value": id})
	}
	return string(encode(list))
}

func (p *provider) refused(status int, scimType, method, path, body string, headers ...string) {
	p.Helper()
	puts := p.kept.puts
	got, _ := p.ask(status, method, path, body, headers...)
	if got["scimType"] != any(scimType) && !(scimType == "" && got["scimType"] == nil) || got["status"] != any(fmt.Sprint(status)) {
		p.Errorf("%s %s %.200s: %v, want scimType %q", method, path, body, got, scimType)
	}
	if puts != p.kept.puts {
		p.Errorf("%s %s %.200s: refused, and something was stored", method, path, body)
	}
}

func (p *provider) is(group string, want ...acl.Principal) {
	p.Helper()
	if got := p.kept.directory().Members(acl.Principal(group)); fmt.Sprint(got) != fmt.Sprint(want) {
		p.Errorf("%s: %v, want %v", group, got, want)
	}
}

func (p *provider) total(want int, path string) []any {
	p.Helper()
	got, _ := p.ask(200, "GET", strings.NewReplacer(" ", "%20", `"`, "%22").Replace(path), "")
	if got["totalResults"] != any(float64(want)) {
		p.Fatalf("%s: %v results, want %d", path, got["totalResults"], want)
	}
	return got["Resources"].([]any)
}

func TestTokens(t *testing.T) {
	p := start(t)
	for name, header := range map[string]string{
		"none": "", "empty": "Bearer ", "another": "Bearer " + strings.Repeat("0", 64), "its beginning": "Bearer " + secret[:63],
		"longer": "Bearer " + secret + "0", "basic": "Basic " + secret, "no scheme": secret,
	} {
		for _, path := range []string{"/Users", "/Groups/x", "/ServiceProviderConfig", "/nothing"} {
			r := httptest.NewRequest("GET", "/scim/v2"+path, nil)
			r.Header.Set("Authorization", header)
			w := httptest.NewRecorder()
			if p.ServeHTTP(w, r); w.Code != 401 || w.Header().Get("WWW-Authenticate") != "Bearer" || bytes.Contains(w.Body.Bytes(), []byte(secret)) {
				t.Errorf("%s, %s: %d %s", name, path, w.Code, w.Body)
			}
		}
	}
	for _, file := range []string{"", "\n", secret + "\n\n", "\n" + secret, secret + "\nshort\n", "short", secret[:42], secret + " " + secret, "Bearer " + secret} {
		if _, err := ParseTokens(file); err == nil {
			t.Errorf("%q was taken for a file of tokens", file)
		} else if strings.Contains(err.Error(), secret[:20]) {
			t.Errorf("%v tells the token", err)
		}
	}
	if got, err := ParseTokens(secret + "\n" + secret[1:] + "\n"); err != nil || len(got) != 2 {
		t.Errorf("two tokens: %q, %v", got, err)
	}
	for name, change := range map[string]func(*Config){
		"issuer": func(c *Config) { c.Issuer = "" }, "issuer with a slash": func(c *Config) { c.Issuer = "a/b" },
		"subject": func(c *Config) { c.Subject = "" }, "group": func(c *Config) { c.GroupName = "displayName" }, "tokens": func(c *Config) { c.Tokens = nil },
	} {
		c := p.Handler.Config
		if change(&c); func() error { _, err := New(c); return err }() == nil {
			t.Errorf("a handler was made with a wrong %s", name)
		}
	}
}

func TestErrors(t *testing.T) {
	p := start(t)
	ada, ben := p.user("ada"), p.user("ben")
	staff := p.group("Staff", ada)
	user := func(more string) string { return `{"userName":"new@example.com",` + more + `}` }
	patch := func(op string) string { return `{"Operations":[` + op + `]}` }
	for _, c := range []struct {
		status                       int
		scimType, method, path, body string
	}{
		{409, "uniqueness", "POST", "/Users", `{"userName":"ADA@example.com","externalId":"other"}`},
		{409, "uniqueness", "POST", "/Users", user(`"externalId":"ada"`)},
		{409, "uniqueness", "PATCH", "/Users/" + ben, patch(`{"op":"replace","path":"userName","value":"Ada@example.com"}`)},
		{400, "invalidValue", "POST", "/Users", `{"externalId":"x"}`},
		{400, "invalidValue", "POST", "/Users", user(`"displayName":"x"`)},
		{400, "invalidValue", "POST", "/Users", user(`"externalId":"a b"`)},
		{400, "invalidValue", "POST", "/Users", user(`"externalId":"x","active":"maybe"`)},
		{400, "invalidValue", "POST", "/Users", user(`"externalId":7`)},
		{400, "invalidSyntax", "POST", "/Users", user(`"externalId":"x","externalID":"y"`)},
		{400, "invalidSyntax", "POST", "/Users", `[]`},
		{400, "invalidSyntax", "POST", "/Users", `null`},
		{400, "invalidSyntax", "POST", "/Users", `{"userName":`},
		{400, "invalidSyntax", "POST", "/Users", `{} {}`},
		{413, "tooMany", "POST", "/Users", user(`"externalId":"` + strings.Repeat("x", maxBody) + `"`)},
		{400, "mutability", "PATCH", "/Users/" + ada, patch(`{"op":"replace","path":"externalId","value":"eve"}`)},
		{400, "mutability", "PATCH", "/Users/" + ada, patch(`{"op":"replace","path":"id","value":"x"}`)},
		{400, "mutability", "PUT", "/Users/" + ada, `{"userName":"ada@example.com","externalId":"ben"}`},
		{400, "invalidPath", "PATCH", "/Users/" + ada, patch(`{"op":"replace","path":"emails[type eq","value":"x"}`)},
		{400, "invalidPath", "PATCH", "/Users/" + ada, patch(`{"op":"replace","path":7,"value":"x"}`)},
		{400, "invalidPath", "PATCH", "/Users/" + ada, patch(`{"op":"replace","path":"userName[value eq \"x\"]","value":"x"}`)},
		{400, "noTarget", "PATCH", "/Users/" + ada, patch(`{"op":"remove"}`)},
		{400, "invalidSyntax", "PATCH", "/Users/" + ada, patch(`{"op":"move","path":"x"}`)},
		{400, "invalidSyntax", "PATCH", "/Users/" + ada, `{"Operations":[]}`},
		{400, "invalidValue", "PATCH", "/Users/" + ada, patch(`{"op":"replace","value":"x"}`)},
		{400, "invalidValue", "PATCH", "/Users/" + ada, patch(`{"op":"remove","path":"userName"}`)},
		{400, "invalidValue", "POST", "/Groups", `{"members":[]}`},
		{400, "invalidValue", "POST", "/Groups", `{"displayName":"x","members":[{"value":"nobody"}]}`},
		{400, "invalidValue", "POST", "/Groups", `{"displayName":"x","members":[{"display":"nobody"}]}`},
		{400, "invalidValue", "PATCH", "/Groups/" + staff, patch(`{"op":"add","path":"members","value":[{"value":"` + ben + `"},{"value":"nobody"}]}`)},
		{400, "invalidPath", "PATCH", "/Groups/" + staff, patch(`{"op":"add","path":"members[value eq \"x\"]","value":{}}`)},
		{404, "", "GET", "/Users/" + staff, ""}, {404, "", "GET", "/Groups/" + ada, ""}, {404, "", "DELETE", "/Users/" + "x", ""},
		{404, "", "PUT", "/Users/" + "x", user(`"externalId":"x"`)}, {404, "", "GET", "/Nothing", ""}, {404, "", "POST", "/Bulk", "{}"},
		{400, "invalidFilter", "GET", "/Users?filter=userName", ""}, {400, "invalidFilter", "GET", "/Users?filter=userName%20eq%20(", ""},
		{400, "invalidFilter", "GET", "/Users?filter=" + strings.Repeat("(", 40) + "id%20pr" + strings.Repeat(")", 40), ""},
		{400, "invalidValue", "GET", "/Users?count=x", ""},
	} {
		p.refused(c.status, c.scimType, c.method, c.path, c.body)
	}
	p.is("group:corp/"+staff, "user:corp/ada")
}

func TestVersions(t *testing.T) {
	p := start(t)
	ada := p.user("ada")
	_, header := p.ask(200, "GET", "/Users/"+ada, "")
	first := header.Get("ETag")
	off := `{"Operations":[{"op":"replace","path":"active","value":false}]}`
	p.refused(412, "", "PATCH", "/Users/"+ada, off, "If-Match", `W/"7"`)
	got, header := p.ask(200, "PATCH", "/Users/"+ada, off, "If-Match", `W/"7", `+first)
	if header.Get("ETag") == first || got["meta"].(object)["version"] != any(header.Get("ETag")) {
		t.Errorf("ETag %q after %q, meta %v", header.Get("ETag"), first, got["meta"])
	}
	puts := p.kept.puts
	if _, again := p.ask(200, "PATCH", "/Users/"+ada, off); again.Get("ETag") != header.Get("ETag") || p.kept.puts != puts {
		t.Error("a repetition changed something")
	}
	for _, method := range []string{"PUT", "DELETE"} {
		p.refused(412, "", method, "/Users/"+ada, `{"userName":"x","externalId":"ada"}`, "If-Match", first)
	}
	p.ask(304, "GET", "/Users/"+ada, "", "If-None-Match", header.Get("ETag"))
	p.ask(200, "GET", "/Users/"+ada, "", "If-None-Match", first)
	p.ask(204, "DELETE", "/Users/"+ada, "", "If-Match", "*")
}
