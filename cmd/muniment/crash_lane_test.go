package main

import (
	"context"
	"slices"
	"sync"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// lane is one client that sends lines, over a connection of its own, about things that no
// other client writes. It has several lines under way at a time. Across the server's lives
// it remembers what was not acknowledged.
type lane struct {
	*world // for making things up
	model  *model
	source string // of its documents
	does   []operation

	mu      sync.Mutex
	pending []*change // sent and not acknowledged, in order
}

// underWay is how many lines a lane sends ahead of their acknowledgements.
const underWay = 24

// invent makes up the next line.
func (l *lane) invent() *pb.IngestRequest {
	total := 0
	for _, o := range l.does {
		total += o.weight
	}
	for {
		n := l.IntN(total)
		for _, o := range l.does {
			if n -= o.weight; n < 0 {
				if item := o.make(l); item != nil {
					return item
				}
				break
			}
		}
	}
}

// work sends the lines that next gives until it gives nil, takes their acknowledgements,
// and reports whether it got all of them.
func (l *lane) work(v *victim, next func() *pb.IngestRequest) bool {
	conn, ctx := v.dial(), v.job()
	defer conn.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := pb.NewIngestionServiceClient(conn).Ingest(ctx)
	if err != nil {
		return false
	}
	places := make(chan struct{}, underWay)
	sent := make(chan bool, 1)
	go func() {
		for item := next(); item != nil; item = next() {
			select {
			case places <- struct{}{}:
			case <-stream.Context().Done():
				sent <- false
				return
			}
			l.mu.Lock()
			l.pending = append(l.pending, l.model.send(item))
			l.mu.Unlock()
			if stream.Send(item) != nil {
				sent <- false
				return
			}
		}
		stream.CloseSend()
		sent <- true
	}()
	for {
		ack, err := stream.Recv() // those that were under way when the server was killed come too
		if err != nil {
			cancel()
			all := <-sent
			return all && len(l.pending) == 0
		}
		l.mu.Lock()
		c := l.pending[0]
		l.pending = l.pending[1:]
		l.mu.Unlock()
		l.model.acknowledge(c, ack)
		v.burn()
		<-places
	}
}

// settled looks at what was stored of the lines that were not acknowledged, once the model
// has settled, and returns how many were. They are stored in the order they were sent in,
// but for changes of access, which may overtake.
func (l *lane) settled() (count int) {
	var missing *change
	for _, c := range l.pending {
		if c.stored == stored {
			count++
		}
		switch {
		case c.item.GetAccess() != nil:
		case c.stored == notStored:
			missing = c
		case c.stored == stored && missing != nil:
			l.model.fault(half, "%v was stored and an earlier line, about %v, was not", about(c.item), about(missing.item))
		}
	}
	return count
}

// again returns what was not acknowledged, to be sent again, and forgets it. Groups have no
// versions: one that is stored must not be sent again behind the one that followed.
func (l *lane) again() (items []*pb.IngestRequest) {
	for _, c := range l.pending {
		if c.item.GetGroup() == nil || c.stored == notStored {
			items = append(items, c.item)
		}
	}
	l.pending = nil
	return items
}

// each gives the items one by one, then what more gives.
func each(items []*pb.IngestRequest, more func() *pb.IngestRequest) func() *pb.IngestRequest {
	items = slices.Clone(items)
	return func() (item *pb.IngestRequest) {
		if len(items) == 0 {
			return more()
		}
		item, items = items[0], items[1:]
		return item
	}
}

func nothing() *pb.IngestRequest { return nil }
