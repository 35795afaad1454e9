package catalogtest

import (
	"context"
	"fmt"
	"time"

	"github.com/muniment/muniment/catalog"
)

// request is one of ada's, with a payload of one byte.
func request(id string, payload byte) catalog.Request {
	return catalog.Request{By: "user:corp/ada service:job", ID: id, Payload: [32]byte{payload}}
}

// ask commits one mutation under a request, and returns its outcome and whether the commit
// took a revision.
func (w *bench) ask(m catalog.Mutation, r catalog.Request) (o catalog.Outcome, moved bool) {
	w.Helper()
	before := w.pin(0).Revision()
	w.now = w.now.Add(time.Minute)
	done, err := w.store.Commit(w.Context(), catalog.Commit{Mutations: []catalog.Mutation{m}, Requests: []catalog.Request{r}, At: w.now,
		Record: func(at catalog.Revision, i int, o catalog.Outcome) [][]byte {
			return [][]byte{fmt.Appendf(nil, "%d", at)}
		}})
	w.must(err)
	return done.Outcomes[0], done.Revision != before
}

// replays checks that a request gives this outcome again and does nothing.
func (w *bench) replays(m catalog.Mutation, r catalog.Request, want catalog.Outcome) {
	w.Helper()
	records := len(w.pending())
	o, moved := w.ask(m, r)
	want.Replayed, want.Document, want.Source, want.Removed = true, nil, nil, nil
	if o.Refused != want.Refused || moved || len(w.pending()) != records {
		w.Fatalf("%T asked again: refused %v, want %v; took a revision: %t", m, o.Refused, want.Refused, moved)
	}
	o.Refused, want.Refused = nil, nil
	w.same("outcome", o, want)
}

var requestCases = []testCase{
	{"A request that is made again gives the first outcome and does nothing", func(w *bench) {
		line := put("a", 2, "two", with(5, everyone))
		o, moved := w.ask(line, request("1", 1))
		if !moved || o.Replayed || !o.Changed {
			w.Fatalf("the first time: %+v", o)
		}
		for range 2 {
			w.replays(line, request("1", 1), catalog.Outcome{Changed: true})
			w.reopen()
		}
		w.one(catalog.DeleteDocument{Document: name("a"), Version: 2})
		w.replays(line, request("1", 1), catalog.Outcome{Changed: true})
		w.expect(name("a"), false, false)
	}},
	{"Every outcome is remembered: what changed nothing, what was kept, what was refused", func(w *bench) {
		w.one(put("a", 2, "two", with(5, everyone)))
		w.one(within("a", 6, "nowhere"))
		for i, c := range []struct {
			line catalog.Mutation
			want catalog.Outcome
		}{
			{put("a", 2, "two"), catalog.Outcome{UnknownContainer: "nowhere"}},
			{put("a", 3, "three", with(4, forAda)), catalog.Outcome{Changed: true, AccessKept: true, UnknownContainer: "nowhere"}},
			{put("a", 1, "one"), catalog.Outcome{Refused: catalog.ErrVersionStale}},
			{put("a", 3, "other"), catalog.Outcome{Refused: catalog.ErrVersionReused}},
			{put("a", w.now.Add(24*hour).Unix(), "far"), catalog.Outcome{Refused: catalog.ErrVersionFuture}},
			{catalog.SeeDocument{Document: name("a"), Stored: true, Version: 9}, catalog.Outcome{Refused: catalog.ErrNotStored}},
			{catalog.CommitSync{Source: "handbook", Session: "s"}, catalog.Outcome{Refused: catalog.ErrSyncUnknown}},
			{begin("s"), catalog.Outcome{Changed: true}},
			{begin("t"), catalog.Outcome{Refused: catalog.ErrSyncOpen}},
			{catalog.CommitSync{Source: "handbook", Session: "s", Documents: 9}, catalog.Outcome{Refused: catalog.ErrSyncIncomplete}},
			{folder("f", 0, "g", nil), catalog.Outcome{Changed: true, UnknownContainer: "g"}},
			{catalog.PutGroup{Group: "group:x"}, catalog.Outcome{Changed: true}},
			{catalog.PutSource{Source: "handbook"}, catalog.Outcome{}},
			{access("a", 1, forAda), catalog.Outcome{AccessKept: true, UnknownContainer: "nowhere"}},
			{put("b", 1, "unseen"), catalog.Outcome{Changed: true}},
			{begin("u"), catalog.Outcome{Refused: catalog.ErrSyncOpen}},
		} {
			o, _ := w.ask(c.line, request(fmt.Sprint(i), 1))
			o.Document, o.Source = nil, nil
			if o.Refused != c.want.Refused || o.Changed != c.want.Changed || o.AccessKept != c.want.AccessKept || o.UnknownContainer != c.want.UnknownContainer {
				w.Fatalf("request %d: %+v, want %+v", i, o, c.want)
			}
			w.reopen()
			w.replays(c.line, request(fmt.Sprint(i), 1), c.want)
		}
		w.one(catalog.AbortSync{Source: "handbook"})
		w.one(begin("v"))
		commit := catalog.CommitSync{Source: "handbook", Session: "v"}
		if o, _ := w.ask(commit, request("refused", 1)); o.Refused != catalog.ErrSyncRemoves {
			w.Fatalf("outcome %+v", o)
		}
		w.replays(commit, request("refused", 1), catalog.Outcome{Refused: catalog.ErrSyncRemoves})
	}},
	{"What was refused first is not applied by asking again", func(w *bench) {
		w.one(put("a", 5, "five"))
		o, _ := w.ask(given("a", 6, "s", []float32{1, 0}), request("1", 1))
		if o.Refused != catalog.ErrNotStored {
			w.Fatalf("outcome %+v", o)
		}
		w.one(put("a", 6, "six"))
		w.replays(given("a", 6, "s", []float32{1, 0}), request("1", 1), catalog.Outcome{Refused: catalog.ErrNotStored})
	}},
	{"CON-21: a request id with another payload is refused, and is another caller's own", func(w *bench) {
		w.one(put("a", 1, "one", with(0, everyone)))
		mine := request("1", 1)
		w.ask(put("a", 2, "two"), mine)
		reused := mine
		reused.Payload[0] = 2
		for range 2 {
			o, moved := w.ask(put("a", 3, "three"), reused)
			if o.Refused != catalog.ErrRequestReused || o.Changed || o.Replayed || moved {
				w.Fatalf("another payload: %+v", o)
			}
			w.reopen()
		}
		w.text("a", "two")
		w.replays(put("a", 2, "two"), mine, catalog.Outcome{Changed: true}) // the refusal replaced nothing
		other := reused
		other.By = "user:corp/bob service:job"
		if o, moved := w.ask(put("a", 3, "three"), other); o.Refused != nil || o.Replayed || !moved {
			w.Fatalf("another caller's: %+v", o)
		}
		w.text("a", "three")
		// Nor do names and ids run into one another.
		w.ask(put("b", 1, "one"), catalog.Request{By: "x", ID: "yz"})
		if o, _ := w.ask(put("b", 2, "two"), catalog.Request{By: "xy", ID: "z"}); o.Replayed || o.Refused != nil {
			w.Fatalf("outcome %+v", o)
		}
	}},
	{"Requests are known within the commit that makes them", func(w *bench) {
		w.now = w.now.Add(time.Minute)
		done, err := w.store.Commit(w.Context(), catalog.Commit{At: w.now,
			Mutations: []catalog.Mutation{put("a", 1, "one"), put("a", 1, "one"), put("a", 2, "two"), put("a", 3, "three"), put("a", 3, "three")},
			Requests:  []catalog.Request{request("1", 1), request("1", 1), request("1", 2), {}, {}},
		})
		w.must(err)
		for i, want := range []catalog.Outcome{{Changed: true}, {Changed: true, Replayed: true}, {Refused: catalog.ErrRequestReused}, {Changed: true}, {}} {
			if o := done.Outcomes[i]; o.Changed != want.Changed || o.Replayed != want.Replayed || o.Refused != want.Refused {
				w.Fatalf("mutation %d: %+v, want %+v", i, o, want)
			}
		}
	}},
	{"A request is remembered for a day", func(w *bench) {
		line := access("a", 0, forAda)
		w.ask(line, request("1", 1))
		first := w.now
		w.one(access("a", 0, forBob))
		w.now = first.Add(catalog.RequestLife - time.Minute - 1)
		w.replays(line, request("1", 1), catalog.Outcome{Changed: true})
		w.now = first.Add(catalog.RequestLife - time.Minute)
		if o, moved := w.ask(line, request("1", 2)); o.Replayed || o.Refused != nil || !moved {
			w.Fatalf("after a day: %+v", o)
		}
		w.now = first.Add(catalog.RequestLife + hour) // from the second on
		w.replays(line, request("1", 2), catalog.Outcome{Changed: true})
	}},
	{"Many requests are forgotten bit by bit, and none too early", func(w *bench) {
		const n = 500
		all := func() (ms []catalog.Mutation, rs []catalog.Request) {
			for i := range n {
				ms, rs = append(ms, put(fmt.Sprint("doc", i), 1, "one")), append(rs, request(fmt.Sprint(i), 1))
			}
			return ms, rs
		}
		ms, rs := all()
		commit := func() catalog.Committed {
			w.now = w.now.Add(time.Minute)
			done, err := w.store.Commit(w.Context(), catalog.Commit{Mutations: ms, Requests: rs, At: w.now})
			w.must(err)
			return done
		}
		commit()
		first := w.now
		w.now = first.Add(catalog.RequestLife - 10*time.Minute)
		for i := range 5 {
			w.one(put("noise", int64(i), "noise"))
		}
		for i, o := range commit().Outcomes {
			if !o.Replayed {
				w.Fatalf("request %d was forgotten: %+v", i, o)
			}
		}
		w.now = first.Add(catalog.RequestLife)
		for i := range 5 {
			w.one(put("noise", int64(5+i), "noise"))
			w.reopen()
		}
		for i, o := range commit().Outcomes {
			if o.Replayed || o.Refused != nil {
				w.Fatalf("request %d is still remembered: %+v", i, o)
			}
		}
	}},
	{"A replayed or reused line marks its document all the same", func(w *bench) {
		w.many(3)
		w.ask(put("000", 2, "two"), request("1", 1))
		w.one(begin("s"))
		w.ask(put("000", 2, "two"), request("1", 1))
		w.ask(put("001", 2, "two"), request("1", 2))
		w.reopen()
		w.counts(3, 2, 1)
		w.same("removed", removed(w.one(finish("s"))), []string{"002"})
	}},
	{"A request without an id is not remembered", func(w *bench) {
		r := catalog.Request{By: "user:corp/ada"}
		w.ask(put("a", 1, "one"), r)
		r.Payload[0] = 1
		if o, moved := w.ask(put("a", 2, "two"), r); o.Replayed || o.Refused != nil || !moved {
			w.Fatalf("outcome %+v", o)
		}
	}},
	{"A commit that only remembers takes no revision, and is durable", func(w *bench) {
		w.one(put("a", 5, "five"))
		if o, moved := w.ask(put("a", 4, "stale"), request("1", 1)); o.Refused != catalog.ErrVersionStale || moved {
			w.Fatalf("outcome %+v", o)
		}
		w.reopen()
		w.replays(put("a", 4, "stale"), request("1", 1), catalog.Outcome{Refused: catalog.ErrVersionStale})
	}},
	{"A commit that fails remembers nothing", func(w *bench) {
		ctx, cancel := context.WithCancel(w.Context())
		cancel()
		line := put("a", 1, "one")
		if _, err := w.store.Commit(ctx, catalog.Commit{Mutations: []catalog.Mutation{line}, Requests: []catalog.Request{request("1", 1)}, At: w.now}); !is(err, context.Canceled) {
			w.Fatal(err)
		}
		_, err := w.store.Commit(w.Context(), catalog.Commit{Mutations: []catalog.Mutation{line, foreign{}}, Requests: []catalog.Request{request("1", 1), {}}, At: w.now})
		if err == nil {
			w.Fatal("a mutation that no store knows was accepted")
		}
		if _, err := w.store.Commit(w.Context(), catalog.Commit{Mutations: []catalog.Mutation{line}, Requests: []catalog.Request{request("1", 1), {}}, At: w.now}); err == nil {
			w.Fatal("two requests for one mutation were accepted")
		}
		if o, moved := w.ask(line, request("1", 1)); o.Replayed || !moved {
			w.Fatalf("outcome %+v", o)
		}
	}},
}
