package scim

import (
	"slices"
	"strings"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// operation is one of a PATCH, as in RFC 7644 section 3.5.2.
type operation struct {
	op    string // add, replace or remove
	path  path
	value any
}

// path names what an operation is about: attr, attr[filter] and attr[filter].sub.
type path struct {
	attr, sub string // in lower case; attr is empty for the whole resource
	where     *filter
}

// operations reads the body of a PATCH. Entra writes the names of operations with a capital.
func operations(body object) (ops []operation, err error) {
	var list any
	for name, v := range body {
		if strings.EqualFold(name, "operations") {
			list = v
		}
	}
	all, ok := list.([]any)
	if !ok || len(all) == 0 {
		return nil, bad("invalidSyntax", "Operations: missing")
	}
	for _, v := range all {
		m, _ := v.(object)
		op := operation{op: strings.ToLower(text(m, "op")), value: m["value"]}
		if op.op != "add" && op.op != "replace" && op.op != "remove" {
			return nil, bad("invalidSyntax", "op: neither add nor replace nor remove")
		}
		if s, given := m["path"]; given && s != nil {
			name, isString := s.(string)
			if !isString {
				return nil, bad("invalidPath", "path: not a string")
			}
			if op.path, err = parsePath(name); err != nil {
				return nil, err
			}
		}
		if op.op == "remove" && op.path.attr == "" {
			return nil, bad("noTarget", "path: missing")
		}
		ops = append(ops, op)
	}
	return ops, nil
}

func parsePath(s string) (p path, err error) {
	wrong := bad("invalidPath", "path: %q cannot be read", s)
	in := parser{rest: strings.TrimSpace(s)}
	if len(s) > maxFilterBytes || in.rest == "" {
		return p, wrong
	}
	p.attr = in.attribute()
	if strings.HasPrefix(in.rest, "[") {
		in.rest = in.rest[1:]
		f, err := in.or(0)
		if err != nil || !in.sign(']') {
			return p, wrong
		}
		p.where = &f
		if after, dotted := strings.CutPrefix(in.rest, "."); dotted {
			in.rest = after
			if p.sub = in.attribute(); p.sub == "" {
				return p, wrong
			}
		}
	} else if !strings.Contains(p.attr, ":") {
		p.attr, p.sub, _ = strings.Cut(p.attr, ".")
	}
	if p.attr == "" || in.rest != "" {
		return p, wrong
	}
	return p, nil
}

// apply applies one operation to the draft.
func (h *Handler) apply(d *draft, k *kind, op operation) error {
	if op.path.attr == "" {
		m, ok := op.value.(object)
		if !ok {
			return bad("invalidValue", "value: not an object, and no path is given")
		}
		for name, v := range m {
			p, err := parsePath(name) // which may be dotted
			if err != nil {
				return err
			}
			if readOnly(p.attr) {
				continue // said along with the rest
			}
			if err := h.apply(d, k, operation{op.op, p, v}); err != nil {
				return err
			}
		}
		return nil
	}
	if readOnly(op.path.attr) {
		return bad("mutability", "%s cannot be changed", op.path.attr)
	}
	a, known := find(k.attributes, op.path.attr)
	switch {
	case !known:
		return nil // not kept
	case a.name == "members":
		return h.patchMembers(d, op)
	case op.path.where != nil && !a.multi:
		return bad("invalidPath", "%s has one value", a.name)
	case a.multi && (op.path.where != nil || op.path.sub != ""):
		return patchElements(d.said, a, op)
	case op.path.sub != "":
		return patchPart(d.said, a, op)
	}
	if op.op == "remove" {
		delete(d.said, a.name)
		return nil
	}
	v, ok, err := a.plain(op.value)
	if err != nil {
		return err
	}
	switch old, had := d.said[a.name]; {
	case had && op.op == "add" && a.multi && ok:
		for _, e := range v.([]any) {
			if !slices.ContainsFunc(old.([]any), func(o any) bool { return string(encode(o)) == string(encode(e)) }) {
				old = append(old.([]any), e)
			}
		}
		d.said[a.name] = old
	case had && a.kind == "complex" && !a.multi && ok: // what is not said stays
		for name, part := range v.(object) {
			old.(object)[name] = part
		}
	case ok:
		d.said[a.name] = v
	default:
		delete(d.said, a.name)
	}
	return nil
}

func readOnly(attr string) bool {
	return attr == "id" || attr == "schemas" || attr == "meta" || attr == "groups"
}

// patchPart changes a part of a complex attribute, as name.givenName.
func patchPart(said object, a attribute, op operation) error {
	part, known := find(a.parts, op.path.sub)
	if !known {
		return nil
	}
	whole, _ := said[a.name].(object)
	if whole == nil {
		whole = object{}
	}
	v, ok, err := part.plain(op.value)
	if err != nil {
		return err
	}
	if delete(whole, part.name); ok && op.op != "remove" {
		whole[part.name] = v
	}
	if said[a.name] = whole; len(whole) == 0 {
		delete(said, a.name)
	}
	return nil
}

// patchElements changes elements of a list, as emails[type eq "work"].value. If none is so
// and a value is given, one is made that is.
func patchElements(said object, a attribute, op operation) error {
	list, _ := said[a.name].([]any)
	var left []any
	matched := false
	for _, e := range list {
		if op.path.where != nil && !op.path.where.matches(e) {
			left = append(left, e)
			continue
		}
		matched = true
		next, err := changed(a, e.(object), op)
		if err != nil {
			return err
		}
		if len(next) > 0 {
			left = append(left, next)
		}
	}
	if !matched && op.op != "remove" {
		made := object{}
		if op.path.where != nil {
			for _, part := range a.parts {
				if v, ok := op.path.where.equal(part.name); ok {
					made[part.name] = v
				}
			}
		}
		next, err := changed(a, made, op)
		if err != nil {
			return err
		}
		left = append(left, next)
	}
	if said[a.name] = left; len(left) == 0 {
		delete(said, a.name)
	}
	return nil
}

// changed is an element after the operation, empty if it goes.
func changed(a attribute, e object, op operation) (object, error) {
	if op.path.sub != "" {
		said := object{a.name: e}
		err := patchPart(said, a, op)
		next, _ := said[a.name].(object)
		return next, err
	}
	if op.op == "remove" {
		return nil, nil
	}
	m, ok := op.value.(object)
	if !ok {
		return nil, bad("invalidValue", "%s: not an object", a.name)
	}
	next, err := plainAll(a.parts, m)
	for name, v := range e {
		if _, says := next[name]; !says && err == nil {
			next[name] = v
		}
	}
	return next, err
}

// patchMembers changes who is in the group.
func (h *Handler) patchMembers(d *draft, op operation) error {
	switch {
	case op.path.sub != "":
		return bad("invalidPath", "a member is changed as a whole")
	case op.path.where != nil && op.op != "remove":
		return bad("invalidPath", "members are added by their value")
	case op.path.where != nil:
		if id, ok := op.path.where.equal("value"); ok && op.path.where.op == "eq" {
			if m := h.byID[id]; m != nil {
				delete(d.members, m.Principal)
			}
			return nil
		}
		for p := range d.members {
			if m := h.byPrincipal[p]; m != nil && op.path.where.matches(h.member(m)) {
				delete(d.members, p)
			}
		}
		return nil
	}
	list, err := elements(op.value)
	if err != nil {
		return err
	}
	switch {
	case op.op == "remove" && op.value == nil, op.op == "replace":
		clear(d.members)
	}
	if op.op != "remove" {
		return h.add(d.members, list)
	}
	for _, v := range list {
		id, err := memberID(v)
		if err != nil {
			return err
		}
		if m := h.byID[id]; m != nil {
			delete(d.members, m.Principal)
		}
	}
	return nil
}

// elements is a list, or one value as a list of it.
func elements(v any) ([]any, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case []any:
		return v, nil
	case object, string:
		return []any{v}, nil
	}
	return nil, bad("invalidValue", "members: not a list")
}

func memberID(v any) (string, error) {
	if s, ok := v.(string); ok {
		return s, nil
	}
	m, _ := v.(object)
	for name, id := range m {
		if s, ok := id.(string); ok && strings.EqualFold(name, "value") {
			return s, nil
		}
	}
	return "", bad("invalidValue", "members: a member without a value")
}

// add adds members by their ids. An unknown one is an error: whoever meant it would believe
// that it is in the group.
func (h *Handler) add(members map[acl.Principal]bool, list []any) error {
	for _, v := range list {
		id, err := memberID(v)
		if err != nil {
			return err
		}
		m := h.byID[id]
		if m == nil || m.State == catalog.Removed {
			return bad("invalidValue", "members: there is no user or group %q", id)
		}
		members[m.Principal] = true
	}
	return nil
}
