package catalogtest

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/muniment/muniment/catalog"
)

var sessionCases = []testCase{
	{"A source has one session at a time", func(w *bench) {
		w.one(begin("s"))
		w.refused(begin("t"), catalog.ErrSyncOpen)
		w.refused(begin("s"), catalog.ErrSyncOpen)
		w.same("session", w.source("handbook").Session.ID, "s")
		w.one(finish("s"))
		w.one(begin("t"))
	}},
	{"Asking again for the same session gets the one that is open", func(w *bench) {
		w.many(1)
		ask := func(id, request string, by string) catalog.StartSync {
			m := begin(id)
			m.Session.Request = request
			if by != "" {
				m.Session.By = "service:other"
			}
			return m
		}
		w.one(ask("s", "r", ""))
		w.one(see("000"))
		before := w.pin(0).Revision()
		o := w.one(ask("t", "r", ""))
		if o.Changed || o.Source.Session.ID != "s" || o.Source.Seen != 1 {
			w.Fatalf("outcome %+v of %+v", o, o.Source)
		}
		w.same("revision", w.pin(0).Revision(), before)
		w.refused(ask("t", "q", ""), catalog.ErrSyncOpen)
		w.refused(ask("t", "", ""), catalog.ErrSyncOpen)
		w.refused(ask("t", "r", "another caller"), catalog.ErrSyncOpen)
		w.one(finish("s"))
		if o := w.one(ask("t", "r", "")); !o.Changed || o.Source.Session.ID != "t" {
			w.Fatalf("after the session has ended: %+v", o)
		}
	}},
	{"Only the open session can be committed or aborted", func(w *bench) {
		w.refused(finish("s"), catalog.ErrSyncUnknown)
		w.refused(catalog.AbortSync{Source: "handbook"}, catalog.ErrSyncUnknown)
		w.many(1)
		w.refused(finish("s"), catalog.ErrSyncUnknown)
		w.one(begin("s"))
		w.refused(finish("t"), catalog.ErrSyncUnknown)
		w.refused(finish(""), catalog.ErrSyncUnknown)
		w.refused(catalog.AbortSync{Source: "handbook", Session: "t", Error: "not mine"}, catalog.ErrSyncUnknown)
		w.refused(catalog.CommitSync{Source: "wiki", Session: "s", Share: 1}, catalog.ErrSyncUnknown)
		if s := w.source("handbook"); s.Error != "" {
			w.Fatalf("a stranger's attempt is noted: %q", s.Error)
		}
		w.one(see("000"))
		w.one(finish("s"))
		w.refused(finish("s"), catalog.ErrSyncUnknown)
		w.refused(catalog.AbortSync{Source: "handbook", Session: "s"}, catalog.ErrSyncUnknown)
		w.expect(name("000"), true, true)
	}},
	{"A session without an id can be aborted, never committed", func(w *bench) {
		w.many(1)
		w.one(begin(""))
		w.refused(finish(""), catalog.ErrSyncUnknown)
		w.one(catalog.AbortSync{Source: "handbook"})
	}},
	{"An aborted session removes nothing and may say why", func(w *bench) {
		w.many(2)
		w.one(begin("s"))
		o := w.one(catalog.AbortSync{Source: "handbook", Session: "s", Error: "the platform is down"})
		if s := o.Source; s.Session != nil || s.Error != "the platform is down" || !s.ErrorAt.Equal(w.now) {
			w.Fatalf("the source is %+v", s)
		}
		failed := w.now
		w.one(begin("t"))
		w.one(catalog.AbortSync{Source: "handbook"})
		w.reopen()
		if s := w.source("handbook"); s.Session != nil || s.Error != "the platform is down" || !s.ErrorAt.Equal(failed) {
			w.Fatalf("the source is %+v", s)
		}
		w.counts(2, 0, 0)
		w.one(begin("u"))
		w.commit(see("000"), see("001"))
		if s := w.one(finish("u")).Source; s.Error != "" {
			w.Fatalf("the source is %+v", s)
		}
	}},
	{"An abandoned session expires, and says so when the next begins", func(w *bench) {
		w.many(2)
		w.one(begin("s"))
		began := w.now
		w.now = w.now.Add(hour - 2*time.Minute)
		w.one(see("000")) // a minute before the end
		active := w.now
		w.now = active.Add(hour - time.Minute) // the next commit comes at the very end
		w.refused(finish("s"), catalog.ErrSyncUnknown)
		w.refused(catalog.AbortSync{Source: "handbook"}, catalog.ErrSyncUnknown)
		w.one(see("001"))
		w.counts(2, 1, 1) // not marked any more
		w.reopen()
		s := w.source("handbook")
		if s.Session == nil || !s.Session.Expired(w.now) || !s.Session.Active.Equal(active) || s.Error != "" {
			w.Fatalf("the source is %+v, its session %+v", s, s.Session)
		}
		told := w.one(begin("t")).Source
		if !strings.Contains(told.Error, "service:job") || !strings.Contains(told.Error, began.Format(time.RFC3339)) || !told.ErrorAt.Equal(active.Add(hour)) {
			w.Fatalf("the source is %+v", told)
		}
		if strings.Contains(told.Error, `"s"`) {
			w.Fatalf("the error tells the session's id: %q", told.Error)
		}
		w.counts(2, 0, 2)
		w.expect(name("001"), true, true)
	}},
	{"Every line of the source keeps its session alive", func(w *bench) {
		w.many(1)
		w.one(begin("s"))
		for i, m := range []catalog.Mutation{
			see("000"), access("000", 1, everyone), catalog.DeleteDocument{Document: name("never"), Version: 1}, folder("f", 0, "", nil),
			put("000", 0, "stale"), catalog.CommitSync{Source: "handbook", Session: "s", Documents: 9},
		} {
			w.now = w.now.Add(hour - 2*time.Minute)
			w.commit(m)
			if s := w.source("handbook").Session; s == nil || !s.Active.Equal(w.now) {
				w.Fatalf("line %d: the session is %+v", i, s)
			}
		}
		w.one(finish("s"))
	}},
	{"A clock that goes back shortens no session", func(w *bench) {
		w.one(begin("s"))
		at := w.now
		w.now = w.now.Add(-hour)
		w.one(see("000"))
		w.same("last line", w.source("handbook").Session.Active, at)
		w.one(finish("s"))
	}},
	{"Sessions of many documents come and go", func(w *bench) {
		const n = 700
		w.many(n)
		for round := range 4 {
			w.one(begin("s"))
			var ms []catalog.Mutation
			for i := range n {
				if i%5 != round {
					ms = append(ms, see(fmt.Sprintf("%03d", i)))
				}
			}
			w.commit(ms...)
			w.reopen()
			switch round {
			case 0:
				w.one(catalog.AbortSync{Source: "handbook"})
			case 1:
				w.now = w.now.Add(2 * hour)
			default:
				w.same("removed", len(w.one(finish("s")).Removed), n/5)
				w.many(n) // refused where it is a tombstone
			}
		}
		for i := range 20 {
			w.one(put("noise", int64(i), "noise"))
		}
		w.counts(n-2*n/5+1, 0, 0)
	}},
}

var sourceCases = []testCase{
	{"A source registers itself with its first change", func(w *bench) {
		w.refused(catalog.SeeDocument{Document: name("a"), Stored: true}, catalog.ErrNotStored)
		w.one(see("a"))
		w.refused(finish("s"), catalog.ErrSyncUnknown)
		list, err := w.store.Sources(w.Context())
		w.must(err)
		w.same("sources", list, []catalog.Source(nil))
		w.one(put("a", 1, "one"))
		first := w.now
		wiki := folder("f", 0, "", nil)
		wiki.Container.Source = "wiki"
		w.commit(put("a", 2, "two"), wiki)
		second := w.now
		w.commit(put("a", 2, "two"), catalog.PutGroup{Group: "group:x"}, put("a", 1, "stale"))
		w.reopen()
		list, err = w.store.Sources(w.Context())
		w.must(err)
		w.same("sources", list, []catalog.Source{{Name: "handbook", First: first, Last: second, Documents: 1}, {Name: "wiki", First: second, Last: second}})
	}},
	{"What is expected of a source can be set and replaced", func(w *bench) {
		settings := catalog.SourceSettings{Cadence: 24 * hour, AccessBound: hour, Contact: "ada", Clock: catalog.ClockMillis}
		o := w.one(catalog.PutSource{Source: "handbook", Settings: settings})
		if !o.Changed {
			w.Fatalf("outcome %+v", o)
		}
		want := catalog.Source{Name: "handbook", Settings: settings}
		w.same("source", *o.Source, want)
		if o := w.one(catalog.PutSource{Source: "handbook", Settings: settings}); o.Changed {
			w.Fatalf("a repetition: %+v", o)
		}
		w.one(put("a", 1, "one"))
		want.First, want.Last, want.Documents = w.now, w.now, 1
		w.reopen()
		w.same("source", w.source("handbook"), want)
		want.Settings = catalog.SourceSettings{Contact: "bob"}
		w.same("source", *w.one(catalog.PutSource{Source: "handbook", Settings: want.Settings}).Source, want)
		if o := w.one(catalog.PutSource{Source: "plain"}); !o.Changed {
			w.Fatal("a new source without settings was not registered")
		}
		w.same("source", w.source("plain"), catalog.Source{Name: "plain"})
	}},
	{"A snapshot knows what is expected of a source", func(w *bench) {
		expect := func(n catalog.Snapshot, want catalog.Expectation) {
			w.Helper()
			if got := n.Expected("handbook"); !got.Equal(want) {
				w.Fatalf("%+v is expected, want %+v", got, want)
			}
		}
		now := func(want catalog.Expectation) {
			w.Helper()
			n := w.pin(0)
			defer n.Close()
			expect(n, want)
		}
		now(catalog.Expectation{})
		settings := catalog.SourceSettings{Cadence: hour, ReviewInterval: 90 * 24 * hour}
		w.one(catalog.PutSource{Source: "handbook", Settings: settings})
		want := catalog.Expectation{ReviewInterval: settings.ReviewInterval, Cadence: hour}
		now(want)
		old := w.pin(0)
		defer old.Close()
		w.one(begin("s"))
		w.one(finish("s"))
		synced := want
		synced.LastSync = w.now
		now(synced)
		expect(old, want) // pinned before
		w.reopen()
		now(synced)
		w.one(catalog.PutSource{Source: "handbook", Settings: catalog.SourceSettings{ReviewInterval: hour}})
		now(catalog.Expectation{ReviewInterval: hour})
		w.one(catalog.PutSource{Source: "handbook"})
		now(catalog.Expectation{})
	}},
	{"A source is withheld once its permissions are older than its bound", func(w *bench) {
		bound := func(d time.Duration) catalog.PutSource {
			return catalog.PutSource{Source: "handbook", Settings: catalog.SourceSettings{AccessBound: d}}
		}
		// readable: whether ada can read it just before the instant, and at it.
		readable := func(at time.Time, before, then bool) {
			w.Helper()
			n := w.pin(0)
			defer n.Close()
			for _, c := range []struct {
				at   time.Time
				want bool
			}{{at.Add(-1), before}, {at, then}} {
				v, err := n.View(ada, c.at)
				w.must(err)
				_, err = n.Text(w.Context(), v, name("a"))
				found, errs := n.Documents(w.Context(), v, []catalog.DocumentID{name("a")})
				w.must(errs)
				if got := err == nil; got != c.want || got != (len(found) == 1) {
					w.Fatalf("at %v: text %v, %d documents; want readable %t", c.at, err, len(found), c.want)
				}
			}
		}
		w.one(bound(hour)) // before anything arrived there is nothing to withhold
		w.one(put("a", 1, "one", with(1, readers(ada.User))))
		first := w.now
		readable(first.Add(hour), true, false)
		w.one(put("a", 2, "two")) // which confirms the permissions of nothing else
		readable(first.Add(hour), true, false)
		w.reopen()
		readable(first.Add(hour), true, false)
		w.one(bound(2 * hour))
		readable(first.Add(2*hour), true, false)
		old := w.pin(0)
		w.one(begin("s"))
		w.one(see("a"))
		readable(first.Add(2*hour), true, false)
		if o := w.one(finish("s")); len(o.Removed) > 0 {
			w.Fatalf("outcome %+v", o)
		}
		synced := w.now
		readable(synced.Add(2*hour), true, false)
		v, err := old.View(ada, synced.Add(2*hour-1)) // pinned before that
		w.must(err)
		if _, err := old.Text(w.Context(), v, name("a")); !errors.Is(err, catalog.ErrNotFound) {
			w.Fatalf("a snapshot that was pinned before the sync: %v", err)
		}
		w.one(catalog.PutGroup{Group: "group:x", Members: people}) // another directory
		readable(synced.Add(2*hour), true, false)
		w.reopen()
		readable(synced.Add(2*hour), true, false)
		w.one(bound(0))
		readable(synced.Add(2*hour), true, true)
	}},
	{"A session registers its source", func(w *bench) {
		w.one(begin("s"))
		w.reopen()
		s := w.source("handbook")
		if !s.First.IsZero() || s.Session == nil {
			w.Fatalf("the source is %+v", s)
		}
		w.one(put("a", 1, "one"))
		w.same("first change", w.source("handbook").First, w.now)
	}},
	{"A failed commit leaves sources and sessions as they were", func(w *bench) {
		w.many(2)
		w.one(begin("s"))
		before := w.source("handbook")
		_, err := w.store.Commit(w.Context(), catalog.Commit{At: w.now, Mutations: []catalog.Mutation{
			see("000"), finish("s"), begin("t"), catalog.PutSource{Source: "handbook", Settings: catalog.SourceSettings{Contact: "x"}}, foreign{},
		}})
		if err == nil {
			w.Fatal("a mutation that no store knows was accepted")
		}
		for range 2 {
			w.same("source", w.source("handbook"), before)
			w.reopen()
		}
	}},
	{"Changes of sources and sessions leave their audit records", func(w *bench) {
		w.recorded(catalog.PutSource{Source: "handbook"}, catalog.PutSource{Source: "handbook"}, begin("s"), begin("t"), finish("t"), finish("s"))
		w.same("outbox", w.pending(), []string{"1 0", "1 2", "1 5"})
	}},
}
