package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// How much the crash harness does; make crash sets these.
var (
	crashKills = flag.Int("crash.kills", 12, "how often TestCrash kills a server at a random moment")
	crashEach  = flag.Int("crash.each", 0, "how often it does at each failpoint; 0 = once at some of them, and nothing is said of times")
	crashSeed  = flag.Uint64("crash.seed", 1, "what its clients do")
)

// Settings make happen within a second what otherwise takes a long time: pruning, taking
// from the outbox, checkpoints, compaction, and rebuilds of several batches.
var crashSettings = []setting{
	{"catalog/bolt", "DefaultRetention", "5"},
	{"audit", "takeEvery", "30 * time.Millisecond"},
	{"audit", "checkpointEvery", "50 * time.Millisecond"},
	{"indexer", "rebuildBatch", "20"},
	{"indexer/vector", "enough", "1 << 14"},
}

var crashEdits = []edit{{"indexer/vector/vector.go", "x.tidy(ctx, 3)", "x.tidy(ctx, 0)"}}

// TestCrash kills servers at random moments and at every failpoint while clients write,
// change who may read, delete, and read; starts them again on what is left; and compares
// that with what the clients know.
func TestCrash(t *testing.T) {
	began := time.Now()
	p := buildWithFailpoints(t, crashSettings, crashEdits...)
	built := time.Since(began)
	r := newReport()
	run := &crashRun{report: r, program: p, reached: map[string]map[scene]int{}}
	run.survey(t)
	surveyed := time.Since(began)
	deaths := run.plan(rand.New(rand.NewPCG(*crashSeed, 1)), *crashKills, *crashEach)
	const workers = 2 // more than there are processors on a small machine waits for disks alone
	t.Run("houses", func(t *testing.T) {
		for i := range workers {
			var mine []death
			for j := i; j < len(deaths); j += workers {
				mine = append(mine, deaths[j])
			}
			t.Run(fmt.Sprint(i+1), func(t *testing.T) {
				t.Parallel()
				run.kill(t, mine, *crashSeed*100+uint64(i))
			})
		}
	})
	var table strings.Builder
	r.print(&table, time.Since(began))
	t.Logf("built after %v, surveyed after %v\n%s", built.Round(time.Second), surveyed.Round(time.Second), table.String())
	for _, text := range r.texts {
		t.Error(text)
	}
	for f, n := range r.faults {
		t.Errorf("%s: %d", f, n)
	}
}

// crashRun is one run of the harness.
type crashRun struct {
	*report
	program builtProgram
	reached map[string]map[scene]int // how often a life comes to each failpoint
}

// maxRounds is how often the survey goes through the scenes to reach every failpoint, and
// sample how many failpoints a short run kills at.
const (
	maxRounds = 6
	sample    = 8
)

// survey has a server live through every scene, and notes which failpoints it comes to. One
// that it never comes to could not kill anybody.
func (run *crashRun) survey(t *testing.T) {
	h := newHouse(t, run.report, run.program, *crashSeed)
	never, rounds := run.program.failpoints, maxRounds
	if *crashEach == 0 {
		rounds = 1
	}
	for round := 0; round < rounds && len(never) > 0; round++ {
		for _, s := range []scene{starts, runs, rebuilds, stops} {
			if s == starts && round > 0 {
				continue
			}
			for name, n := range h.life(death{scene: s}) {
				if run.reached[name] == nil {
					run.reached[name] = map[scene]int{}
				}
				run.reached[name][s] = n
			}
		}
		never = slices.DeleteFunc(slices.Clone(never), func(name string) bool { return len(run.reached[name]) > 0 })
	}
	h.inspect(*crashEach > 0)
	if *crashEach > 0 && len(never) > 0 {
		run.fault(unreached, "%d of the %d failpoints: %s", len(never), len(run.program.failpoints), strings.Join(never, ", "))
	}
}

// plan makes up how servers are to die: at random moments, and at each failpoint.
func (run *crashRun) plan(rng *rand.Rand, random, each int) (deaths []death) {
	phases := []phase{opening, checking, working, working, working, working, working, ending}
	for i := range random {
		d := death{scene: runs, during: phases[i%len(phases)]}
		switch {
		case d.during == ending:
			d.scene = stops
		case rng.IntN(6) == 0:
			d.scene = rebuilds
		case rng.IntN(12) == 0:
			d.scene = starts
		}
		deaths = append(deaths, d)
	}
	names := slices.Clone(run.program.failpoints)
	if each == 0 {
		names = slices.DeleteFunc(names, func(name string) bool { return len(run.reached[name]) == 0 })
		rng.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		names, each = names[:min(sample, len(names))], 1
	}
	for _, name := range names {
		var in []scene
		for _, s := range scenes {
			if run.reached[name][s] > 0 {
				in = append(in, s)
			}
		}
		for i := range each {
			if len(in) > 0 {
				s := in[i%len(in)]
				deaths = append(deaths, death{scene: s, failpoint: name, hit: 1 + rng.IntN(run.reached[name][s])})
			}
		}
	}
	rng.Shuffle(len(deaths), func(i, j int) { deaths[i], deaths[j] = deaths[j], deaths[i] })
	return deaths
}

// How many lives pass before a directory is inspected, and before it is left for another.
const (
	inspectEvery = 25
	moveEvery    = 100
)

// kill has servers die as planned.
func (run *crashRun) kill(t *testing.T, deaths []death, seed uint64) {
	h := newHouse(t, run.report, run.program, seed)
	h.life(death{scene: runs})
	for i, d := range deaths {
		at := h
		if d.scene == starts { // in a directory of its own
			at = newHouse(t, run.report, run.program, seed+1000*uint64(i+1))
		}
		run.die(at, d)
		if at != h {
			at.life(death{scene: runs})
			at.inspect(false)
		}
		if h.lives%inspectEvery == 0 {
			h.inspect(true)
		}
		if h.lives >= moveEvery {
			h.inspect(true)
			h = newHouse(t, run.report, run.program, seed+uint64(i+1))
		}
	}
	h.inspect(true)
}

// die has a server die as planned. If it does not come to a failpoint as often as was
// planned, it is to die there when it first comes there.
func (run *crashRun) die(h *house, d death) {
	for _, hit := range []int{d.hit, 1 + d.hit/8, 1, 1, 1, 1} {
		d.hit = hit
		if passed := h.life(d); d.failpoint == "" || passed[d.failpoint] >= hit {
			return
		}
	}
	run.fault(unreached, "%s, %s", d.failpoint, d.scene)
}
