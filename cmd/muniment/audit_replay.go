package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

func replayCommand() *cobra.Command {
	var cl client
	var asJSON bool
	c := &cobra.Command{
		Use:   "replay RETRIEVAL|RECEIPT",
		Short: "Make a retrieval again from the catalog's history, and compare it with its record (role auditor)",
		Long: `Make a retrieval again: what its caller could read at the recorded revision is ranked as it was then. If neither the
record nor the history was changed, the answer is the same, down to the bits of the scores; what differs is printed, and
the exit code is 4.

Titles and texts are shown only where the token's subject may read the document now, and could have read that version.

` + exitCodes,
		Example: "  muniment audit replay 4f0c9a5e0d3b4c6f8a1e2d3c4b5a6978\n  muniment audit replay RECEIPT --json | jq .matches",
		Args:    exactArgs(1, "the id of a retrieval, or its receipt"),
		RunE: func(c *cobra.Command, args []string) error {
			ctx, conn, err := cl.dial(c.Context())
			if err != nil {
				return err
			}
			defer conn.Close()
			resp, err := pb.NewAuditServiceClient(conn).ReplayRetrieval(ctx, &pb.ReplayRetrievalRequest{Retrieval: args[0]})
			if err != nil {
				return err
			}
			if asJSON {
				err = printJSON(c.OutOrStdout(), resp)
			} else {
				printReplay(c.OutOrStdout(), resp)
			}
			if err == nil && !resp.GetMatches() {
				return codedError{code: exitTampered}
			}
			return err
		},
	}
	cl.flags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print the response as JSON, with the contract's field names")
	return c
}

// printReplay shows what a replay gave, and what differs.
func printReplay(w io.Writer, resp *pb.ReplayRetrievalResponse) {
	w = forTerminal{w}
	fmt.Fprintf(w, "retrieval %s  %s\n  record %d, revision %d\n", resp.GetRetrievalId(), moment(resp.GetTime()), resp.GetIndex(), resp.GetRevision())
	for _, r := range resp.GetRanks() {
		p := r.GetReplayed()
		if p == nil {
			p = r.GetRecorded()
		}
		fmt.Fprintf(w, "\n  %d. %s\n", p.GetRank(), replayedLine(p))
		switch {
		case r.GetRecorded() == nil:
			fmt.Fprintln(w, "     DIFFERS: the record has nothing here")
		case r.GetReplayed() == nil:
			fmt.Fprintln(w, "     DIFFERS: it is in the record alone")
		case len(r.GetDifferences()) > 0:
			fmt.Fprintf(w, "     DIFFERS in %s; the record has %s\n", strings.Join(r.GetDifferences(), ", "), replayedLine(r.GetRecorded()))
		}
		if r.GetTitle() != "" {
			fmt.Fprintf(w, "     %s\n", oneLine(r.GetTitle()))
		}
		quote(w, "     | ", r.GetText())
	}
	if len(resp.GetDifferences()) > 0 {
		fmt.Fprintf(w, "\n  DIFFERS in %s\n", strings.Join(resp.GetDifferences(), ", "))
	}
	said := func(what string, recorded, replayed []string) {
		if len(recorded)+len(replayed) > 0 {
			fmt.Fprintf(w, "  %s: recorded %s, replayed %s\n", what, listed(recorded), listed(replayed))
		}
	}
	said("not as usual", resp.GetRecordedDegradations(), resp.GetReplayedDegradations())
	said("withheld sources", resp.GetRecordedWithheldSources(), resp.GetReplayedWithheldSources())
	if resp.GetMatches() {
		fmt.Fprintf(w, "\nit matches the record: %d passages, down to the bits of the scores\n", len(resp.GetRanks()))
	} else {
		fmt.Fprintln(w, "\nit DIFFERS from the record")
	}
}

// replayedLine is a passage in one line, with all digits of its score.
func replayedLine(p *pb.ReplayedPassage) string {
	return fmt.Sprintf("%s  version %d  characters %d–%d  score %v  %s  SHA-256 %s", refName(p.GetDocument()), p.GetVersion(),
		p.GetSpan().GetStart(), p.GetSpan().GetEnd(), p.GetScore(), p.GetState(), p.GetContentHash())
}

// listed is names in a line.
func listed(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
