// Package retriever answers a query from the caller's view: search, fuse, read, judge,
// record.
package retriever

import (
	"context"
	"errors"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// Retriever answers queries. All fields but Spaces are required.
type Retriever struct {
	States   States
	Embedder Embedder
	Space    indexer.Space // the Embedder's
	// Weight is the vector leg's share in the fused score, 0 to 1; it was calibrated for
	// the Embedder and belongs to it.
	Weight float64
	// Spaces are those of vectors that senders bring. Optional: without one, no query may
	// bring a vector.
	Spaces map[string]Space
	Log    Recorder
	// Hash makes a keyed hash of a query, so that the audit log can tell equal queries
	// without holding their text.
	Hash func(query string) string
	Now  func() time.Time
}

// States hands out what a request sees, at one revision.
type States interface {
	// Pin returns the newest published state, at least at the revision; the caller
	// releases it.
	Pin(ctx context.Context, atLeast catalog.Revision) (*indexer.State, error)
}

// Embedder turns a query into a vector.
type Embedder interface {
	// Embed returns one unit-length vector for each text, nil for a text that has none.
	Embed(ctx context.Context, texts []string) ([][]float32, error)
}

// Recorder makes audit records durable.
type Recorder interface {
	// Append returns once the record is durable.
	Append(ctx context.Context, r audit.Record) (audit.Entry, error)
}

// Errors of Retrieve beside those of the view, the indexes, the context and the query's own
// vector, which are *indexer.Refusal.
var (
	// ErrUnavailable means that no index can be searched at the moment.
	ErrUnavailable = errors.New("retriever: both indexes are being rebuilt")
	// ErrNotRecorded means that the audit record could not be written, so nothing may be
	// shown.
	ErrNotRecorded = errors.New("retriever: the audit log cannot be written")
)

// Request is one query.
type Request struct {
	ID      string // names the retrieval in the audit log
	Query   string
	Limit   int // how many passages, at least 1
	From    int // how many passages the pages before have shown, less than MostResults
	Filter  indexer.Filter
	AsOf    time.Time        // when documents are judged; zero = now
	AtLeast catalog.Revision // answer from this revision or a newer one
	Chain   []string         // the act chain of the caller's token, for the record
	Roles   []string         // what the caller may do besides, for the record alone
	Vector  *Vector          // the query's own vector; nil = the query is embedded
}

// Answer is what was found among what the caller may read.
type Answer struct {
	Results      []Result // best first
	More         bool     // whether another page follows
	Conflicts    []Conflict
	Degradations []Degradation
	Withheld     []string // the sources that are SourceWithheld, in order
	Evidence     Evidence
	At           time.Time // when freshness was judged
	Entry        audit.Entry
}

// Retrieve answers the request from what the caller may read. Nothing the caller may not
// read influences any part of the answer but Entry, and the answer is recorded before it
// is returned.
func (r *Retriever) Retrieve(ctx context.Context, caller acl.Identity, req Request) (Answer, error) {
	brought, err := r.check(req.Vector)
	if err != nil {
		return Answer{}, err
	}
	state, err := r.States.Pin(ctx, req.AtLeast)
	if err != nil {
		return Answer{}, err
	}
	defer state.Release()
	view, err := state.View(caller, r.Now())
	if err != nil {
		return Answer{}, err
	}
	at := view.At()
	if !req.AsOf.IsZero() {
		at = req.AsOf
	}
	visible, err := state.Visible(ctx, view, req.Filter, at)
	if err != nil {
		return Answer{}, err
	}
	question, degraded := r.question(ctx, state, req.Query, brought)
	page, err := find(ctx, newLayers(state, view, req.Filter, at), visible, question, req.From, req.Limit)
	if err != nil {
		return Answer{}, err
	}
	answer := Answer{
		Results: page.results, More: page.more, Conflicts: Conflicts(page.results), Degradations: append(degraded, page.degraded...),
		Withheld: visible.Withheld(), Evidence: evidence(page.results), At: view.At(),
	}
	if visible.Waiting() {
		answer.Degradations = append(answer.Degradations, PendingEmbedding)
	}
	if len(answer.Withheld) > 0 {
		answer.Degradations = append(answer.Degradations, SourceWithheld)
	}
	// failpoint: retriever/before-record
	answer.Entry, err = r.record(ctx, caller, req, state, visible, answer)
	if err != nil {
		return Answer{}, notRecorded(ctx, err)
	}
	// failpoint: retriever/before-reveal
	return answer, nil
}

// notRecorded is the error of an answer that must not be shown: the context's if the
// caller has left, which says nothing about the log.
func notRecorded(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errors.Join(ErrNotRecorded, err)
}
