package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

func retrievalsCommand() *cobra.Command {
	var cl client
	var asJSON bool
	var times period
	req := &pb.ListRetrievalsRequest{}
	c := &cobra.Command{
		Use:   "retrievals",
		Short: "List the caller's own retrievals",
		Long: `List the caller's own retrievals, newest first: those of the token's subject by the token's app. What was found is not
listed: it may have been hidden since.

` + exitCodes,
		Example: "  muniment retrievals --limit 5\n  muniment retrievals --from 2026-10-01 --json",
		Args:    exactArgs(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if req.From, req.Until, err = times.parse(); err != nil {
				return err
			}
			ctx, conn, err := cl.dial(c.Context())
			if err != nil {
				return err
			}
			defer conn.Close()
			resp, err := pb.NewRetrievalServiceClient(conn).ListRetrievals(ctx, req)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), resp)
			}
			w := forTerminal{c.OutOrStdout()}
			for _, r := range resp.GetRetrievals() {
				fmt.Fprintf(w, "%s  %s  %s\n", moment(r.GetTime()), r.GetRetrievalId(), oneLine(r.GetQuery()))
			}
			nextPage(w, resp.GetNextPageToken())
			return nil
		},
	}
	cl.flags(c)
	times.flags(c)
	c.Flags().Int32Var(&req.Limit, "limit", 0, "how many on a page (default 20, at most 100)")
	c.Flags().StringVar(&req.PageToken, "page-token", "", "of the page before, which printed it; the rest of the command stays as it was")
	c.Flags().BoolVar(&asJSON, "json", false, "print the response as JSON, with the contract's field names")
	return c
}

// nextPage says how the next page is asked for.
func nextPage(w io.Writer, token string) {
	if token != "" {
		fmt.Fprintf(w, "for the next page, the same command with --page-token=%s\n", token)
	}
}

// period is a stretch of time as flags tell it.
type period struct{ from, until string }

func (p *period) flags(c *cobra.Command) {
	c.Flags().StringVar(&p.from, "from", "", "only of this day or instant and later: 2026-10-09, or 2026-10-09T15:04:05Z")
	c.Flags().StringVar(&p.until, "until", "", "only before this day or instant")
}

func (p period) parse() (from, until *timestamppb.Timestamp, err error) {
	if from, err = instantFlag("from", p.from); err != nil {
		return nil, nil, err
	}
	until, err = instantFlag("until", p.until)
	return from, until, err
}

// instantFlag is the instant that a flag names, nil if it was not given.
func instantFlag(flag, text string) (*timestamppb.Timestamp, error) {
	if text == "" {
		return nil, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return timestamppb.New(t), nil
		}
	}
	return nil, usagef("--%s takes a day or an instant, 2026-10-09 or 2026-10-09T15:04:05Z, not %q", flag, text)
}

// moment is an instant for people to read.
func moment(t *timestamppb.Timestamp) string { return t.AsTime().UTC().Format(time.DateTime + "Z") }
