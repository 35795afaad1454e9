package main

import (
	"fmt"

	"github.com/spf13/cobra"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

func documentVerifyCommand() *cobra.Command {
	var cl client
	var asJSON, read bool
	req := &pb.VerifyDocumentRequest{Document: &pb.DocumentRef{}}
	c := &cobra.Command{
		Use:   "verify",
		Short: "Vouch for the text of a document as it is (role steward)",
		Long: `Vouch for the text of a document: its age counts from now on. That holds for this very text, and lapses when the text
changes. Your name goes with it, for everybody to see who may read the document; the note goes into the audit log.

Without --content-hash the document is fetched and its title, state and hash are shown; what is vouched for is the text
with that hash, so that an edit in between is refused. --read shows the text too. With --content-hash, which
"freshness report" and "document get --json" print, nothing is fetched: it is the text that you looked at, or it is refused.

` + exitCodes,
		Example: `  muniment document verify --source handbook --id pages/hr/leave.md --note "checked against the collective agreement"
  muniment document verify --source handbook --id pages/hr/leave.md --content-hash 1f0c…`,
		Args: exactArgs(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			if req.Document.Source == "" || req.Document.Id == "" {
				return usagef("document verify needs --source and --id")
			}
			if read && req.ContentHash != "" {
				return usagef("--read shows the text that is there, --content-hash names one that was read: choose one")
			}
			ctx, conn, err := cl.dial(c.Context())
			if err != nil {
				return err
			}
			defer conn.Close()
			w := forTerminal{c.OutOrStdout()}
			if req.ContentHash == "" {
				got, err := pb.NewDocumentServiceClient(conn).GetDocument(ctx, &pb.GetDocumentRequest{Document: req.Document})
				if err != nil {
					return err
				}
				if req.ContentHash = got.GetContentHash(); !asJSON {
					printUnverified(w, got, read)
				}
			}
			resp, err := pb.NewStewardshipServiceClient(conn).VerifyDocument(ctx, req)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), resp)
			}
			f := resp.GetFreshness()
			fmt.Fprintf(w, "verified by %s\nnow %s: %s\n", f.GetVerifiedBy(), word(f.GetState().String(), "STATE_"), f.GetReason())
			return nil
		},
	}
	cl.flags(c)
	f := c.Flags()
	f.StringVar(&req.Document.Source, "source", "", "the document's source")
	f.StringVar(&req.Document.Id, "id", "", "the document's id there")
	f.StringVar(&req.ContentHash, "content-hash", "", "SHA-256 of the text that you looked at, in hexadecimal")
	f.BoolVar(&read, "read", false, "show the text before it is vouched for")
	f.StringVar(&req.Note, "note", "", "what you looked at, for the audit log")
	f.BoolVar(&asJSON, "json", false, "print the response as JSON, with the contract's field names")
	return c
}

// printUnverified shows what is about to be vouched for.
func printUnverified(w forTerminal, d *pb.GetDocumentResponse, whole bool) {
	f := d.GetFreshness()
	fmt.Fprintf(w, "%s\n%s  version %d  SHA-256 %s\nwas %s: %s\n", oneLine(d.GetTitle()), refName(d.GetDocument()), d.GetVersion(), d.GetContentHash(),
		word(f.GetState().String(), "STATE_"), f.GetReason())
	if whole {
		fmt.Fprintf(w, "\n%s\n\n", d.GetText())
	}
}
