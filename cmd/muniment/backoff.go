package main

import (
	"context"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// The first pause before something is tried again, and the longest.
const (
	firstPause = 100 * time.Millisecond
	maxPause   = 10 * time.Second
)

// backoff paces attempts at a server that is away. The zero value tries nothing again.
type backoff struct {
	limit time.Duration   // from the first failure on
	lost  func(err error) // told of the first failure; may be nil
	since time.Time       // of the first failure, zero = none
	pause time.Duration   // before the next attempt
}

// reset says that the server is there again.
func (b *backoff) reset() { b.since, b.pause = time.Time{}, 0 }

// wait returns nil when it is time for another attempt, or why there is to be none.
func (b *backoff) wait(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if !isBroken(err) || b.limit <= 0 {
		return err
	}
	if b.since.IsZero() {
		b.since, b.pause = time.Now(), firstPause
		if b.lost != nil {
			b.lost(err)
		}
	}
	left := b.limit - time.Since(b.since)
	if left <= 0 {
		return status.Errorf(codes.Unavailable, "it did not come back within %s: %s", b.limit, status.Convert(err).Message())
	}
	// Half of the pause is left to chance, so that many clients do not return at once.
	pause := b.pause/2 + rand.N(b.pause/2)
	b.pause = min(2*b.pause, maxPause)
	select {
	case <-time.After(min(pause, left)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// isBroken reports whether an error speaks of the connection or of a server that goes away,
// not of what was asked. A call that its own caller ended is for the caller to tell apart.
func isBroken(err error) bool {
	switch s := status.Convert(err); s.Code() {
	case codes.Unavailable, codes.Canceled, codes.DeadlineExceeded: // the last ends a stream that had nothing to send for long
		return true
	case codes.Internal:
		return reason(s) == "" // the transport's: the server gives a reason
	}
	return false
}
