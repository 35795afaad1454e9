package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/muniment/muniment/indexer"
	"github.com/muniment/muniment/indexer/keyword"
	"github.com/muniment/muniment/indexer/vector"
	"github.com/muniment/muniment/retriever"
	"github.com/muniment/muniment/retriever/replay"
)

// openReplays makes ready to replay retrievals. What a process left of one that was killed
// meanwhile is removed: it holds what some documents say.
func (e *engine) openReplays(x *indexer.Indexer, r *retriever.Retriever) (*replay.Replayer, error) {
	home := e.cfg.path("index", "replay")
	if err := os.RemoveAll(home); err != nil {
		return nil, fmt.Errorf("removing the indexes that an interrupted replay left: %w", err)
	}
	return &replay.Replayer{
		Indexer: x, Retriever: r,
		Indexes: func() (indexer.Index, indexer.Index, func() error, error) { return e.passing(home) },
	}, nil
}

// passing makes two empty indexes beside those of the catalog, on the same disk, and says how
// to be rid of them.
func (e *engine) passing(home string) (words, vectors indexer.Index, discard func() error, err error) {
	if err := os.MkdirAll(home, 0o700); err != nil {
		return nil, nil, nil, fmt.Errorf("making indexes for a replay: %w", err)
	}
	dir, err := os.MkdirTemp(home, "")
	if err != nil {
		return nil, nil, nil, fmt.Errorf("making indexes for a replay: %w", err)
	}
	remove := func() error { return os.RemoveAll(dir) }
	quiet := slog.New(slog.DiscardHandler) // that they are new is no news
	w, err := keyword.Open(dir+"/keyword", e.store.ID(), quiet)
	if err != nil {
		return nil, nil, nil, errors.Join(err, remove())
	}
	v, err := vector.Open(dir+"/vector", e.store.ID(), quiet)
	if err != nil {
		return nil, nil, nil, errors.Join(err, w.Close(), remove())
	}
	return w, v, func() error { return errors.Join(w.Close(), v.Close(), remove()) }, nil
}
