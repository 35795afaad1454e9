package catalogtest

import (
	"fmt"
	"time"

	"github.com/muniment/muniment/catalog"
)

// collect drops the handbook's tombstones that are older than now.
func (w *bench) collect(limit int) catalog.Outcome {
	w.Helper()
	return w.one(catalog.CollectTombstones{Source: "handbook", Before: w.next(), Limit: limit})
}

// settle commits often enough for a store that prunes to have pruned.
func (w *bench) settle() {
	w.Helper()
	for i := range 6 {
		m := put("noise", int64(i), "noise")
		m.Document.Source = "elsewhere"
		m.Document.Title = w.now.String()
		m.Document.Version += w.now.UnixNano()
		hash(&m)
		w.one(m)
	}
}

var tombstoneCases = []testCase{
	{"RET-06: late batches after a deletion bring nothing back, in any order", func(w *bench) {
		versions := []int64{3, 4, 5, 6}
		permutations(len(versions), func(order []int) {
			id := fmt.Sprint("doc", order)
			w.one(put(id, 2, "two", with(0, everyone)))
			w.one(catalog.DeleteDocument{Document: name(id), Version: 5})
			newest := int64(5)
			for _, i := range order {
				v := versions[i]
				want := catalog.ErrVersionStale
				switch {
				case v == newest && v == 5:
					want = catalog.ErrVersionReused
				case v > newest:
					want, newest = nil, v
				}
				if o := w.commit(put(id, v, fmt.Sprint("text ", v))).Outcomes[0]; o.Refused != want {
					w.Fatalf("order %v, version %d: refused %v, want %v", order, v, o.Refused, want)
				}
				w.expect(name(id), newest == 6, newest == 6)
			}
			w.text(id, "text 6") // which the source sent, and is newer than the deletion
		})
	}},
	{"RET-07: what arrives after its tombstone was dropped is refused", func(w *bench) {
		w.clock(catalog.ClockSeconds)
		base := w.now.Unix()
		for i, id := range []string{"a", "b"} {
			w.one(put(id, base+int64(i), "one", with(0, everyone)))
			w.one(catalog.DeleteDocument{Document: name(id), Version: base + 3 + int64(i)})
		}
		w.settle()
		dropped := w.collect(10)
		for round := range 2 {
			for _, v := range []int64{base, base + 3} {
				if o := w.commit(put("a", v, "late")).Outcomes[0]; o.Refused != catalog.ErrVersionStale && o.Refused != catalog.ErrVersionReused {
					w.Fatalf("version %d: %+v", v, o)
				}
			}
			w.refused(catalog.DeleteDocument{Document: name("a"), Version: base}, catalog.ErrVersionStale)
			if len(dropped.Removed) > 0 { // another that is not known may be as dead
				w.same("collected", w.source("handbook").Collected, base+4)
				w.refused(put("a", base+4, "late"), catalog.ErrVersionStale)
				w.refused(put("never heard of", base+4, "late"), catalog.ErrVersionStale)
				w.refused(catalog.DeleteDocument{Document: name("never heard of"), Version: base + 4}, catalog.ErrVersionStale)
			}
			w.one(put(fmt.Sprint("new", round), base+5, "new", with(0, everyone)))
			w.expect(name("a"), false, false)
			w.reopen()
		}
		w.one(put("a", base+5, "again", with(0, forAda)))
		w.text("a", "again")
		w.expect(name("a"), true, false)
	}},
	{"What is known is judged by its own version, whatever was dropped", func(w *bench) {
		w.clock(catalog.ClockSeconds)
		base := w.now.Unix()
		w.one(put("kept", base-100, "one", with(0, everyone)))
		w.one(catalog.DeleteDocument{Document: name("a"), Version: base})
		w.settle()
		w.collect(1)
		w.one(put("kept", base-99, "two"))
		w.text("kept", "two")
		w.one(catalog.DeleteDocument{Document: name("kept"), Version: base - 98})
	}},
	{"Tombstones of counters stay for good", func(w *bench) {
		for _, c := range []catalog.VersionClock{catalog.ClockUnknown, catalog.ClockCounter} {
			w.clock(c)
			w.one(catalog.DeleteDocument{Document: name("a"), Version: 5 + int64(c)})
			w.settle()
			if o := w.collect(10); o.Changed || o.Source.Collected != 0 {
				w.Fatalf("clock %d: %+v", c, o)
			}
			w.one(put("b", 1+int64(c), "one"))
		}
	}},
	{"Tombstones that would shut out what is new stay", func(w *bench) {
		w.one(catalog.DeleteDocument{Document: name("no time"), Version: 0})
		w.one(catalog.DeleteDocument{Document: name("before 1970"), Version: -5})
		w.clock(catalog.ClockCounter)
		w.one(catalog.DeleteDocument{Document: name("far"), Version: w.now.Add(1000 * hour).Unix()})
		w.clock(catalog.ClockSeconds)
		w.settle()
		if o := w.collect(10); o.Changed || o.Source.Collected != 0 {
			w.Fatalf("%+v", o)
		}
		w.one(put("new", 1, "one"))
	}},
	{"No more are dropped than were asked for, and none that is not older", func(w *bench) {
		w.clock(catalog.ClockSeconds)
		base := w.now.Unix()
		for i := range 4 {
			w.one(catalog.DeleteDocument{Document: name(fmt.Sprint("doc", i)), Version: base + int64(i)})
		}
		last := w.now
		w.settle()
		got := func(limit int, before time.Time) (ids []string) {
			o := w.one(catalog.CollectTombstones{Source: "handbook", Before: before, Limit: limit})
			if o.Changed != (len(o.Removed) > 0) {
				w.Fatalf("outcome %+v", o)
			}
			for _, d := range o.Removed {
				ids = append(ids, d.ID)
				if d.State != catalog.Deleted || d.Version == 0 {
					w.Fatalf("dropped %+v", d)
				}
			}
			return ids
		}
		w.same("dropped", got(0, last), []string(nil))
		w.same("dropped", got(-1, last), []string(nil))
		first := got(2, last)
		if len(first) == 0 {
			return // a store that keeps its history keeps the tombstones for it
		}
		w.same("dropped", first, []string{"doc0", "doc1"})
		w.same("collected", w.source("handbook").Collected, base+1)
		w.same("dropped", got(9, last), []string{"doc2"})
		w.settle()
		w.same("dropped", got(9, last), []string(nil))
		w.same("dropped", got(9, last.Add(1)), []string{"doc3"})
		w.same("dropped", got(9, w.next()), []string(nil))
	}},
	{"An access register that has a version outlives its tombstone", func(w *bench) {
		w.clock(catalog.ClockSeconds)
		base := w.now.Unix()
		w.commit(put("versioned", base, "one", with(5, forAda)), put("plain", base, "one", with(0, forAda)))
		w.commit(catalog.DeleteDocument{Document: name("versioned"), Version: base}, catalog.DeleteDocument{Document: name("plain"), Version: base})
		w.settle()
		dropped := len(w.collect(10).Removed) > 0
		w.reopen()
		if o := w.one(put("versioned", base+1, "two", with(4, everyone))); !o.AccessKept {
			w.Fatalf("older access fields returned: %+v", o)
		}
		w.expect(name("versioned"), true, false)
		w.one(put("plain", base+1, "two"))
		w.expect(name("plain"), !dropped, false) // it says anew who may read it
	}},
	{"A tombstone can be dropped, and its document come back, in one commit", func(w *bench) {
		w.clock(catalog.ClockSeconds)
		base := w.now.Unix()
		w.one(catalog.DeleteDocument{Document: name("a"), Version: base})
		w.settle()
		done := w.commit(catalog.CollectTombstones{Source: "handbook", Before: w.next(), Limit: 1}, put("a", base+1, "back", with(0, everyone)),
			catalog.CollectTombstones{Source: "handbook", Before: w.next(), Limit: 1})
		if o := done.Outcomes[1]; o.Refused != nil || len(done.Outcomes[2].Removed) > 0 {
			w.Fatalf("outcomes %+v", done.Outcomes)
		}
		w.reopen()
		w.text("a", "back")
		w.one(catalog.DeleteDocument{Document: name("a"), Version: base + 2})
		done = w.commit(put("a", base+3, "again"), catalog.CollectTombstones{Source: "handbook", Before: w.next(), Limit: 1})
		w.same("dropped", len(done.Outcomes[1].Removed), 0)
		w.text("a", "again")
	}},
	{"Who follows changes hears of every deletion, or is told to begin anew", func(w *bench) {
		w.clock(catalog.ClockSeconds)
		base := w.now.Unix()
		before := w.commit(put("a", base, "one")).Revision // a pinned one would hold the tombstone
		deleted := w.commit(catalog.DeleteDocument{Document: name("a"), Version: base}).Revision
		w.settle()
		if len(w.collect(1).Removed) == 0 {
			return
		}
		told := false
		for c, err := range w.store.Changes(w.Context(), before, catalog.Contents) {
			if err != nil {
				told = is(err, catalog.ErrPruned)
				break
			}
			told = told || c.Document.Document.ID == "a"
		}
		if !told {
			w.Fatal("the deletion is passed over in silence")
		}
		for c, err := range w.store.Changes(w.Context(), deleted, catalog.Contents) {
			w.must(err)
			if c.Document.Document.ID == "a" {
				w.Fatalf("change %s after the deletion", brief(c))
			}
		}
		for c, err := range w.store.Changes(w.Context(), 0, catalog.Contents) {
			w.must(err)
			if c.Document.Document.ID == "a" {
				w.Fatalf("change %s in a rebuild", brief(c))
			}
		}
	}},
	{"Tombstones of another source, and of a source that is not known, stay", func(w *bench) {
		w.clock(catalog.ClockSeconds)
		w.one(catalog.DeleteDocument{Document: name("a"), Version: w.now.Unix()})
		w.settle()
		for _, source := range []string{"never", "hand", "handbook2", ""} {
			if o := w.one(catalog.CollectTombstones{Source: source, Before: w.next(), Limit: 10}); o.Changed || len(o.Removed) > 0 {
				w.Fatalf("%q: %+v", source, o)
			}
		}
	}},
}
