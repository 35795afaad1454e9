package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/status"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

func ingestCommand() *cobra.Command {
	var cl client
	var quiet bool
	c := &cobra.Command{
		Use:   "ingest FILE…",
		Short: "Send feed files to the server",
		Long: `Send feed files to the server: JSON Lines, one group, container, document, access or delete a line, .gz or not;
"-" reads standard input. Lines are sent in order. A refused line is reported with its file and line number,
stores nothing, and does not stop the rest; the exit code is then 3. Sending a file again is harmless.

` + exitCodes,
		Example: `  muniment ingest people.jsonl handbook.jsonl.gz
  gzip -dc export.jsonl.gz | muniment ingest -`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("which files? 'muniment ingest FILE…', or - for standard input")
			}
			return nil
		},
		RunE: func(c *cobra.Command, files []string) error {
			for _, f := range files {
				if f != "-" && !exists(f) {
					return usagef("%s: no such file", f)
				}
			}
			ctx, conn, err := cl.dial(c.Context())
			if err != nil {
				return err
			}
			defer conn.Close()
			run := feedRun{files: files, progress: newProgress(os.Stderr, quiet), refusals: os.Stderr}
			err = run.send(ctx, pb.NewIngestionServiceClient(conn))
			run.progress.done()
			fmt.Fprintln(c.OutOrStdout(), run.summary())
			if err == nil && run.refused > 0 {
				return codedError{code: exitRefused}
			}
			return err
		},
	}
	cl.flags(c)
	c.Flags().BoolVar(&quiet, "quiet", false, "no progress")
	return c
}

// place is where a line stands.
type place struct {
	file string
	line int
}

// feedRun sends files over one stream and counts what became of their lines.
type feedRun struct {
	files    []string
	progress *progress
	refusals io.Writer

	applied, unchanged, refused int
	notices                     map[pb.IngestResponse_Notice]int
}

// send streams every line and takes the acknowledgements as they come. Lines that are no
// message are refused here, without troubling the server.
func (r *feedRun) send(ctx context.Context, server pb.IngestionServiceClient) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := server.Ingest(ctx)
	if err != nil {
		return err
	}
	sent := make(chan place, 1<<16) // in the order of the acknowledgements
	bad := make(chan error, 1)
	local := make(chan refusedLine, 1024)
	go func() {
		defer close(sent)
		defer close(local)
		bad <- r.read(ctx, stream, sent, local)
	}()
	for sent != nil || local != nil {
		select {
		case line, ok := <-local:
			if !ok {
				local = nil
				continue
			}
			r.refuse(line.place, line.text)
		case at, ok := <-sent:
			if !ok {
				sent = nil
				continue
			}
			ack, err := stream.Recv()
			if err != nil {
				cancel()
				return fmt.Errorf("after %d acknowledged lines: %w", r.applied+r.unchanged+r.refused, err)
			}
			r.count(at, ack)
		}
	}
	return <-bad
}

type refusedLine struct {
	place
	text string
}

// read sends the lines of all files, in order.
func (r *feedRun) read(ctx context.Context, stream pb.IngestionService_IngestClient, sent chan<- place, local chan<- refusedLine) error {
	for _, file := range r.files {
		err := readFeed(file, func(line int, req *pb.IngestRequest, bad error) error {
			if bad != nil {
				local <- refusedLine{place{file, line}, bad.Error()}
				return nil
			}
			select {
			case sent <- place{file, line}:
			case <-ctx.Done():
				return ctx.Err()
			}
			if err := stream.Send(req); err != nil && !errors.Is(err, io.EOF) {
				return err // an EOF is explained by Recv
			}
			return nil
		})
		if err != nil {
			stream.CloseSend()
			return err
		}
	}
	return stream.CloseSend()
}

func (r *feedRun) count(at place, ack *pb.IngestResponse) {
	switch ack.GetStatus() {
	case pb.IngestResponse_STATUS_APPLIED:
		r.applied++
	case pb.IngestResponse_STATUS_UNCHANGED:
		r.unchanged++
	default:
		r.refuse(at, refusal(status.FromProto(ack.GetError())))
	}
	if r.notices == nil {
		r.notices = map[pb.IngestResponse_Notice]int{}
	}
	for _, n := range ack.GetNotices() {
		r.notices[n]++
	}
	r.progress.step(r.applied + r.unchanged + r.refused)
}

// maxRefusals is how many refused lines are printed one by one.
const maxRefusals = 100

func (r *feedRun) refuse(at place, text string) {
	r.refused++
	if r.refused > maxRefusals {
		return
	}
	r.progress.clear()
	fmt.Fprintf(r.refusals, "%s:%d: refused: %s\n", at.file, at.line, text)
	if r.refused == maxRefusals {
		fmt.Fprintln(r.refusals, "further refused lines are only counted")
	}
}

// summary is the counts in one line.
func (r *feedRun) summary() string {
	parts := []string{
		fmt.Sprintf("%d lines", r.applied+r.unchanged+r.refused), fmt.Sprintf("%d applied", r.applied),
		fmt.Sprintf("%d unchanged", r.unchanged), fmt.Sprintf("%d refused", r.refused),
	}
	for _, n := range []struct {
		notice pb.IngestResponse_Notice
		text   string
	}{
		{pb.IngestResponse_NOTICE_ACCESS_KEPT, "kept newer access"},
		{pb.IngestResponse_NOTICE_UNKNOWN_CONTAINER, "in an unknown container (readable by nobody until it comes)"},
		{pb.IngestResponse_NOTICE_NO_POLICY, "without a policy (readable by nobody)"},
		{pb.IngestResponse_NOTICE_CLOSED, "refused for who may read, and closed to everybody"},
		{pb.IngestResponse_NOTICE_PENDING_EMBEDDING, "waiting for their vectors (found by their words meanwhile)"},
	} {
		if c := r.notices[n.notice]; c > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c, n.text))
		}
	}
	return strings.Join(parts, ", ")
}
