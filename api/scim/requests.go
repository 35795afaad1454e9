package scim

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// draft is what a request makes of a resource.
type draft struct {
	said    object // active among it
	members map[acl.Principal]bool
}

// begin takes the store, for reading alone or to change something.
func (h *Handler) begin(ctx context.Context, change bool) (end func(), err error) {
	if !change {
		h.mu.RLock()
		if h.loaded {
			return h.mu.RUnlock, nil
		}
		h.mu.RUnlock()
	}
	h.mu.Lock()
	if err := h.load(ctx); err != nil {
		h.mu.Unlock()
		return nil, err
	}
	return h.mu.Unlock, nil
}

// named returns the resource that the request's path names.
func (h *Handler) named(r *http.Request, k *kind) (*resource, error) {
	found := h.byID[r.PathValue("id")]
	if found == nil || found.Principal.Kind() != k.of {
		return nil, problem{http.StatusNotFound, "", "no such " + k.name}
	}
	if m := r.Header.Get("If-Match"); m != "" && r.Method != http.MethodGet && !lists(m, found.etag()) {
		return nil, problem{http.StatusPreconditionFailed, "", "it is in version " + found.etag() + " now"}
	}
	return found, nil
}

// lists reports whether a header lists the tag. Weak and strong tags are one here.
func lists(header, etag string) bool {
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.TrimSpace(tag)
		if tag == "*" || strings.TrimPrefix(tag, "W/") == strings.TrimPrefix(etag, "W/") {
			return true
		}
	}
	return false
}

func (r *resource) etag() string { return fmt.Sprintf(`W/"%d"`, r.Version) }

func (r *resource) location() string {
	k := users
	if r.Principal.Kind() == acl.Group {
		k = groups
	}
	return "/scim/v2" + k.path + "/" + r.ID
}

func (h *Handler) get(r *http.Request, k *kind) (answer, error) {
	end, err := h.begin(r.Context(), false)
	if err != nil {
		return answer{}, err
	}
	defer end()
	found, err := h.named(r, k)
	if err != nil {
		return answer{}, err
	}
	if m := r.Header.Get("If-None-Match"); m != "" && lists(m, found.etag()) {
		return answer{status: http.StatusNotModified, etag: found.etag(), read: string(found.Principal)}, nil
	}
	return h.shown(r, found, 0)
}

// shown is the answer that shows a resource.
func (h *Handler) shown(r *http.Request, found *resource, status int) (answer, error) {
	body, err := h.body(r.Context(), found, selectionOf(r))
	return answer{status: status, body: body, location: found.location(), etag: found.etag(), read: string(found.Principal)}, err
}

func (h *Handler) create(r *http.Request, k *kind) (answer, error) {
	body, err := read(r)
	if err != nil {
		return answer{}, err
	}
	end, err := h.begin(r.Context(), true)
	if err != nil {
		return answer{}, err
	}
	defer end()
	next := resource{Entry: catalog.Entry{ID: newID(), State: catalog.Active}}
	d, err := h.given(k, body, true)
	if err != nil {
		return answer{}, err
	}
	if next.Principal, err = h.principal(k, next.ID, d.said); err != nil {
		return answer{}, err
	}
	if old := h.byPrincipal[next.Principal]; old != nil {
		if old.State != catalog.Removed {
			return answer{}, problem{http.StatusConflict, "uniqueness", "there is one already that is " + string(next.Principal)}
		}
		next.Version = old.Version
		if err := h.expel(r.Context(), next.Principal); err != nil { // if its removal was cut short
			return answer{}, err
		}
	}
	saved, err := h.finish(r.Context(), &next, k, d)
	if err != nil {
		return answer{}, err
	}
	a, err := h.shown(r, saved, http.StatusCreated)
	a.changed = true
	return a, err
}

// given is what the body of a POST or PUT says. A user of whom it does not say so is as
// active as before: to leave a word out must let nobody in again.
func (h *Handler) given(k *kind, body object, active bool) (d draft, err error) {
	var members []any
	if k == groups {
		for name, v := range body {
			if strings.EqualFold(name, "members") {
				if members, err = elements(v); err != nil {
					return d, err
				}
			}
		}
	}
	if d.said, err = plainAll(k.attributes, body); err != nil {
		return d, err
	}
	delete(d.said, "members")
	if _, says := d.said["active"]; k == users && !says {
		d.said["active"] = active
	}
	d.members = map[acl.Principal]bool{}
	return d, h.add(d.members, members)
}

// principal is the one that a new resource becomes.
func (h *Handler) principal(k *kind, id string, said object) (acl.Principal, error) {
	from, prefix := h.Subject, "user:"
	if k == groups {
		from, prefix = h.GroupName, "group:"
	}
	name := id
	if from != "id" {
		name = text(said, from)
	}
	if name == "" {
		return "", bad("invalidValue", "%s: missing, and policies name the %s by it", from, k.name)
	}
	p := acl.Principal(prefix + h.Issuer + "/" + name)
	if err := p.Validate(); err != nil {
		return "", bad("invalidValue", "%s: %v", from, err)
	}
	return p, nil
}

func (h *Handler) replace(r *http.Request, k *kind) (answer, error) {
	body, err := read(r)
	if err != nil {
		return answer{}, err
	}
	return h.change(r, k, func(old *resource) (draft, error) { return h.given(k, body, old.State == catalog.Active) })
}

func (h *Handler) patch(r *http.Request, k *kind) (answer, error) {
	body, err := read(r)
	if err != nil {
		return answer{}, err
	}
	ops, err := operations(body)
	if err != nil {
		return answer{}, err
	}
	return h.change(r, k, func(old *resource) (draft, error) {
		d := draft{said: clone(old.Said).(object), members: map[acl.Principal]bool{}}
		if k == users {
			d.said["active"] = old.State == catalog.Active
		} else {
			members, err := h.Catalog.Members(r.Context(), old.Principal)
			if err != nil {
				return d, err
			}
			for _, p := range members {
				d.members[p] = true
			}
		}
		for _, op := range ops {
			if err := h.apply(&d, k, op); err != nil {
				return d, err
			}
		}
		return d, nil
	})
}

// change stores what become makes of a resource.
func (h *Handler) change(r *http.Request, k *kind, become func(*resource) (draft, error)) (answer, error) {
	end, err := h.begin(r.Context(), true)
	if err != nil {
		return answer{}, err
	}
	defer end()
	old, err := h.named(r, k)
	if err != nil {
		return answer{}, err
	}
	d, err := become(old)
	if err != nil {
		return answer{}, err
	}
	switch p, err := h.principal(k, old.ID, d.said); {
	case err != nil:
		return answer{}, err
	case p != old.Principal:
		return answer{}, bad("mutability", "policies name it %s, which cannot change; delete it and create it anew", old.Principal)
	}
	next := *old
	saved, err := h.finish(r.Context(), &next, k, d)
	if err != nil {
		return answer{}, err
	}
	if k == groups && r.Method == http.MethodPatch {
		return answer{etag: saved.etag(), changed: saved != old, read: string(old.Principal)}, nil // which may have very many members
	}
	a, err := h.shown(r, saved, 0)
	a.changed = saved != old
	return a, err
}

// finish stores the draft as the resource's next version, if it differs.
func (h *Handler) finish(ctx context.Context, next *resource, k *kind, d draft) (*resource, error) {
	required := "displayName"
	if k == users {
		required = "userName"
	}
	if text(d.said, required) == "" {
		return nil, bad("invalidValue", "%s: missing", required)
	}
	old := h.byPrincipal[next.Principal]
	if k == users {
		if other := h.byName[strings.ToLower(text(d.said, "userName"))]; other != nil && other.Principal != next.Principal {
			return nil, problem{http.StatusConflict, "uniqueness", "userName: another user has it"}
		}
		next.State = catalog.Inactive
		if d.said["active"] == any(true) {
			next.State = catalog.Active
		}
		delete(d.said, "active")
	}
	members := slices.Sorted(maps.Keys(d.members))
	if len(members) > acl.MaxMembers {
		return nil, problem{http.StatusRequestEntityTooLarge, "tooMany", fmt.Sprintf("members: at most %d", acl.MaxMembers)}
	}
	if old != nil && old.ID == next.ID && old.State == next.State && reflect.DeepEqual(old.Said, d.said) {
		if k == users {
			return old, nil
		}
		if have, err := h.Catalog.Members(ctx, old.Principal); err != nil || slices.Equal(have, members) {
			return old, err
		}
	}
	next.Said = d.said
	return h.save(ctx, *next, members)
}

func (h *Handler) remove(r *http.Request, k *kind) (answer, error) {
	end, err := h.begin(r.Context(), true)
	if err != nil {
		return answer{}, err
	}
	defer end()
	old, err := h.named(r, k)
	if err != nil {
		return answer{}, err
	}
	gone := *old
	gone.State = catalog.Removed
	if _, err := h.save(r.Context(), gone, nil); err != nil { // first, so that it reads nothing
		return answer{}, err
	}
	return answer{changed: true}, h.expel(r.Context(), old.Principal)
}

// newID returns a random UUID.
func newID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// clone copies plain data.
func clone(v any) any {
	switch v := v.(type) {
	case object:
		m := object{}
		for name, child := range v {
			m[name] = clone(child)
		}
		return m
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = clone(v[i])
		}
		return list
	}
	return v
}

// number reads a number of the query, or takes the default.
func number(r *http.Request, name string, otherwise int) (int, error) {
	s := r.URL.Query().Get(name)
	if s == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0, bad("invalidValue", "%s: not a number", name)
	}
	return n, nil
}
