package main

import (
	"fmt"
	"io"
	"slices"
	"sync"
	"text/tabwriter"
	"time"
)

// fault is a sort of thing that must never be.
type fault string

const (
	lost        fault = "acknowledged changes lost"
	half        fault = "changes half applied"
	wrongStatus fault = "acknowledgements against the rules"
	wrongAnswer fault = "answers not those of the model"
	unrecorded  fault = "answers and changes without a record"
	doubled     fault = "answers and changes recorded twice"
	differing   fault = "indexes unlike a rebuild"
	slow        fault = "openings over the limit"
	broken      fault = "servers and logs broken"
	unreached   fault = "failpoints never reached"
)

var faults = []fault{lost, half, wrongStatus, wrongAnswer, unrecorded, doubled, differing, slow, broken, unreached}

// openingLimit is how long a server may take to open what a killed one has left.
const openingLimit = 5 * time.Second

// report is what a run of the harness has seen.
type report struct {
	mu       sync.Mutex
	faults   map[fault]int
	texts    []string // of the first faults
	random   map[string]int
	at       map[string]int // kills by failpoint
	openings []time.Duration

	acknowledged, unacknowledged, storedInVain   int // changes, lines
	received, answersLookedFor, changesLookedFor int
	visits, comparisons, logs, stores            int
	discarded                                    int // indexes, at an opening
}

func newReport() *report {
	return &report{faults: map[fault]int{}, random: map[string]int{}, at: map[string]int{}}
}

// maxFaultTexts is how many faults are described.
const maxFaultTexts = 30

func (r *report) fault(f fault, format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults[f]++
	if len(r.texts) < maxFaultTexts {
		r.texts = append(r.texts, string(f)+": "+fmt.Sprintf(format, args...))
	}
}

// note changes the report's counts.
func (r *report) note(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
}

// kills is how often a server was killed, at random moments and at failpoints.
func (r *report) kills() (random, failpoints int) {
	for _, n := range r.random {
		random += n
	}
	for _, n := range r.at {
		failpoints += n
	}
	return random, failpoints
}

// print writes the counts as a table.
func (r *report) print(w io.Writer, took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	defer t.Flush()
	row := func(what string, value any) { fmt.Fprintf(t, "%s\t%v\n", what, value) }
	random, failpoints := r.kills()
	row("kills at random moments", random)
	for _, when := range sortedKeys(r.random) {
		row("  "+when, r.random[when])
	}
	row("kills at failpoints", failpoints)
	for _, name := range sortedKeys(r.at) {
		row("  "+name, r.at[name])
	}
	row("changes acknowledged", r.acknowledged)
	row("lines not acknowledged when a server was killed", r.unacknowledged)
	row("  of these stored all the same", r.storedInVain)
	row("answers received", r.received)
	row("  looked for in the log", r.answersLookedFor)
	row("change records looked for in the log", r.changesLookedFor)
	row("logs verified", r.logs)
	row("stores checked from end to end", r.stores)
	row("reads compared with the model", r.visits)
	row("answers compared with those of a rebuild and of a new server", r.comparisons)
	row("indexes discarded at an opening after a kill", r.discarded)
	if slices.Sort(r.openings); len(r.openings) > 0 {
		row("openings", len(r.openings))
		row("  median", r.openings[len(r.openings)/2].Round(time.Millisecond))
		row("  longest", r.openings[len(r.openings)-1].Round(time.Millisecond))
	}
	for _, f := range faults {
		row(string(f), r.faults[f])
	}
	row("took", took.Round(time.Second))
}

func sortedKeys(m map[string]int) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
