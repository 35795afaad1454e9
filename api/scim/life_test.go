package scim

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// TestDeletedUser: who is deleted is shut out and in no group, also when created again, and
// never has the same id.
func TestDeletedUser(t *testing.T) {
	p := start(t)
	ada := p.user("ada")
	team := p.group("Team", ada)
	all := p.group("All", team)
	p.is("group:corp/"+all, acl.Principal("group:corp/"+team))
	p.ask(204, "DELETE", "/Users/"+ada, "")
	for range 2 {
		if !p.kept.directory().Deactivated("user:corp/ada") {
			t.Fatal("a deleted user reads")
		}
		p.is("group:corp/" + team)
		p.ask(404, "GET", "/Users/"+ada, "")
		p.restart()
	}
	if again := p.user("ada"); again == ada || p.kept.directory().Deactivated("user:corp/ada") {
		t.Errorf("created again as %s", again)
	}
	p.is("group:corp/" + team)
	p.ask(204, "DELETE", "/Groups/"+team, "")
	p.is("group:corp/" + all)
}

// TestDeletionCutShort: if the server fails after it has shut a user out, the groups that
// still name the user are not there to be read with when the user is created again.
func TestDeletionCutShort(t *testing.T) {
	p := start(t)
	ada := p.user("ada")
	team := p.group("Team", ada)
	h := p.Handler
	h.mu.Lock()
	gone := *h.byID[ada]
	gone.State = catalog.Removed
	if _, err := h.save(t.Context(), gone, nil); err != nil {
		t.Fatal(err)
	}
	h.mu.Unlock()
	p.is("group:corp/"+team, "user:corp/ada")
	p.restart()
	p.user("ada")
	p.is("group:corp/" + team)
}

// TestFailure: what could not be stored is not shown, and the next request goes by what is.
func TestFailure(t *testing.T) {
	p := start(t)
	ada := p.user("ada")
	p.kept.fail = errors.New("the disk is on fire")
	off := `{"Operations":[{"op":"replace","path":"active","value":false}]}`
	if got, _ := p.ask(503, "PATCH", "/Users/"+ada, off); strings.Contains(fmt.Sprint(got), "fire") {
		t.Errorf("%v tells the cause", got)
	}
	if got, _ := p.ask(200, "GET", "/Users/"+ada, ""); got["active"] != any(true) {
		t.Errorf("%v", got)
	}
	p.kept.lost = errors.New("nobody knows")
	p.ask(503, "PATCH", "/Users/"+ada, off)
	if got, _ := p.ask(200, "GET", "/Users/"+ada, ""); got["active"] != any(false) {
		t.Errorf("what is stored is not shown: %v", got)
	}
	p.ask(200, "PATCH", "/Users/"+ada, strings.Replace(off, "false", "true", 1))
}

// TestOtherIssuers: a provider neither sees nor changes what is of another.
func TestOtherIssuers(t *testing.T) {
	p := start(t)
	ada := p.user("ada")
	p.restart(func(c *Config) { c.Issuer = "cor" })
	p.total(0, "/Users")
	p.ask(404, "DELETE", "/Users/"+ada, "")
	p.user("ada") // another
	if got := p.kept.directory(); got.Deactivated("user:corp/ada") || got.Deactivated("user:cor/ada") {
		t.Error("one was deactivated")
	}
	for _, wrong := range []string{"\u200bada", "a b", strings.Repeat("x", 600)} {
		p.refused(400, "invalidValue", "POST", "/Users", `{"userName":"x","externalId":"`+wrong+`"}`)
	}
}

// TestAtOnce: requests that come at once lose nothing of each other.
func TestAtOnce(t *testing.T) {
	p := start(t)
	group := p.group("Team")
	const each, at = 5, 8
	ids := make([][]string, at)
	for i := range ids {
		for n := range each {
			ids[i] = append(ids[i], p.user(fmt.Sprint("u", i, "-", n)))
		}
	}
	var wait sync.WaitGroup
	for _, mine := range ids {
		wait.Go(func() {
			for _, id := range mine {
				for _, call := range [][3]string{
					{"PATCH", "/Groups/" + group, `{"Operations":[{"op":"add","path":"members","value":` + membersOf(id) + `}]}`},
					{"GET", "/Groups/" + group, ""}, {"GET", "/Users", ""},
					{"PATCH", "/Users/" + id, `{"Operations":[{"op":"replace","path":"active","value":false}]}`},
				} {
					r := httptest.NewRequest(call[0], "/scim/v2"+call[1], strings.NewReader(call[2]))
					r.Header.Set("Authorization", "Bearer "+secret)
					w := httptest.NewRecorder()
					if p.ServeHTTP(w, r); w.Code >= 300 {
						t.Errorf("%v: %d %s", call, w.Code, w.Body)
					}
				}
			}
		})
	}
	wait.Wait()
	if n := len(p.kept.directory().Members(acl.Principal("group:corp/" + group))); n != each*at {
		t.Errorf("%d members, want %d", n, each*at)
	}
	for _, mine := range ids {
		for _, id := range mine {
			if got, _ := p.ask(200, "GET", "/Users/"+id, ""); got["active"] != any(false) {
				t.Errorf("%v", got)
			}
		}
	}
}

// TestPages: pages follow each other without a gap, whatever their size.
func TestPages(t *testing.T) {
	p := start(t)
	want := map[string]bool{}
	for i := range 23 {
		want[p.user(fmt.Sprint("u", i))] = true
	}
	for _, size := range []int{1, 5, 23, 1000} {
		seen := map[string]bool{}
		for startIndex := 1; startIndex <= 23; startIndex += size {
			for _, r := range p.total(23, fmt.Sprintf("/Users?startIndex=%d&count=%d&attributes=userName", startIndex, size)) {
				r := r.(object)
				seen[r["id"].(string)] = true
				if r["userName"] == nil || r["externalId"] != nil || r["meta"] != nil {
					t.Fatalf("attributes: %v", r)
				}
			}
		}
		if fmt.Sprint(seen) != fmt.Sprint(want) {
			t.Errorf("pages of %d: %d of %d", size, len(seen), len(want))
		}
	}
	for path, n := range map[string]int{"/Users?count=0": 0, "/Users?count=-1": 0, "/Users?startIndex=0&count=3": 3, "/Users?startIndex=24": 0, "/Users?startIndex=99999": 0, "/Users": 23} {
		if got := p.total(23, path); len(got) != n {
			t.Errorf("%s: %d resources, want %d", path, len(got), n)
		}
	}
}

// TestLargeGroup: 100,000 members come in pieces, and one more is too many.
func TestLargeGroup(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 100,001 users")
	}
	p := start(t)
	ids := make([]string, acl.MaxMembers+1)
	var ms []catalog.Mutation
	for i := range ids {
		ids[i] = newID()
		said := encode(kept{Said: object{"userName": ids[i], "externalId": ids[i]}})
		ms = append(ms, catalog.PutEntry{Entry: catalog.Entry{Principal: acl.Principal("user:corp/" + ids[i]), ID: ids[i], Version: 1, State: catalog.Active, Attributes: said}})
	}
	if _, err := p.kept.store.Commit(t.Context(), catalog.Commit{Mutations: ms}); err != nil {
		t.Fatal(err)
	}
	group := p.group("All")
	const piece = 20_000
	for i := 0; i < acl.MaxMembers; i += piece {
		p.ask(204, "PATCH", "/Groups/"+group, `{"Operations":[{"op":"add","path":"members","value":`+membersOf(ids[i:i+piece]...)+`}]}`)
	}
	if n := len(p.kept.directory().Members(acl.Principal("group:corp/" + group))); n != acl.MaxMembers {
		t.Fatalf("%d members", n)
	}
	p.refused(413, "tooMany", "PATCH", "/Groups/"+group, `{"Operations":[{"op":"add","path":"members","value":`+membersOf(ids[acl.MaxMembers])+`}]}`)
	p.total(1, `/Groups?filter=members.value eq "`+ids[7]+`"&excludedAttributes=members`)
}

// TestDiscovery: what a client looks up first is there, and names what is kept.
func TestDiscovery(t *testing.T) {
	p := start(t)
	got, _ := p.ask(200, "GET", "/ServiceProviderConfig", "")
	for what, want := range map[string]bool{"patch": true, "filter": true, "etag": true, "bulk": false, "sort": false, "changePassword": false} {
		if got[what].(object)["supported"] != any(want) {
			t.Errorf("%s: %v", what, got[what])
		}
	}
	for path, ids := range map[string][]string{"/Schemas": {userSchema, groupSchema}, "/ResourceTypes": {"User", "Group"}} {
		p.total(2, path)
		for _, id := range ids {
			if got, _ := p.ask(200, "GET", path+"/"+id, ""); got["id"] != any(id) {
				t.Errorf("%s/%s: %v", path, id, got)
			}
		}
		p.ask(404, "GET", path+"/none", "")
	}
}
