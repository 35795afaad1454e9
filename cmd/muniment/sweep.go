package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// How the marks of deleted documents are dropped: so many in one commit, so often.
const (
	sweepLimit = 1000
	sweepEvery = time.Hour
)

// sweeper is the actor of what sweep commits.
var sweeper = indexer.Actor{App: "service:sweeper"}

// sweepUntil sweeps now and then until ctx ends.
func sweepUntil(ctx context.Context, x *indexer.Indexer, keep time.Duration, log *slog.Logger) {
	for {
		n, err := sweep(ctx, x, time.Now().Add(-keep))
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			log.Warn("marks of deleted documents were not dropped", "error", err)
		case n > 0:
			log.Info("marks of deleted documents dropped", "marks", n, "older_than", keep)
		}
		select {
		case <-time.After(sweepEvery):
		case <-ctx.Done():
			return
		}
	}
}

// sweep drops the tombstones left before the instant, of the sources whose versions are
// times, and returns how many.
func sweep(ctx context.Context, x *indexer.Indexer, before time.Time) (dropped int, err error) {
	sources, err := x.Store.Sources(ctx)
	if err != nil {
		return 0, err
	}
	for _, s := range sources {
		for more := true; more; {
			ticket, err := x.Submit(ctx, sweeper, catalog.CollectTombstones{Source: s.Name, Before: before, Limit: sweepLimit}, catalog.Request{})
			if err != nil {
				return dropped, err
			}
			o, _, err := ticket.Wait(ctx)
			if err != nil {
				return dropped, err
			}
			dropped += len(o.Removed)
			more = len(o.Removed) == sweepLimit
		}
	}
	return dropped, nil
}
