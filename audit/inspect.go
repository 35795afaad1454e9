package audit

import (
	"context"
	"iter"
	"runtime"
)

// How entries are inspected side by side: so many together, or so many bytes, and so many lots
// under way.
const (
	inspectLot   = 256
	inspectBytes = 1 << 20
	inspectLots  = 8
)

// part is an entry with what can be said of it by itself.
type part struct {
	Stored
	inspected
}

// lot is entries on their way through inspectAll.
type lot struct {
	parts []part
	bytes int
	err   error         // behind them
	done  chan struct{} // closed when the parts are inspected
}

// inspectAll yields all entries in order, inspected, up to the first error.
//
// To read, inspect and compare one after the other is the simple version; hashing and decoding
// the bodies is nine tenths of it and needs no order. So one goroutine reads lots of entries and
// queues them, as many workers as there are processors inspect them, and the caller takes them
// from the queue in the order in which they were read, waiting for each.
func inspectAll(ctx context.Context, r Reader) iter.Seq2[part, error] {
	return func(yield func(part, error) bool) {
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		queue, work := make(chan *lot, inspectLots), make(chan *lot, inspectLots)
		go read(ctx, r, queue, work)
		for range runtime.GOMAXPROCS(0) {
			go func() {
				for l := range work {
					for i := range l.parts {
						l.parts[i].inspected = inspect(&l.parts[i].Stored)
					}
					close(l.done)
				}
			}()
		}
		for l := range queue {
			<-l.done
			for _, p := range l.parts {
				if !yield(p, nil) {
					return
				}
			}
			if l.err != nil {
				yield(part{}, l.err)
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(part{}, err)
		}
	}
}

// read puts lots of entries into the queue, and gives them to the workers. What is in the queue
// is always on its way to a worker.
func read(ctx context.Context, r Reader, queue, work chan<- *lot) {
	defer close(queue)
	defer close(work)
	l := &lot{done: make(chan struct{})}
	pass := func() bool {
		select {
		case queue <- l:
		case <-ctx.Done():
			return false
		}
		work <- l // the workers take all that comes
		l = &lot{done: make(chan struct{})}
		return true
	}
	for e, err := range r.Entries(ctx, 0) {
		if err != nil {
			l.err = err
			break
		}
		l.parts, l.bytes = append(l.parts, part{Stored: e}), l.bytes+len(e.Body)
		if (len(l.parts) == inspectLot || l.bytes >= inspectBytes) && !pass() {
			return
		}
	}
	if len(l.parts) > 0 || l.err != nil {
		pass()
	}
}
