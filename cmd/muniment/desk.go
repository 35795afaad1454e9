package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

func deskCommand() *cobra.Command {
	var cl client
	var asJSON, wait bool
	var kinds []string
	req := &pb.ListWorkRequest{Filter: &pb.Filter{}}
	c := &cobra.Command{
		Use:   "desk",
		Short: "List what there is to mend, worst first (role steward)",
		Long: `List what there is to mend in the sources that the token has the role steward for, as far as its subject may read
them, worst first: documents due for review, conflicts, sources that are silent, owners who are nobody, text that
readers do not see, duplicates to remove. A priority of 1 is a document that has just come due; 10 is ten times as bad.

` + exitCodes,
		Example: `  muniment desk
  muniment desk --kind review --kind duplicate --source handbook --limit 20
  muniment desk --json --limit 1000 | jq -r '.items[] | [.priority, .kind, .summary] | @tsv'`,
		Args: exactArgs(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			for _, name := range kinds {
				kind, ok := pb.WorkItem_Kind_value["KIND_"+strings.ReplaceAll(strings.ToUpper(name), "-", "_")]
				if !ok || kind == 0 {
					return usagef("--kind: %q is none of %s", name, strings.Join(kindNames(), ", "))
				}
				req.Kinds = append(req.Kinds, pb.WorkItem_Kind(kind))
			}
			return withStewardship(c, &cl, func(ctx context.Context, s pb.StewardshipServiceClient) error {
				resp, err := s.ListWork(ctx, req)
				for wait && err == nil && resp.GetSearching() {
					if err = pause(ctx); err == nil {
						resp, err = s.ListWork(ctx, req)
					}
				}
				if err != nil {
					return err
				}
				if asJSON {
					return printJSON(c.OutOrStdout(), resp)
				}
				printWork(c.OutOrStdout(), resp)
				return nil
			})
		},
	}
	cl.flags(c)
	f := c.Flags()
	f.StringSliceVar(&kinds, "kind", nil, "only work of this kind: "+strings.Join(kindNames(), ", ")+"; may be repeated")
	f.StringArrayVar(&req.Filter.Sources, "source", nil, "only work of this source; may be repeated")
	f.StringArrayVar(&req.Filter.Owners, "owner", nil, "only work of documents owned by this principal; may be repeated")
	f.Int32Var(&req.Limit, "limit", 0, "how many items on a page (default 50, at most 1000)")
	f.StringVar(&req.PageToken, "page-token", "", "of the page before, which printed it; the rest of the command stays as it was")
	f.BoolVar(&wait, "wait", false, "wait until all has been searched for conflicts")
	f.BoolVar(&asJSON, "json", false, "print the response as JSON, with the contract's field names")
	return c
}

// kindNames are the kinds of work as the command line writes them.
func kindNames() (list []string) {
	for n, name := range pb.WorkItem_Kind_name {
		if n > 0 {
			list = append(list, strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(name, "KIND_")), "_", "-"))
		}
	}
	slices.Sort(list)
	return list
}

// printWork shows a list of work to a person.
func printWork(out io.Writer, resp *pb.ListWorkResponse) {
	w := forTerminal{out}
	switch n := resp.GetTotal(); {
	case n == 0 && resp.GetSearching():
	case n == 0:
		fmt.Fprintln(w, "Nothing to mend.")
	case n == 1:
		fmt.Fprintln(w, "1 thing to mend")
	default:
		fmt.Fprintf(w, "%d things to mend, worst first\n", n)
	}
	for _, i := range resp.GetItems() {
		fmt.Fprintf(w, "\n%6.1f  %-12s  %s\n", i.GetPriority(), word(i.GetKind().String(), "KIND_"), oneLine(i.GetSummary()))
		about := []string{"source " + i.GetSource()}
		if d := i.GetDocument(); d != nil {
			about = []string{d.GetSource() + "/" + d.GetId()}
		} else if i.GetSource() == "" {
			about = nil
		}
		if d := i.GetOther(); d != nil {
			about = append(about, d.GetSource()+"/"+d.GetId())
		}
		if i.GetOwner() != "" {
			about = append(about, "owner "+i.GetOwner())
		}
		if len(about) > 0 {
			fmt.Fprintf(w, "%22s%s\n", "", oneLine(strings.Join(about, ", ")))
		}
		fmt.Fprintf(w, "%22s→ %s\n", "", oneLine(i.GetAction()))
	}
	if resp.GetSearching() {
		fmt.Fprintln(w, "\n! documents have changed and are being searched for conflicts again; ask again in a while, or with --wait")
	}
	nextPage(w, resp.GetNextPageToken())
}
