// Package replay asks again what was asked, of the catalog as it was then, and compares the
// answer with its record.
//
// The product promises that nothing a caller may not read has a part in what the caller is
// told. So all that an answer came from can be had again from the record and the catalog's
// history: the documents that the recorded caller could read at the recorded revision are put
// into indexes of their own, and the retriever ranks them at the recorded instant. If nobody
// has changed record or history, and the promise holds, the answer is the same, bit for bit.
package replay

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
	"github.com/muniment/muniment/retriever"
)

// What one replay may take. One is made at a time.
const (
	MostPassages = 20_000           // that the caller could read
	MostBytes    = 256 << 20        // of their texts and vectors
	MostTime     = 60 * time.Second // from the moment that it begins
	MostPatience = 5 * time.Second  // for another to end
)

// Replayer replays retrievals. Room, Time and Patience are optional; other fields are required.
type Replayer struct {
	Indexer   *indexer.Indexer     // of which the catalog's history is read
	Retriever *retriever.Retriever // whose embedder and hash are used
	// Indexes makes two empty indexes and says how to be rid of them.
	Indexes  func() (words, vectors indexer.Index, discard func() error, err error)
	Room     indexer.Room  // 0 = MostPassages and MostBytes
	Time     time.Duration // 0 = MostTime
	Patience time.Duration // 0 = MostPatience

	once sync.Once
	busy chan struct{} // full while a replay is made
}

// Errors of Replay beside *Unsupported and those of the catalog, the indexes and the
// context.
var (
	ErrTooLarge = errors.New("replay: the caller could read too much")
	ErrTooLong  = errors.New("replay: it took too long")
	ErrBusy     = errors.New("replay: another is being made")
	ErrEmbedder = errors.New("replay: the query could not be embedded")
)

// Outcome is what a replay has found.
type Outcome struct {
	Record audit.Record // as the retrieval would be recorded, if it were made now
	Ranks  []Rank       // best first
	// Fields name what differs of the rest of the record, as it is called there.
	Fields []string
}

// Rank is one place of the answer.
type Rank struct {
	Recorded, Replayed *audit.Source // nil = none
	Fields             []string      // what differs of the two, as the record calls it
	Title, Text        string        // of Replayed, if the auditor may read that
}

// Matches reports whether the replay and the record are the same.
func (o Outcome) Matches() bool {
	for _, r := range o.Ranks {
		if r.Recorded == nil || r.Replayed == nil || len(r.Fields) > 0 {
			return false
		}
	}
	return len(o.Fields) == 0
}

// Replay asks again what the record of a retrieval says was asked. The auditor is shown titles
// and texts of what they may read in the state now, and in that version too. Errors:
// *Unsupported, ErrTooLarge, ErrTooLong, ErrBusy, ErrEmbedder, catalog.ErrPruned and
// catalog.ErrFuture.
func (p *Replayer) Replay(ctx context.Context, now *indexer.State, auditor acl.View, record audit.Record) (o Outcome, err error) {
	q, err := p.read(record)
	if err != nil {
		return o, err
	}
	leave, err := p.enter(ctx)
	if err != nil {
		return o, err
	}
	defer leave()
	timed, cancel := context.WithTimeoutCause(ctx, orDefault(p.Time, MostTime), ErrTooLong)
	defer cancel()
	o, err = p.replay(timed, now, auditor, record, q)
	if err != nil && ctx.Err() == nil && timed.Err() != nil {
		return o, errors.Join(ErrTooLong, err)
	}
	return o, err
}

// enter waits until no other replay is made.
func (p *Replayer) enter(ctx context.Context) (leave func(), err error) {
	p.once.Do(func() { p.busy = make(chan struct{}, 1) })
	select {
	case p.busy <- struct{}{}:
		return func() { <-p.busy }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(orDefault(p.Patience, MostPatience)):
		return nil, ErrBusy
	}
}

func (p *Replayer) replay(ctx context.Context, now *indexer.State, auditor acl.View, record audit.Record, q question) (o Outcome, err error) {
	past, err := p.Indexer.Store.Snapshot(ctx, catalog.Revision(record.Retrieval.Revision))
	if err != nil {
		return o, err
	}
	then := asThen{past, past.Directory().Withhold(withholding(record)), record.Retrieval.Expected}
	view, err := then.View(q.caller, record.Time)
	if err != nil {
		return o, errors.Join(unsupported("the recorded caller cannot be resolved: %v", err), past.Close())
	}
	words, vectors, discard, err := p.Indexes()
	if err != nil {
		return o, errors.Join(err, past.Close())
	}
	defer func() { err = errors.Join(err, discard()) }()
	if q.lacks[retriever.KeywordRebuilding] {
		words = nil
	}
	if q.lacks[retriever.VectorRebuilding] {
		vectors = nil
	}
	// What was withheld is read too: the record says of which sources there was something.
	state, err := p.Indexer.Past(ctx, then, view.Regardless(), words, vectors, p.room())
	if errors.Is(err, indexer.ErrTooLarge) {
		return o, errors.Join(ErrTooLarge, err)
	}
	if err != nil {
		return o, err
	}
	defer state.Release()
	answer, replayed, err := p.ask(ctx, state, record, q)
	if err != nil {
		return o, err
	}
	if o, err = compare(record.Retrieval, replayed.Retrieval); err != nil {
		return o, err
	}
	o.Record = replayed
	return o, reveal(ctx, now, past, auditor, answer.Results, o.Ranks)
}

// ask has the retriever answer from the state, and returns what it would have recorded.
func (p *Replayer) ask(ctx context.Context, state *indexer.State, record audit.Record, q question) (retriever.Answer, audit.Record, error) {
	again := *p.Retriever
	kept := &keeper{}
	again.States, again.Log = pinned{state}, kept
	again.Now = func() time.Time { return record.Time }
	again.Weight = record.Retrieval.VectorWeight
	again.Embedder = unable{}
	if !q.lacks[retriever.KeywordOnly] && !q.lacks[retriever.VectorRebuilding] {
		// Now, and not in the short time that a query has for it.
		vectors, err := p.Retriever.Embedder.Embed(ctx, []string{q.Query})
		if err != nil || len(vectors) != 1 {
			return retriever.Answer{}, audit.Record{}, errors.Join(ErrEmbedder, err)
		}
		again.Embedder = embedded{vectors}
	}
	answer, err := again.Retrieve(ctx, q.caller, q.Request)
	if err != nil {
		return answer, audit.Record{}, fmt.Errorf("ranking again: %w", err)
	}
	return answer, kept.record, nil
}

// room is how much may be read.
func (p *Replayer) room() indexer.Room {
	return indexer.Room{Passages: orDefault(p.Room.Passages, MostPassages), Bytes: orDefault(p.Room.Bytes, MostBytes)}
}

func orDefault[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}
