package folder

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/muniment/muniment/acl"
)

// OwnerMap says which principal a name of CODEOWNERS is: "@user", "@org/team" or an
// e-mail address. A name that is not in it has the principal of its form.
type OwnerMap map[string]string

// ParseOwnerMap reads a YAML mapping of names to principals.
func ParseOwnerMap(text []byte) (OwnerMap, error) {
	var m map[string]string
	if err := yaml.NewDecoder(bytes.NewReader(text)).Decode(&m); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	for name, p := range m {
		if err := acl.Principal(p).Validate(); err != nil {
			return nil, fmt.Errorf("%s: %q: %w", name, p, err)
		}
	}
	return m, nil
}

// principal returns the principal of a name: as the map says, else group:org/team for
// "@org/team" and user:local/user for "@user". Addresses alone name nobody.
func (m OwnerMap) principal(name string) (string, bool) {
	if p, ok := m[name]; ok {
		return p, true
	}
	handle, ok := strings.CutPrefix(name, "@")
	if !ok {
		return "", false
	}
	p := "user:local/" + handle
	if strings.Contains(handle, "/") {
		p = "group:" + handle
	}
	return p, handle != "" && acl.Principal(p).Validate() == nil
}

// ownerOf reads an owner of front matter: a principal, or a name as in CODEOWNERS.
func (m OwnerMap) ownerOf(v any) (string, error) {
	text, err := shortText(v)
	if err != nil {
		return "", err
	}
	if p, ok := m.principal(text); ok {
		return p, nil
	}
	return principalOf(text)
}

// codeowners is a CODEOWNERS file in the syntax of GitHub.
type codeowners struct {
	rules   []ownerRule
	changed time.Time
}

type ownerRule struct {
	pattern pattern
	shallow bool // ends in "/*": means files in that folder, and none below it
	owners  []string
}

// codeownersPlaces are the places of the file below the top of a repository; the first
// one that is there counts.
var codeownersPlaces = []string{".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"}

// parseCodeowners reads the file. The problems are lines that say something else than the
// syntax knows; they are left out, as GitHub leaves them out.
func parseCodeowners(text string) (c codeowners, problems []string) {
	for n, line := range strings.Split(strings.TrimPrefix(text, "\ufeff"), "\n") {
		fields := ownerFields(line)
		if len(fields) == 0 {
			continue
		}
		written := fields[0]
		p, ok := parsePattern(written)
		if !ok || p.negated || strings.HasPrefix(written, "[") || strings.HasPrefix(written, "^[") {
			problems = append(problems, fmt.Sprintf("line %d: %q is no pattern here", n+1, written))
			continue
		}
		r := ownerRule{pattern: p, owners: fields[1:]}
		r.shallow = strings.HasSuffix(written, "/*")
		c.rules = append(c.rules, r)
	}
	return c, problems
}

// ownerFields splits a line at white space that no backslash escapes, up to a comment.
func ownerFields(line string) (fields []string) {
	var field strings.Builder
	flush := func() {
		if field.Len() > 0 {
			fields = append(fields, field.String())
			field.Reset()
		}
	}
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\' && i+1 < len(line):
			field.WriteByte(c)
			i++
			field.WriteByte(line[i])
		case c == ' ' || c == '\t' || c == '\r':
			flush()
		case c == '#' && field.Len() == 0:
			return fields
		default:
			field.WriteByte(c)
		}
	}
	flush()
	return fields
}

// ownersOf returns the owners of a file, named from the top of the repository: those of
// the last rule that matches it or a folder above it, who may be none.
func (c codeowners) ownersOf(name string) []string {
	for i := len(c.rules) - 1; i >= 0; i-- {
		if c.rules[i].matches(name) {
			return c.rules[i].owners
		}
	}
	return nil
}

func (r ownerRule) matches(name string) bool {
	if r.pattern.matches(name, false) {
		return true
	}
	if r.shallow {
		return false
	}
	for i := len(name) - 1; i > 0; i-- {
		if name[i] == '/' && r.pattern.matches(name[:i], true) {
			return true
		}
	}
	return false
}
