package scim

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// Limits of a filter: what is longer or nests deeper is refused.
const (
	maxFilterBytes = 4096
	maxFilterDepth = 16
)

var errFilter = errors.New("the filter cannot be read")

// filter is a condition on a resource, as in RFC 7644 section 3.4.2.2.
type filter struct {
	op    string   // "and", "or", "not", "[]", or a comparison in lower case
	parts []filter // of and, or, not and []
	path  string   // in lower case: of a comparison or []
	value any      // string, float64, bool or nil; of a comparison
}

// parseFilter reads a filter.
func parseFilter(s string) (filter, error) {
	p := parser{rest: s}
	f, err := p.or(0)
	if err != nil || len(s) > maxFilterBytes || strings.TrimSpace(p.rest) != "" {
		return filter{}, errFilter
	}
	return f, nil
}

// parser reads from the beginning of what is left.
type parser struct{ rest string }

// word takes the word if it comes next, in any case and not as the beginning of a longer one.
func (p *parser) word(w string) bool {
	rest := strings.TrimLeft(p.rest, " ")
	if len(rest) < len(w) || !strings.EqualFold(rest[:len(w)], w) {
		return false
	}
	if rest = rest[len(w):]; rest != "" && rest[0] != ' ' && rest[0] != '(' && rest[0] != ')' && rest[0] != ']' {
		return false
	}
	p.rest = rest
	return true
}

func (p *parser) sign(c byte) bool {
	rest := strings.TrimLeft(p.rest, " ")
	if rest == "" || rest[0] != c {
		return false
	}
	p.rest = rest[1:]
	return true
}

func (p *parser) or(depth int) (filter, error)  { return p.list("or", depth, p.and) }
func (p *parser) and(depth int) (filter, error) { return p.list("and", depth, p.term) }

func (p *parser) list(op string, depth int, part func(int) (filter, error)) (filter, error) {
	f, err := part(depth)
	if err != nil {
		return f, err
	}
	list := []filter{f}
	for p.word(op) {
		if f, err = part(depth); err != nil {
			return f, err
		}
		list = append(list, f)
	}
	if len(list) == 1 {
		return list[0], nil
	}
	return filter{op: op, parts: list}, nil
}

func (p *parser) term(depth int) (f filter, err error) {
	if depth > maxFilterDepth {
		return f, errFilter
	}
	not := p.word("not")
	if p.sign('(') {
		if f, err = p.or(depth + 1); err == nil && !p.sign(')') {
			err = errFilter
		}
		if not {
			f = filter{op: "not", parts: []filter{f}}
		}
		return f, err
	}
	if not {
		return f, errFilter
	}
	f.path = p.attribute()
	switch {
	case f.path == "":
		return f, errFilter
	case strings.HasPrefix(p.rest, "["):
		p.rest = p.rest[1:]
		inner, err := p.or(depth + 1)
		if err != nil || !p.sign(']') {
			return f, errFilter
		}
		return filter{op: "[]", path: f.path, parts: []filter{inner}}, nil
	case p.word("pr"):
		f.op = "pr"
		return f, nil
	}
	for _, op := range []string{"eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"} {
		if p.word(op) {
			f.op = op
			f.value, err = p.literal()
			return f, err
		}
	}
	return f, errFilter
}

// attribute takes an attribute's path, with or without its schema, in lower case.
func (p *parser) attribute() string {
	rest := strings.TrimLeft(p.rest, " ")
	n := 0
	for n < len(rest) && (rest[n] >= 'a' && rest[n] <= 'z' || rest[n] >= 'A' && rest[n] <= 'Z' || n > 0 && strings.IndexByte("0123456789-_.:$", rest[n]) >= 0) {
		n++
	}
	if n == 0 && strings.HasPrefix(rest, "$ref") {
		n = len("$ref")
	}
	p.rest = rest[n:]
	return bare(strings.ToLower(rest[:n]))
}

// bare is the path without the schema before it.
func bare(path string) string {
	for _, s := range []string{userSchema, groupSchema} {
		if p, ok := strings.CutPrefix(path, strings.ToLower(s)+":"); ok {
			return p
		}
	}
	return path
}

// literal takes a JSON string, number, true, false or null.
func (p *parser) literal() (v any, err error) {
	rest := strings.TrimLeft(p.rest, " ")
	n := len(rest)
	if strings.HasPrefix(rest, `"`) {
		for n = 1; n < len(rest) && rest[n] != '"'; n++ {
			if rest[n] == '\\' {
				n++
			}
		}
		n++
	} else if i := strings.IndexAny(rest, " )]"); i >= 0 {
		n = i
	}
	if n > len(rest) || json.Unmarshal([]byte(rest[:n]), &v) != nil {
		return nil, errFilter
	}
	switch v.(type) {
	case []any, map[string]any:
		return nil, errFilter
	}
	p.rest = rest[n:]
	return v, nil
}

// equal is the string that the filter demands of the path, if it demands one.
func (f filter) equal(path string) (want string, ok bool) {
	switch {
	case f.op == "eq" && f.path == path:
		want, ok = f.value.(string)
		return want, ok
	case f.op == "and":
		for _, p := range f.parts {
			if want, ok := p.equal(path); ok {
				return want, true
			}
		}
	}
	return "", false
}

// names reports whether the filter asks about the path or something below it.
func (f filter) names(path string) bool {
	if f.path == path || strings.HasPrefix(f.path, path+".") {
		return true
	}
	for _, p := range f.parts {
		if p.names(path) {
			return true
		}
	}
	return false
}

// matches reports whether the value, a resource or an element of a list, is so.
func (f filter) matches(v any) bool {
	switch f.op {
	case "and":
		return f.parts[0].matches(v) && (len(f.parts) == 1 || filter{op: "and", parts: f.parts[1:]}.matches(v))
	case "or":
		return f.parts[0].matches(v) || len(f.parts) > 1 && filter{op: "or", parts: f.parts[1:]}.matches(v)
	case "not":
		return !f.parts[0].matches(v)
	case "[]":
		for _, element := range values(v, f.path) {
			if f.parts[0].matches(element) {
				return true
			}
		}
		return false
	}
	found := values(v, f.path)
	switch {
	case f.op == "pr":
		return len(found) > 0
	case f.op == "ne":
		return !filter{op: "eq", path: f.path, value: f.value}.matches(v)
	case f.value == nil:
		return len(found) == 0
	}
	for _, got := range found {
		if compare(f.op, exact[f.path], got, f.value) {
			return true
		}
	}
	return false
}

// exact are the paths whose values are compared byte for byte.
var exact = map[string]bool{"id": true, "externalid": true, "members.value": true, "value": true}

func compare(op string, exact bool, got, want any) bool {
	switch want := want.(type) {
	case bool:
		return op == "eq" && got == any(want)
	case float64:
		n, ok := got.(float64)
		return ok && (op == "eq" && n == want || op == "gt" && n > want || op == "ge" && n >= want || op == "lt" && n < want || op == "le" && n <= want)
	case string:
		s, ok := got.(string)
		if b, is := got.(bool); is {
			s, ok = strconv.FormatBool(b), true // as some clients ask for active
		}
		if !exact {
			s, want = strings.ToLower(s), strings.ToLower(want)
		}
		if !ok {
			return false
		}
		switch op {
		case "eq":
			return s == want
		case "co":
			return strings.Contains(s, want)
		case "sw":
			return strings.HasPrefix(s, want)
		case "ew":
			return strings.HasSuffix(s, want)
		case "gt":
			return s > want
		case "ge":
			return s >= want
		case "lt":
			return s < want
		case "le":
			return s <= want
		}
	}
	return false
}

// values are what the path names in v, through lists, names in any case.
func values(v any, path string) []any {
	if list, ok := v.([]any); ok {
		var all []any
		for _, e := range list {
			all = append(all, values(e, path)...)
		}
		return all
	}
	if path == "" {
		return []any{v}
	}
	m, ok := v.(map[string]any)
	if !ok {
		if path == "value" { // of a list of plain values
			return []any{v}
		}
		return nil
	}
	name, rest, _ := strings.Cut(path, ".")
	for key, child := range m {
		if strings.EqualFold(key, name) && child != nil {
			return values(child, rest)
		}
	}
	return nil
}
