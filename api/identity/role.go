package identity

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Role is something a caller may do besides reading.
type Role string

// The roles. None implies another.
const (
	RoleIngest    Role = "ingest"    // send documents, per source
	RoleDirectory Role = "directory" // say who is in which group
	RoleSteward   Role = "steward"   // look after sources: freshness, conflicts, retention
	RoleAuditor   Role = "auditor"   // read and verify the audit log
	RoleAdmin     Role = "admin"     // operate the server
)

// maxSourceBytes is the longest source that a role may be scoped to.
const maxSourceBytes = 512

// roles lists every role, in the order in which errors name them.
var roles = []struct {
	name   Role
	scoped bool // may be given for one source alone
}{{RoleIngest, true}, {RoleDirectory, false}, {RoleSteward, true}, {RoleAuditor, false}, {RoleAdmin, false}}

// ErrRole is what every error of ParseRole wraps.
var ErrRole = errors.New("a role is ingest[:SOURCE], directory, steward[:SOURCE], auditor or admin")

// Grant gives a role, for one source or for all.
type Grant struct {
	Role   Role
	Source string // "" for all sources
}

// String returns the grant as ParseRole reads it.
func (g Grant) String() string {
	if g.Source == "" {
		return string(g.Role)
	}
	return string(g.Role) + ":" + g.Source
}

// ParseRole reads "ROLE" or, for ingest and steward, "ROLE:SOURCE". Role names are compared
// byte for byte. Its errors wrap ErrRole, which lists the roles.
func ParseRole(s string) (Grant, error) {
	name, source, scoped := strings.Cut(s, ":")
	for _, r := range roles {
		switch {
		case string(r.name) != name:
			continue
		case scoped && !r.scoped:
			return Grant{}, fmt.Errorf("%s cannot be limited to a source: %w", name, ErrRole)
		case scoped && !isSource(source):
			return Grant{}, fmt.Errorf("%s is for no source that can exist (1 to %d bytes of visible UTF-8): %w", name, maxSourceBytes, ErrRole)
		}
		return Grant{Role: r.name, Source: source}, nil
	}
	return Grant{}, fmt.Errorf("unknown role %.40q: %w", name, ErrRole)
}

func isSource(s string) bool {
	hidden := func(r rune) bool { return r == utf8.RuneError || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }
	return s != "" && len(s) <= maxSourceBytes && !strings.ContainsFunc(s, hidden)
}

// Roles are what a token gives besides reading.
type Roles []Grant

// May reports whether the roles give role for the source. An empty source asks for the role
// itself, or for all sources: a grant for one source does not give that.
func (r Roles) May(role Role, source string) bool {
	return role != "" && slices.ContainsFunc(r, func(g Grant) bool {
		return g.Role == role && (g.Source == "" || g.Source == source)
	})
}
