package main

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// brokenPrograms break one promise each, in a way that only shows when a server is killed.
var brokenPrograms = []struct {
	name      string
	edits     []edit
	failpoint string // where it is killed; a random moment if it is none
	sees      fault
	quick     bool // part of every run
}{
	{
		name: "acknowledges before it commits", sees: lost, quick: true,
		edits: []edit{{"indexer/writer.go", "	at, err := x.apply(ctx, group)\n", `	for _, j := range group {
		j.outcome.Changed, j.at = true, x.published.revision()
		close(j.done)
		j.done = make(chan struct{})
	}
	time.Sleep(5 * time.Millisecond) // most of the time, so that a kill at a random moment hits it
	at, err := x.apply(ctx, group)
`}},
	},
	{
		name: "reveals before it records", sees: unrecorded,
		edits: []edit{{
			"retriever/retriever.go", "answer.Entry, err = r.record(ctx, caller, req, state, answer)",
			"time.AfterFunc(5*time.Millisecond, func() { r.record(context.WithoutCancel(ctx), caller, req, state, answer) })",
		}},
	},
	{
		name: "commits content and access apart", sees: half, failpoint: "catalog/after-sync",
		edits: []edit{{"indexer/writer.go", "	done, err := x.Store.Commit(ctx, c)\n", `	early := catalog.Commit{At: c.At}
	for _, m := range c.Mutations {
		if p, ok := m.(catalog.PutDocument); ok && p.Access.Policy != nil {
			p.Access = catalog.AccessPatch{}
			early.Mutations = append(early.Mutations, p)
		}
	}
	if len(early.Mutations) > 0 {
		x.Store.Commit(ctx, early)
	}
	done, err := x.Store.Commit(ctx, c)
`}},
	},
	{
		name: "empties the outbox before the log has it", sees: unrecorded, failpoint: "audit/before-drain",
		edits: []edit{{
			"audit/drain.go", "		if len(batch) == 0 {\n			return nil\n		}\n", `		if len(batch) == 0 {
			return nil
		}
		if err := d.outbox.Take(ctx, batch[len(batch)-1].Outbox); err != nil {
			panic(err)
		}
`,
		}},
	},
	{
		name: "forgets passages when it rebuilds an index", sees: wrongAnswer,
		edits: []edit{{"indexer/leg.go", "	for _, p := range d.Passages {\n", "	for i, p := range d.Passages {\n		if i == 0 {\n			continue\n		}\n"}},
	},
}

// TestCrashHasTeeth gives the harness programs that break a promise, and demands that it
// notices.
func TestCrashHasTeeth(t *testing.T) {
	for i, b := range brokenPrograms {
		t.Run(b.name, func(t *testing.T) {
			if !b.quick && *crashEach == 0 {
				t.Skip("only with -crash.each")
			}
			r := newReport()
			h := newHouse(t, r, buildWithFailpoints(t, crashSettings, append(crashEdits, b.edits...)...), 1000+uint64(i))
			rng := rand.New(rand.NewPCG(uint64(i), 2))
			for kills := 1; kills <= 100; kills++ {
				h.life(death{scene: scenes[2*(kills%2)], failpoint: b.failpoint, hit: 10 + rng.IntN(40), during: working})
				if b.sees == unrecorded && kills%3 == 0 {
					h.inspect(false)
				}
				if r.faults[b.sees] > 0 {
					first := slices.IndexFunc(r.texts, func(text string) bool { return strings.HasPrefix(text, string(b.sees)) })
					t.Logf("after %d kills: %v", kills, r.texts[max(0, first)])
					return
				}
			}
			t.Errorf("after 100 kills, nothing of the sort %q was noticed, but: %v", b.sees, r.faults)
		})
	}
}
