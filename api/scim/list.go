package scim

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// selection says which attributes an answer has.
type selection struct{ only, without []string }

func selectionOf(r *http.Request) (s selection) {
	split := func(name string) (list []string) {
		for path := range strings.SplitSeq(r.URL.Query().Get(name), ",") {
			if path = bare(strings.ToLower(strings.TrimSpace(path))); path != "" {
				list = append(list, path)
			}
		}
		return list
	}
	return selection{split("attributes"), split("excludedAttributes")}
}

// has reports whether the attribute is in the answer. Parts of one are not told apart.
func (s selection) has(name string) bool {
	if name == "id" || name == "schemas" {
		return true
	}
	named := func(list []string) bool {
		for _, path := range list {
			if whole, _, _ := strings.Cut(path, "."); strings.EqualFold(whole, name) {
				return true
			}
		}
		return false
	}
	return (len(s.only) == 0 || named(s.only)) && !named(s.without)
}

// body is the resource as JSON.
func (h *Handler) body(ctx context.Context, r *resource, s selection) (object, error) {
	all := object{"active": r.State == catalog.Active}
	k := users
	if r.Principal.Kind() == acl.Group {
		k = groups
		delete(all, "active")
	}
	for name, v := range r.Said {
		all[name] = v
	}
	all["id"], all["schemas"] = r.ID, []any{k.schema}
	all["meta"] = object{
		"resourceType": k.name, "location": r.location(), "version": r.etag(),
		"created": r.Created.Format(time.RFC3339Nano), "lastModified": r.Modified.Format(time.RFC3339Nano),
	}
	for name := range all {
		if !s.has(name) {
			delete(all, name)
		}
	}
	if k == groups && s.has("members") {
		members, err := h.Catalog.Members(ctx, r.Principal)
		if err != nil {
			return nil, err
		}
		list := make([]any, 0, len(members))
		for _, p := range members {
			if m := h.byPrincipal[p]; m != nil && m.State != catalog.Removed {
				list = append(list, h.member(m))
			}
		}
		all["members"] = list
	}
	return all, nil
}

func (h *Handler) member(m *resource) object {
	name := users.name
	if m.Principal.Kind() == acl.Group {
		name = groups.name
	}
	return object{"value": m.ID, "type": name, "$ref": m.location()}
}

func (h *Handler) list(r *http.Request, k *kind) (answer, error) {
	start, err := number(r, "startIndex", 1)
	if err != nil {
		return answer{}, err
	}
	count, err := number(r, "count", 100)
	if err != nil {
		return answer{}, err
	}
	start, count = max(start, 1), min(max(count, 0), maxCount)
	end, err := h.begin(r.Context(), false)
	if err != nil {
		return answer{}, err
	}
	defer end()
	found := h.order[k.of]
	if s := r.URL.Query().Get("filter"); s != "" {
		f, err := parseFilter(s)
		if err != nil {
			return answer{}, err
		}
		if found, err = h.matching(r.Context(), k, f); err != nil {
			return answer{}, err
		}
	}
	total := len(found)
	found = found[min(start-1, total):]
	list, s := []object{}, selectionOf(r)
	for _, one := range found[:min(count, len(found))] {
		body, err := h.body(r.Context(), one, s)
		if err != nil {
			return answer{}, err
		}
		list = append(list, body)
	}
	return answer{body: page(list, total, start), read: "SCIM " + k.path[1:]}, nil
}

func page(list []object, total, start int) object {
	return object{
		"schemas":      []string{"urn:ietf:params:scim:api:messages:2.0:ListResponse"},
		"totalResults": total, "startIndex": start, "itemsPerPage": len(list), "Resources": list,
	}
}

// matching returns the resources that the filter matches, in order. What names one by a
// unique attribute, as providers do before each change, does not look at the others.
func (h *Handler) matching(ctx context.Context, k *kind, f filter) (found []*resource, err error) {
	candidates := h.order[k.of]
	one := func(r *resource) {
		candidates = nil
		if r != nil && r.Principal.Kind() == k.of {
			candidates = []*resource{r}
		}
	}
	if id, ok := f.equal("id"); ok {
		one(h.byID[id])
	} else if name, ok := f.equal("username"); ok && k == users {
		one(h.byName[strings.ToLower(name)])
	}
	s := selection{}
	if !f.names("members") {
		s.without = []string{"members"}
	}
	for _, r := range candidates {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		body, err := h.body(ctx, r, s)
		if err != nil {
			return nil, err
		}
		if f.matches(body) {
			found = append(found, r)
		}
	}
	return found, nil
}

func known(list []object, id string) (answer, error) {
	for _, o := range list {
		if o["id"] == any(id) {
			return answer{body: o, read: "SCIM schemas"}, nil
		}
	}
	return answer{}, problem{http.StatusNotFound, "", "there is none of that name"}
}
