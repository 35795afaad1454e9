package desk

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/freshness"
	"github.com/muniment/muniment/retriever"
)

// shortID is how many digits of a conflict's id the command line asks for.
const shortID = 12

const wholeDay = 24 * time.Hour

// document adds the work that one document of the office makes by itself.
func (w *worklist) document(ctx context.Context, d catalog.Document) error {
	if !w.wants(Review) && (!w.wants(HiddenText) || d.Hidden == 0) {
		return nil
	}
	finding, by, err := retriever.Judge(ctx, w.state, w.view, d)
	if err != nil {
		return err
	}
	judged := &Judged{d, finding, by}
	item := WorkItem{Source: d.Source, Owner: d.Owner, Document: d.DocumentID, Judged: judged, Documents: 1}
	if severities[finding.State] > 0 && w.wants(Review) {
		conflicts, err := w.disputes.of(ctx, d)
		if err != nil {
			return err
		}
		review := item
		review.Kind, review.Summary, review.Action = Review, called(d)+": "+finding.Reason, advice(judged)
		review.Priority = priority(byDay(finding), conflicts, w.most(d.DocumentID))
		w.add(review)
	}
	if d.Hidden > 0 && w.wants(HiddenText) {
		item.Kind, item.Priority = HiddenText, hiddenSeverity*used(w.most(d.DocumentID))
		item.Summary = fmt.Sprintf("%s holds %s that its readers do not see", called(d), count(d.Hidden, "character"))
		item.Action = "look at the text as it was sent, and take out what nobody is to read; a program may have been meant to"
		w.add(item)
	}
	return nil
}

// advice is what to do about a document that is due for review, or worse.
func advice(d *Judged) string {
	switch {
	case d.Finding.State == freshness.Superseded && d.SupersededBy != nil:
		return fmt.Sprintf("remove it at its source: %s/%s replaces it", d.SupersededBy.Source, d.SupersededBy.ID)
	case d.Finding.State == freshness.Superseded:
		return "remove it at its source"
	case d.Finding.State == freshness.Outdated:
		return "remove it at its source, or give it a later end of validity"
	}
	return "read it; mend what no longer holds, or vouch for it as it is (muniment document verify)"
}

// byDay is the finding with its age in whole days, so that a list does not change from one
// second to the next.
func byDay(f freshness.Finding) freshness.Finding {
	if interval := f.Due.Sub(f.Anchor); !f.Due.IsZero() && interval > 0 {
		f.Ratio = float64(f.AgeDays) * float64(wholeDay) / float64(interval)
	}
	return f
}

// duplicates adds the duplicates among the document and those it was compared with. A verdict
// counts as long as both documents are in view and still say what it was about.
func (w *worklist) duplicates(ctx context.Context, first catalog.Document, firstMatches bool) error {
	for _, s := range first.Settlements {
		if s.Verdict != catalog.FirstIsDuplicate && s.Verdict != catalog.SecondIsDuplicate {
			continue
		}
		found, err := w.state.Documents(ctx, w.view, []catalog.DocumentID{s.With})
		if err != nil {
			return err
		}
		if len(found) == 0 {
			continue
		}
		extra, kept := first, found[0]
		if s.Verdict == catalog.SecondIsDuplicate {
			extra, kept = kept, extra
		}
		if !w.office.Has(extra.Source) {
			continue
		}
		if matches, err := w.matches(ctx, found[0]); err != nil {
			return err
		} else if !firstMatches && !matches {
			continue
		}
		stands, err := w.stands(ctx, first, found[0], s)
		if err != nil {
			return err
		}
		if !stands {
			continue
		}
		finding, by, err := retriever.Judge(ctx, w.state, w.view, extra)
		if err != nil {
			return err
		}
		w.addOnce(WorkItem{
			Kind: Duplicate, Priority: duplicateSeverity * used(w.most(extra.DocumentID)), Source: extra.Source, Owner: extra.Owner, Documents: 2,
			Document: extra.DocumentID, Other: kept.DocumentID, Judged: &Judged{extra, finding, by},
			Summary: fmt.Sprintf("%s is a duplicate of %s, as %s has said", called(extra), besides(extra, kept), s.By),
			Action:  "remove it at its source",
		})
	}
	return nil
}

// addOnce adds an item unless there is one of the same kind about the same documents: several
// sentences of two documents may have been settled alike.
func (w *worklist) addOnce(i WorkItem) {
	for _, j := range w.items {
		if j.Kind == i.Kind && j.Document == i.Document && j.Other == i.Other {
			return
		}
	}
	w.add(i)
}

// matches reports whether a document of the view that has passages matches the filter.
func (w *worklist) matches(ctx context.Context, d catalog.Document) (bool, error) {
	matches := d.Rows.Count > 0 && w.state.Table.Visible(w.view).Narrow(w.Filter).Has(d.Rows.First)
	if !matches || len(w.States) == 0 {
		return matches, nil
	}
	return in(ctx, w.state, w.view, d, w.States)
}

// stands reports whether two documents still contradict each other in the sentences of a verdict.
func (w *worklist) stands(ctx context.Context, first, second catalog.Document, s catalog.Settlement) (bool, error) {
	list, err := between(ctx, w.state, w.view, first, second)
	if err != nil {
		return false, err
	}
	for _, f := range list {
		if f.sentences == s.Sentences {
			return true, nil
		}
	}
	return false, nil
}

// contradictions adds an item for each cluster of conflicts that nobody has settled. One with a
// document that is replaced or past its date is settled by removing that, which is work of
// another kind: old versions of a page would fill the list with each other.
func (w *worklist) contradictions(ctx context.Context, caller acl.Identity) error {
	list, searching, err := w.desk.conflicts(ctx, caller, w.office, w.state, w.view)
	if err != nil {
		return err
	}
	w.searching = searching
	lives, err := ConflictQuery{Filter: w.Filter, States: w.States}.live(ctx, w.office, w.state, w.view, list)
	if err != nil {
		return err
	}
	over := map[catalog.DocumentID]bool{}
	for _, l := range lives {
		for _, d := range []*catalog.Document{l.a, l.b} {
			if _, known := over[d.DocumentID]; known {
				continue
			}
			finding, _, err := retriever.Judge(ctx, w.state, w.view, *d)
			if err != nil {
				return err
			}
			over[d.DocumentID] = finding.State == freshness.Superseded || finding.State == freshness.Outdated
		}
	}
	lives = slices.DeleteFunc(lives, func(l live) bool { return over[l.a.DocumentID] || over[l.b.DocumentID] })
	for _, c := range clusters(lives) {
		first, ids := c[0], c.documents()
		mine := first.a
		if !w.office.Has(mine.Source) {
			mine = first.b
		}
		finding, by, err := retriever.Judge(ctx, w.state, w.view, *first.a)
		if err != nil {
			return err
		}
		severity := versionsSeverity
		if first.tier == freshness.TierB {
			severity = strangersSeverity
		}
		item := WorkItem{
			Kind: Dispute, Priority: severity * first.confidence * math.Log2(float64(len(ids))) * used(w.most(ids...)),
			Source: mine.Source, Owner: mine.Owner, Document: first.a.DocumentID, Other: first.b.DocumentID, Judged: &Judged{*first.a, finding, by},
			ConflictID: first.name(), Documents: len(ids),
			Summary: fmt.Sprintf("%s: %s", both(*first.a, *first.b), first.explanation),
			Action:  "mend the one that is wrong, or say which is right (muniment conflicts resolve " + first.name()[:shortID] + ")",
		}
		if more := len(c) - 1; more > 0 {
			item.Summary += fmt.Sprintf(" (and %s more)", count(more, "conflict"))
		}
		w.add(item)
	}
	return nil
}

// called is what a person calls a document.
func called(d catalog.Document) string {
	name := strings.Join(strings.Fields(d.Title), " ")
	if name == "" {
		name = d.ID
	}
	if r := []rune(name); len(r) > 60 {
		name = string(r[:60]) + "…"
	}
	return "“" + name + "”"
}

// both is what a person calls two documents.
func both(a, b catalog.Document) string {
	x, y := called(a), called(b)
	if x == y {
		return "two documents called " + x
	}
	return x + " and " + y
}

// besides is what a person calls the second of two documents after the first.
func besides(a, b catalog.Document) string {
	if called(a) == called(b) {
		return "another of that name"
	}
	return called(b)
}

// count is a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
