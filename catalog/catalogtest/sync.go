package catalogtest

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/muniment/muniment/catalog"
)

const hour = time.Hour

// source returns a source that must be listed.
func (w *bench) source(name string) (found catalog.Source) {
	w.Helper()
	list, err := w.store.Sources(w.Context())
	w.must(err)
	for _, s := range list {
		if s.Name == name {
			return s
		}
	}
	w.Fatalf("the source %q is not among %+v", name, list)
	return found
}

// counts checks the handbook's documents, and those its session has seen and not seen.
func (w *bench) counts(documents, seen, unseen int) {
	w.Helper()
	s := w.source("handbook")
	w.same("documents, seen, unseen", [3]int{s.Documents, s.Seen, s.Unseen}, [3]int{documents, seen, unseen})
}

// begin opens a session on the handbook.
func begin(id string) catalog.StartSync {
	return catalog.StartSync{Source: "handbook", Session: catalog.Session{ID: id, By: "service:job", Life: hour}}
}

// finish commits a session of the handbook, whatever it removes.
func finish(id string) catalog.CommitSync {
	return catalog.CommitSync{Source: "handbook", Session: id, Share: 1}
}

func see(id string) catalog.SeeDocument { return catalog.SeeDocument{Document: name(id)} }

// many stores documents named from "000" on.
func (w *bench) many(n int) {
	w.Helper()
	var ms []catalog.Mutation
	for i := range n {
		ms = append(ms, put(fmt.Sprintf("%03d", i), 1, "one", with(0, everyone)))
	}
	w.commit(ms...)
}

func removed(o catalog.Outcome) (ids []string) {
	for _, d := range o.Removed {
		ids = append(ids, d.ID)
	}
	return ids
}

var syncCases = []testCase{
	{"A session removes what is present and was not seen, in one revision", func(w *bench) {
		w.commit(put("kept", 1, "one", with(0, everyone)), put("gone", 7, "one", with(3, everyone)), put("Gone too", 1, "one", with(0, everyone)),
			put("deleted", 1, "one"), catalog.DeleteDocument{Document: name("deleted"), Version: 1}, access("access only", 1, everyone))
		other := put("elsewhere", 1, "one", with(0, everyone))
		other.Document.Source = "handbook2"
		w.one(other)
		w.one(begin("s"))
		w.counts(3, 0, 3)
		w.commit(see("kept"), put("new", 1, "one", with(0, everyone)))
		w.counts(4, 2, 2)
		before := w.pin(0)
		done := w.commit(finish("s"))
		o := done.Outcomes[0]
		w.same("removed", removed(o), []string{"Gone too", "gone"})
		if o.Removed[1].State != catalog.Present || o.Removed[1].Version != 7 || done.Revision != before.Revision()+1 {
			w.Fatalf("removed %+v in revision %d after %d", o.Removed[1], done.Revision, before.Revision())
		}
		w.changed(before.Revision(), "Gone too deleted", "gone deleted")
		for range 2 {
			w.expect(name("gone"), false, false)
			w.expect(name("Gone too"), false, false)
			w.expect(name("kept"), true, true)
			w.expect(name("new"), true, true)
			w.expect(other.Document.DocumentID, true, true)
			w.counts(2, 0, 0)
			w.reopen()
		}
		w.refused(put("gone", 6, "late"), catalog.ErrVersionStale)
		w.refused(put("gone", 7, "late"), catalog.ErrVersionReused)
		w.same("access that survives", w.one(put("gone", 8, "back")).Document.Access.Version, int64(3))
	}},
	{"A snapshot from before still shows what a session removed", func(w *bench) {
		w.one(put("gone", 1, "one", with(0, everyone)))
		before := w.pin(0)
		w.commit(begin("s"), finish("s"))
		w.reads(before, ada, "gone", true, "one")
		w.expect(name("gone"), false, false)
	}},
	{"What a session tells: when it began, the last line, the counts from before the removal", func(w *bench) {
		w.many(2)
		o := w.one(catalog.StartSync{Source: "handbook", Session: catalog.Session{ID: "s", By: "service:job", Life: hour, Request: "r", Start: times[1], Active: times[1]}})
		want := &catalog.Session{ID: "s", By: "service:job", Life: hour, Request: "r", Start: w.now, Active: w.now}
		w.same("session", o.Source.Session, want)
		w.one(see("000"))
		want.Active = w.now
		w.reopen()
		w.same("session", w.source("handbook").Session, want)
		told := w.one(finish("s")).Source
		if told.Documents != 2 || told.Seen != 1 || told.Unseen != 1 || told.Session != nil || !told.LastSync.Equal(w.now) || !told.Last.Equal(w.now) {
			w.Fatalf("the outcome's source is %+v", told)
		}
		w.same("last sync", w.source("handbook").LastSync, w.now)
		w.counts(1, 0, 0)
	}},
	{"Contents mark a document whatever becomes of them; access and deletions mark nothing", func(w *bench) {
		w.many(6)
		w.one(put("000", 5, "five"))
		w.one(begin("s"))
		future := w.now.Add(24 * hour).Unix()
		for i, m := range []struct {
			line    catalog.Mutation
			refused error
			seen    int
		}{
			{put("000", 4, "stale"), catalog.ErrVersionStale, 1},
			{put("001", 1, "reused"), catalog.ErrVersionReused, 2},
			{put("002", future, "future"), catalog.ErrVersionFuture, 3},
			{put("003", 1, "one", with(0, everyone)), nil, 4}, // a repetition
			{catalog.SeeDocument{Document: name("004"), Stored: true, Version: 9}, catalog.ErrNotStored, 5},
			{catalog.SeeDocument{Document: name("004"), Stored: true, Version: 1}, nil, 5}, // again
			{access("005", 1, everyone), nil, 5},
			{catalog.DeleteDocument{Document: name("000"), Version: 5}, nil, 5},
			{see("never"), nil, 6},
			{folder("005", 0, "", everyone), nil, 6},
		} {
			if o := w.commit(m.line).Outcomes[0]; o.Refused != m.refused {
				w.Fatalf("line %d: refused %v, want %v", i, o.Refused, m.refused)
			}
			s := w.source("handbook")
			w.same(fmt.Sprint("seen after line ", i), s.Seen, m.seen)
			w.same(fmt.Sprint("last line, ", i), s.Session.Active, w.now)
		}
		w.reopen()
		w.counts(5, 6, 1)
		w.same("removed", removed(w.one(finish("s"))), []string{"005"})
	}},
	{"A commit that only marks takes no revision, and is durable", func(w *bench) {
		w.many(2)
		w.one(begin("s"))
		before := w.pin(0).Revision()
		w.same("revision", w.commit(see("000"), put("001", 1, "one", with(0, everyone))).Revision, before)
		w.reopen()
		w.same("revision", w.pin(0).Revision(), before)
		w.counts(2, 2, 0)
		w.same("removed", removed(w.one(finish("s"))), []string(nil))
	}},
	{"A document that was seen and then deleted, and one that came and went", func(w *bench) {
		w.many(2)
		w.one(begin("s"))
		w.one(see("000"))
		w.one(catalog.DeleteDocument{Document: name("000"), Version: 1})
		w.counts(1, 1, 1)
		w.commit(put("new", 1, "one"), catalog.DeleteDocument{Document: name("new"), Version: 1})
		w.counts(1, 2, 1)
		w.one(catalog.DeleteDocument{Document: name("001"), Version: 1})
		w.counts(0, 2, 0)
		w.one(put("000", 2, "back"))
		w.counts(1, 2, 0)
		w.same("removed", removed(w.one(finish("s"))), []string(nil))
	}},
	{"A whole sync in one commit", func(w *bench) {
		w.many(2)
		done := w.commit(put("early", 1, "one"), begin("s"), see("001"), put("new", 1, "one"), finish("s"), put("late", 1, "one"), begin("t"), see("late"))
		w.same("removed", removed(done.Outcomes[4]), []string{"000", "early"})
		w.reopen()
		w.counts(3, 1, 2)
		w.same("removed", removed(w.one(finish("t"))), []string{"001", "new"})
	}},
	{"What the session before has seen does not count", func(w *bench) {
		w.many(2)
		w.one(begin("s"))
		w.commit(see("000"), see("001"))
		w.one(catalog.AbortSync{Source: "handbook", Session: "s"})
		w.counts(2, 0, 0)
		w.one(begin("t"))
		w.counts(2, 0, 2)
		w.one(see("001"))
		w.same("removed", removed(w.one(finish("t"))), []string{"000"})
	}},
	{"Sessions of two sources run side by side", func(w *bench) {
		w.many(2)
		wiki := put("000", 1, "one")
		wiki.Document.Source = "wiki"
		w.one(wiki)
		w.commit(begin("s"), catalog.StartSync{Source: "wiki", Session: catalog.Session{ID: "s", Life: hour}}, see("000"))
		w.same("removed", removed(w.one(catalog.CommitSync{Source: "wiki", Session: "s", Share: 1})), []string{"000"})
		w.same("removed", removed(w.one(finish("s"))), []string{"001"})
	}},
	{"Sources whose names begin alike stay apart in a sync", func(w *bench) {
		names := []string{"a", "a\x00", "a\x00\x01", "ab", "", "a\xff"}
		for _, source := range names {
			m := put("x", 1, "one")
			m.Document.Source = source
			w.one(m)
		}
		for i, source := range names {
			o := w.commit(catalog.StartSync{Source: source, Session: catalog.Session{ID: "s", Life: hour}}, catalog.CommitSync{Source: source, Session: "s", Share: 1}).Outcomes[1]
			if len(o.Removed) != 1 || o.Removed[0].Source != source {
				w.Fatalf("%q removed %+v", source, o.Removed)
			}
			list, err := w.store.Sources(w.Context())
			w.must(err)
			left := 0
			for _, s := range list {
				left += s.Documents
			}
			w.same("documents left", left, len(names)-1-i)
		}
	}},
}

var guardCases = []testCase{
	{"A sync that has not seen all documents is refused, and the session stays open", func(w *bench) {
		w.many(3)
		w.one(begin("s"))
		w.commit(see("000"), see("001"))
		m := finish("s")
		m.Documents = 3
		w.refused(m, catalog.ErrSyncIncomplete)
		s := w.source("handbook")
		if s.Error == "" || !s.ErrorAt.Equal(w.now) || s.Session == nil || !s.LastSync.IsZero() {
			w.Fatalf("the source is %+v", s)
		}
		w.reopen()
		w.counts(3, 2, 1)
		w.one(see("002"))
		o := w.one(m)
		if o.Source.Error != "" || !o.Source.ErrorAt.IsZero() {
			w.Fatalf("the error stays after a committed sync: %+v", o.Source)
		}
	}},
	{"A sync that would remove too many is refused unless that is confirmed", func(w *bench) {
		w.many(10)
		w.one(begin("s"))
		for i := range 7 {
			w.one(see(fmt.Sprintf("%03d", i)))
		}
		guarded := func(allow int, share float64) catalog.CommitSync {
			return catalog.CommitSync{Source: "handbook", Session: "s", Documents: 7, Allow: allow, Share: share}
		}
		for _, m := range []catalog.CommitSync{guarded(0, 0), guarded(2, 0.2), guarded(0, 0.2999), guarded(-1, -1), guarded(0, math.NaN())} {
			w.refused(m, catalog.ErrSyncRemoves)
			s := w.source("handbook")
			if !strings.Contains(s.Error, "3 of 10") || !s.ErrorAt.Equal(w.now) || s.Session == nil {
				w.Fatalf("the source is %+v", s)
			}
		}
		w.counts(10, 7, 3)
		w.same("removed", removed(w.one(guarded(3, 0.2))), []string{"007", "008", "009"})
	}},
	{"A share that is just enough removes, and so does nothing to remove", func(w *bench) {
		w.many(10)
		w.one(begin("s"))
		for i := range 8 {
			w.one(see(fmt.Sprintf("%03d", i)))
		}
		w.same("removed", removed(w.one(catalog.CommitSync{Source: "handbook", Session: "s", Share: 0.2})), []string{"008", "009"})
		w.one(begin("t"))
		for i := range 8 {
			w.one(see(fmt.Sprintf("%03d", i)))
		}
		w.same("removed", removed(w.one(catalog.CommitSync{Source: "handbook", Session: "t", Allow: -1, Share: -1})), []string(nil))
	}},
	{"An empty source is not emptied by accident", func(w *bench) {
		w.many(5)
		w.one(begin("s"))
		w.refused(catalog.CommitSync{Source: "handbook", Session: "s", Share: 0.2}, catalog.ErrSyncRemoves)
		w.same("removed", len(w.one(catalog.CommitSync{Source: "handbook", Session: "s", Allow: 5}).Removed), 5)
		w.counts(0, 0, 0)
	}},
}
