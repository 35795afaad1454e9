package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/muniment/muniment/audit"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

func auditListCommand() *cobra.Command {
	var cl client
	var asJSON bool
	var document string
	var times period
	req := &pb.ListRecordsRequest{}
	c := &cobra.Command{
		Use:   "list",
		Short: "List the records of the log, newest first (role auditor)",
		Long: `List the records of the log, newest first, without the text of queries and answers. All flags that are given must
match.

` + exitCodes,
		Example: `  muniment audit list --user user:local/ada --from 2026-10-01
  muniment audit list --kind answer --app service:chat --json | jq -r '.records[].record'`,
		Args: exactArgs(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if req.From, req.Until, err = times.parse(); err != nil {
				return err
			}
			if document != "" {
				source, id, ok := strings.Cut(document, "/")
				if !ok {
					return usagef("--document takes SOURCE/ID, not %q", document)
				}
				req.Document = &pb.DocumentRef{Source: source, Id: id}
			}
			ctx, conn, err := cl.dial(c.Context())
			if err != nil {
				return err
			}
			defer conn.Close()
			resp, err := pb.NewAuditServiceClient(conn).ListRecords(ctx, req)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), resp)
			}
			w := forTerminal{c.OutOrStdout()}
			for _, r := range resp.GetRecords() {
				line, err := recordLine(r)
				if err != nil {
					return err
				}
				fmt.Fprintln(w, line)
			}
			nextPage(w, resp.GetNextPageToken())
			return nil
		},
	}
	cl.flags(c)
	times.flags(c)
	f := c.Flags()
	f.StringVar(&req.Kind, "kind", "", "only records of this kind: retrieve, read, answer, change, operate, …")
	f.StringVar(&req.User, "user", "", "only those made for this principal")
	f.StringVar(&req.App, "app", "", "only those of this app, a principal")
	f.StringVar(&document, "document", "", "only those in which this document was returned, read, cited or changed, SOURCE/ID")
	f.Int32Var(&req.Limit, "limit", 0, "how many on a page (default 50, at most 200)")
	f.StringVar(&req.PageToken, "page-token", "", "of the page before, which printed it; the rest of the command stays as it was")
	f.BoolVar(&asJSON, "json", false, "print the response as JSON, with the contract's field names")
	return c
}

// recordLine is a record in one line.
func recordLine(r *pb.AuditRecord) (string, error) {
	if r.GetRecord() == "" {
		return fmt.Sprintf("%6d  erased", r.GetIndex()), nil
	}
	var of audit.Record
	if err := json.Unmarshal([]byte(r.GetRecord()), &of); err != nil {
		return "", fmt.Errorf("reading record %d: %w", r.GetIndex(), err)
	}
	who := of.User
	if of.App != "" && of.App != of.User {
		who += " by " + of.App
	}
	return strings.TrimRight(fmt.Sprintf("%6d  %s  %-8s  %s  %s  %s", r.GetIndex(), of.Time.UTC().Format("2006-01-02 15:04:05Z"), of.Kind, of.ID, who, inBrief(of)), " "), nil
}

// inBrief is what a record is about, in a few words.
func inBrief(r audit.Record) string {
	switch {
	case r.Retrieval != nil:
		return fmt.Sprintf("%d passages at revision %d", len(r.Retrieval.Sources), r.Retrieval.Revision)
	case r.Answer != nil:
		return fmt.Sprintf("%s, %d citations, of %d retrievals", r.Answer.Outcome, len(r.Answer.Citations), len(r.Answer.Retrievals))
	case r.Read != nil:
		return strings.TrimPrefix(r.Read.Source+"/"+r.Read.ID, "/")
	case r.Change != nil:
		return strings.TrimSuffix(fmt.Sprintf("%s %s/%s", r.Change.Op, r.Change.Source, r.Change.ID), "/")
	case r.Erasure != nil:
		return fmt.Sprintf("%d records: %s", len(r.Erasure.Indexes), r.Erasure.Reason)
	case r.Operation != nil:
		return strings.TrimSpace(r.Operation.Name + " " + r.Operation.Detail)
	}
	return ""
}

func auditShowCommand() *cobra.Command {
	var cl client
	var asJSON bool
	c := &cobra.Command{
		Use:   "show RECEIPT|ID",
		Short: "Show one record with the proof that it is in the log (role auditor)",
		Long: `Show one record, by its receipt or its id, with the proof that it is in the log. The text of queries and answers is
left out.

` + exitCodes,
		Example: "  muniment audit show 4f0c9a5e0d3b4c6f8a1e2d3c4b5a6978\n  muniment audit show --json RECEIPT | jq -r .record",
		Args:    exactArgs(1, "a receipt, or the id of a record"),
		RunE: func(c *cobra.Command, args []string) error {
			ctx, conn, err := cl.dial(c.Context())
			if err != nil {
				return err
			}
			defer conn.Close()
			resp, err := pb.NewAuditServiceClient(conn).GetRecord(ctx, &pb.GetRecordRequest{Receipt: args[0]})
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), resp)
			}
			var body bytes.Buffer
			if err := json.Indent(&body, []byte(resp.GetRecord()), "", "  "); err != nil {
				return err
			}
			w := forTerminal{c.OutOrStdout()}
			fmt.Fprintf(w, "record %d of %s\nleaf %s\n%s\n\nproven by %d hashes against the checkpoint\n%s", resp.GetIndex(), moment(resp.GetTime()), resp.GetLeafHash(),
				&body, len(resp.GetInclusionProof()), resp.GetCheckpoint())
			return nil
		},
	}
	cl.flags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print the response as JSON, with the contract's field names")
	return c
}
