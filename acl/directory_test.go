package acl_test

import (
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/acl/reference"
)

// sameAs compares everything a directory can be asked with a plain map of groups.
func sameAs(t *testing.T, d *acl.Directory, model map[string][]string) {
	t.Helper()
	w := reference.World{Groups: model}
	for _, g := range groups {
		var want []acl.Principal
		if members, known := model[g]; known {
			want = principals(members)
			slices.Sort(want)
			want = slices.Compact(want)
		}
		if diff := cmp.Diff(want, d.Members(acl.Principal(g))); diff != "" {
			t.Fatalf("members of %s (-want +got):\n%s", g, diff)
		}
	}
	for _, u := range slices.Concat(people, services) {
		c := reference.Caller{Principal: u, Service: acl.Principal(u).Kind() == acl.Service}
		in, v := reference.Principals(w, c), viewOf(t, d, anyone(acl.Principal(u)), noon)
		for _, p := range slices.Concat(people, services, groups, []string{"everyone"}) {
			if is(v, acl.Principal(p)) != in[p] {
				t.Fatalf("%s is %s: got %t, want %t in %v", u, p, !in[p], in[p], model)
			}
		}
	}
}

// A directory never changes: after any further changes each one in the history still
// answers as it did, and as one built at once from the same groups.
func TestDirectoryIsImmutable(t *testing.T) {
	type version struct {
		d     *acl.Directory
		model map[string][]string
	}
	for seed := range uint64(max(decisions()/20_000, 5)) {
		r := roll(seed)
		history := []version{{new(acl.Directory), map[string][]string{}}}
		for range 40 {
			last := history[r.IntN(len(history))] // histories may fork
			next := version{model: maps.Clone(last.model)}
			var changes []acl.Change
			for range r.IntN(4) {
				g := r.one(groups...) // also twice in one batch
				if r.chance(25) {
					changes = append(changes, acl.Change{Group: acl.Principal(g)})
					delete(next.model, g)
					continue
				}
				var members []string
				for range r.IntN(4) { // also none, also twice the same, also itself
					members = append(members, r.one(slices.Concat(people, services, groups)...))
				}
				next.model[g] = members
				changes = append(changes, acl.Change{Group: acl.Principal(g), Members: principals(members)})
			}
			next.d = last.d.With(changes...)
			for _, c := range changes {
				for i := range c.Members {
					c.Members[i] = "user:corp/intruder" // the caller's slice stays the caller's
				}
			}
			history = append(history, next)
		}
		for _, v := range history {
			sameAs(t, v.d, v.model)
			sameAs(t, directoryOf(reference.World{Groups: v.model}), v.model)
		}
	}
}

// Two directories made from one must not write into the same spare room of a slice. When
// there is spare room is the runtime's choice, so every length is tried.
func TestDirectoriesFromOneDoNotShare(t *testing.T) {
	d := new(acl.Directory)
	for n := range 20 {
		left := d.With(acl.Change{Group: "group:left", Members: []acl.Principal{ada}})
		right := d.With(acl.Change{Group: "group:right", Members: []acl.Principal{ada}})
		l, r := viewOf(t, left, anyone(ada), noon), viewOf(t, right, anyone(ada), noon)
		if !is(l, "group:left") || is(l, "group:right") || !is(r, "group:right") || is(r, "group:left") {
			t.Errorf("with %d groups: one change shows up in the other directory", n)
		}
		d = d.With(acl.Change{Group: group(n), Members: []acl.Principal{ada}})
	}
}

func TestDirectoryRemoves(t *testing.T) {
	old := new(acl.Directory).With(
		acl.Change{Group: "group:a", Members: []acl.Principal{ada}},
		acl.Change{Group: "group:b", Members: []acl.Principal{"group:a"}})
	none := old.With(acl.Change{Group: "group:a", Members: []acl.Principal{}})
	gone := old.With(acl.Change{Group: "group:a"})
	back := gone.With(acl.Change{Group: "group:a", Members: []acl.Principal{eve}})
	for _, c := range []struct {
		name         string
		d            *acl.Directory
		known        bool
		ada, eve     bool // in group:b, through group:a
		membersCount int
	}{
		{"before", old, true, true, false, 1},
		{"no members", none, true, false, false, 0},
		{"removed", gone, false, false, false, 0},
		{"and made again", back, true, false, true, 1}, // group:b still names it
		{"remove what is unknown", old.With(acl.Change{Group: "group:x"}), true, true, false, 1},
	} {
		m := c.d.Members("group:a")
		if (m != nil) != c.known || len(m) != c.membersCount {
			t.Errorf("%s: members are %#v", c.name, m)
		}
		for user, want := range map[acl.Principal]bool{ada: c.ada, eve: c.eve} {
			if got := is(viewOf(t, c.d, anyone(user), noon), "group:b"); got != want {
				t.Errorf("%s: %s is in group:b: %t", c.name, user, got)
			}
		}
	}
}

// TestDirectoryIsReadWhileItChanges is for the race detector: readers hold one directory
// and one view while others derive from it.
func TestDirectoryIsReadWhileItChanges(t *testing.T) {
	r := roll(1)
	w := r.world()
	for len(w.Groups) < len(groups) {
		w = r.world()
	}
	d := directoryOf(w)
	shared := viewOf(t, d, anyone(ada), noon)
	want := shared.Decide(open)
	var readers sync.WaitGroup
	for worker := range 4 {
		readers.Go(func() {
			mine := d
			for i := range 200 {
				sameAsQuick(t, d, w, ada)
				if shared.Decide(open) != want {
					t.Error("a shared view changed its mind")
				}
				mine = mine.With(acl.Change{Group: acl.Principal(groups[(worker+i)%len(groups)]), Members: []acl.Principal{ada, group(i)}})
			}
		})
	}
	readers.Wait()
	sameAs(t, d, w.Groups)
}

// sameAsQuick is sameAs for one user, and safe to call from any goroutine.
func sameAsQuick(t *testing.T, d *acl.Directory, w reference.World, user acl.Principal) {
	v, err := d.View(anyone(user), noon)
	in := reference.Principals(w, reference.Caller{Principal: string(user)})
	for _, g := range groups {
		if err != nil || is(v, acl.Principal(g)) != in[g] || (d.Members(acl.Principal(g)) != nil) != (w.Groups[g] != nil) {
			t.Errorf("%s and %s: the directory changed under its reader (error %v)", user, g, err)
		}
	}
}
