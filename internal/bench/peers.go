package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/muniment/muniment/indexer"
	"github.com/muniment/muniment/internal/bench/draw"
	"github.com/muniment/muniment/internal/bench/exact"
	"github.com/muniment/muniment/internal/bench/peer"
	"github.com/muniment/muniment/internal/bench/report"
)

func hitsOf(passages []int) []exact.Hit {
	hits := make([]exact.Hit, len(passages))
	for i, p := range passages {
		hits[i].Passage = p
	}
	return hits
}

func openPostgres(ctx context.Context, url string, r *run) (*peer.Postgres, error) {
	p, err := peer.NewPostgres(ctx, url, r.data)
	if err != nil {
		return nil, err
	}
	r.report.Notes = append(r.report.Notes, fmt.Sprintf("%s: %.0f s to copy, %.0f s to index.", p.Version, p.Loading.Seconds(), p.Indexing.Seconds()))
	return p, nil
}

// compareBleve asks the keyword leg and an index of bleve in turns.
func (r *run) compareBleve(ctx context.Context, e *engine) error {
	r.say("indexing with bleve")
	start := time.Now()
	dir := filepath.Join(r.dir, "bleve")
	if err := os.RemoveAll(dir); err != nil { // of a former run
		return err
	}
	b, err := peer.NewBleve(dir, r.data)
	if err != nil {
		return fmt.Errorf("bleve: %w", err)
	}
	defer b.Close()
	r.report.Notes = append(r.report.Notes, fmt.Sprintf("bleve: %.0f s to index.", time.Since(start).Seconds()))
	var many []int // queries of callers in many groups
	for q, query := range r.data.Queries {
		if len(r.data.Callers[query.Caller].Groups) >= manyGroups && len(many) < 200 {
			many = append(many, q)
		}
	}
	if len(many) == 0 {
		return fmt.Errorf("no caller is in %d groups", manyGroups)
	}
	r.say("asking bleve and the engine in turns")
	ours, must, filter := e.words("Muniment"), r.bleve(b, "bleve, must", peer.Must), r.bleve(b, "bleve, filter", peer.Filter)
	if err := r.inTurns(ctx, many, ours, must, filter); err != nil {
		return err
	}
	r.table("bleve-filter", fmt.Sprintf("Keyword leg, 50 results, callers in %d groups or more", manyGroups), ours, must, filter)
	faster := min(must.all().times.At(0.5), filter.all().times.At(0.5))
	r.judged("bleve", fmt.Sprintf("the faster of bleve's filters takes longer, callers in %d groups or more, p50", manyGroups), faster/ours.all().times.At(0.5), "×", report.AtLeast(5))

	// What sees everything against a search that asks for no permission.
	seen := &way{name: "Muniment, everything in view", unfiltered: true, cpu: ownCPU, ask: func(ctx context.Context, q int) ([]exact.Hit, error) {
		return e.search(ctx, e.state.Keyword, e.everything, indexer.Query{Text: r.data.Queries[q].Text}, bestWords)
	}}
	plain := &way{name: "bleve without permissions", unfiltered: true, cpu: ownCPU, ask: func(ctx context.Context, q int) ([]exact.Hit, error) {
		found, err := b.Search(ctx, peer.Unfiltered, r.data.Queries[q].Text, nil, bestWords)
		return hitsOf(found), err
	}}
	if err := r.inTurns(ctx, r.queries(200), seen, plain); err != nil {
		return err
	}
	r.table("bleve-everything", "Keyword leg, 50 results, a view of everything against bleve's own search", seen, plain)
	r.judged("bleve", "a view of everything against bleve's own search, p50", seen.all().times.At(0.5)/plain.all().times.At(0.5), "×", report.AtMost(0.5))
	return nil
}

// bleve is asking the index of bleve with the caller's groups.
func (r *run) bleve(b *peer.Bleve, name string, how peer.Way) *way {
	return &way{name: name, judge: r.judgeShort, cpu: ownCPU, ask: func(ctx context.Context, q int) ([]exact.Hit, error) {
		query := r.data.Queries[q]
		found, err := b.Search(ctx, how, query.Text, r.data.Callers[query.Caller].Groups, bestWords)
		return hitsOf(found), err
	}}
}

// manyGroups is from how many groups on a filter of them is slow.
const manyGroups = 50

// inTurns asks a few queries first, and then measures.
func (r *run) inTurns(ctx context.Context, queries []int, ways ...*way) error {
	if err := r.measure(ctx, queries[:min(40, len(queries))], ways...); err != nil {
		return err
	}
	for _, w := range ways {
		w.parts = [len(draw.Shares)]measured{}
	}
	return r.measure(ctx, queries, ways...)
}

// judgeShort judges of a peer's answer only how long it is.
func (r *run) judgeShort(q int, hits []exact.Hit) (float64, bool) {
	return nothing, len(hits) < min(bestWords, len(r.truths[q].words))
}
