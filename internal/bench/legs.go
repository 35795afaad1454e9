package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/muniment/muniment/indexer"
	"github.com/muniment/muniment/internal/bench/report"
)

// measureEngine opens the engine and runs what is to be measured in this process.
func (r *run) measureEngine(ctx context.Context) (err error) {
	r.say("opening the engine in this process")
	e, err := r.openEngine(ctx)
	if err != nil {
		return fmt.Errorf("opening the engine: %w", err)
	}
	defer func() { err = errors.Join(err, e.close()) }()
	if r.wants("views") {
		if err := e.measureViews(ctx); err != nil {
			return err
		}
	}
	if r.wants("engine") {
		if err := e.measureLegs(ctx); err != nil {
			return err
		}
		if err := e.compareCallers(ctx); err != nil {
			return err
		}
	}
	if r.wants("bleve") {
		if err := r.compareBleve(ctx, e); err != nil {
			return err
		}
	}
	if r.wants("views") {
		return e.measureRefresh(ctx)
	}
	return nil
}

// measureLegs measures each leg and both.
func (e *engine) measureLegs(ctx context.Context) error {
	e.say("asking the engine")
	near, words, both := e.near("vector leg"), e.words("keyword leg"), e.both("hybrid")
	all := e.queries(len(e.data.Queries))
	for _, w := range []*way{near, words, both} { // resolves every view
		for _, q := range all {
			if _, err := w.ask(ctx, q); err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
		}
	}
	if err := e.measure(ctx, all, near, words, both); err != nil {
		return err
	}
	e.table("engine-vector", "Vector leg in process, ten results; exact: recall against float32", near)
	e.table("engine-keyword", "Keyword leg in process, 50 results; exact: share equal to BM25 over what may be read", words)
	e.table("engine-hybrid", "Hybrid in process, ten results, without wire and durable record", both)
	large := e.data.Passages > 200_000
	goal := func(small, million float64) report.Goal {
		switch {
		case !large:
			return report.AtMost(small)
		case million > 0:
			return report.AtMost(million)
		}
		return nil
	}
	for _, g := range []struct {
		w        *way
		p50, p95 report.Goal
	}{{near, goal(1, 0), goal(2, 0)}, {words, goal(1, 8), goal(2.5, 15)}, {both, goal(1.5, 0), goal(4, 0)}} {
		times := g.w.all().times
		e.stated("engine", g.w.name+" over all shares, p50", times.At(0.50), "ms", g.p50)
		e.stated("engine", g.w.name+" over all shares, p95", times.At(0.95), "ms", g.p95)
		e.honest("engine", g.w)
	}
	recall := 0.999
	if large {
		recall = 0.98
	}
	e.judged("engine", "vector leg, recall@10 over all shares", report.Mean(near.all().right), "", report.AtLeast(recall))
	e.judged("engine", "vector leg, recall@10 of the worst share", near.worst(), "", report.AtLeast(min(recall, 0.995)))
	e.judged("engine", "keyword leg, answers equal to exact BM25, of the worst share", words.worst(), "", report.AtLeast(1))
	return nil
}

// compareCallers lets callers with different shares ask the same queries in turns with one who sees
// everything. A caller's time is the sum, over the queries, of the median of the rounds.
func (e *engine) compareCallers(ctx context.Context) error {
	const (
		perPart = 4
		queries = 6
		rounds  = 5
	)
	e.say("letting callers ask the same in turns")
	var callers []int
	var taken [4]int
	about := map[string][]int{}
	for i, c := range e.data.Callers {
		if c.Share > 0.008 && c.Share < 0.0125 && len(about["1 %"]) < perPart {
			about["1 %"] = append(about["1 %"], i)
		}
		if c.Share > 0.08 && c.Share < 0.125 && len(about["10 %"]) < perPart {
			about["10 %"] = append(about["10 %"], i)
		}
		if p := c.Part(); taken[p] < perPart {
			taken[p]++
			callers = append(callers, i)
		}
	}
	for _, leg := range []struct {
		name  string
		in    indexer.Reader
		limit int
		query func(q int) indexer.Query
	}{
		{"vector leg", e.state.Vector, nearest, func(q int) indexer.Query {
			return indexer.Query{Space: spaceID, Vector: e.data.Queries[q].Vector}
		}},
		{"keyword leg", e.state.Keyword, bestWords, func(q int) indexer.Query { return indexer.Query{Text: e.data.Queries[q].Text} }},
	} {
		// compare returns what the view takes, and what everything takes, for the queries.
		compare := func(view *indexer.Visible) (own, all float64, err error) {
			for q := range queries {
				took := [2][]float64{}
				for range rounds {
					for i, v := range []*indexer.Visible{view, e.everything} {
						start := time.Now()
						if _, err := leg.in.Search(ctx, v, leg.query(q*37%len(e.data.Queries)), leg.limit); err != nil {
							return 0, 0, err
						}
						took[i] = append(took[i], report.Milliseconds(time.Since(start)))
					}
				}
				own, all = own+report.Median(took[0]), all+report.Median(took[1])
			}
			return own / queries, all / queries, nil
		}
		ratios := func(callers []int) (list, own, all []float64, err error) {
			for _, c := range callers {
				view, err := e.view(c)
				if err != nil {
					return nil, nil, nil, err
				}
				o, a, err := compare(view)
				if err != nil {
					return nil, nil, nil, err
				}
				list, own, all = append(list, o/a), append(own, o), append(all, a)
			}
			return list, own, all, nil
		}
		slower, _, all, err := ratios(callers)
		if err != nil {
			return err
		}
		worst := 0.0
		for _, x := range slower {
			worst = max(worst, x)
		}
		e.judged("engine", leg.name+", slowest caller against one who sees everything", worst, "×", report.AtMost(1.1))
		if leg.name != "vector leg" {
			continue
		}
		million := func(ms float64) report.Goal {
			if e.data.Passages < 1_000_000 {
				return nil
			}
			return report.AtMost(ms)
		}
		e.stated("engine", "vector leg, everything visible, median", report.Median(all), "ms", million(8))
		for _, share := range []struct {
			name string
			goal float64
		}{{"10 %", 1.5}, {"1 %", 0.3}} {
			ratio, own, _, err := ratios(about[share.name])
			if err != nil {
				return err
			}
			e.stated("engine", "vector leg, "+share.name+" visible, median", report.Median(own), "ms", million(share.goal))
			if share.name == "1 %" {
				e.judged("engine", "vector leg, a caller who sees 1 % against one who sees everything", report.Median(ratio), "×", report.AtMost(0.25))
			}
		}
	}
	return nil
}
