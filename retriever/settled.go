package retriever

import (
	"cmp"
	"slices"

	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/freshness"
)

// What stewards have said of a conflict between two documents is for those who may read both, and
// holds while its two sentences stand. It says what the detector cannot know: that two values do not
// contradict each other, or which is right.

// settle applies to the conflicts between the results what was said of them, and adds those between
// independent documents that somebody has confirmed: what is found there is mostly none, and so is
// told to nobody unasked.
func settle(found []freshness.Conflict, results []Result, sources []freshness.Source) (list []freshness.Conflict) {
	for _, c := range append(found, confirmed(found, results, sources)...) {
		first, s := said(&results[c.A].Document, &results[c.B].Document, c)
		switch s.Verdict {
		case catalog.BothRight, catalog.NoConflict:
			continue
		case catalog.FirstIsRight, catalog.SecondIsRight:
			c.Confidence, c.PreferredReason = 1, "a steward has confirmed it"
			c.Preferred = side(first == (s.Verdict == catalog.FirstIsRight))
		case catalog.FirstIsDuplicate, catalog.SecondIsDuplicate:
			c.PreferredReason = "a steward has called the other a duplicate"
			c.Preferred = side(first == (s.Verdict == catalog.SecondIsDuplicate))
		}
		list = append(list, c)
	}
	slices.SortStableFunc(list, func(x, y freshness.Conflict) int {
		return cmp.Or(cmp.Compare(x.A, y.A), cmp.Compare(x.B, y.B),
			cmp.Compare(x.ValueSpanA.Start, y.ValueSpanA.Start), cmp.Compare(x.ValueSpanB.Start, y.ValueSpanB.Start))
	})
	return list
}

// side is the preference for A, or else B.
func side(a bool) int {
	if a {
		return 1
	}
	return 2
}

// said returns what was said of a conflict, and whether its side a is the first document by id.
func said(a, b *catalog.Document, c freshness.Conflict) (first bool, s catalog.Settlement) {
	if a.DocumentID.Compare(b.DocumentID) < 0 {
		return true, a.Settled(b.DocumentID, c.Sentences)
	}
	return false, b.Settled(a.DocumentID, c.Sentences)
}

// confirmed returns the conflicts that a steward has decided and that were not found, with the
// places of the results as indexes.
func confirmed(found []freshness.Conflict, results []Result, sources []freshness.Source) (list []freshness.Conflict) {
	at := map[catalog.DocumentID][]int{} // places
	for i := range results {
		id := results[i].Document.DocumentID
		at[id] = append(at[id], i)
	}
	type pair struct{ first, second catalog.DocumentID }
	compared := map[pair]bool{}
	known := map[[32]byte]bool{}
	for _, c := range found {
		known[c.Sentences] = true
	}
	for i := range results {
		first := &results[i].Document
		for _, s := range first.Settlements {
			p := pair{first.DocumentID, s.With}
			if s.Verdict != catalog.FirstIsRight && s.Verdict != catalog.SecondIsRight || at[s.With] == nil || compared[p] {
				continue
			}
			compared[p] = true
			places := slices.Concat(at[p.first], at[p.second])
			of := func(places []int) (list []freshness.Source) {
				for _, j := range places {
					list = append(list, sources[j])
				}
				return list
			}
			for _, c := range freshness.Between(of(at[p.first]), of(at[p.second])) {
				verdict := first.Settled(s.With, c.Sentences).Verdict
				if !known[c.Sentences] && (verdict == catalog.FirstIsRight || verdict == catalog.SecondIsRight) {
					c.A, c.B = places[c.A], places[c.B]
					list = append(list, c.Conflict.Ordered())
				}
			}
		}
	}
	return list
}
