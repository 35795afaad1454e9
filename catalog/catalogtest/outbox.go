package catalogtest

import (
	"context"
	"fmt"

	"github.com/muniment/muniment/catalog"
)

// pending lists the bodies of the outbox, and checks that sequences rise.
func (w *bench) pending() (bodies []string) {
	w.Helper()
	last := uint64(0)
	for r, err := range w.store.Outbox().Pending(w.Context()) {
		w.must(err)
		if r.Sequence <= last {
			w.Fatalf("sequence %d after %d", r.Sequence, last)
		}
		last = r.Sequence
		bodies = append(bodies, string(r.Body))
	}
	return bodies
}

// last returns the newest sequence of the outbox.
func (w *bench) last() (last uint64) {
	w.Helper()
	for r, err := range w.store.Outbox().Pending(w.Context()) {
		w.must(err)
		last = r.Sequence
	}
	return last
}

// recorded commits with a record for each mutation: revision, position, and the outcome's
// document and version.
func (w *bench) recorded(ms ...catalog.Mutation) catalog.Committed {
	w.Helper()
	done, err := w.store.Commit(w.Context(), catalog.Commit{Mutations: ms, At: w.now,
		Record: func(at catalog.Revision, i int, o catalog.Outcome) [][]byte {
			if o.Document == nil {
				return [][]byte{fmt.Appendf(nil, "%d %d", at, i)}
			}
			return [][]byte{fmt.Appendf(nil, "%d %d %s v%d", at, i, o.Document.ID, o.Document.Version)}
		}})
	w.must(err)
	return done
}

var outboxCases = []testCase{
	{"Each mutation that changed something leaves its record, in order", func(w *bench) {
		w.recorded(put("a", 1, "one"), put("a", 0, "older"), put("b", 1, "one"), put("a", 1, "one"), put("a", 2, "two"), folder("f", 0, "", nil))
		w.recorded(put("a", 2, "two"), put("a", 1, "older"))
		w.recorded(catalog.DeleteDocument{Document: name("a"), Version: 5}, catalog.PutGroup{Group: "group:x"})
		want := []string{"1 0 a v1", "1 2 b v1", "1 4 a v2", "1 5", "2 0 a v5", "2 1"}
		w.same("outbox", w.pending(), want)
		w.reopen()
		w.same("outbox", w.pending(), want)
	}},
	{"No record function, no records", func(w *bench) {
		w.one(put("a", 1, "one"))
		w.same("outbox", w.pending(), []string(nil))
	}},
	{"Take removes what the log has, once and for good", func(w *bench) {
		w.recorded(put("a", 1, "one"), put("b", 1, "one"))
		middle := w.last()
		w.recorded(put("c", 1, "one"))
		w.must(w.store.Outbox().Take(w.Context(), middle))
		for range 2 {
			w.same("outbox", w.pending(), []string{"2 0 c v1"})
			w.must(w.store.Outbox().Take(w.Context(), middle))
			w.must(w.store.Outbox().Take(w.Context(), 0))
			w.reopen()
		}
		last := w.last()
		w.must(w.store.Outbox().Take(w.Context(), last))
		w.reopen()
		w.same("outbox", w.pending(), []string(nil))
		w.recorded(put("d", 1, "one"))
		if got := w.last(); got <= last {
			w.Fatalf("sequence %d was given again after %d", got, last)
		}
	}},
	{"A log that is ahead of the store is not caught up with", func(w *bench) {
		w.recorded(put("a", 1, "one", with(0, everyone)))
		id, last := w.store.ID(), w.last()
		w.must(w.store.Outbox().Take(w.Context(), last))
		w.same("ID", w.store.ID(), id)
		w.recorded(put("b", 1, "one", with(0, everyone))) // pending, and the log has it
		lost := w.last() + 5
		for range 2 {
			w.must(w.store.Outbox().Take(w.Context(), lost))
			w.same("outbox", w.pending(), []string(nil))
			if got := w.store.ID(); got == id || got == (catalog.ID{}) {
				w.Fatalf("its ID is %v, and was %v before some of it was lost", got, id)
			}
			w.reopen()
		}
		ahead := w.store.ID()
		w.text("b", "one")
		if at := w.pin(0).Revision(); at < 2+5 {
			w.Fatalf("revision %d, and those up to 7 may have been given out", at)
		}
		at := w.recorded(put("b", 2, "two", with(0, everyone)), put("c", 1, "one", with(0, everyone))).Revision
		if at <= 2+5 {
			w.Fatalf("revision %d was given out again", at)
		}
		if first := w.last() - 1; first <= lost {
			w.Fatalf("sequence %d was given out again, up to %d are lost", first, lost)
		}
		w.same("records", len(w.pending()), 2)
		w.reopen()
		w.same("ID", w.store.ID(), ahead)
		w.text("b", "two")
		w.text("c", "one")
		changed := 0
		for c, err := range w.store.Changes(w.Context(), 7, catalog.Records) {
			w.must(err)
			w.same("revision of a change", c.Revision, at)
			changed++
		}
		w.same("changes after what was lost", changed, 2)
	}},
	{"Many records, taken while they are read", func(w *bench) {
		const n = 700
		var lines []catalog.Mutation
		for i := range n {
			lines = append(lines, put(fmt.Sprintf("%04d", i), 1, "one"))
		}
		w.recorded(lines...)
		outbox, seen := w.store.Outbox(), 0
		for r, err := range outbox.Pending(w.Context()) {
			w.must(err)
			w.same("record", string(r.Body), fmt.Sprintf("1 %d %04d v1", seen, seen))
			if seen++; seen%50 == 0 {
				w.must(outbox.Take(w.Context(), r.Sequence))
			}
			if seen == 10 {
				w.recorded(put("later", 1, "one"))
			}
		}
		w.same("records", seen, n)
		w.same("outbox", w.pending(), []string{"2 0 later v1"})
	}},
	{"The outbox heeds the end of the call", func(w *bench) {
		w.recorded(put("a", 1, "one"))
		ctx, cancel := context.WithCancel(w.Context())
		cancel()
		for _, err := range w.store.Outbox().Pending(ctx) {
			if !is(err, context.Canceled) {
				w.Fatalf("reading: %v", err)
			}
		}
		if err := w.store.Outbox().Take(ctx, 100); !is(err, context.Canceled) {
			w.Fatalf("taking: %v", err)
		}
		w.same("records", len(w.pending()), 1)
	}},
}
