package catalogtest

import (
	"bytes"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

func entry(p acl.Principal, version int64, state catalog.EntryState, members ...acl.Principal) catalog.PutEntry {
	return catalog.PutEntry{
		Entry:   catalog.Entry{Principal: p, ID: "id of " + string(p), Version: version, State: state, Attributes: []byte("said")},
		Members: members,
	}
}

var entryCases = []testCase{
	{"A deactivated user reads nothing", func(w *bench) {
		w.one(put("a", 1, "one", with(0, everyone)))
		w.one(put("b", 1, "two", with(0, readers("user:corp/ada"))))
		w.expect(name("a"), true, true)
		before := w.pin(0)
		for version, active := range []bool{true, false, false, true, false} {
			state := catalog.Inactive
			if active {
				state = catalog.Active
			}
			w.one(entry("user:corp/ada", int64(version+1), state))
			for range 2 {
				w.expect(name("a"), active, true)
				w.expect(name("b"), active, false)
				if w.pin(0).Directory().Deactivated("user:corp/ada") == active {
					w.Fatalf("version %d: the directory says otherwise", version+1)
				}
				if version == 4 {
					w.reopen()
				}
			}
			if version < 4 && !w.sees(before, ada, name("a")) {
				w.Fatal("a snapshot changed")
			}
		}
	}},
	{"A removed user reads nothing until it is put again", func(w *bench) {
		w.one(put("a", 1, "one", with(0, everyone)))
		w.commit(entry("user:corp/ada", 1, catalog.Active), entry("user:corp/ada", 2, catalog.Removed))
		w.expect(name("a"), false, true)
		w.reopen()
		w.expect(name("a"), false, true)
		w.one(entry("user:corp/ada", 3, catalog.Active))
		w.expect(name("a"), true, true)
	}},
	{"An entry is put in the version after the stored one alone", func(w *bench) {
		for _, wrong := range []int64{0, 2, -1} {
			w.refused(entry("user:corp/ada", wrong, catalog.Active), catalog.ErrVersionStale)
		}
		if n := len(w.entries()); n != 0 {
			w.Fatalf("%d entries after refusals", n)
		}
		w.one(entry("user:corp/ada", 1, catalog.Active))
		for _, wrong := range []int64{0, 1, 3} {
			w.refused(entry("user:corp/ada", wrong, catalog.Inactive), catalog.ErrVersionStale)
		}
		done := w.commit(entry("user:corp/ada", 2, catalog.Active), entry("user:corp/ada", 2, catalog.Inactive), entry("user:corp/ada", 3, catalog.Inactive))
		if done.Outcomes[1].Refused != catalog.ErrVersionStale {
			w.Fatalf("within one commit: %v", done.Outcomes[1].Refused)
		}
		w.same("entries", w.entries(), []catalog.Entry{entry("user:corp/ada", 3, catalog.Inactive).Entry})
	}},
	{"A group's entry and its members change together", func(w *bench) {
		w.one(put("a", 1, "one", with(0, readers("group:x"))))
		at := w.commit(entry("group:x", 1, catalog.Active, "user:corp/bob", "user:corp/ada", "user:corp/bob")).Revision
		w.members("group:x", "user:corp/ada", "user:corp/bob")
		w.changed(at-1, "group:x[user:corp/ada user:corp/bob]", "entry group:x v1")
		w.expect(name("a"), true, true)
		w.one(entry("group:x", 2, catalog.Active, "user:corp/bob"))
		w.expect(name("a"), false, true)
		w.one(entry("group:x", 3, catalog.Removed))
		w.expect(name("a"), false, false)
		w.reopen()
		w.members("group:x")
		all := w.entries()
		if len(all) != 1 || all[0].Version != 3 || all[0].State != catalog.Removed || !bytes.Equal(all[0].Attributes, []byte("said")) {
			w.Fatalf("entries: %+v", all)
		}
	}},
	{"A group line does not change a group that has an entry", func(w *bench) {
		line := catalog.PutGroup{Group: "group:x", Members: []acl.Principal{"user:corp/ada"}}
		w.one(line)
		w.one(entry("group:x", 1, catalog.Active, "user:corp/bob")) // which takes it over
		w.refused(line, catalog.ErrProvisioned)
		w.members("group:x", "user:corp/bob")
		w.reopen()
		w.refused(line, catalog.ErrProvisioned)
		w.one(entry("group:x", 2, catalog.Removed))
		if o := w.one(line); !o.Changed {
			w.Fatal("the group was not given back")
		}
		w.members("group:x", "user:corp/ada")
	}},
	{"Entries of an older revision are read as they were", func(w *bench) {
		w.one(put("a", 1, "one", with(0, everyone)))
		then := w.commit(entry("user:corp/ada", 1, catalog.Inactive)).Revision
		w.one(entry("user:corp/ada", 2, catalog.Active))
		w.reopen()
		n := w.pin(then)
		if w.sees(n, ada, name("a")) || !n.Directory().Deactivated("user:corp/ada") {
			w.Fatal("the user was deactivated at that revision")
		}
		got, err := n.Entries(w.Context())
		w.must(err)
		w.same("entries", got, []catalog.Entry{entry("user:corp/ada", 1, catalog.Inactive).Entry})
	}},
}

// entries are those of the newest revision.
func (w *bench) entries() []catalog.Entry {
	w.Helper()
	all, err := w.pin(0).Entries(w.Context())
	w.must(err)
	return all
}
