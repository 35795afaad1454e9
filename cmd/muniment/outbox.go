package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// How much may be on its way without an acknowledgement. One item always may.
const (
	windowItems = 4096
	windowBytes = 64 << 20
)

// openTimeout is how long an attempt to reconnect may take.
const openTimeout = 10 * time.Second

// outbox sends items in order and tells what became of each, over as many connections as
// it takes.
//
// The simple way, one stream, loses track when it breaks: whether an item was applied
// whose acknowledgement is missing, nobody knows. So every item has a name, "<run>:<number>",
// by which the server knows it again, and is kept until it is acknowledged. On a new stream
// the queue is sent from its head, under the same names.
//
// Invariants: queue holds what was posted and is not acknowledged, in order; its first sent
// items were sent on the stream that is open; done is called once for each item, in order,
// before the item leaves the queue.
type outbox struct {
	server    pb.IngestionServiceClient
	reconnect func() // asks the connection to be made at once
	backoff   backoff

	run     string
	mu      sync.Mutex
	changed sync.Cond
	queue   []posted
	bytes   int // of the queue
	sent    int
	posted  int
	acked   int
	opened  bool // a stream, once
	closed  bool // nothing more will be posted
	err     error
}

type posted struct {
	item *pb.IngestRequest
	size int
	done func(*pb.IngestResponse)
}

func newOutbox(conn *grpc.ClientConn, retryFor time.Duration, lost func(error)) *outbox {
	o := &outbox{
		server: pb.NewIngestionServiceClient(conn), backoff: backoff{limit: retryFor, lost: lost},
		reconnect: conn.ResetConnectBackoff, run: rand.Text(),
	}
	o.changed.L = &o.mu
	return o
}

// deliver sends what produce posts, and returns when all of it is acknowledged. It does
// not wait for produce when sending has failed: produce may be waiting for a terminal.
func (o *outbox) deliver(ctx context.Context, produce func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, o.wake)
	defer stop()
	produced := make(chan error, 1)
	go func() {
		err := produce(ctx)
		o.mu.Lock()
		o.closed = true
		o.mu.Unlock()
		o.changed.Broadcast()
		produced <- err
	}()
	for {
		acked := o.acknowledged()
		err := o.connection(ctx)
		if err == nil {
			return <-produced
		}
		if o.acknowledged() > acked {
			o.backoff.reset()
		}
		if o.opened { // a server that never was there is reported at once
			if err = o.backoff.wait(ctx, err); err == nil {
				continue
			}
		}
		o.mu.Lock()
		o.err = err
		o.mu.Unlock()
		o.changed.Broadcast()
		return err
	}
}

func (o *outbox) acknowledged() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.acked
}

func (o *outbox) wake() {
	o.mu.Lock() // so that nobody is between looking and waiting
	defer o.mu.Unlock()
	o.changed.Broadcast()
}

// post queues an item, when there is room, and names it unless it has a name. Done is
// called when it is acknowledged.
func (o *outbox) post(ctx context.Context, item *pb.IngestRequest, done func(*pb.IngestResponse)) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.posted++
	if item.GetRequestId() == "" {
		item.RequestId = fmt.Sprintf("%s:%d", o.run, o.posted)
	}
	p := posted{item, proto.Size(item), done}
	for o.err == nil && ctx.Err() == nil && len(o.queue) > 0 && (len(o.queue) >= windowItems || o.bytes+p.size > windowBytes) {
		o.changed.Wait()
	}
	if err := firstError(o.err, ctx.Err()); err != nil {
		return err
	}
	o.queue = append(o.queue, p)
	o.bytes += p.size
	o.changed.Broadcast()
	return nil
}

// flush waits until all that was posted is acknowledged.
func (o *outbox) flush(ctx context.Context) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.err == nil && ctx.Err() == nil && len(o.queue) > 0 {
		o.changed.Wait()
	}
	return firstError(o.err, ctx.Err())
}

// firstError is the first error there is.
func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// connection opens a stream, sends the queue from its head, and takes acknowledgements
// until everything is acknowledged (nil) or the stream breaks.
func (o *outbox) connection(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	stream, err := o.open(ctx, cancel)
	if err != nil {
		cancel()
		return err
	}
	o.mu.Lock()
	o.sent, o.opened = 0, true
	o.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		o.sendAll(ctx, stream)
	}()
	err = o.receiveAll(stream)
	cancel()
	o.wake()
	<-ended
	return err
}

func (o *outbox) open(ctx context.Context, cancel func()) (pb.IngestionService_IngestClient, error) {
	if !o.opened {
		return o.server.Ingest(ctx)
	}
	o.reconnect()
	timer := time.AfterFunc(openTimeout, cancel)
	stream, err := o.server.Ingest(ctx, grpc.WaitForReady(true))
	if !timer.Stop() && err == nil {
		return nil, status.Error(codes.Unavailable, "the server does not answer")
	}
	return stream, err
}

func (o *outbox) sendAll(ctx context.Context, stream pb.IngestionService_IngestClient) {
	for {
		o.mu.Lock()
		for ctx.Err() == nil && o.sent == len(o.queue) && !o.closed {
			o.changed.Wait()
		}
		if ctx.Err() != nil {
			o.mu.Unlock()
			return
		}
		if o.sent == len(o.queue) {
			o.mu.Unlock()
			stream.CloseSend()
			return
		}
		item := o.queue[o.sent].item
		o.sent++
		o.mu.Unlock()
		if stream.Send(item) != nil {
			return // receiveAll hears why
		}
	}
}

func (o *outbox) receiveAll(stream pb.IngestionService_IngestClient) error {
	for {
		ack, err := stream.Recv()
		o.mu.Lock()
		left, sent, finished := len(o.queue), o.sent, o.closed
		var head posted
		if left > 0 {
			head = o.queue[0]
		}
		o.mu.Unlock()
		switch {
		case errors.Is(err, io.EOF) && finished && left == 0:
			return nil
		case errors.Is(err, io.EOF):
			return status.Error(codes.Unavailable, "the server ended the stream early")
		case err != nil:
			return err
		case sent == 0:
			return status.Error(codes.DataLoss, "the server acknowledged an item that was not sent")
		}
		if s := status.FromProto(ack.GetError()); isPostponed(s) {
			return s.Err()
		}
		head.done(ack)
		o.mu.Lock()
		o.queue[0] = posted{}
		o.queue, o.bytes = o.queue[1:], o.bytes-head.size
		o.sent--
		o.acked++
		o.mu.Unlock()
		o.changed.Broadcast()
	}
}

// isPostponed reports whether an item was refused only because the server goes away.
func isPostponed(s *status.Status) bool {
	return s.Code() == codes.Unavailable && (reason(s) == "SHUTTING_DOWN" || reason(s) == "STORAGE_FAILED")
}
