package main

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/muniment/muniment/acl/reference"
	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/internal/prove"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// worldAsker is somebody who asks, in the terms of tokens and of the reference.
type worldAsker struct {
	token   identity.Request
	caller  reference.Caller
	sources []string // what the app reaches; nil = all
}

var worldAskers = []worldAsker{
	{identity.Request{Subject: "user:local/ada"}, reference.Caller{Principal: "user:local/ada", Clearance: "internal", App: "restricted"}, nil},
	{identity.Request{Subject: "user:local/bo", Clearance: "restricted"}, reference.Caller{Principal: "user:local/bo", Clearance: "restricted", App: "restricted"}, nil},
	{identity.Request{Subject: "user:local/cy", Guest: true}, reference.Caller{Principal: "user:local/cy", Guest: true, Clearance: "internal", App: "restricted"}, nil},
	{identity.Request{Subject: "user:local/ada", App: "handbook-chat", Clearance: "restricted"}, reference.Caller{Principal: "user:local/ada", Clearance: "restricted", App: "internal"}, []string{"handbook"}},
	{identity.Request{Subject: "service:screens"}, reference.Caller{Principal: "service:screens", Service: true, Clearance: "internal", App: "internal"}, nil},
}

func (a worldAsker) reads(w *world, r *register) bool {
	return (a.sources == nil || slices.Contains(a.sources, r.source)) && reference.Reads(w.World, a.caller, key(r.source, r.id), time.Now())
}

// TestHiddenMeansAbsent is the first promise over the wire (LEAK-01, LEAK-02, LEAK-04,
// LEAK-07, LEAK-08, LEAK-09, LEAK-26): in random worlds, a server and one that never held what the
// asker may not read, as the reference evaluator judges, give the same bytes for every call
// of the contract; and go on to do so while hidden things come, change and go on the one
// alone.
//
// What a pair costs is the second server: a fresh one each time, started for one asker and
// for one state of the world, so that nothing hidden was ever near it. The first server is
// kept while its world grows: it meets eight askers, two after every 40 lines, and has to
// hide from each what it showed to the one before.
func TestHiddenMeansAbsent(t *testing.T) {
	const lanes, rounds, askers = 4, 4, 2 // lanes, since much of the time is waiting for the disk
	worlds := uint64(prove.Count(2, 250))
	var seen hiddenTally
	t.Run("worlds", func(t *testing.T) {
		for lane := range uint64(lanes) {
			t.Run(fmt.Sprint("lane ", lane), func(t *testing.T) {
				t.Parallel()
				for seed := lane; seed < worlds; seed += lanes {
					t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { grow(t, seed, rounds, askers, worldAskers, &seen) })
				}
			})
		}
	})
	if want := int64(worlds * rounds * askers); seen.pairs.Load() != want && !t.Failed() {
		t.Errorf("%d world pairs, want %d", seen.pairs.Load(), want)
	}
	seen.check(t)
	prove.Report(t, "hidden means absent", "%v, 0 differences", &seen)
}

// throughApps are people who ask through apps of different scopes: one that reaches one source,
// one that reaches all up to a higher label, one that nobody configured and one that reaches
// everything.
var throughApps = func() (list []worldAsker) {
	for _, person := range []worldAsker{
		{identity.Request{Subject: "user:local/ada", Clearance: "restricted"}, reference.Caller{Principal: "user:local/ada", Clearance: "restricted"}, nil},
		{identity.Request{Subject: "user:local/bo", Clearance: "confidential"}, reference.Caller{Principal: "user:local/bo", Clearance: "confidential"}, nil},
	} {
		for _, app := range []struct {
			name, clearance string
			sources         []string
		}{{"handbook-chat", "internal", []string{"handbook"}}, {"board-chat", "confidential", nil}, {"notes", "internal", nil}, {"", "restricted", nil}} {
			asker := person
			asker.token.App, asker.caller.App, asker.sources = app.name, app.clearance, app.sources
			list = append(list, asker)
		}
	}
	return list
}()

// TestHiddenAcrossAppScopes is TestHiddenMeansAbsent for what is hidden from a person by the
// app alone: through each of four apps, one server gives each person the same bytes as one
// that never held what that person may not read through that app.
func TestHiddenAcrossAppScopes(t *testing.T) {
	worlds := uint64(prove.Count(2, 60))
	var seen hiddenTally
	t.Run("worlds", func(t *testing.T) {
		for lane := range uint64(2) {
			t.Run(fmt.Sprint("lane ", lane), func(t *testing.T) {
				t.Parallel()
				for seed := lane; seed < worlds; seed += 2 {
					t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { grow(t, 1000+seed, 2, 4, throughApps, &seen) })
				}
			})
		}
	})
	if want := int64(worlds * 8); seen.pairs.Load() != want && !t.Failed() {
		t.Errorf("%d pairs, want %d", seen.pairs.Load(), want)
	}
	if pairs := seen.pairs.Load(); seen.visible.Load() < 2*pairs || seen.hidden.Load() < 4*pairs || seen.found.Load() < 3*pairs {
		t.Errorf("the worlds say little: %v", &seen)
	}
	prove.Report(t, "hidden means absent", "two people through 4 apps: %v, 0 differences", &seen)
}

// hiddenTally counts what the worlds had in them, so that the test cannot pass by never
// coming near what it is about.
type hiddenTally struct {
	pairs, visible, hidden, queries, answers, changes, found, pages, conflicts, superseded, withheld atomic.Int64
}

func (n *hiddenTally) String() string {
	return fmt.Sprintf("%d world pairs × %d queries, %d answers compared byte for byte (%d with passages, %d further pages of them), %d changes of hidden things between them; %d documents visible, %d hidden",
		n.pairs.Load(), worldQueries, n.answers.Load(), n.found.Load(), n.pages.Load(), n.changes.Load(), n.visible.Load(), n.hidden.Load())
}

func (n *hiddenTally) check(t *testing.T) {
	pairs := n.pairs.Load()
	switch {
	case n.visible.Load() < 4*pairs || n.hidden.Load() < 4*pairs || n.changes.Load() < 2*pairs:
		t.Errorf("the worlds say little: %v", n)
	case n.found.Load() < 5*pairs || n.pages.Load() < 2*pairs || n.queries.Load() < worldQueries*pairs || n.conflicts.Load() == 0 || n.superseded.Load() == 0 || n.withheld.Load() == 0:
		t.Errorf("the questions say little: %v; %d queries, %d conflicts, %d superseded, %d with withheld sources", n, n.queries.Load(), n.conflicts.Load(), n.superseded.Load(), n.withheld.Load())
	}
}

// count adds up what was heard.
func (n *hiddenTally) count(answers []heard) {
	n.answers.Add(int64(len(answers)))
	for _, h := range answers {
		resp, ok := h.message.(*pb.RetrieveResponse)
		if !ok {
			continue
		}
		if len(resp.GetResults()) > 0 {
			n.found.Add(1)
		}
		for next := h.next; next != nil; next = next.next {
			n.pages.Add(1)
		}
		if len(resp.GetWithheldSources()) > 0 {
			n.withheld.Add(1)
		}
		n.conflicts.Add(int64(len(resp.GetConflicts())))
		for _, r := range resp.GetResults() {
			if r.GetFreshness().GetSupersededBy() != nil {
				n.superseded.Add(1)
			}
		}
	}
}

// grow lets a world grow on one server, and compares that after each round with servers
// that hold what some of the askers may read.
func grow(t *testing.T, seed uint64, rounds, askers int, among []worldAsker, seen *hiddenTally) {
	w, whole := newWorld(seed), serveConfig(t, worldConfig(t.TempDir()))
	defer whole.stop()
	if seed%8 == 0 {
		flood := w.flood(250)
		whole.mustSend(flood...)
		seen.hidden.Add(int64(len(flood)))
	}
	var items []*pb.IngestRequest
	for round := range rounds {
		var batch []*pb.IngestRequest
		var refusals []bool
		for range 40 {
			item, refused := w.next()
			batch, refusals = append(batch, item), append(refusals, refused)
		}
		for i, ack := range whole.send(whole.job(), batch...) {
			if refused := ack.GetStatus() == pb.IngestResponse_STATUS_REFUSED; refused != refusals[i] {
				t.Fatalf("refused: %t, want %t, for %v: %v", refused, refusals[i], batch[i], ack.GetError())
			}
			if !refusals[i] {
				items = append(items, batch[i])
			}
		}
		for i := range askers {
			if seed%3 == 0 && round == rounds-1 && i == askers-1 { // the last one finds a source withheld
				w.withheld = "finance"
				whole.withhold(w.withheld)
			}
			asker := among[(round*askers+i+int(seed)*3)%len(among)]
			items = append(items, w.compare(t, asker, whole, items, seen)...)
		}
	}
}

// withhold gives a source a bound that no sync can have kept.
func (s *server) withhold(source string) {
	s.t.Helper()
	ctx := s.as(identity.Request{Subject: "service:steward", Roles: []identity.Grant{{Role: identity.RoleSteward}}})
	if _, err := pb.NewSourceServiceClient(s.conn).SetSource(ctx, &pb.SetSourceRequest{Source: &pb.Source{Name: source, AccessBound: durationpb.New(1)}}); err != nil {
		s.t.Fatal(err)
	}
}

// worldConfig is what the servers of random worlds run with: queries may bring vectors.
func worldConfig(dir string) config {
	c := testConfig(dir)
	c.VectorSpaces = []spaceConfig{{ID: "brought/4", Dimensions: 4, Queries: true}}
	return c
}

// compare starts a server that only ever held what the asker may read of items, and
// compares the two; then again after each of some changes of what is hidden. It returns the
// lines of those changes.
func (w *world) compare(t *testing.T, asker worldAsker, whole *server, items []*pb.IngestRequest, seen *hiddenTally) (sent []*pb.IngestRequest) {
	t.Helper()
	part := serveConfig(t, worldConfig(t.TempDir()))
	defer part.stop()
	part.mustSend(w.visibleTo(asker, items)...)
	if w.withheld != "" {
		part.withhold(w.withheld)
	}
	for _, k := range w.names {
		if r := w.known[k]; asker.reads(w, r) {
			seen.visible.Add(1)
		} else if r.present {
			seen.hidden.Add(1)
		}
	}
	calls := w.calls(t)
	without := part.answers(part.as(asker.token), calls)
	check := func(some []int, when string) {
		t.Helper()
		var again []worldCall
		for _, i := range some {
			again = append(again, calls[i])
		}
		with := whole.answers(whole.as(asker.token), again)
		for j, i := range some {
			with[j].mustBe(t, without[i], fmt.Sprint(asker.token.Subject, ", with and without what is hidden, ", when))
		}
		seen.count(with)
	}
	check(w.Perm(len(calls)), "as it came")
	for range 3 {
		item := w.hiddenChange(asker)
		if item == nil {
			continue
		}
		whole.mustSend(item)
		sent = append(sent, item)
		seen.changes.Add(1)
		// All queries, and some of the other calls.
		check(append(w.Perm(worldQueries)[:worldQueries/2], worldQueries+w.IntN(len(calls)-worldQueries), worldQueries+w.IntN(len(calls)-worldQueries)),
			fmt.Sprint("after ", item))
	}
	seen.pairs.Add(1)
	seen.queries.Add(worldQueries)
	return sent
}
