package desk

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/freshness"
	"github.com/muniment/muniment/indexer"
)

// Resolution is what a steward says of a conflict.
type Resolution struct {
	ID      string // Conflict.ID
	A, B    catalog.DocumentID
	Verdict catalog.Verdict // with A the first, B the second
	Note    string
}

// ErrNoConflict says that there is no such conflict, or that the caller may not read both of
// its documents.
var ErrNoConflict = errors.New("desk: no such conflict")

// ForeignError says that one of the two documents is of a source that the caller does not look
// after.
type ForeignError struct{ Source string }

// Error implements error.
func (e *ForeignError) Error() string {
	return fmt.Sprintf("desk: the source %q is not the caller's to decide about", e.Source)
}

// Resolve stores a verdict, and returns the conflict as it stands then, with the revision that
// holds it. Whether there is a conflict is asked of the two documents alone, so it can be
// settled whatever else there is, and whether or not a search has found it. Errors:
// ErrNoConflict, *ForeignError, catalog.ErrSettlements.
func (d *Desk) Resolve(ctx context.Context, caller acl.Identity, office Office, r Resolution) (Conflict, catalog.Revision, error) {
	if r.B.Compare(r.A) < 0 {
		r.A, r.B, r.Verdict = r.B, r.A, mirrored(r.Verdict)
	}
	state, err := d.Indexer.Pin(ctx, 0)
	if err != nil {
		return Conflict{}, 0, err
	}
	defer state.Release()
	view, err := state.View(caller, d.Now())
	if err != nil {
		return Conflict{}, 0, err
	}
	both, err := state.Documents(ctx, view, []catalog.DocumentID{r.A, r.B})
	if err != nil {
		return Conflict{}, 0, err
	}
	if len(both) != 2 || r.A == r.B {
		return Conflict{}, 0, ErrNoConflict
	}
	for _, d := range both { // only now, when the caller knows of both in any case
		if !office.Has(d.Source) {
			return Conflict{}, 0, &ForeignError{d.Source}
		}
	}
	list, err := between(ctx, state, view, both[0], both[1])
	if err != nil {
		return Conflict{}, 0, err
	}
	i := slices.IndexFunc(list, func(f *found) bool { return f.name() == r.ID })
	if i < 0 {
		return Conflict{}, 0, ErrNoConflict
	}
	s := catalog.Settlement{With: r.B, Sentences: list[i].sentences, Verdict: r.Verdict, Note: r.Note, By: caller.User}
	o, at, err := d.submit(ctx, caller, catalog.SettleConflict{First: r.A, Settlement: s})
	switch {
	case err == nil && o.Refused == catalog.ErrNotStored: // it has gone meanwhile
		return Conflict{}, 0, ErrNoConflict
	case err == nil:
		err = o.Refused
	}
	if err != nil {
		return Conflict{}, 0, err
	}
	if o.Document != nil {
		both[0].Settlements = o.Document.Settlements
	}
	c, err := live{list[i], &both[0], &both[1], both[0].Settled(r.B, s.Sentences)}.judged(ctx, state, view)
	return c, at, err
}

// submit has a mutation stored, and returns when it is in force.
func (d *Desk) submit(ctx context.Context, caller acl.Identity, m catalog.Mutation) (catalog.Outcome, catalog.Revision, error) {
	ticket, err := d.Indexer.Submit(ctx, indexer.Actor{User: caller.User, App: caller.App}, m, catalog.Request{})
	if err != nil {
		return catalog.Outcome{}, 0, err
	}
	return ticket.Wait(ctx)
}

// between finds the conflicts between two documents that the view admits, the first by id first.
func between(ctx context.Context, state *indexer.State, view acl.View, first, second catalog.Document) ([]*found, error) {
	var m material
	split := 0
	for _, d := range []catalog.Document{first, second} {
		list, err := passages(ctx, state, view, d)
		if err != nil {
			return nil, err
		}
		split = len(m.sources)
		m.add(d, list)
	}
	var out []found
	for _, c := range freshness.Between(m.sources[:split:split], m.sources[split:]) {
		out = append(out, m.found(c))
	}
	return merged(out), nil
}

// mirrored is the verdict with the sides the other way round.
func mirrored(v catalog.Verdict) catalog.Verdict {
	switch v {
	case catalog.FirstIsRight:
		return catalog.SecondIsRight
	case catalog.SecondIsRight:
		return catalog.FirstIsRight
	case catalog.FirstIsDuplicate:
		return catalog.SecondIsDuplicate
	case catalog.SecondIsDuplicate:
		return catalog.FirstIsDuplicate
	}
	return v
}
