package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

func traceAnswerCommand() *cobra.Command {
	var cl client
	var asJSON bool
	var page string
	c := &cobra.Command{
		Use:   "trace-answer ANSWER|RETRIEVAL|RECEIPT",
		Short: "Say what an answer rests on, and what has become of that (role auditor)",
		Long: `Say what an answer rests on: its retrievals, the passages that they returned, the versions of the documents those are
from, and the policies that let each through; and for each source what has changed since. An answer is named by its id or
its receipt; a retrieval's id or receipt traces all answers that were made from it.

Text (what was asked and answered, passages, what was edited) is shown only where the token's subject may read, now,
every document that it may be taken from. Ids, versions, hashes and policies always are.

` + exitCodes,
		Example: `  muniment audit trace-answer 4f0c9a5e0d3b4c6f8a1e2d3c4b5a6978
  muniment audit trace-answer RECEIPT --html answer.html
  muniment audit trace-answer RECEIPT --json | jq '.retrievals[].passages[] | select(.cited) | .changes'`,
		Args: exactArgs(1, "the id of an answer or of a retrieval, or a receipt"),
		RunE: func(c *cobra.Command, args []string) error {
			ctx, conn, err := cl.dial(c.Context())
			if err != nil {
				return err
			}
			defer conn.Close()
			resp, err := pb.NewAuditServiceClient(conn).TraceAnswer(ctx, &pb.TraceAnswerRequest{Answer: args[0]})
			if err != nil {
				return err
			}
			if page != "" {
				return writePage(page, c.OutOrStdout(), func(w io.Writer) error { return answerPage(w, resp) })
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), resp)
			}
			printTrace(c.OutOrStdout(), resp)
			return nil
		},
	}
	cl.flags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print the response as JSON, with the contract's field names")
	c.Flags().StringVar(&page, "html", "", "write a page that needs nothing else into this file")
	return c
}

func traceDocumentCommand() *cobra.Command {
	var cl client
	var asJSON bool
	var page string
	var times period
	var version int64
	req := &pb.TraceDocumentRequest{}
	c := &cobra.Command{
		Use:   "trace-document SOURCE ID",
		Short: "List where a document was used: the recall list (role auditor, or steward of its source)",
		Long: `List where a document was used, newest first: the retrievals that returned it, the reads of it whole, and the answers
that cite it. Unless --limit says otherwise, it is all there is. With --json, each use is a line of its own.

` + exitCodes,
		Example: `  muniment audit trace-document handbook pages/hr/leave.md
  muniment audit trace-document handbook pages/hr/leave.md --version 3 --from 2026-10-01 --json | jq -r .user | sort -u
  muniment audit trace-document handbook pages/hr/leave.md --html recall.html`,
		Args: exactArgs(2, "a source and an id"),
		RunE: func(c *cobra.Command, args []string) (err error) {
			req.Document = &pb.DocumentRef{Source: args[0], Id: args[1]}
			if req.From, req.Until, err = times.parse(); err != nil {
				return err
			}
			if c.Flags().Changed("version") {
				req.Version = &version
			}
			ctx, conn, err := cl.dial(c.Context())
			if err != nil {
				return err
			}
			defer conn.Close()
			wanted := int(req.GetLimit()) // 0 = all
			req.Limit = 200
			if wanted > 0 {
				req.Limit = int32(min(wanted, 200))
			}
			var uses []*pb.DocumentUse
			for {
				resp, err := pb.NewAuditServiceClient(conn).TraceDocument(ctx, req)
				if err != nil {
					return err
				}
				for _, use := range resp.GetUses() {
					if wanted > 0 && len(uses) == wanted {
						break
					}
					uses = append(uses, use)
					if asJSON {
						if err := printJSON(c.OutOrStdout(), use); err != nil {
							return err
						}
					}
				}
				if req.PageToken = resp.GetNextPageToken(); req.PageToken == "" || wanted > 0 && len(uses) == wanted {
					break
				}
			}
			if page != "" {
				return writePage(page, c.OutOrStdout(), func(w io.Writer) error { return documentPage(w, req, uses) })
			}
			if !asJSON {
				printUses(c.OutOrStdout(), uses)
			}
			return nil
		},
	}
	cl.flags(c)
	times.flags(c)
	c.Flags().Int64Var(&version, "version", 0, "only uses of this version")
	c.Flags().StringVar(&req.App, "app", "", "only uses by this app, a principal")
	c.Flags().Int32Var(&req.Limit, "limit", 0, "how many at most (default all)")
	c.Flags().BoolVar(&asJSON, "json", false, "print each use as a line of JSON, with the contract's field names")
	c.Flags().StringVar(&page, "html", "", "write a page that needs nothing else into this file")
	return c
}

// writePage writes a page into a file.
func writePage(file string, said io.Writer, write func(w io.Writer) error) error {
	f, err := os.Create(file)
	if err != nil {
		return usagef("--html: %w", err)
	}
	if err := write(f); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(said, "written: %s\n", file)
	return err
}
