package desk

import (
	"context"
	"fmt"
	"math/bits"
	"sync"
	"time"

	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/catalog"
)

// weeks is how many weeks of retrievals are counted: the one under way and those before it
// that began within 90 days.
const weeks = 13

// maxRead is how many retrievals are read at once, the newest: after a start, those before are
// not counted.
const maxRead = 1_000_000

// uses counts how often documents were returned.
//
// To ask the audit log about each document of a report is the simple version: every record
// found is read and checked, and a hundred thousand documents would have most of the log read
// several times over. So the records of retrievals are read once each, newest first, back to
// where the last reading began or the window ends, and counted by document and week. What has
// been erased since stays counted until its week is over or the server restarts. Invariant:
// counts covers the records below next, and no week but those from newest-weeks+1 to newest.
type uses struct {
	mu      sync.Mutex
	reading chan struct{} // closed when the reading under way ends; nil = none is
	err     error         // of the last reading
	next    int64         // index of the first record that has not been read
	newest  int64         // the week under way
	counts  map[catalog.DocumentID]*[weeks]uint16
}

// week numbers weeks since 1970.
func week(t time.Time) int64 { return t.Unix() / (7 * 24 * 60 * 60) }

// level brings the counts level with the log as it is now. The reading goes on if the caller
// does not wait for it, so that the first one after a start comes to an end.
func (u *uses) level(ctx context.Context, log *audit.Log, now time.Time) error {
	for {
		u.mu.Lock()
		done := u.reading
		if done == nil {
			size := log.Size()
			if u.turn(week(now)); u.next >= size {
				u.mu.Unlock()
				return nil
			}
			done = make(chan struct{})
			u.reading = done
			go u.read(context.WithoutCancel(ctx), log, u.next, size, now, done)
		}
		u.mu.Unlock()
		select {
		case <-done:
		case <-ctx.Done():
			return ctx.Err()
		}
		u.mu.Lock()
		err := u.err
		u.mu.Unlock()
		if err != nil {
			return err
		}
	}
}

// read adds the retrievals among the records from first up to end to the counts.
func (u *uses) read(ctx context.Context, log *audit.Log, first, end int64, now time.Time, done chan struct{}) {
	oldest := week(now) - weeks + 1
	found, err := retrievals(ctx, log, first, end, oldest)
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.err = err; err == nil {
		for id, counts := range found {
			for w := oldest; w < oldest+weeks; w++ {
				if n := counts[w%weeks]; n > 0 {
					add(u.counts, id, w, n)
				}
			}
		}
		u.next = end
	}
	u.reading = nil
	close(done)
}

// retrievals counts those among the records from first up to end, of the week oldest and later.
func retrievals(ctx context.Context, log *audit.Log, first, end, oldest int64) (found map[catalog.DocumentID]*[weeks]uint16, err error) {
	defer func() {
		if p := recover(); p != nil { // beyond the reach of a call's own recovery
			err = fmt.Errorf("counting retrievals: panic: %v", p)
		}
	}()
	found = map[catalog.DocumentID]*[weeks]uint16{}
	left := maxRead
	for item, err := range log.Find(ctx, audit.OfKind(audit.KindRetrieve), end) {
		if err != nil {
			return nil, fmt.Errorf("counting retrievals: %w", err)
		}
		if left == 0 || item.Index < first || week(item.Record.Time) < oldest {
			break
		}
		left--
		if week(item.Record.Time) >= oldest+weeks || item.Record.Retrieval == nil {
			continue // of a clock that was wrong
		}
		for i, s := range item.Record.Retrieval.Sources {
			if !returnedBefore(item.Record.Retrieval.Sources[:i], s) {
				add(found, catalog.DocumentID{Source: s.Source, ID: s.ID}, week(item.Record.Time), 1)
			}
		}
	}
	return found, nil
}

// returnedBefore reports whether another passage of the document is among the sources.
func returnedBefore(sources []audit.Source, s audit.Source) bool {
	for _, o := range sources {
		if o.Source == s.Source && o.ID == s.ID {
			return true
		}
	}
	return false
}

func add(counts map[catalog.DocumentID]*[weeks]uint16, id catalog.DocumentID, w int64, n uint16) {
	c := counts[id]
	if c == nil {
		c = &[weeks]uint16{}
		counts[id] = c
	}
	c[w%weeks] += min(n, ^uint16(0)-c[w%weeks])
}

// turn forgets the weeks that are over. mu is held.
func (u *uses) turn(now int64) {
	if u.counts == nil {
		u.counts = map[catalog.DocumentID]*[weeks]uint16{}
	}
	from := max(u.newest+1, now-weeks+1)
	if from > now {
		return
	}
	for id, c := range u.counts {
		for w := from; w <= now; w++ {
			c[w%weeks] = 0
		}
		if *c == [weeks]uint16{} {
			delete(u.counts, id)
		}
	}
	u.newest = now
}

// of is how often the document was returned, rounded up to a power of two.
func (u *uses) of(id catalog.DocumentID) int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	c := u.counts[id]
	if c == nil {
		return 0
	}
	n := uint64(0)
	for _, k := range c {
		n += uint64(k)
	}
	if n == 0 {
		return 0
	}
	return 1 << bits.Len64(n-1)
}
