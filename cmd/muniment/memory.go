package main

import (
	"context"
	"os"
	"runtime/debug"
	samples "runtime/metrics"
	"time"
)

// slack is how much the heap may grow between two collections, about.
const slack = 64 << 20

// leastPercent is how much it may grow at least, in percent of what is live: a collection
// reads all of that.
const leastPercent = 20

// frugal keeps the heap from growing to twice what is live before it is collected, which is
// Go's way: most of it is indexes, which stay. What a query leaves behind is collected often
// enough as it is. A small heap may double all the same. GOGC and GOMEMLIMIT in the
// environment are obeyed. It runs until ctx ends.
func frugal(ctx context.Context) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	live := []samples.Sample{{Name: "/gc/heap/live:bytes"}}
	now := 100
	for {
		samples.Read(live)
		if next := growth(live[0].Value.Uint64()); next != now {
			now = next
			debug.SetGCPercent(now)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// growth is by how many percent a heap of that many live bytes may grow. It goes in steps of
// ten, because a new setting stops everything for a moment.
func growth(live uint64) (percent int) {
	percent = int(slack * 100 / max(live, 1) / 10 * 10)
	return max(leastPercent, min(100, percent))
}
