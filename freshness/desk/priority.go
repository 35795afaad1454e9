package desk

import (
	"cmp"
	"math"

	"github.com/muniment/muniment/freshness"
)

// severities say how bad it is that a document is in a state.
var severities = map[freshness.State]float64{
	freshness.Superseded: 3, freshness.Outdated: 3, freshness.Stale: 2, freshness.Due: 1,
}

// conflictSeverity is added for each conflict that a steward has confirmed and that still
// stands.
const conflictSeverity = 2

// mostOverdue is the ratio from which a document counts as no worse.
const mostOverdue = 4

// priority is what a document comes to when worst comes first: severity × how far it is
// overdue × how often it was returned.
//
// With the ratio and the logarithm as they are, an outdated document without a review interval,
// or one that nobody has asked for yet, would come to nothing and lie among the fresh ones. So
// neither factor is ever below 1. Retrievals are as they leave, rounded, lest the product tell
// what the rounding hides.
func priority(f freshness.Finding, conflicts int, retrievals int64) float64 {
	severity := severities[f.State] + conflictSeverity*float64(conflicts)
	return severity * max(1, min(f.Ratio, mostOverdue)) * (1 + math.Log1p(float64(retrievals)))
}

// places order states where the priority is the same, for those that have none above all: what
// nothing is known of comes before what is well.
var places = map[freshness.State]int{
	freshness.Superseded: 0, freshness.Outdated: 1, freshness.Stale: 2, freshness.Due: 3,
	freshness.Unknown: 4, freshness.NotYetValid: 5, freshness.Fresh: 6,
}

// worstFirst orders rows; of equals the first by id.
func worstFirst(a, b row) int {
	return cmp.Or(cmp.Compare(b.priority, a.priority), cmp.Compare(places[a.state], places[b.state]),
		cmp.Compare(b.ratio, a.ratio), cmp.Compare(b.retrievals, a.retrievals), a.id.Compare(b.id))
}
