package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strconv"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/catalog/bolt"
	"github.com/muniment/muniment/indexer"
	"github.com/muniment/muniment/indexer/keyword"
	"github.com/muniment/muniment/indexer/vector"
	"github.com/muniment/muniment/internal/bench/draw"
	"github.com/muniment/muniment/internal/bench/exact"
	"github.com/muniment/muniment/retriever"
)

// engine is what a server answers from, opened in this process.
type engine struct {
	*run
	indexer    *indexer.Indexer
	state      *indexer.State
	retriever  *retriever.Retriever
	views      []*indexer.Visible // of the callers; nil before they are resolved
	everything *indexer.Visible
	closers    []io.Closer
}

// openEngine opens the directory that the server has left.
func (r *run) openEngine(ctx context.Context) (e *engine, err error) {
	e = &engine{run: r, views: make([]*indexer.Visible, len(r.data.Callers))}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.close())
		}
	}()
	log := slog.New(slog.DiscardHandler)
	store, err := bolt.Open(filepath.Join(r.served(), "catalog.bolt"), bolt.Options{Logger: log})
	if err != nil {
		return e, err
	}
	e.closers = append(e.closers, store)
	words, err := keyword.Open(filepath.Join(r.served(), "index", "keyword"), store.ID(), log)
	if err != nil {
		return e, err
	}
	e.closers = append(e.closers, words)
	vectors, err := vector.Open(filepath.Join(r.served(), "index", "vector"), store.ID(), log)
	if err != nil {
		return e, err
	}
	e.closers = append(e.closers, vectors)
	own := indexer.Space{ID: "bench/none", Dimensions: 1} // nothing is embedded here
	e.indexer, err = indexer.Open(ctx, indexer.Config{
		Store: store, Keyword: words, Vector: vectors, Embedder: none{}, Space: own, Own: func(space string) bool { return space == own.ID },
		Spaces: []indexer.Space{{ID: spaceID, Dimensions: draw.Dimensions}, own}, Scale: acl.DefaultScale, Log: log,
	})
	if err != nil {
		return e, err
	}
	e.closers = append(e.closers, e.indexer)
	if err := e.indexer.Whole(ctx); err != nil {
		return e, err
	}
	if e.state, err = e.indexer.Pin(ctx, 0); err != nil {
		return e, err
	}
	e.retriever = &retriever.Retriever{
		States: e.indexer, Embedder: none{}, Space: own, Weight: weight, Log: &unrecorded{}, Now: time.Now,
		Spaces: map[string]retriever.Space{spaceID: {Dimensions: draw.Dimensions, Weight: weight, Queries: true}},
		Hash:   func(query string) string { return query },
	}
	if e.everything, err = e.resolve(e.state, everything); err == nil && e.everything.Len() != r.data.Passages {
		err = fmt.Errorf("the index holds %d passages, not %d", e.everything.Len(), r.data.Passages)
	}
	return e, err
}

func (e *engine) close() error {
	var errs []error
	if e.state != nil {
		e.state.Release()
	}
	for i := len(e.closers) - 1; i >= 0; i-- {
		errs = append(errs, e.closers[i].Close())
	}
	return errors.Join(errs...)
}

// none embeds nothing: queries bring their vectors.
type none struct{}

func (none) Embed(_ context.Context, texts []string) ([][]float32, error) {
	return make([][]float32, len(texts)), nil
}

// unrecorded counts what a server would record.
type unrecorded struct{ n int64 }

func (u *unrecorded) Append(context.Context, audit.Record) (audit.Entry, error) {
	u.n++
	return audit.Entry{Index: u.n}, nil
}

// identity is what the server makes of a caller's token.
func identityOf(name acl.Principal) acl.Identity {
	cleared := acl.DefaultScale.UpTo(acl.DefaultSensitivity)
	return acl.Identity{User: name, App: "service:bench", Clearance: cleared, Scope: acl.Scope{AllSources: true, Clearance: cleared}}
}

// resolve resolves somebody's view.
func (e *engine) resolve(state *indexer.State, name acl.Principal) (*indexer.Visible, error) {
	view, err := state.View(identityOf(name), time.Now())
	return state.Table.Visible(view), err
}

// view is the caller's, resolved when it is first asked for.
func (e *engine) view(caller_ int) (_ *indexer.Visible, err error) {
	if e.views[caller_] == nil {
		e.views[caller_], err = e.resolve(e.state, caller(caller_))
	}
	return e.views[caller_], err
}

// search asks a leg, and names the passages as the data set does.
func (e *engine) search(ctx context.Context, leg indexer.Reader, view *indexer.Visible, q indexer.Query, limit int) ([]exact.Hit, error) {
	found, err := leg.Search(ctx, view, q, limit)
	if err != nil {
		return nil, err
	}
	hits := make([]exact.Hit, len(found))
	for i, h := range found {
		if hits[i], err = e.hit(view.ID(h.Row), h.Score); err != nil {
			return nil, err
		}
	}
	return hits, nil
}

func (e *engine) hit(id catalog.PassageID, score float64) (exact.Hit, error) {
	d, err := strconv.Atoi(id.Document.ID)
	if err != nil {
		return exact.Hit{}, fmt.Errorf("a passage without a place: %v", id)
	}
	return exact.Hit{Passage: e.data.Documents[d].First + id.Ordinal, Score: score}, nil
}

// words is the keyword leg.
func (e *engine) words(name string) *way {
	return &way{name: name, judge: e.judgeWords, cpu: ownCPU, ask: func(ctx context.Context, q int) ([]exact.Hit, error) {
		query := e.data.Queries[q]
		view, err := e.view(query.Caller)
		if err != nil {
			return nil, err
		}
		return e.search(ctx, e.state.Keyword, view, indexer.Query{Text: query.Text}, bestWords)
	}}
}

// near is the vector leg.
func (e *engine) near(name string) *way {
	return &way{name: name, judge: e.judgeNear, cpu: ownCPU, ask: func(ctx context.Context, q int) ([]exact.Hit, error) {
		query := e.data.Queries[q]
		view, err := e.view(query.Caller)
		if err != nil {
			return nil, err
		}
		return e.search(ctx, e.state.Vector, view, indexer.Query{Space: spaceID, Vector: query.Vector}, nearest)
	}}
}

// both is the whole of a query but for the wire and the record.
func (e *engine) both(name string) *way {
	return &way{name: name, judge: e.judgeLength, cpu: ownCPU, ask: func(ctx context.Context, q int) ([]exact.Hit, error) {
		query := e.data.Queries[q]
		answer, err := e.retriever.Retrieve(ctx, identityOf(caller(query.Caller)), retriever.Request{
			ID: strconv.Itoa(q), Query: query.Text, Limit: limit, Vector: &retriever.Vector{Space: spaceID, Values: query.Vector},
		})
		if err != nil {
			return nil, err
		}
		if len(answer.Degradations) > 0 {
			return nil, fmt.Errorf("the answer is degraded: %v", answer.Degradations)
		}
		var hits []exact.Hit
		for _, result := range answer.Results {
			h, err := e.hit(result.Passage.ID, result.Score)
			if err != nil {
				return nil, err
			}
			hits = append(hits, h)
		}
		return hits, nil
	}}
}
