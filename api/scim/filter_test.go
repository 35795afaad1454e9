package scim

import (
	"encoding/json"
	"testing"
)

// TestFilters: the examples of RFC 7644, section 3.4.2.2, and forms that providers send.
func TestFilters(t *testing.T) {
	var v any
	if err := json.Unmarshal([]byte(`{
		"id": "Id1", "userName": "bJensen", "externalId": "Ext", "active": true, "title": "", "n": 3,
		"name": {"familyName": "O'Malley"}, "meta": {"lastModified": "2011-05-13T04:42:34Z", "resourceType": "User"},
		"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
		"emails": [{"type": "work", "value": "ada@example.com"}, {"type": "home", "value": "ada@jensen.org"}]
	}`), &v); err != nil {
		t.Fatal(err)
	}
	for s, want := range map[string]bool{
		`userName eq "bjensen"`: true, `USERNAME EQ "BJENSEN"`: true, `userName Eq "x"`: false, `userName ne "x"`: true, `userName ne "bjensen"`: false,
		`name.familyName co "O'Malley"`: true, `userName sw "J"`: false, `userName sw "b"`: true, `userName ew "SEN"`: true,
		`urn:ietf:params:scim:schemas:core:2.0:User:userName sw "b"`: true,
		`title pr`: true, `nickName pr`: false, `nickName eq null`: true, `userName eq null`: false,
		`meta.lastModified gt "2011-05-13T04:42:33Z"`: true, `meta.lastModified lt "2011-05-13T04:42:33Z"`: false,
		`meta.lastModified ge "2011-05-13T04:42:34Z"`: true, `meta.lastModified le "2011-05-13T04:42:34Z"`: true,
		`title pr and userType eq "Employee"`: false, `title pr or userType eq "Intern"`: true,
		`schemas eq "urn:ietf:params:scim:schemas:core:2.0:User"`:                                 true,
		`userName eq "x" and (emails co "example.com" or emails.value co "example.org")`:          false,
		`userName ne "x" and not (emails.value co "example.com" or emails.value co "jensen.org")`: false,
		`userName eq "bjensen" and (emails.type eq "work")`:                                       true,
		`emails[type eq "work" and value co "@example.com"]`:                                      true,
		`emails[type eq "home" and value co "@example.com"]`:                                      false,
		`emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp"]`:               true,
		`externalId eq "Ext"`: true, `externalId eq "ext"`: false, `id eq "Id1"`: true, `id eq "id1"`: false,
		`active eq true`: true, `active eq false`: false, `active eq "True"`: true, `n gt 2`: true, `n le 2.5`: false,
		`userName eq "x" or id eq "Id1" and active eq true`: true, `id eq "Id1" or userName eq "x" and active eq false`: true,
		`(id eq "Id1" or userName eq "x") and active eq false`: false, `not(id eq "x")`: true, `userName eq "b\u004aensen"`: true,
		`notes eq "x"`: false, `order pr`: false,
	} {
		f, err := parseFilter(s)
		if err != nil {
			t.Errorf("%s: %v", s, err)
		} else if got := f.matches(v); got != want {
			t.Errorf("%s: %t", s, got)
		}
	}
	for _, s := range []string{
		"", " ", "userName", "userName eq", `eq "x"`, `userName eq "x`, `userName eq x`, `userName is "x"`, `userName eq "x" and`, `userName eq "x" or or id pr`,
		`(userName pr`, `userName pr)`, `emails[type eq "work"`, `emails[]`, `not userName pr`, `userName eq ["x"]`, `userName eq {}`, `userName eq "x" id pr`,
		`userName eq "x\`, `1 eq 1`, `userName prr`, `userName eq "x"y`,
	} {
		if f, err := parseFilter(s); err == nil {
			t.Errorf("%q is read as %+v", s, f)
		}
	}
}

// FuzzFilter: nothing panics, and what is read can be asked.
func FuzzFilter(f *testing.F) {
	for _, s := range []string{`userName eq "x"`, `emails[type eq "work" and not (value pr)].value`, `a.b gt 1 or (c pr)`, `x eq "\`, `[`, `$ref eq null`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		parsePath(s)
		if c, err := parseFilter(s); err == nil {
			c.matches(object{"a": []any{object{"b": 1.0}}, "userName": "x"})
			c.equal("id")
			c.names("members")
		}
	})
}
