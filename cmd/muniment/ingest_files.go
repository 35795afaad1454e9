package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// feedRun sends feed files and counts what became of their lines.
type feedRun struct {
	files    []string
	retryFor time.Duration
	tally
}

// send sends every line. Lines that are no message are refused here, without troubling the
// server.
func (r *feedRun) send(ctx context.Context, conn *grpc.ClientConn) error {
	o := newOutbox(conn, r.retryFor, r.lost(r.retryFor))
	err := o.deliver(ctx, func(ctx context.Context) error {
		for _, file := range r.files {
			if err := r.read(ctx, o, file); err != nil {
				return err
			}
		}
		return nil
	})
	if _, usage := errors.AsType[usageError](err); err != nil && !usage && o.acknowledged() > 0 {
		return fmt.Errorf("after %d acknowledged lines: %w", o.acknowledged(), err)
	}
	return err
}

func (r *feedRun) read(ctx context.Context, o *outbox, file string) error {
	return readFeed(file, func(line int, req *pb.IngestRequest, bad error) error {
		where := fmt.Sprintf("%s:%d", file, line)
		if bad != nil {
			r.refuse(where, bad.Error(), nil)
			return nil
		}
		return o.post(ctx, req, func(ack *pb.IngestResponse) {
			if ack.GetStatus() == pb.IngestResponse_STATUS_REFUSED {
				r.refuse(where, refusal(status.FromProto(ack.GetError())), ack)
			} else {
				r.count(ack)
			}
		})
	})
}

// lost tells a person that the connection broke.
func (t *tally) lost(retryFor time.Duration) func(error) {
	return func(err error) {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.progress.clear()
		fmt.Fprintf(t.refusals, "the connection was lost (%s); trying again for up to %s\n", status.Convert(err).Message(), retryFor)
	}
}

// summary is the counts in one line.
func (r *feedRun) summary() string {
	return strings.Join(append([]string{fmt.Sprintf("%d lines", r.total())}, r.parts()...), ", ")
}
