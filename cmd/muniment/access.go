package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

func accessCommand() *cobra.Command {
	return group("access", "Say why somebody may or may not read something (roles admin, steward)",
		accessExplainCommand(), accessPreviewCommand())
}

func accessExplainCommand() *cobra.Command {
	var cl client
	var asJSON, noGroups bool
	var groups []string
	subject := &pb.Subject{}
	c := &cobra.Command{
		Use:   "explain PRINCIPAL SOURCE ID",
		Short: "Show the proof that somebody may or may not read a document",
		Long: `Show the proof that somebody may or may not read a document: its sensitivity label, and for the document and each
container above it the grants that name the person, with the groups that lead to them. It is the server's own decision,
taken now. The token needs the role admin, or steward for the source.

Of people whose issuer says in their tokens which groups they are in, the server knows no groups: name them all by
--group, or say --no-groups. Their tokens say which they are, and so does the record of an answer they were given.

` + exitCodes,
		Example: `  muniment access explain user:local/cedric engineering refit/yard-bids.md
  muniment access explain user:corp/ada handbook pages/leave.md --app chat --clearance public
  muniment access explain user:entra/8f3c handbook pages/leave.md --group group:entra/77aa --group group:entra/91c2`,
		Args: exactArgs(3, "a principal, a source and an id"),
		RunE: func(c *cobra.Command, args []string) error {
			ctx, conn, err := cl.dial(c.Context())
			if err != nil {
				return err
			}
			defer conn.Close()
			subject.Principal = args[0]
			if len(groups) > 0 || noGroups {
				subject.ClaimedGroups = &pb.ClaimedGroups{Groups: groups}
			}
			resp, err := pb.NewAccessServiceClient(conn).ExplainAccess(ctx, &pb.ExplainAccessRequest{
				Document: &pb.DocumentRef{Source: args[1], Id: args[2]}, Subject: subject,
			})
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), resp)
			}
			printProof(forTerminal{c.OutOrStdout()}, args[0], resp)
			return nil
		},
	}
	cl.flags(c)
	c.Flags().StringVar(&subject.App, "app", "", "the app that acts for them (default one that reaches everything)")
	c.Flags().StringVar(&subject.Clearance, "clearance", "", "the highest sensitivity label they are cleared for (default internal)")
	c.Flags().BoolVar(&subject.Guest, "guest", false, `take them for a guest, whom "everyone" does not include`)
	c.Flags().StringArrayVar(&groups, "group", nil, "a group that their tokens name; again for each")
	c.Flags().BoolVar(&noGroups, "no-groups", false, "their tokens name no groups")
	c.MarkFlagsMutuallyExclusive("group", "no-groups")
	c.Flags().BoolVar(&asJSON, "json", false, "print the response as JSON, with the contract's field names")
	return c
}

// printProof shows a proof to a person, the root first, as access is inherited.
func printProof(w io.Writer, who string, r *pb.ExplainAccessResponse) {
	fmt.Fprintf(w, "%s %s\n\n", who, r.GetSummary())
	fmt.Fprintf(w, "sensitivity %s: the user is %s, the app is %s\n", r.GetSensitivity(), cleared(r.GetUserCleared()), cleared(r.GetAppCleared()))
	if !r.GetAppReaches() {
		fmt.Fprintln(w, "the app's scope does not have the source")
	}
	if t := r.GetWithheldTime(); t != nil {
		fmt.Fprintf(w, "without a committed sync session, the source is withheld from everyone from %s on\n", t.AsTime().Format(time.RFC3339))
	}
	if r.GetDangling() != "" {
		fmt.Fprintf(w, "the container %q, which the chain leads to, is not known or lies too deep\n", r.GetDangling())
	}
	for i := len(r.GetNodes()) - 1; i >= 0; i-- {
		n, kind := r.GetNodes()[i], "container"
		if i == 0 {
			kind = "document"
		}
		fmt.Fprintf(w, "\n%s %s: %s\n", kind, n.GetNode().GetId(), yesNo(n.GetAdmitted()))
		if !n.GetHasPolicy() {
			fmt.Fprintln(w, "  no policy of its own: the answer of what it lies in")
			continue
		}
		fmt.Fprintf(w, "  own policy: %s, inherit %s\n", yesNo(n.GetOwn()), strings.ToLower(word(n.GetInherit().String(), "INHERIT_")))
		for j, l := range n.GetLayers() {
			if len(l.GetAllow())+len(l.GetDeny()) == 0 {
				fmt.Fprintf(w, "  layer %d: no grant names them\n", j+1)
			}
			for _, side := range []struct {
				name    string
				matches []*pb.AccessMatch
			}{{"allow", l.GetAllow()}, {"deny", l.GetDeny()}} {
				for _, m := range side.matches {
					fmt.Fprintf(w, "  layer %d: %s %s%s\n", j+1, side.name, strings.Join(m.GetPath(), " → "), term(m))
				}
			}
		}
	}
}

func cleared(yes bool) string {
	if yes {
		return "cleared"
	}
	return "not cleared"
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// term says for how long a grant holds, if not for good.
func term(m *pb.AccessMatch) string {
	g := m.GetGrant()
	text := ""
	if g.GetNotBefore() != nil {
		text += " from " + day(g.GetNotBefore())
	}
	if g.GetNotAfter() != nil {
		text += " until " + day(g.GetNotAfter())
	}
	if !m.GetHolds() {
		text += " (does not hold now)"
	}
	return text
}

func accessPreviewCommand() *cobra.Command {
	var cl client
	var asJSON bool
	var clearance string
	c := &cobra.Command{
		Use:   "preview FILE",
		Short: "Show who would gain and who would lose by a change of access",
		Long: `Show who would gain and who would lose by a change of access, without making it. FILE is a feed file of one line, an
access or a container line; "-" reads standard input. Looked at are the users and services that the directory or a
policy names, and "everyone" for any other user; but not people whose groups are known from their tokens alone, whose
issuers are named. The token needs the role admin, or steward for the source.

` + exitCodes,
		Example: `  echo '{"container":{"source":"wiki","id":"hr","policy":{"layers":[{"allow":[{"principal":"group:staff"}]}]}}}' |
    muniment access preview -`,
		Args: exactArgs(1, "a feed file of one line"),
		RunE: func(c *cobra.Command, args []string) error {
			req, err := readChange(args[0])
			if err != nil {
				return err
			}
			req.Clearance = clearance
			ctx, conn, err := cl.dial(c.Context())
			if err != nil {
				return err
			}
			defer conn.Close()
			resp, err := pb.NewAccessServiceClient(conn).PreviewAccessChange(ctx, req)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), resp)
			}
			printEffects(forTerminal{c.OutOrStdout()}, resp)
			return nil
		},
	}
	cl.flags(c)
	c.Flags().StringVar(&clearance, "clearance", "", "the sensitivity label that callers are taken to be cleared for (default internal)")
	c.Flags().BoolVar(&asJSON, "json", false, "print the response as JSON, with the contract's field names")
	return c
}

// readChange reads the one change of a feed file.
func readChange(file string) (*pb.PreviewAccessChangeRequest, error) {
	req := &pb.PreviewAccessChangeRequest{}
	lines := 0
	err := readFeed(file, func(line int, item *pb.IngestRequest, bad error) error {
		if lines++; bad != nil {
			return usagef("%s:%d: %w", file, line, bad)
		}
		switch v := item.GetItem().(type) {
		case *pb.IngestRequest_Access:
			req.Change = &pb.PreviewAccessChangeRequest_Access{Access: v.Access}
		case *pb.IngestRequest_Container:
			req.Change = &pb.PreviewAccessChangeRequest_Container{Container: v.Container}
		default:
			return usagef("%s:%d: neither an access nor a container line", file, line)
		}
		return nil
	})
	if err == nil && lines != 1 {
		err = usageError{errors.New("one access or container line is needed")}
	}
	return req, err
}

func printEffects(w io.Writer, r *pb.PreviewAccessChangeResponse) {
	fmt.Fprintf(w, "%d documents, %d callers looked at\n", r.GetDocuments(), r.GetCallers())
	for _, issuer := range r.GetUnjudgedIssuers() {
		fmt.Fprintf(w, "people of %s were not looked at: their groups come with their tokens; ask with access explain\n", issuer)
	}
	for _, side := range []struct {
		what    string
		effects []*pb.AccessEffect
	}{{"would gain", r.GetGains()}, {"would lose", r.GetLosses()}} {
		if len(side.effects) == 0 {
			fmt.Fprintf(w, "\nnobody %s anything\n", side.what)
			continue
		}
		fmt.Fprintf(w, "\n%s\n", side.what)
		table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
		for _, e := range side.effects {
			fmt.Fprintf(table, "  %s\t%d documents\n", e.GetPrincipal(), e.GetDocuments())
		}
		table.Flush()
	}
}
