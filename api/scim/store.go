package scim

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// resource is a user or a group. It is replaced, never changed.
type resource struct {
	catalog.Entry
	kept
}

// kept is what an entry's attributes hold.
type kept struct {
	Said     object    `json:"attributes"` // without active and members
	Created  time.Time `json:"created"`
	Modified time.Time `json:"modified"`
}

// store is the issuer's entries in memory, so that filters need not read them from disk. mu
// is held over each request: by one alone if it changes something.
type store struct {
	mu          sync.RWMutex
	loaded      bool
	byID        map[string]*resource
	byPrincipal map[acl.Principal]*resource // removed ones too
	byName      map[string]*resource        // users, by userName in lower case
	order       map[acl.Kind][]*resource    // by id
}

// load reads the entries, unless what is in memory is known to be level.
func (h *Handler) load(ctx context.Context) error {
	if h.loaded {
		return nil
	}
	all, err := h.Catalog.Entries(ctx)
	if err != nil {
		return fmt.Errorf("reading the entries: %w", err)
	}
	h.byID, h.byName = map[string]*resource{}, map[string]*resource{}
	h.byPrincipal, h.order = map[acl.Principal]*resource{}, map[acl.Kind][]*resource{}
	for _, e := range all {
		if !h.mine(e.Principal) {
			continue
		}
		r := &resource{Entry: e}
		if err := json.Unmarshal(e.Attributes, &r.kept); err != nil {
			return fmt.Errorf("reading the entry of %s: %w", e.Principal, err)
		}
		h.put(r)
	}
	h.loaded = true
	return nil
}

// mine reports whether the principal is of the provider's issuer.
func (h *Handler) mine(p acl.Principal) bool {
	return strings.HasPrefix(string(p), "user:"+h.Issuer+"/") || strings.HasPrefix(string(p), "group:"+h.Issuer+"/")
}

// put puts a resource in the place of the one of its principal.
func (h *Handler) put(r *resource) {
	of := r.Principal.Kind()
	place := func(id string) (int, bool) {
		return slices.BinarySearchFunc(h.order[of], id, func(r *resource, id string) int { return cmp.Compare(r.ID, id) })
	}
	if old := h.byPrincipal[r.Principal]; old != nil && old.State != catalog.Removed {
		delete(h.byID, old.ID)
		delete(h.byName, old.login())
		if i, found := place(old.ID); found {
			h.order[of] = slices.Delete(h.order[of], i, i+1)
		}
	}
	h.byPrincipal[r.Principal] = r
	if r.State == catalog.Removed {
		return
	}
	h.byID[r.ID] = r
	if of == acl.User {
		h.byName[r.login()] = r
	}
	i, _ := place(r.ID)
	h.order[of] = slices.Insert(h.order[of], i, r)
}

// login is the userName in lower case.
func (r *resource) login() string { return strings.ToLower(text(r.Said, "userName")) }

// save stores a change of a resource and returns it as it is then. After an error nobody
// knows what is stored, and everything is read anew.
func (h *Handler) save(ctx context.Context, r resource, members []acl.Principal) (*resource, error) {
	r.Version++
	r.Modified = h.Now().UTC()
	if r.Created.IsZero() {
		r.Created = r.Modified
	}
	if r.State == catalog.Removed {
		r.kept = kept{Created: r.Created, Modified: r.Modified}
	}
	r.Entry.Attributes = encode(r.kept)
	if err := h.Catalog.Put(context.WithoutCancel(ctx), catalog.PutEntry{Entry: r.Entry, Members: members}); err != nil {
		h.loaded = false
		return nil, fmt.Errorf("storing %s: %w", r.Principal, err)
	}
	h.put(&r)
	return &r, nil
}

// expel takes the principal out of all groups of the provider.
func (h *Handler) expel(ctx context.Context, p acl.Principal) error {
	for _, g := range slices.Clone(h.order[acl.Group]) {
		members, err := h.Catalog.Members(ctx, g.Principal)
		if err != nil {
			return err
		}
		i, found := slices.BinarySearch(members, p)
		if !found {
			continue
		}
		if _, err := h.save(ctx, *g, slices.Concat(members[:i], members[i+1:])); err != nil {
			return err
		}
	}
	return nil
}
