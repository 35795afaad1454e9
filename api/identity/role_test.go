package identity

import (
	"errors"
	"strings"
	"testing"
)

func TestParseRole(t *testing.T) {
	for s, want := range map[string]Grant{
		"ingest":          {RoleIngest, ""},
		"ingest:handbook": {RoleIngest, "handbook"},
		"ingest:a:b c/d":  {RoleIngest, "a:b c/d"},
		"steward:x":       {RoleSteward, "x"},
		"steward":         {RoleSteward, ""},
		"directory":       {RoleDirectory, ""},
		"auditor":         {RoleAuditor, ""},
		"admin":           {RoleAdmin, ""},
	} {
		got, err := ParseRole(s)
		if err != nil || got != want || got.String() != s {
			t.Errorf("ParseRole(%q) = %v, %v", s, got, err)
		}
	}
	for _, s := range []string{
		"", ":", "root", "Ingest", "ingest ", " ingest", "ingest:", "steward:", "ingest:\x00", "ingest:a\u200b", "ingest:\xff",
		"admin:", "admin:x", "directory:x", "auditor:x", "ingest:" + strings.Repeat("s", maxSourceBytes+1),
	} {
		got, err := ParseRole(s)
		if !errors.Is(err, ErrRole) || got != (Grant{}) {
			t.Errorf("ParseRole(%q) = %v, %v", s, got, err)
		}
		for _, r := range roles {
			if err != nil && !strings.Contains(err.Error(), string(r.name)) {
				t.Errorf("the error does not list %s: %v", r.name, err)
			}
		}
	}
}

func TestMay(t *testing.T) {
	for _, c := range []struct {
		roles  Roles
		role   Role
		source string
		want   bool
	}{
		{nil, RoleIngest, "", false},
		{Roles{{RoleIngest, ""}}, RoleIngest, "handbook", true},
		{Roles{{RoleIngest, ""}}, RoleIngest, "", true},
		{Roles{{RoleIngest, "handbook"}}, RoleIngest, "handbook", true},
		{Roles{{RoleIngest, "handbook"}}, RoleIngest, "Handbook", false},
		{Roles{{RoleIngest, "handbook"}}, RoleIngest, "", false},
		{Roles{{RoleIngest, "handbook"}}, RoleSteward, "handbook", false},
		{Roles{{RoleIngest, "a"}, {RoleIngest, "b"}}, RoleIngest, "b", true},
		{Roles{{RoleAdmin, ""}}, RoleAdmin, "", true},
		{Roles{{RoleAdmin, ""}}, RoleAuditor, "", false},
		{Roles{{RoleAdmin, ""}}, RoleIngest, "handbook", false},
		{Roles{{}}, "", "", false},
	} {
		if got := c.roles.May(c.role, c.source); got != c.want {
			t.Errorf("%v.May(%q, %q) = %t", c.roles, c.role, c.source, got)
		}
	}
}
