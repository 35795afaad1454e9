package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/muniment/muniment/internal/bench/draw"
	"github.com/muniment/muniment/internal/bench/exact"
	"github.com/muniment/muniment/internal/bench/report"
)

// way is one way of answering queries, and what was measured of it.
type way struct {
	name string
	ask  func(ctx context.Context, q int) ([]exact.Hit, error)
	// cpu is the processor time spent so far by whoever answers; nil if that cannot be known.
	cpu func() time.Duration
	// judge compares an answer with the exact one: how much of it is right, and whether it holds fewer results
	// than there are. Nil for ways whose answers are not to be compared.
	judge func(q int, hits []exact.Hit) (right float64, short bool)
	// unfiltered ways do not know who asks, so what they show is no leak.
	unfiltered bool

	parts [len(draw.Shares)]measured
}

// measured is of one share of visible passages.
type measured struct {
	times report.Times
	right []float64
	cpu   time.Duration
	short int
	leaks int
}

// batch is how many queries each way answers before the next has its turn: enough for the processor time
// to be seen, and few enough for noise to fall on all ways alike.
const batch = 25

// measure lets the ways answer the queries in turns, share by share.
func (r *run) measure(ctx context.Context, queries []int, ways ...*way) error {
	byPart := slices.Clone(queries)
	slices.SortStableFunc(byPart, func(a, b int) int { return r.part(a) - r.part(b) })
	for len(byPart) > 0 {
		n := 1
		for n < min(batch, len(byPart)) && r.part(byPart[n]) == r.part(byPart[0]) {
			n++
		}
		for _, w := range ways {
			if err := w.answer(ctx, r, byPart[:n]); err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
		}
		byPart = byPart[n:]
	}
	return nil
}

// part is the place in draw.Shares of the query's caller.
func (r *run) part(q int) int { return r.data.Callers[r.data.Queries[q].Caller].Part() }

// answer answers a batch, and judges only when the time has been taken.
func (w *way) answer(ctx context.Context, r *run, queries []int) error {
	m := &w.parts[r.part(queries[0])]
	var answers [][]exact.Hit
	var before time.Duration
	if w.cpu != nil {
		before = w.cpu()
	}
	for _, q := range queries {
		start := time.Now()
		hits, err := w.ask(ctx, q)
		if err != nil {
			return fmt.Errorf("query %d: %w", q, err)
		}
		m.times = append(m.times, time.Since(start))
		answers = append(answers, hits)
	}
	if w.cpu != nil {
		m.cpu += w.cpu() - before
	}
	for i, q := range queries {
		for _, h := range answers[i] {
			if !w.unfiltered && !r.data.Readable(r.data.Queries[q].Caller, h.Passage) {
				m.leaks++
			}
		}
		if w.judge != nil {
			right, short := w.judge(q, answers[i])
			m.right = append(m.right, right)
			if short {
				m.short++
			}
		}
	}
	return nil
}

// all is what was measured over all shares.
func (w *way) all() (sum measured) {
	for _, m := range w.parts {
		sum.times = append(sum.times, m.times...)
		sum.right = append(sum.right, m.right...)
		sum.cpu += m.cpu
		sum.short += m.short
		sum.leaks += m.leaks
	}
	return sum
}

// worst is the lowest mean of what was right, over the shares.
func (w *way) worst() float64 {
	worst := math.Inf(1)
	for _, m := range w.parts {
		if len(m.right) > 0 {
			worst = min(worst, report.Mean(m.right))
		}
	}
	return worst
}

// rows are the table's rows of the way.
func (w *way) rows() (rows []report.Row) {
	for i, m := range w.parts {
		if len(m.times) > 0 {
			rows = append(rows, w.row(draw.Shares[i].Name, m))
		}
	}
	return append(rows, w.row("all", w.all()))
}

func (w *way) row(share string, m measured) report.Row {
	r := report.Row{
		Way: w.name, Share: share, Queries: len(m.times), P50: m.times.At(0.50), P95: m.times.At(0.95), P99: m.times.At(0.99),
		CPU: report.Missing, Exact: report.Mean(m.right), Short: float64(m.short), Leaks: float64(m.leaks),
	}
	if w.cpu != nil {
		r.CPU = report.Milliseconds(m.cpu) / float64(len(m.times))
	}
	if w.unfiltered {
		r.Leaks = report.Missing
	}
	if w.judge == nil {
		r.Short = report.Missing
	}
	return r
}

// table keeps the rows of the ways as a table, and prints it.
func (r *run) table(name, what string, ways ...*way) {
	t := report.Table{Name: name, What: what}
	for _, w := range ways {
		t.Rows = append(t.Rows, w.rows()...)
	}
	r.report.Tables = append(r.report.Tables, t)
	t.Lines(r.progress)
}

// figure keeps a figure, and prints it.
func (r *run) figure(f report.Figure) {
	r.report.Figures = append(r.report.Figures, f)
	report.Lines(r.progress, []report.Figure{f})
}

// judged and stated keep figures of a part.
func (r *run) judged(part, name string, value float64, unit string, goal report.Goal) {
	r.figure(report.Judged(part, name, value, unit, goal))
}

func (r *run) stated(part, name string, value float64, unit string, goal report.Goal) {
	r.figure(report.Stated(part, name, value, unit, goal))
}

// honest keeps the figures that no way of the product may miss.
func (r *run) honest(part string, w *way) {
	m := w.all()
	r.judged(part, w.name+", passages shown that the caller may not read", float64(m.leaks), "", report.AtMost(0))
	if w.judge != nil {
		r.judged(part, w.name+", answers with fewer results than there are", float64(m.short), "", report.AtMost(0))
	}
}
