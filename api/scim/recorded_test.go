package scim

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/muniment/muniment/api/limits"
	"github.com/muniment/muniment/audit"
)

// leftOne demands the one record of a request with a good token: its refusal's; of what it
// changed, which the catalog leaves; or of what was read. Every request of every test is asked.
func (p *provider) leftOne(request string, status int, changed bool, records []audit.Record) {
	p.Helper()
	for _, r := range records {
		if r.ID == "" || r.Time.IsZero() || r.App != "service:scim-corp" || r.User != "" {
			p.Fatalf("%s: left %+v", request, r)
		}
	}
	switch {
	case status >= 400:
		if len(records) != 1 || records[0].Kind != audit.KindRefuse || records[0].Refusal.Code != fmt.Sprintf("HTTP_%d", status) || records[0].Refusal.Method == "" {
			p.Fatalf("%s: %d left %+v, not its refusal", request, status, records)
		}
	case changed:
		if len(records) > 0 {
			p.Fatalf("%s: changed something and left %+v besides", request, records)
		}
	case len(records) != 1 || records[0].Kind != audit.KindRead || records[0].Read.ID == "":
		p.Fatalf("%s: left %+v, not what was read", request, records)
	}
}

// strange sends a request and returns its answer, whatever it is.
func (p *provider) strange(token, method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/scim/v2"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w
}

// TestRefusedIsRecorded: what a refusal's record says is from fixed lists, and nothing that was sent.
func TestRefusedIsRecorded(t *testing.T) {
	p := start(t)
	p.user("ada")
	for _, x := range []struct {
		status             int
		method, path, body string
		endpoint, reason   string
	}{
		{404, "GET", "/Groups/sesame", "", "GET /scim/v2/Groups/{id}", "SCIM"},
		{404, "DELETE", "/Groups/sesame", "", "DELETE /scim/v2/Groups/{id}", "SCIM"},
		{404, "GET", "/Sesame", "", "/", "SCIM"},
		{404, "GET", "/Schemas/sesame", "", "GET /scim/v2/Schemas/{id}", "SCIM"},
		{400, "POST", "/Users", "sesame", "POST /scim/v2/Users", "SCIM_invalidSyntax"},
		{400, "GET", "/Users?filter=sesame", "", "GET /scim/v2/Users", "SCIM_invalidFilter"},
		{409, "POST", "/Users", `{"userName": "ada@example.com", "externalId": "sesame"}`, "POST /scim/v2/Users", "SCIM_uniqueness"},
	} {
		p.ask(x.status, x.method, x.path, x.body)
		why := p.logs.records[len(p.logs.records)-1].Refusal
		if why.Method != x.endpoint || why.Reason != x.reason || strings.Contains(fmt.Sprintf("%+v", *why), "sesame") {
			t.Errorf("%s %s: recorded %+v", x.method, x.path, *why)
		}
	}
	if len(p.logs.counted) > 0 {
		t.Errorf("counted besides: %+v", p.logs.counted)
	}
}

// TestStrangersAreCounted: requests without a good token, and those over the limit, leave no
// record each, or they could fill the log; they are counted, and their reason is told.
func TestStrangersAreCounted(t *testing.T) {
	p := start(t, func(c *Config) {
		c.Limits = limits.New(limits.Config{User: limits.Rate{PerSecond: 0.1, Burst: 2}, App: limits.Rate{PerSecond: 0.1, Burst: 2}})
	})
	for range 5 {
		if w := p.strange("wrong", "GET", "/Users", ""); w.Code != 401 || w.Header().Get("WWW-Authenticate") == "" {
			t.Fatalf("a wrong token: %d, %v", w.Code, w.Header())
		}
	}
	for i := range 4 {
		w := p.strange(secret, "GET", "/Users", "")
		if over := i >= 2; w.Code != map[bool]int{false: 200, true: 429}[over] || over && w.Header().Get("Retry-After") != "10" {
			t.Errorf("request %d of at most 2: %d, %v", i, w.Code, w.Header())
		}
	}
	if len(p.logs.records) != 2 || len(p.logs.counted) != 7 {
		t.Fatalf("%d records and %d counted, not 2 and 7", len(p.logs.records), len(p.logs.counted))
	}
	if p.logs.counted[0].Code != "HTTP_401" || p.logs.apps[0] != "" || p.logs.counted[6].Code != "HTTP_429" || p.logs.counted[6].Limit == "" || p.logs.apps[6] != p.App {
		t.Errorf("counted %+v of %q", p.logs.counted, p.logs.apps)
	}
}

// TestUnrecordedIsUnanswered: while the log cannot be written nothing is shown, and no reason told.
func TestUnrecordedIsUnanswered(t *testing.T) {
	p := start(t)
	id := p.user("ada")
	p.logs.fail = errors.New("no room")
	for _, path := range []string{"/Users/" + id, "/Users", "/Groups/none", "/Schemas"} {
		if w := p.strange(secret, "GET", path, ""); w.Code != 503 || strings.Contains(w.Body.String(), "ada") || strings.Contains(w.Body.String(), "no such") || w.Header().Get("ETag") != "" {
			t.Errorf("%s: %d, %v, %s", path, w.Code, w.Header(), w.Body)
		}
	}
}

// TestPanicIsRecorded: a failure of the program is a refusal like another, and the next request is served.
func TestPanicIsRecorded(t *testing.T) {
	p := start(t)
	id := p.user("ada")
	kept := p.Handler.Catalog
	p.Handler.Catalog = nil
	p.ask(500, "PATCH", "/Users/"+id, `{"Operations": [{"op": "replace", "value": {"active": false}}]}`)
	p.Handler.Catalog = kept
	p.ask(200, "GET", "/Users/"+id, "")
}
