package catalogtest

import (
	"fmt"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

func folder(id string, version int64, parent string, p *acl.Policy) catalog.PutContainer {
	return catalog.PutContainer{Container: catalog.Container{DocumentID: name(id), Version: version, Parent: parent, Policy: p}}
}

var containerCases = []testCase{
	{"Versions of containers", func(w *bench) {
		w.one(folder("f", 5, "", forAda))
		w.refused(folder("f", 4, "", forBob), catalog.ErrVersionStale)
		w.refused(folder("f", 5, "", forBob), catalog.ErrVersionReused)
		w.refused(folder("f", 5, "g", forAda), catalog.ErrVersionReused)
		if o := w.one(folder("f", 5, "", forAda)); o.Changed {
			w.Fatal("a repetition changed something")
		}
		if o := w.one(folder("f", 6, "", forAda)); !o.Changed {
			w.Fatal("a newer version with the same policy was not kept")
		}
		w.refused(folder("f", 5, "", forAda), catalog.ErrVersionStale)
	}},
	{"A container without a version always applies and forgets no version", func(w *bench) {
		w.one(put("a", 1, "one"))
		w.one(within("a", 1, "f"))
		w.one(folder("f", 0, "", forAda))
		w.expect(name("a"), true, false)
		w.one(folder("f", 5, "", forBob))
		w.one(folder("f", 0, "", forAda))
		w.expect(name("a"), true, false)
		if o := w.one(folder("f", 0, "", forAda)); o.Changed {
			w.Fatal("a repetition changed something")
		}
		w.refused(folder("f", 4, "", forBob), catalog.ErrVersionStale)
		w.reopen()
		w.refused(folder("f", 4, "", forBob), catalog.ErrVersionStale)
	}},
	{"An unknown container is reported and admits nobody until it comes", func(w *bench) {
		o := w.one(put("a", 1, "one", with(0, everyone)))
		w.same("unknown container", o.UnknownContainer, "")
		w.same("unknown container", w.one(within("a", 1, "f")).UnknownContainer, "f")
		w.expect(name("a"), false, false)
		w.same("unknown container", w.one(put("a", 1, "one")).UnknownContainer, "f")
		w.same("unknown container", w.one(folder("f", 1, "g", nil)).UnknownContainer, "g")
		w.same("unknown container", w.one(put("a", 2, "two")).UnknownContainer, "")
		w.expect(name("a"), false, false)
		w.same("unknown container", w.one(folder("g", 1, "", everyone)).UnknownContainer, "")
		w.expect(name("a"), true, true)
	}},
	{"A container that comes earlier in the commit is known", func(w *bench) {
		done := w.commit(put("a", 1, "one", with(0, everyone)), within("a", 1, "f"), folder("f", 0, "", nil), within("a", 2, "f"))
		w.same("unknown container", done.Outcomes[1].UnknownContainer, "f")
		w.same("unknown container", done.Outcomes[3].UnknownContainer, "")
	}},
	{"One change of a container reaches all below it", func(w *bench) {
		w.one(folder("top", 1, "", everyone))
		w.one(folder("sub", 1, "top", nil))
		for i := range 20 {
			id := fmt.Sprint("doc", i)
			w.commit(put(id, 1, id), within(id, 1, "sub"))
		}
		w.expect(name("doc7"), true, true)
		w.one(folder("top", 2, "", forBob))
		for i := range 20 {
			w.expect(name(fmt.Sprint("doc", i)), false, true)
		}
	}},
	{"The modes of inheritance", func(w *bench) {
		w.one(folder("f", 0, "", forAda))
		for mode, want := range map[acl.Inherit][2]bool{
			acl.Restrict: {false, false}, acl.Extend: {true, true}, acl.Replace: {false, true},
		} {
			id, p := fmt.Sprint("doc", mode), *forBob
			p.Inherit = mode
			w.commit(put(id, 1, "one", with(0, &p)), within(id, 0, "f"))
			w.expect(name(id), want[0], want[1])
		}
	}},
	{"Cycles and chains that are too long admit nobody", func(w *bench) {
		w.commit(put("a", 1, "one"), within("a", 1, "x"), folder("x", 0, "y", everyone), folder("y", 0, "x", everyone))
		w.expect(name("a"), false, false)
		w.commit(put("b", 1, "one"), within("b", 1, "self"), folder("self", 0, "self", everyone))
		w.expect(name("b"), false, false)
		for i := range acl.MaxContainers + 1 {
			w.one(folder(fmt.Sprint("level", i+1), 0, fmt.Sprint("level", i), everyone))
		}
		w.one(folder("level0", 0, "", everyone))
		w.commit(put("c", 1, "one"), within("c", 1, fmt.Sprint("level", acl.MaxContainers-1)))
		w.expect(name("c"), true, true)
		w.one(within("c", 2, fmt.Sprint("level", acl.MaxContainers)))
		w.expect(name("c"), false, false)
	}},
	{"A container is one of its source alone, and no document", func(w *bench) {
		other := folder("f", 0, "", everyone)
		other.Container.Source = "wiki"
		w.one(other)
		w.one(put("a", 1, "one", with(0, everyone)))
		w.one(put("f", 1, "a document named as a container", with(0, everyone)))
		w.same("unknown container", w.one(within("a", 1, "f")).UnknownContainer, "f")
		w.expect(name("a"), false, false)
		w.expect(name("f"), true, true)
	}},
}

var groupCases = []testCase{
	{"A group line replaces the members", func(w *bench) {
		n := w.pin(0)
		if _, err := n.Group("group:x"); !is(err, catalog.ErrNotFound) {
			w.Fatalf("an unknown group: %v", err)
		}
		w.one(catalog.PutGroup{Group: "group:x", Members: []acl.Principal{"user:corp/bob", "user:corp/ada", "user:corp/bob"}})
		w.members("group:x", "user:corp/ada", "user:corp/bob")
		if o := w.one(catalog.PutGroup{Group: "group:x", Members: []acl.Principal{"user:corp/ada", "user:corp/bob"}}); o.Changed {
			w.Fatal("the same members in another order changed something")
		}
		w.one(catalog.PutGroup{Group: "group:x", Members: []acl.Principal{"user:corp/bob"}})
		w.members("group:x", "user:corp/bob")
		w.reopen()
		w.members("group:x", "user:corp/bob")
	}},
	{"A group may be empty", func(w *bench) {
		for _, none := range [][]acl.Principal{nil, {}} {
			w.commit(catalog.PutGroup{Group: "group:x", Members: none})
			w.members("group:x")
			w.reopen()
			w.members("group:x")
			w.one(catalog.PutGroup{Group: "group:x", Members: []acl.Principal{"user:corp/ada"}})
		}
		if o := w.one(catalog.PutGroup{Group: "group:new"}); !o.Changed {
			w.Fatal("a new group without members was not stored")
		}
		if o := w.one(catalog.PutGroup{Group: "group:new"}); o.Changed {
			w.Fatal("a repetition changed something")
		}
	}},
	{"Nested groups decide who may read", func(w *bench) {
		w.one(put("a", 1, "one", with(0, readers("group:all"))))
		w.expect(name("a"), false, false)
		w.commit(
			catalog.PutGroup{Group: "group:all", Members: []acl.Principal{"group:team"}},
			catalog.PutGroup{Group: "group:team", Members: []acl.Principal{"user:corp/ada", "group:all"}}, // a cycle
		)
		w.expect(name("a"), true, false)
		w.reopen()
		w.expect(name("a"), true, false)
		w.one(catalog.PutGroup{Group: "group:team", Members: []acl.Principal{"user:corp/bob"}})
		w.expect(name("a"), false, true)
	}},
	{"Everyone does not include guests", func(w *bench) {
		w.one(put("a", 1, "one", with(0, everyone)))
		if w.sees(w.pin(0), guest, name("a")) {
			w.Fatal("a guest sees what is for everyone")
		}
	}},
}

func (w *bench) members(group acl.Principal, want ...acl.Principal) {
	w.Helper()
	got, err := w.pin(0).Group(group)
	w.must(err)
	w.same("members", got, want)
}
