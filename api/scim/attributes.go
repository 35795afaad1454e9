package scim

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/muniment/muniment/acl"
)

// The schemas of resources.
const (
	userSchema  = "urn:ietf:params:scim:schemas:core:2.0:User"
	groupSchema = "urn:ietf:params:scim:schemas:core:2.0:Group"
)

// kind is a type of resource.
type kind struct {
	name, path, schema string
	of                 acl.Kind
	attributes         []attribute
}

// attribute is one that is kept. All others are accepted and not kept: what nobody needs to
// decide who may read is not for this server to hold.
type attribute struct {
	name  string
	kind  string // string, boolean, complex or reference
	multi bool
	about string
	parts []attribute
}

var (
	users = &kind{"User", "/Users", userSchema, acl.User, []attribute{
		{name: "userName", kind: "string", about: "What the user signs in with; unique in any case of its letters."},
		{name: "displayName", kind: "string", about: "The user's name as shown."},
		{name: "active", kind: "boolean", about: "Whether the user may read anything."},
		{name: "name", kind: "complex", about: "The user's name in parts.", parts: []attribute{
			{name: "formatted", kind: "string", about: "The whole name."},
			{name: "familyName", kind: "string", about: "The family name."},
			{name: "givenName", kind: "string", about: "The given name."},
		}},
		{name: "emails", kind: "complex", multi: true, about: "Addresses, for display alone.", parts: []attribute{
			{name: "value", kind: "string", about: "The address."},
			{name: "type", kind: "string", about: "What it is for, such as work."},
			{name: "primary", kind: "boolean", about: "Whether it is the first to use."},
		}},
		{name: "externalId", kind: "string", about: "The provider's own identifier."},
	}}
	groups = &kind{"Group", "/Groups", groupSchema, acl.Group, []attribute{
		{name: "displayName", kind: "string", about: "The group's name as shown; policies do not name it."},
		{name: "members", kind: "complex", multi: true, about: "The users and groups in it.", parts: []attribute{
			{name: "value", kind: "string", about: "The member's id."},
			{name: "type", kind: "string", about: "User or Group."},
			{name: "$ref", kind: "reference", about: "The member."},
		}},
		{name: "externalId", kind: "string", about: "The provider's own identifier."},
	}}
)

// find returns the attribute of the name, in any case.
func find(list []attribute, name string) (attribute, bool) {
	i := slices.IndexFunc(list, func(a attribute) bool { return strings.EqualFold(a.name, name) })
	if i < 0 {
		return attribute{}, false
	}
	return list[i], true
}

// plain turns a value into the form that is kept, with names in their own case; ok is false
// for nothing.
func (a attribute) plain(v any) (_ any, ok bool, err error) {
	switch {
	case v == nil:
		return nil, false, nil
	case a.multi:
		list, isList := v.([]any)
		if !isList {
			list = []any{v}
		}
		var all []any
		for _, e := range list {
			if p, ok, err := (attribute{name: a.name, kind: a.kind, parts: a.parts}).plain(e); err != nil {
				return nil, false, err
			} else if ok {
				all = append(all, p)
			}
		}
		return all, len(all) > 0, nil
	case a.kind == "complex":
		if s, isString := v.(string); isString {
			v = object{"value": s}
		}
		m, isObject := v.(object)
		if !isObject {
			return nil, false, bad("invalidValue", "%s: not an object", a.name)
		}
		p, err := plainAll(a.parts, m)
		return p, len(p) > 0, err
	case a.kind == "boolean":
		switch b := v.(type) {
		case bool:
			return b, true, nil
		case string: // as Entra sends it
			if strings.EqualFold(b, "true") || strings.EqualFold(b, "false") {
				return strings.EqualFold(b, "true"), true, nil
			}
		}
		return nil, false, bad("invalidValue", "%s: neither true nor false", a.name)
	}
	s, isString := v.(string)
	if !isString || len(s) > 1024 {
		return nil, false, bad("invalidValue", "%s: not a string of at most 1024 bytes", a.name)
	}
	return s, s != "", nil
}

// plainAll keeps what is known of the object.
func plainAll(list []attribute, m object) (object, error) {
	kept := object{}
	for name, v := range m {
		a, known := find(list, bare(strings.ToLower(name)))
		if !known {
			continue
		}
		p, ok, err := a.plain(v)
		if err != nil {
			return nil, err
		}
		if _, twice := kept[a.name]; twice {
			return nil, bad("invalidSyntax", "%s stands twice", a.name)
		}
		if ok {
			kept[a.name] = p
		}
	}
	return kept, nil
}

// text is a string attribute, "" if there is none.
func text(m object, name string) string {
	s, _ := m[name].(string)
	return s
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("scim: " + err.Error()) // plain data always encodes
	}
	return b
}
