package scim

import "testing"

// The requests below are written in the form that Okta documents, names and values our own:
// https://developer.okta.com/docs/api/openapi/okta-scim/guides/scim-20/
func TestOkta(t *testing.T) {
	p := start(t)
	p.total(0, "/Users?startIndex=1&count=1") // the test of the credentials
	p.total(0, `/Users?filter=userName eq "ada@example.com"&startIndex=1&count=100`)
	got, _ := p.ask(201, "POST", "/Users", `{
		"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ada@example.com",
		"name": {"givenName": "Ada", "familyName": "Byron"},
		"emails": [{"primary": true, "value": "ada@example.com", "type": "work"}],
		"displayName": "Ada Byron", "locale": "en-US", "externalId": "00ujl29u0le5T6Aj10h7", "groups": [], "password": "1mz050nq", "active": true
	}`)
	ada := got["id"].(string)
	if got["password"] != nil || got["groups"] != nil {
		t.Errorf("%v", got)
	}
	put := func(active string) {
		t.Helper()
		got, _ := p.ask(200, "PUT", "/Users/"+ada, `{
			"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "`+ada+`", "userName": "ada@example.com", "externalId": "00ujl29u0le5T6Aj10h7",
			"name": {"givenName": "Another", "middleName": "Excited", "familyName": "Byron"},
			"emails": [{"primary": true, "value": "ada@example.com", "type": "work", "display": "ada"}]`+active+`,
			"groups": [], "meta": {"resourceType": "User"}}`)
		if got["name"].(object)["givenName"] != any("Another") || got["displayName"] != nil {
			t.Errorf("%v", got)
		}
	}
	put(`, "active": true`)
	p.ask(200, "PATCH", "/Users/"+ada, `{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "replace", "value": {"active": false}}]}`)
	deactivated := func() bool { return p.kept.directory().Deactivated("user:corp/00ujl29u0le5T6Aj10h7") }
	if !deactivated() {
		t.Error("active")
	}
	if put(""); !deactivated() {
		t.Error("a request that does not speak of it has activated the user")
	}
	if put(`, "active": true`); deactivated() {
		t.Error("not active again")
	}

	ben := p.user("00uben")
	got, _ = p.ask(201, "POST", "/Groups", `{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Pursers", "members": []}`)
	group := got["id"].(string)
	name := "group:corp/" + group
	p.ask(204, "PATCH", "/Groups/"+group, `{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
		"Operations": [{"op": "replace", "value": {"id": "`+group+`", "displayName": "Paymasters"}}]}`)
	p.ask(204, "PATCH", "/Groups/"+group, `{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
		"Operations": [{"op": "add", "path": "members", "value": [{"value": "`+ada+`", "display": "ada@example.com"}, {"value": "`+ben+`"}]}]}`)
	p.is(name, "user:corp/00uben", "user:corp/00ujl29u0le5T6Aj10h7")
	p.ask(204, "PATCH", "/Groups/"+group, `{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
		"Operations": [{"op": "remove", "path": "members[value eq \"`+ben+`\"]"}, {"op": "add", "path": "members", "value": [{"value": "`+ada+`"}]}]}`)
	p.is(name, "user:corp/00ujl29u0le5T6Aj10h7")
	p.ask(204, "PATCH", "/Groups/"+group, `{"Operations": [{"op": "replace", "path": "members", "value": [{"value": "`+ben+`"}]}]}`)
	p.is(name, "user:corp/00uben")
	got, _ = p.ask(200, "PUT", "/Groups/"+group, `{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "id": "`+group+`", "displayName": "Paymasters",
		"members": [{"value": "`+ada+`", "display": "ada@example.com"}]}`)
	p.is(name, "user:corp/00ujl29u0le5T6Aj10h7")
	if m := got["members"].([]any); len(m) != 1 || m[0].(object)["value"] != any(ada) || got["displayName"] != any("Paymasters") {
		t.Errorf("%v", got)
	}
	p.ask(204, "DELETE", "/Groups/"+group, "")
	p.is(name)
}
