package desk

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/freshness"
	"github.com/muniment/muniment/indexer"
)

// batch is how many documents are read at once.
const batch = 500

// Query says which documents a report is of.
type Query struct {
	Filter indexer.Filter
	States []freshness.State        // empty = any
	Looks  func(source string) bool // whether the steward looks after it
	At     time.Time                // when they are judged; zero = now
}

// Ranked is a document of a report.
type Ranked struct {
	Judged
	Priority   float64
	Retrievals int64 // in the last 90 days, in whole weeks, rounded up to a power of two
	Conflicts  int   // confirmed by a steward, and still there
}

// Report is how far the documents of a steward can be trusted. It holds on to one state of the
// server until it is closed.
type Report struct {
	Summary Summary

	state *indexer.State
	view  acl.View
	rows  []row // worst first
}

// row is what a report remembers of a document: as little as ordering takes, because all
// documents of a report are in memory.
type row struct {
	id         catalog.DocumentID
	ratio      float64
	priority   float64
	retrievals int64
	conflicts  int32
	state      freshness.State
}

// Report judges the documents of the query that the caller may read. It must be closed.
func (d *Desk) Report(ctx context.Context, caller acl.Identity, q Query) (_ *Report, err error) {
	now := d.Now()
	if err := d.uses.level(ctx, d.Log, now); err != nil {
		return nil, err
	}
	r := &Report{}
	if r.state, err = d.Indexer.Pin(ctx, 0); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			r.Close()
		}
	}()
	if r.view, err = r.state.View(caller, now); err != nil {
		return nil, err
	}
	if q.At.IsZero() {
		q.At = r.view.At()
	}
	counts := newTally(q.At)
	disputes := confirmed{r.state, r.view, map[[2]catalog.DocumentID]int{}}
	ids := slices.DeleteFunc(r.state.Table.Admitted(r.view, q.Filter), func(id catalog.DocumentID) bool { return !q.Looks(id.Source) })
	for page := range slices.Chunk(ids, batch) {
		documents, err := r.read(ctx, page, q.At)
		if err != nil {
			return nil, err
		}
		for i := range documents {
			j := &documents[i]
			if len(q.States) > 0 && !slices.Contains(q.States, j.Finding.State) {
				continue
			}
			conflicts, err := disputes.of(ctx, j.Document)
			if err != nil {
				return nil, err
			}
			counts.add(j)
			retrievals := d.uses.of(j.DocumentID)
			r.rows = append(r.rows, row{
				id: j.DocumentID, ratio: j.Finding.Ratio, priority: priority(j.Finding, conflicts, retrievals),
				retrievals: retrievals, conflicts: int32(conflicts), state: j.Finding.State,
			})
		}
	}
	slices.SortFunc(r.rows, worstFirst)
	r.Summary = counts.done()
	return r, nil
}

// read judges documents, in the order of ids.
func (r *Report) read(ctx context.Context, ids []catalog.DocumentID, at time.Time) ([]Judged, error) {
	documents, err := r.state.Documents(ctx, r.view, ids)
	if err != nil {
		return nil, err
	}
	return judge(ctx, r.state, r.view, at, documents)
}

// Documents yields the worst documents of the report, worst first, at most limit of them; all
// if limit is 0. They are read a few at a time.
func (r *Report) Documents(ctx context.Context, limit int) iter.Seq2[Ranked, error] {
	rows := r.rows
	if limit > 0 {
		rows = rows[:min(limit, len(rows))]
	}
	return func(yield func(Ranked, error) bool) {
		for page := range slices.Chunk(rows, batch) {
			ids := make([]catalog.DocumentID, len(page))
			for i, row := range page {
				ids[i] = row.id
			}
			documents, err := r.read(ctx, ids, r.Summary.At)
			if err != nil {
				yield(Ranked{}, err)
				return
			}
			at := 0
			for _, j := range documents {
				for page[at].id != j.DocumentID {
					at++
				}
				if row := page[at]; !yield(Ranked{j, row.priority, row.retrievals, int(row.conflicts)}, nil) {
					return
				}
			}
		}
	}
}

// Close gives the state back.
func (r *Report) Close() { r.state.Release() }
