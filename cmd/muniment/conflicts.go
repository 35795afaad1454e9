package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

func conflictsCommand() *cobra.Command {
	return group("conflicts", "See where documents contradict each other, and settle it (role steward)", conflictsListCommand(), conflictsResolveCommand())
}

// withStewardship calls f with a connection to the steward's desk.
func withStewardship(c *cobra.Command, cl *client, f func(context.Context, pb.StewardshipServiceClient) error) error {
	ctx, conn, err := cl.dial(c.Context())
	if err != nil {
		return err
	}
	defer conn.Close()
	return f(ctx, pb.NewStewardshipServiceClient(conn))
}

func conflictsListCommand() *cobra.Command {
	var cl client
	var asJSON, wait bool
	var tiers []string
	req := &pb.ListConflictsRequest{Filter: &pb.Filter{}}
	c := &cobra.Command{
		Use:   "list",
		Short: "List where documents contradict each other, the surest first",
		Long: `List where documents that the token's subject may read contradict each other, and one of them at least is of a source
that the token has the role steward for. Conflicts that hang together come together, the surest first.

Tier a are versions or copies of one document: most of these are right. Tier b are independent documents: often two
things that only look like one, so nobody is told of them but you, unless you say that one is right.

In a view of more than 20,000 passages the search runs in the background; the last line says so, and --wait waits for it.

` + exitCodes,
		Example: `  muniment conflicts list
  muniment conflicts list --source handbook --tier a --min-confidence 0.8
  muniment conflicts list --json --limit 200 | jq -r '.clusters[].conflicts[] | [.id, .a.value, .b.value] | @tsv'`,
		Args: exactArgs(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			for _, name := range tiers {
				tier, ok := pb.ContestedValue_Tier_value["TIER_"+strings.ToUpper(name)]
				if !ok || tier == 0 {
					return usagef("--tier: %q is neither a nor b", name)
				}
				req.Tiers = append(req.Tiers, pb.ContestedValue_Tier(tier))
			}
			return withStewardship(c, &cl, func(ctx context.Context, s pb.StewardshipServiceClient) error {
				resp, err := s.ListConflicts(ctx, req)
				for wait && err == nil && resp.GetSearching() {
					if err = pause(ctx); err == nil {
						resp, err = s.ListConflicts(ctx, req)
					}
				}
				if err != nil {
					return err
				}
				if asJSON {
					return printJSON(c.OutOrStdout(), resp)
				}
				printConflicts(c.OutOrStdout(), resp)
				return nil
			})
		},
	}
	cl.flags(c)
	f := c.Flags()
	f.StringArrayVar(&req.Filter.Sources, "source", nil, "only conflicts of a document of this source; may be repeated")
	f.StringArrayVar(&req.Filter.Owners, "owner", nil, "only conflicts of a document owned by this principal; may be repeated")
	f.StringSliceVar(&tiers, "tier", nil, "only of this tier, a or b")
	f.StringSliceVar(&req.Quantities, "quantity", nil, "only about money, duration, percent, date, …; may be repeated")
	f.Float64Var(&req.MinConfidence, "min-confidence", 0, "only those at least so sure, 0 to 1")
	f.BoolVar(&req.IncludeResolved, "resolved", false, "list settled ones too")
	f.Int32Var(&req.Limit, "limit", 0, "how many clusters on a page (default 20, at most 200)")
	f.StringVar(&req.PageToken, "page-token", "", "of the page before, which printed it; the rest of the command stays as it was")
	f.BoolVar(&wait, "wait", false, "wait until all has been searched")
	f.BoolVar(&asJSON, "json", false, "print the response as JSON, with the contract's field names")
	return c
}

// pause is how long a command waits before it asks again.
func pause(ctx context.Context) error {
	select {
	case <-time.After(2 * time.Second):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// verdicts are what a steward can say, as the command line writes it.
var verdicts = map[string]pb.Verdict{
	"a-is-right": pb.Verdict_VERDICT_A_IS_RIGHT, "b-is-right": pb.Verdict_VERDICT_B_IS_RIGHT, "both-right": pb.Verdict_VERDICT_BOTH_RIGHT,
	"no-conflict": pb.Verdict_VERDICT_NO_CONFLICT, "a-is-duplicate": pb.Verdict_VERDICT_A_IS_DUPLICATE,
	"b-is-duplicate": pb.Verdict_VERDICT_B_IS_DUPLICATE, "undo": pb.Verdict_VERDICT_UNSPECIFIED,
}

// verdictName is a verdict as the command line writes it.
func verdictName(v pb.Verdict) string {
	for name, of := range verdicts {
		if of == v {
			return name
		}
	}
	return v.String()
}

func conflictsResolveCommand() *cobra.Command {
	var cl client
	var asJSON bool
	var a, b, verdict string
	req := &pb.ResolveConflictRequest{}
	c := &cobra.Command{
		Use:   "resolve ID",
		Short: "Settle a conflict for good",
		Long: `Settle a conflict. It needs the role steward for the sources of both documents. The verdict holds for the two sentences
between the two documents, until one of the sentences changes.

  a-is-right, b-is-right          callers who see both are told so
  both-right                      each in its own scope; it is flagged no more
  no-conflict                     the two do not speak of one thing; it is flagged no more
  a-is-duplicate, b-is-duplicate  that document is to be removed: it goes on the work list of whoever looks after it
  undo                            takes back what was said before

The ID is what 'muniment conflicts list' prints; its first digits do, if no other begins so. With --a and --b, which
need the whole ID, nothing is looked up.

` + exitCodes,
		Example: `  muniment conflicts resolve 4f0c9a5e0d3b --verdict a-is-right --note "asked the shop"
  muniment conflicts resolve 4f0c9a5e0d3b --verdict undo`,
		Args: exactArgs(1, "the id of a conflict"),
		RunE: func(c *cobra.Command, args []string) (err error) {
			v, ok := verdicts[verdict]
			if !ok {
				return usagef("--verdict: %q is none of a-is-right, b-is-right, both-right, no-conflict, a-is-duplicate, b-is-duplicate, undo", verdict)
			}
			if (a == "") != (b == "") {
				return usagef("pass both --a and --b, or neither")
			}
			req.ConflictId, req.Verdict = args[0], v
			if a != "" {
				if req.A, err = documentFlag("--a", a); err != nil {
					return err
				}
				if req.B, err = documentFlag("--b", b); err != nil {
					return err
				}
			}
			return withStewardship(c, &cl, func(ctx context.Context, s pb.StewardshipServiceClient) error {
				if req.A == nil {
					found, err := lookUp(ctx, s, args[0])
					if err != nil {
						return err
					}
					req.ConflictId, req.A, req.B = found.GetId(), found.GetA().GetDocument(), found.GetB().GetDocument()
				}
				resp, err := s.ResolveConflict(ctx, req)
				if err != nil {
					return err
				}
				if asJSON {
					return printJSON(c.OutOrStdout(), resp)
				}
				printConflict(forTerminal{c.OutOrStdout()}, resp.GetConflict())
				return nil
			})
		},
	}
	cl.flags(c)
	f := c.Flags()
	f.StringVar(&verdict, "verdict", "", "what you say: a-is-right, b-is-right, both-right, no-conflict, a-is-duplicate, b-is-duplicate or undo")
	f.StringVar(&req.Note, "note", "", "why, for those who come later")
	f.StringVar(&a, "a", "", "side a's document, SOURCE/ID; with --b, instead of looking the conflict up")
	f.StringVar(&b, "b", "", "side b's document, SOURCE/ID")
	f.BoolVar(&asJSON, "json", false, "print the response as JSON, with the contract's field names")
	return c
}

// documentFlag is a document as flags name it.
func documentFlag(flag, value string) (*pb.DocumentRef, error) {
	source, id, ok := strings.Cut(value, "/")
	if !ok {
		return nil, usagef("%s takes SOURCE/ID, not %q", flag, value)
	}
	return &pb.DocumentRef{Source: source, Id: id}, nil
}

// lookUp finds the one conflict whose id begins so, among all that are listed.
func lookUp(ctx context.Context, s pb.StewardshipServiceClient, id string) (*pb.ContestedValue, error) {
	var found []*pb.ContestedValue
	req := &pb.ListConflictsRequest{IncludeResolved: true, Limit: 200}
	searching := false
	for {
		resp, err := s.ListConflicts(ctx, req)
		if err != nil {
			return nil, err
		}
		searching = resp.GetSearching()
		for _, cluster := range resp.GetClusters() {
			for _, c := range cluster.GetConflicts() {
				if strings.HasPrefix(c.GetId(), id) && !slices.ContainsFunc(found, func(o *pb.ContestedValue) bool { return o.GetId() == c.GetId() }) {
					found = append(found, c)
				}
			}
		}
		if req.PageToken = resp.GetNextPageToken(); req.PageToken == "" {
			break
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return nil, usagef("%d conflicts have an id that begins with %s: give more of it", len(found), id)
	case searching:
		return nil, codedError{exitRefused, fmt.Sprintf("no conflict that is known has an id that begins with %s, but the search goes on; try again, or pass --a and --b", id)}
	}
	return nil, codedError{exitRefused, fmt.Sprintf("no conflict has an id that begins with %s, or it is not visible to you", id)}
}
