package api

import (
	"container/list"
	"context"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/tap"
)

// Patience is how long a call may take over what is up to its caller. Beyond, it ends with
// DEADLINE_EXCEEDED: a client that stops sending or reading must not hold a worker and
// memory for ever. A field that is 0 has its default.
type Patience struct {
	First time.Duration // from the call's headers to its first message; 30 s
	Next  time.Duration // for each further message of a stream; 10 min
	Send  time.Duration // for a message of a stream to be taken; 1 min
	Unary time.Duration // for any other call, from its message to the end of its answer; 5 min
	// Waiting is how many calls may wait for their first message at once; one more, and the one
	// that waits longest ends. 1,000. Clients send headers and message together, so those that
	// mean something hardly wait.
	Waiting int
}

// door watches the calls of a server.
type door struct {
	Patience
	mu      sync.Mutex
	waiting list.List // of *watch: calls whose first message has not come, the oldest first
}

func (p Patience) filled() Patience {
	for _, f := range []struct {
		field *time.Duration
		value time.Duration
	}{{&p.First, 30 * time.Second}, {&p.Next, 10 * time.Minute}, {&p.Send, time.Minute}, {&p.Unary, 5 * time.Minute}} {
		if *f.field == 0 {
			*f.field = f.value
		}
	}
	if p.Waiting == 0 {
		p.Waiting = 1000
	}
	return p
}

// watch is what ends one call. gRPC waits for the first message of a call before any
// interceptor runs, and for room to send without one, so the watch has to be there from the
// headers on and to end what gRPC itself waits for.
type watch struct {
	recv, send *time.Timer   // what is waited for, if anything
	over       atomic.Bool   // the caller was too slow
	end        func()        // as too slow
	place      *list.Element // in door.waiting, which guards it; nil = the first message has come
}

type watchKey struct{}

// watched begins the watch of a call, when nothing but its headers has come.
func (d *door) watched(ctx context.Context, _ *tap.Info) (context.Context, error) {
	ctx, cancel := context.WithCancel(ctx) // ends with its parent, which gRPC ends with the call
	w := &watch{}
	w.end = func() {
		if ctx.Err() == nil {
			w.over.Store(true)
		}
		cancel()
	}
	w.recv, w.send = time.AfterFunc(d.First, w.end), time.AfterFunc(time.Hour, w.end)
	w.send.Stop()
	context.AfterFunc(ctx, func() {
		w.recv.Stop()
		w.send.Stop()
		d.came(w)
	})
	d.wait(w)
	return watchedContext{context.WithValue(ctx, watchKey{}, w), w}, nil
}

// wait adds a call to those that wait for their first message.
func (d *door) wait(w *watch) {
	d.mu.Lock()
	w.place = d.waiting.PushBack(w)
	var longest *watch
	if d.waiting.Len() > d.Waiting {
		longest = d.waiting.Remove(d.waiting.Front()).(*watch)
		longest.place = nil
	}
	d.mu.Unlock()
	if longest != nil {
		longest.end()
	}
}

// came takes a call from them.
func (d *door) came(w *watch) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if w.place != nil {
		d.waiting.Remove(w.place)
		w.place = nil
	}
}

// watchedContext is the context of a call. gRPC makes a status of its error by itself, where
// it is waiting for a message: the caller's time is over, nobody has cancelled anything.
type watchedContext struct {
	context.Context
	watch *watch
}

// Err implements context.Context.
func (c watchedContext) Err() error {
	err := c.Context.Err()
	if err != nil && c.watch.over.Load() {
		return context.DeadlineExceeded
	}
	return err
}

// watchOf is the watch of the call, nil if it has none.
func watchOf(ctx context.Context) *watch {
	w, _ := ctx.Value(watchKey{}).(*watch)
	return w
}

var errTooSlow = fail(codes.DeadlineExceeded, "TOO_SLOW", "nothing was sent, or nothing read, for too long; call again")

// blame is the error of a call that ended, or why it was ended.
func (w *watch) blame(err error) error {
	if w != nil && w.over.Load() {
		return errTooSlow
	}
	return err
}

// patientStream is a stream that is watched.
type patientStream struct {
	grpc.ServerStream
	watch *watch
	door  *door
	begun bool // the first message has come; RecvMsg alone uses it
}

// RecvMsg implements grpc.ServerStream.
func (s *patientStream) RecvMsg(m any) error {
	if s.begun {
		s.watch.recv.Reset(s.door.Next)
	}
	err := s.ServerStream.RecvMsg(m)
	s.watch.recv.Stop()
	if !s.begun {
		s.begun = true
		s.door.came(s.watch)
	}
	return err
}

// SendMsg implements grpc.ServerStream.
func (s *patientStream) SendMsg(m any) error {
	s.watch.send.Reset(s.door.Send)
	defer s.watch.send.Stop()
	return s.ServerStream.SendMsg(m)
}

// patientUnary is the interceptor of calls that are no streams. It runs once their message
// has come.
func (d *door) patientUnary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	w := watchOf(ctx)
	if w != nil {
		d.came(w)
		w.recv.Reset(d.Unary) // until the answer has left: gRPC ends the context, and so the watch, after it
	}
	resp, err := next(ctx, req)
	return resp, w.blame(err)
}

// patientStreams is the interceptor of streams.
func (d *door) patientStreams(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	w := watchOf(ss.Context())
	if w == nil {
		return next(srv, ss)
	}
	return w.blame(next(srv, &patientStream{ServerStream: ss, watch: w, door: d}))
}
