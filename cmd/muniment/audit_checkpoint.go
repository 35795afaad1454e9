package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/muniment/muniment/audit"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

func auditCheckpointCommand() *cobra.Command {
	var cl client
	var out string
	var follow bool
	var every time.Duration
	c := &cobra.Command{
		Use:   "checkpoint",
		Short: "Get a signed checkpoint of the log from the server (role auditor)",
		Long: `Get a signed checkpoint of the log from the server and print it, or keep it in a file (--out).

A file that is there already is replaced only after the server has proven that its log goes on from the checkpoint in
it: nothing before that was changed, removed or put in another order. If the server cannot, the file stays, the server's
checkpoint is printed beside it, and the exit code is 3: the two are the evidence. With --follow the file is kept
up to date until the program is stopped; run it on another machine, as another user.

` + exitCodes,
		Example: `  muniment audit checkpoint > monday.note
  muniment audit checkpoint --follow --every 10s --out /mnt/witness/muniment.note`,
		Args: exactArgs(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			if follow && out == "" {
				return usagef("--follow needs --out FILE")
			}
			if every < time.Second {
				return usagef("--every must be at least 1s, not %v", every)
			}
			ctx, conn, err := cl.dial(c.Context())
			if err != nil {
				return err
			}
			defer conn.Close()
			w := follower{pb.NewAuditServiceClient(conn), out}
			for {
				msg, err := w.step(ctx)
				if out == "" || errors.Is(err, errNotContinued) {
					fmt.Fprint(c.OutOrStdout(), string(msg))
				}
				if err != nil || !follow {
					return err
				}
				select {
				case <-time.After(every):
				case <-ctx.Done():
					return nil
				}
			}
		},
	}
	c.Flags().StringVar(&out, "out", "", "keep it in this file, and compare with what is there")
	c.Flags().BoolVar(&follow, "follow", false, "go on until stopped")
	c.Flags().DurationVar(&every, "every", time.Minute, "how often, with --follow")
	cl.flags(c)
	return c
}

// follower keeps the newest checkpoint of a server in a file.
type follower struct {
	client pb.AuditServiceClient
	path   string // "" for no file
}

// errNotContinued says that a server's log does not go on from a checkpoint that was kept.
var errNotContinued = codedError{exitTampered, "the server's log does not go on from the checkpoint that was kept: it was rolled back, or is another one. The file was left as it is; keep it, and what is printed here"}

// step gets the newest checkpoint, compares it with the one that is kept, and keeps it.
func (w follower) step(ctx context.Context) ([]byte, error) {
	resp, err := w.client.GetCheckpoint(ctx, &pb.GetCheckpointRequest{})
	if err != nil {
		return nil, err
	}
	msg := []byte(resp.GetCheckpoint())
	if w.path == "" {
		return msg, nil
	}
	newest, err := audit.ReadCheckpoint(msg)
	if err != nil {
		return nil, err
	}
	kept, err := os.ReadFile(w.path)
	if errors.Is(err, fs.ErrNotExist) {
		return msg, keepFile(w.path, msg)
	}
	if err != nil {
		return nil, usagef("--out: %w", err)
	}
	old, err := audit.ReadCheckpoint(kept)
	if err != nil {
		return nil, usagef("--out: %s: %w", w.path, err)
	}
	if err := w.compare(ctx, old, newest); err != nil {
		return msg, err
	}
	return msg, keepFile(w.path, msg)
}

// compare demands a proof that the log of the one checkpoint goes on to the other.
func (w follower) compare(ctx context.Context, old, newest audit.Checkpoint) error {
	if old.Origin != newest.Origin || old.N > newest.N {
		return errNotContinued
	}
	var proof []string
	if 0 < old.N && old.N < newest.N {
		resp, err := w.client.GetConsistencyProof(ctx, &pb.GetConsistencyProofRequest{OldSize: old.N, Size: newest.N})
		if err != nil {
			return err
		}
		proof = resp.GetProof()
	}
	if err := audit.CheckConsistency(old, newest, proof); err != nil {
		return errNotContinued
	}
	return nil
}
