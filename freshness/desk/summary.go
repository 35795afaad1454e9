package desk

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/muniment/muniment/freshness"
)

// Sizes of a summary.
const (
	// MaxCounts is how many sources, owners and containers it tells of.
	MaxCounts = 1000
	// ratios is how many steps of a quarter there are up to mostOverdue, and one for all above.
	ratios = 4*mostOverdue + 1
)

// Summary counts the documents of a report.
type Summary struct {
	All        Count
	Sources    []Count // by name
	Owners     []Count // worst first
	Containers []Count // worst first; of documents that lie in one
	// Ratios is how many have a ratio in [0, 0.25), [0.25, 0.5) and so on, the last all from 4 on.
	Ratios [ratios]int
	At     time.Time // when they were judged
}

// Count is the states of some documents.
type Count struct {
	Source, Name string // whose they are; empty where they are of no one source, owner or container
	Documents    int
	States       [freshness.Fresh + 1]int // by state
	Verified     int                      // for whose text, as it is, a person has vouched
	severity     float64
}

// tally counts documents one by one.
type tally struct {
	Summary
	sources, owners, containers map[[2]string]*Count
}

func newTally(at time.Time) *tally {
	return &tally{Summary{At: at}, map[[2]string]*Count{}, map[[2]string]*Count{}, map[[2]string]*Count{}}
}

// vouched reports whether a person has vouched for the document's text, and not in the future.
func vouched(d *Judged) bool {
	return !d.Verified.At.IsZero() && d.Finding.Anchor.Equal(d.Verified.At)
}

func (t *tally) add(d *Judged) {
	verified := vouched(d)
	t.All.add(d.Finding.State, verified)
	in := func(counts map[[2]string]*Count, source, name string) {
		c := counts[[2]string{source, name}]
		if c == nil {
			c = &Count{Source: source, Name: name}
			counts[[2]string{source, name}] = c
		}
		c.add(d.Finding.State, verified)
	}
	in(t.sources, d.Source, "")
	in(t.owners, "", string(d.Owner))
	if d.Access.Container != "" {
		in(t.containers, d.Source, d.Access.Container)
	}
	if !d.Finding.Due.IsZero() {
		t.Ratios[int(min(4*d.Finding.Ratio, ratios-1))]++
	}
}

func (c *Count) add(state freshness.State, verified bool) {
	c.Documents++
	c.States[state]++
	c.severity += severities[state]
	if verified {
		c.Verified++
	}
}

// done is the summary of what was added.
func (t *tally) done() Summary {
	t.Sources = slices.SortedFunc(values(t.sources), func(a, b Count) int { return cmp.Compare(a.Source, b.Source) })
	t.Owners, t.Containers = slices.SortedFunc(values(t.owners), worse), slices.SortedFunc(values(t.containers), worse)
	for _, list := range []*[]Count{&t.Sources, &t.Owners, &t.Containers} {
		*list = (*list)[:min(len(*list), MaxCounts)]
	}
	return t.Summary
}

// worse orders counts by the severities of their documents together.
func worse(a, b Count) int {
	return cmp.Or(cmp.Compare(b.severity, a.severity), cmp.Compare(b.Documents, a.Documents),
		cmp.Compare(a.Source, b.Source), cmp.Compare(a.Name, b.Name))
}

func values(counts map[[2]string]*Count) func(yield func(Count) bool) {
	return func(yield func(Count) bool) {
		for c := range maps.Values(counts) {
			if !yield(*c) {
				return
			}
		}
	}
}
