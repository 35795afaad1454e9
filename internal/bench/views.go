package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
	"github.com/muniment/muniment/internal/bench/report"
)

// aWord is a query that costs next to nothing, so that what a search takes is what its view takes.
var aWord = indexer.Query{Text: "nobodyhasthisword"}

// measureViews takes callers whom nobody has asked for yet: resolving their rows, and what the keyword leg
// keeps of them. That is a cold view; asking again is a cached one.
func (e *engine) measureViews(ctx context.Context) error {
	e.say("resolving views")
	var cold, cached report.Times
	once := func(c int) (time.Duration, error) {
		start := time.Now()
		view, err := e.resolve(e.state, caller(c))
		if err != nil {
			return 0, err
		}
		_, err = e.state.Keyword.Search(ctx, view, aWord, bestWords)
		return time.Since(start), err
	}
	for c := range min(200, len(e.data.Callers)) {
		first, err := once(c)
		if err != nil {
			return err
		}
		cold = append(cold, first)
		start := time.Now()
		if _, err := e.resolve(e.state, caller(c)); err != nil {
			return err
		}
		cached = append(cached, time.Since(start))
	}
	e.stated("views", "cold view: groups, rows and statistics, p50", cold.At(0.5), "ms", report.AtMost(6))
	e.stated("views", "cold view, p95", cold.At(0.95), "ms", nil)
	e.stated("views", "cached view, p50", 1000*cached.At(0.5), "µs", report.AtMost(10))
	return nil
}

// measureRefresh adds one document at a time, and resolves a view that was resolved before each.
func (e *engine) measureRefresh(ctx context.Context) error {
	var refresh report.Times
	who := 3 % len(e.data.Callers) // of the largest share
	for n := range 20 {
		m, err := e.indexer.Prepare(ctx, catalog.PutDocument{
			Document: catalog.Document{DocumentID: catalog.DocumentID{Source: "refresh", ID: fmt.Sprint(n)}, Version: time.Now().UnixNano()},
			Text:     "One document more.",
		})
		if err != nil {
			return err
		}
		ticket, err := e.indexer.Submit(ctx, indexer.Actor{}, m, catalog.Request{})
		if err != nil {
			return err
		}
		if _, _, err := ticket.Wait(ctx); err != nil {
			return err
		}
		state, err := e.indexer.Pin(ctx, 0)
		if err != nil {
			return err
		}
		start := time.Now()
		view, err := e.resolve(state, caller(who))
		if err == nil {
			_, err = state.Keyword.Search(ctx, view, aWord, bestWords)
		}
		refresh = append(refresh, time.Since(start))
		state.Release()
		if err != nil {
			return err
		}
	}
	e.stated("views", "view after one document more, p50", refresh.At(0.5), "ms", report.AtMost(1))
	return nil
}

// measureSize says what the parts of the directory take.
func (r *run) measureSize() error {
	for _, part := range []string{"catalog.bolt", "index/keyword", "index/vector", "audit"} {
		var bytes int64
		err := filepath.WalkDir(filepath.Join(r.served(), filepath.FromSlash(part)), func(_ string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			if errors.Is(err, os.ErrNotExist) {
				return nil
			}
			bytes += info.Size()
			return err
		})
		if err != nil {
			return err
		}
		r.stated("size", "on disk, "+part, float64(bytes)/(1<<20), "MiB", nil)
	}
	return nil
}
