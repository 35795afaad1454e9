package embed

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// How often the embedder is asked for canaries: when all is well, and, with full jitter,
// when it is not.
const (
	calmProbe  = time.Minute
	firstProbe = time.Second
	lastProbe  = 30 * time.Second
)

// lateQueries is how many queries in a row may go without an answer before none waits.
const lateQueries = 3

// watch asks for canaries until Close. It alone puts the embedder to use again.
func (g *Guard) watch() {
	g.probe()
	close(g.first)
	for failures := 0; ; g.probe() {
		pause := calmProbe
		if g.broken() {
			pause = jitter(firstProbe, lastProbe, failures)
			failures++
		} else {
			failures = 0
		}
		select {
		case <-time.After(pause):
		case <-g.alarm:
			select {
			case <-time.After(jitter(firstProbe, lastProbe, failures)):
			case <-g.ctx.Done():
			}
		case <-g.ctx.Done():
		}
		if g.ctx.Err() != nil {
			return
		}
	}
}

func (g *Guard) broken() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.documents != nil || g.queries != nil
}

// probe asks for two canaries and draws the conclusions.
func (g *Guard) probe() {
	ctx, cancel := context.WithTimeout(g.ctx, g.Timeout)
	defer cancel()
	_, err := g.reference(ctx)
	start := time.Now()
	if err == nil {
		_, err = g.ask(ctx, nil)
	}
	took := time.Since(start)
	if g.ctx.Err() != nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	was, slow := g.documents, errors.Is(g.queries, errSlow)
	g.documents, g.queries, g.late = err, err, 0
	switch {
	case err != nil && (was == nil || errors.Is(err, ErrForeign) != errors.Is(was, ErrForeign)):
		g.report(err)
	case err == nil && took > g.Budget:
		g.queries = errSlow
		if slow {
			break // that has been said
		}
		g.Log.Warn("the embedding server is too slow for queries: they are searched by words only", "took", took.Round(time.Millisecond), "at_most", g.Budget)
	case err == nil && was != nil:
		g.Log.Info("the embedding server can be used again")
	}
}

// report says what went wrong and what can be done about it. g.mu is held.
func (g *Guard) report(err error) {
	if errors.Is(err, ErrForeign) {
		g.Log.Error("the embedding server no longer gives the vectors that were recorded for its model: another model answers "+
			"under its name, or vectors come in another order than their texts. Nothing it says is used: documents wait, queries "+
			"are searched by words only. Put the model back; or, if the change is meant, give embedder.revision another value, "+
			"and everything is embedded anew", "space", g.Space.ID, "recorded", g.known.Recorded)
		return
	}
	g.Log.Error("the embedding server cannot be used: documents wait for their vectors, queries are searched by words only", "error", err)
}

// failed takes a failed request for documents as a sign. What is wrong with a text is none:
// it comes at once, and the next text may be fine.
func (g *Guard) failed(err error) {
	if errors.Is(err, ErrTooLong) || g.ctx.Err() != nil {
		return
	}
	status, refused := errors.AsType[*StatusError](err)
	ofTexts := errors.Is(err, ErrAnswer) || refused && status.Code == http.StatusBadRequest
	if !ofTexts {
		g.mu.Lock()
		if g.documents == nil {
			g.report(err)
		}
		g.documents, g.queries = err, err
		g.mu.Unlock()
	}
	g.look()
}

// look makes watch ask soon.
func (g *Guard) look() {
	select {
	case g.alarm <- struct{}{}:
	default:
	}
}

// QueryEmbedder embeds queries. It is the part of a Guard that retrieval uses.
type QueryEmbedder struct{ *Guard }

// Embed embeds queries within the budget, however long ctx allows. It does not wait for an
// embedder that has let queries wait before: the error is then ErrUnavailable at once.
func (q QueryEmbedder) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	g := q.Guard
	g.mu.Lock()
	if err := g.queries; err != nil {
		g.mu.Unlock()
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	type answer struct {
		vectors [][]float32
		err     error
	}
	answered := make(chan answer, 1)
	// The request is not the caller's: one who leaves early must not look like an embedder
	// that is late.
	g.running.Go(func() {
		ctx, cancel := context.WithTimeout(g.ctx, g.Budget)
		defer cancel()
		vectors, err := g.call(ctx, g.Queries, texts)
		g.queried(err)
		answered <- answer{vectors, err}
	})
	g.mu.Unlock()
	select {
	case a := <-answered:
		return a.vectors, a.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// queried takes the outcome of a query as a sign.
func (g *Guard) queried(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	status, refused := errors.AsType[*StatusError](err)
	switch {
	case errors.Is(err, ErrTooLong) || errors.Is(err, ErrAnswer) || refused && status.Code == http.StatusBadRequest:
		g.look() // it answers, and at once
	case err == nil:
		g.late = 0
	case g.queries == nil && g.ctx.Err() == nil:
		if g.late++; g.late >= lateQueries {
			g.queries = err
			g.Log.Warn("the embedding server does not answer in time: queries are searched by words only", "error", err)
			g.look()
		}
	}
}
