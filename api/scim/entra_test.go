package scim

import (
	"strings"
	"testing"
)

// The requests below are written in the form that Microsoft documents, names and values our
// own: https://learn.microsoft.com/en-us/entra/identity/app-provisioning/use-scim-to-provision-users-and-groups
func TestEntra(t *testing.T) {
	p := start(t, func(c *Config) { c.GroupName = "externalId" })
	// Test connection: a filter for somebody who does not exist.
	p.total(0, `/Users?filter=userName eq "non-existent user"`)
	p.total(0, `/Users?filter=externalId eq "7fce0092-d52e-4f76-b727-3955bd72c939"`)

	got, header := p.ask(201, "POST", "/Users", `{
		"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
		"externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef", "userName": "Ada_Byron@example.com", "active": true,
		"emails": [{"primary": true, "type": "work", "value": "ada@example.com"}],
		"meta": {"resourceType": "User"},
		"name": {"formatted": "Ada Byron", "familyName": "Byron", "givenName": "Ada"}, "roles": [],
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Deck"}
	}`)
	ada, principal := got["id"].(string), "user:corp/0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef"
	if header.Get("Location") != "/scim/v2/Users/"+ada || got["active"] != any(true) || strings.Contains(string(encode(got)), "Deck") {
		t.Errorf("%v, location %s", got, header.Get("Location"))
	}
	if one := p.total(1, `/Users?filter=userName eq "ada_byron@example.com"`)[0].(object); one["id"] != any(ada) {
		t.Errorf("found %v", one)
	}
	p.total(1, `/Users?filter=externalId eq "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef"`)

	got, _ = p.ask(200, "PATCH", "/Users/"+ada, `{
		"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
		"Operations": [
			{"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "byron@example.com"},
			{"op": "Replace", "path": "name.familyName", "value": "Lovelace"},
			{"op": "Add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "value": "Bridge"},
			{"op": "Add", "path": "emails[type eq \"home\"].value", "value": "home@example.com"}
		]}`)
	if s := string(encode(got["emails"])); s != `[{"primary":true,"type":"work","value":"byron@example.com"},{"type":"home","value":"home@example.com"}]` {
		t.Errorf("emails: %s", s)
	}
	if s := string(encode(got["name"])); s != `{"familyName":"Lovelace","formatted":"Ada Byron","givenName":"Ada"}` {
		t.Errorf("name: %s", s)
	}
	// Without a path, with dotted names.
	got, _ = p.ask(200, "PATCH", "/Users/"+ada, `{
		"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
		"Operations": [{"op": "replace", "value": {"displayName": "Ada L.", "name.givenName": "Augusta", "userName": "lovelace@example.com",
			"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department": "Bridge"}}]}`)
	if got["displayName"] != any("Ada L.") || got["userName"] != any("lovelace@example.com") || got["name"].(object)["givenName"] != any("Augusta") {
		t.Errorf("%v", got)
	}

	// Deactivation, by a string.
	got, _ = p.ask(200, "PATCH", "/Users/"+ada, `{
		"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
		"Operations": [{"op": "Replace", "path": "active", "value": "False"}]}`)
	if got["active"] != any(false) || !p.kept.directory().Deactivated("user:corp/0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef") {
		t.Errorf("%s is active: %v", principal, got)
	}
	p.total(0, `/Users?filter=active eq true`)
	p.ask(200, "PATCH", "/Users/"+ada, `{"Operations": [{"op": "Replace", "path": "active", "value": "True"}]}`)
	if p.kept.directory().Deactivated("user:corp/0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef") {
		t.Error("still deactivated")
	}

	got, _ = p.ask(201, "POST", "/Groups", `{
		"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group", "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
		"externalId": "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159", "displayName": "Pursers", "meta": {"resourceType": "Group"}}`)
	group := got["id"].(string)
	const name = "group:corp/8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159"
	if one := p.total(1, `/Groups?excludedAttributes=members&filter=displayName eq "Pursers"`)[0].(object); one["members"] != nil || one["id"] != any(group) {
		t.Errorf("found %v", one)
	}
	p.ask(204, "PATCH", "/Groups/"+group, `{
		"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
		"Operations": [{"op": "Add", "path": "members", "value": [{"$ref": null, "value": "`+ada+`"}]}]}`)
	p.is(name, "user:corp/0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef")
	p.total(1, `/Groups?filter=id eq "`+group+`" and members.value eq "`+ada+`"`)
	p.total(1, `/Groups?filter=id eq "`+group+`" and members[value eq "`+ada+`"]`)
	p.total(0, `/Groups?filter=id eq "`+group+`" and members.value eq "x"`)
	p.ask(204, "PATCH", "/Groups/"+group, `{"Operations": [{"op": "Replace", "path": "displayName", "value": "Paymasters"}]}`)
	p.is(name, "user:corp/0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef") // a rename changes no principal
	p.ask(204, "PATCH", "/Groups/"+group, `{"Operations": [{"op": "Remove", "path": "members[value eq \"`+ada+`\"]"}]}`)
	p.is(name)
	p.ask(204, "PATCH", "/Groups/"+group, `{"Operations": [{"op": "Add", "path": "members", "value": [{"value": "`+ada+`"}]}]}`)
	p.ask(204, "PATCH", "/Groups/"+group, `{"Operations": [{"op": "Remove", "path": "members", "value": [{"$ref": null, "value": "`+ada+`"}]}]}`)
	p.is(name)
	p.ask(204, "DELETE", "/Groups/"+group, "")
	p.ask(404, "GET", "/Groups/"+group, "")
	p.ask(204, "DELETE", "/Users/"+ada, "")
	p.total(0, "/Users")
}
