// Package trace follows answers down to the versions of documents that they rest on, and says
// what has become of those since. It adds to the record nothing but what the catalog knows:
// its history as far back as that is kept, and its present state.
//
// Who traces is an auditor: ids, versions, hashes and policies are theirs to see, whoever may
// read the documents. Text is not. It is shown where the auditor's own view admits, now, every
// document that it may be taken from.
package trace

import (
	"context"
	"errors"
	"iter"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// Tracer traces.
type Tracer struct {
	Log Finder
	// Past pins the catalog at a revision, as catalog.Store.Snapshot does.
	Past func(ctx context.Context, at catalog.Revision) (catalog.Snapshot, error)
	// Who is the caller of a retrieval, as they would call now. It reports false if that
	// cannot be told.
	Who func(r audit.Record) (acl.Identity, bool)
}

// Finder finds records, as audit.Log does.
type Finder interface {
	// Find yields the records about the subject whose index is below before, newest first.
	Find(ctx context.Context, s audit.Subject, before int64) iter.Seq2[audit.Item, error]
}

// Trace is the tree from answers down to policies.
type Trace struct {
	Answers    []Answer // newest first
	Retrievals []Retrieval
}

// Answer is one that an app reported.
type Answer struct {
	audit.Item
	Text string // "" if it was not sent or may not be shown
}

// Retrieval is one that an answer was made from.
type Retrieval struct {
	ID      string
	Missing bool // its record was erased, or never was
	audit.Item
	Query    string // "" if it may not be shown
	Passages []Passage
}

// Passage is one that was returned.
type Passage struct {
	audit.Source
	Cited   bool
	Policy  Policy
	Changes []Change
	Text    string // "" if it may not be shown or is no longer kept
}

// mostAnswers is how many answers of one retrieval are traced.
const mostAnswers = 100

// Trace traces an answer; for a retrieval, the answers that were made from it. The state is
// the present, and the auditor what the auditor may read of it. Error: audit.ErrNotFound if
// the record is of neither.
func (t Tracer) Trace(ctx context.Context, state *indexer.State, auditor acl.View, of audit.Item) (trace Trace, err error) {
	var ids []string
	switch {
	case of.Record.Answer != nil:
		trace.Answers, ids = []Answer{{Item: of}}, of.Record.Answer.Retrievals
	case of.Record.Kind == audit.KindRetrieve && of.Record.Retrieval != nil:
		ids = []string{of.Record.ID}
		for item, err := range t.Log.Find(ctx, audit.OfRetrieval(of.Record.ID), audit.Newest) {
			if err != nil {
				return Trace{}, err
			}
			if trace.Answers = append(trace.Answers, Answer{Item: item}); len(trace.Answers) == mostAnswers {
				break
			}
		}
	default:
		return Trace{}, audit.ErrNotFound
	}
	cited, readable := citedBy(trace.Answers), map[string]bool{}
	for _, id := range ids {
		r, may, err := t.retrieval(ctx, state, auditor, id, cited)
		if err != nil {
			return Trace{}, err
		}
		trace.Retrievals, readable[id] = append(trace.Retrievals, r), may
	}
	for i := range trace.Answers {
		a := &trace.Answers[i]
		may := true // an answer may be taken from all that its retrievals returned
		for _, id := range a.Record.Answer.Retrievals {
			may = may && readable[id]
		}
		if may {
			a.Text = a.Record.Answer.Text
		}
	}
	return trace, nil
}

// rank is a passage of a retrieval.
type rank struct {
	retrieval string
	rank      int
}

// citedBy is the passages that the answers cite.
func citedBy(answers []Answer) map[rank]bool {
	cited := map[rank]bool{}
	for _, a := range answers {
		for _, c := range a.Record.Answer.Citations {
			if c.Resolved() {
				cited[rank{c.Retrieval, c.Rank}] = true
			}
		}
	}
	return cited
}

// retrieval traces one retrieval, and reports whether the auditor may read all that it returned.
func (t Tracer) retrieval(ctx context.Context, state *indexer.State, auditor acl.View, id string, cited map[rank]bool) (r Retrieval, readable bool, err error) {
	r = Retrieval{ID: id, Missing: true}
	for item, err := range t.Log.Find(ctx, audit.WithID(id), audit.Newest) {
		if err != nil {
			return r, false, err
		}
		if item.Record.Retrieval != nil {
			r.Item, r.Missing = item, false
		}
		break
	}
	if r.Missing {
		return r, false, nil
	}
	l := look{state: state, auditor: auditor, record: &r.Record, may: map[catalog.DocumentID]bool{}}
	if l.past, err = t.Past(ctx, catalog.Revision(r.Record.Retrieval.Revision)); err == nil {
		defer l.past.Close()
	} else if !errors.Is(err, catalog.ErrPruned) && !errors.Is(err, catalog.ErrFuture) {
		return r, false, err
	}
	if who, ok := t.Who(r.Record); ok {
		if view, err := state.View(who, auditor.At()); err == nil { // else in too many groups to tell
			l.asker, l.known = view, true
		}
	}
	readable = len(r.Record.Retrieval.Sources) > 0
	for _, s := range r.Record.Retrieval.Sources {
		p, err := l.passage(ctx, s)
		if err != nil {
			return r, false, err
		}
		p.Cited = cited[rank{id, s.Rank}]
		readable = readable && l.may[documentOf(s)]
		r.Passages = append(r.Passages, p)
	}
	if readable {
		r.Query = r.Record.Retrieval.Query
	}
	return r, readable, l.conflicts(ctx, r.Passages)
}

func documentOf(s audit.Source) catalog.DocumentID {
	return catalog.DocumentID{Source: s.Source, ID: s.ID}
}
