package retriever_test

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"testing"

	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// script is an indexer.Reader that finds what it is told to find.
type script struct {
	scores map[catalog.Row]float64
	err    error
}

func (s script) Revision() catalog.Revision { return 1 }
func (s script) Close() error               { return nil }

func (s script) Digest(indexer.Entry) (digest uint64, held bool) { return 0, false }
func (s script) Contents(context.Context) iter.Seq2[indexer.Content, error] {
	return func(func(indexer.Content, error) bool) {}
}

func (s script) Search(ctx context.Context, view *indexer.Visible, q indexer.Query, limit int) ([]indexer.Hit, error) {
	if err := cmp.Or(s.err, ctx.Err()); err != nil {
		return nil, err
	}
	var hits []indexer.Hit
	for row, score := range s.scores {
		if view.Has(row) {
			hits = append(hits, indexer.Hit{Row: row, Score: score})
		}
	}
	slices.SortFunc(hits, func(a, b indexer.Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), view.Compare(a.Row, b.Row))
	})
	return hits[:min(limit, len(hits))], nil
}

// scored makes a script that gives the passages of each document, in order, these scores.
func (d *desk) scored(t testing.TB, scores map[string][]float64) script {
	t.Helper()
	s := script{scores: map[catalog.Row]float64{}}
	for c, err := range d.store.Changes(t.Context(), 0, catalog.Contents) {
		must(t, err)
		if c.Document == nil {
			continue
		}
		for i, score := range scores[c.Document.Document.ID] {
			s.scores[c.Document.Passages[i].Row] = score
		}
	}
	return s
}

// states is a States that changes what it hands out.
type states struct {
	retrieverStates
	change func(s *indexer.State)
}

type retrieverStates interface {
	Pin(ctx context.Context, atLeast catalog.Revision) (*indexer.State, error)
}

func (s states) Pin(ctx context.Context, atLeast catalog.Revision) (*indexer.State, error) {
	pinned, err := s.retrieverStates.Pin(ctx, atLeast)
	if err != nil {
		return nil, err
	}
	changed := &indexer.State{Snapshot: pinned.Snapshot, Table: pinned.Table, Keyword: pinned.Keyword, Vector: pinned.Vector}
	s.change(changed)
	return changed, nil
}

// legs puts other readers in the place of the indexes; nil is an index being rebuilt.
func (d *desk) legs(change func(s *indexer.State)) {
	d.States = states{d.indexer, change}
}

// words lets the script alone find anything.
func (d *desk) words(s script) {
	d.legs(func(state *indexer.State) { state.Keyword, state.Vector = s, nil })
}
