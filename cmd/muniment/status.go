package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/muniment/muniment/audit"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

func statusCommand() *cobra.Command {
	var t target
	var asJSON bool
	c := &cobra.Command{
		Use:   "status --data DIR",
		Short: "Show how a server stands: documents, indexes, disk",
		Long: `Show how a server stands: what is stored, which indexes answer, what takes up the disk, and why nothing can be
written if so.

` + targetHelp + `

` + exitCodes,
		Example: "  muniment status --data ./data\n  muniment status --addr 127.0.0.1:7600 --json",
		Args:    exactArgs(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			as, o, err := t.reach(c.Context(), open, audit.Operation{Name: "status"})
			if err != nil {
				return err
			}
			defer o.close()
			resp, err := o.Status(as)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), resp)
			}
			printStatus(c.OutOrStdout(), resp, o.engine == nil, time.Now())
			return nil
		},
	}
	t.flags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print the response as JSON, with the contract's field names")
	return c
}

// printStatus shows a status to a person.
func printStatus(out io.Writer, s *pb.GetStatusResponse, running bool, now time.Time) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) { fmt.Fprintf(w, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }
	since := s.GetStartTime().AsTime()
	if running {
		row("server", "muniment %s, running since %s (%s)", s.GetVersion(), since.Format(time.RFC3339), now.Sub(since).Round(time.Second))
	} else {
		row("server", "none runs on this directory; read by muniment %s", s.GetVersion())
	}
	if s.GetRefusingWrites() != "" {
		row("WRITES", "REFUSED: %s", s.GetRefusingWrites())
	} else {
		row("writes", "accepted")
	}
	row("documents", "%d in %d passages", s.GetDocuments(), s.GetPassages())
	row("waiting", "%d for their vectors", s.GetPendingEmbedding())
	for _, i := range s.GetIndexes() {
		state := "searched"
		if !i.GetReady() {
			state = "BEING REBUILT"
		}
		row("index", "%s: %s", i.GetName(), state)
	}
	total := int64(0)
	for _, d := range s.GetDisk() {
		row("disk", "%-8s %10s", d.GetPart(), bytesText(d.GetBytes()))
		total += d.GetBytes()
	}
	row("disk", "%-8s %10s", "together", bytesText(total))
	row("disk", "%-8s %10s", "free", bytesText(s.GetDiskFreeBytes()))
	w.Flush()
}
