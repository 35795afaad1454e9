package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

func retrieveCommand() *cobra.Command {
	var cl client
	var asJSON, full bool
	req := &pb.RetrieveRequest{Filter: &pb.Filter{}}
	var containers []string
	var trust trustFlags
	c := &cobra.Command{
		Use:   `retrieve "QUESTION"`,
		Short: "Ask a question as the token's subject",
		Long: `Ask a question as the token's subject and print the best passages the subject may read, how far each source
can be trusted, and where they contradict each other.

Documents whose validity has ended or not begun are left out unless --state asks for them; --trust leaves out more. What
is left out does not exist for the question. As long as nothing else is asked for, a document that another replaces is
ranked lower.

If more passages follow, the last line is what to add to the same command for the next page, within 15 minutes. A page
is a question of its own: rights are checked anew, and it is recorded by itself. There are 1,000 passages at most.

` + exitCodes,
		Example: `  muniment retrieve "how many days of leave do I have?"
  muniment retrieve --json --limit 3 --source handbook "travel expenses" | jq '.results[].document'
  muniment retrieve --trust current-only --as-of 2026-01-01 "travel expenses"`,
		Args: exactArgs(1, "one question, in quotes"),
		RunE: func(c *cobra.Command, args []string) error {
			req.Query = args[0]
			for _, s := range containers {
				source, id, ok := strings.Cut(s, "/")
				if !ok {
					return usagef("--container takes SOURCE/ID, not %q", s)
				}
				req.Filter.Containers = append(req.Filter.Containers, &pb.DocumentRef{Source: source, Id: id})
			}
			if err := trust.apply(req); err != nil {
				return err
			}
			ctx, conn, err := cl.dial(c.Context())
			if err != nil {
				return err
			}
			defer conn.Close()
			resp, err := pb.NewRetrievalServiceClient(conn).Retrieve(ctx, req)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), resp)
			}
			printAnswer(c.OutOrStdout(), resp, full)
			return nil
		},
	}
	cl.flags(c)
	f := c.Flags()
	f.Int32Var(&req.Limit, "limit", 0, "how many passages on a page (default 10, at most 100)")
	f.StringVar(&req.PageToken, "page-token", "", "of the page before, which printed it; the rest of the command stays as it was")
	f.BoolVar(&asJSON, "json", false, "print the response as JSON, with the contract's field names")
	f.BoolVar(&full, "full", false, "print whole passages")
	f.StringVar(&req.AtLeastAsFresh, "at-least-as-fresh", "", "a consistency token; the answer includes what it stands for")
	f.StringArrayVar(&req.Filter.Sources, "source", nil, "only documents of this source; may be repeated")
	f.StringArrayVar(&containers, "container", nil, "only documents in or below this container, SOURCE/ID; may be repeated")
	f.StringArrayVar(&req.Filter.Owners, "owner", nil, "only documents owned by this principal; may be repeated")
	f.StringToStringVar(&req.Filter.Labels, "label", nil, "only documents that carry this label, KEY=VALUE; may be repeated")
	trust.flags(c)
	return c
}

// forTerminal writes what documents say without what would command a terminal or turn
// the direction of a line: those characters are shown as U+FFFD.
type forTerminal struct{ w io.Writer }

func (t forTerminal) Write(p []byte) (int, error) {
	clean := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r) {
			return utf8.RuneError
		}
		return r
	}, string(p))
	_, err := io.WriteString(t.w, clean)
	return len(p), err
}

// named is what a degradation is about.
func named(d pb.Degradation, resp *pb.RetrieveResponse) []string {
	if d == pb.Degradation_DEGRADATION_SOURCE_WITHHELD {
		return resp.GetWithheldSources()
	}
	return nil
}

// printAnswer shows a response to a person.
func printAnswer(w io.Writer, resp *pb.RetrieveResponse, full bool) {
	w = forTerminal{w}
	for _, d := range resp.GetDegradations() {
		fmt.Fprintf(w, "! %s\n", strings.Join(append([]string{word(d.String(), "DEGRADATION_")}, named(d, resp)...), " "))
	}
	if len(resp.GetResults()) == 0 {
		fmt.Fprintln(w, "Nothing that you may read answers this.")
		return
	}
	fmt.Fprintf(w, "evidence: %s\n", word(resp.GetEvidence().String(), "EVIDENCE_"))
	for i, r := range resp.GetResults() {
		fresh := r.GetFreshness()
		fmt.Fprintf(w, "\n%d. %s\n", i+1, strings.Join(slices.Compact(append([]string{r.GetTitle()}, r.GetHeadings()...)), " › "))
		fmt.Fprintf(w, "   %s/%s  version %d  characters %d–%d  score %.3f\n", r.GetDocument().GetSource(), r.GetDocument().GetId(),
			r.GetVersion(), r.GetSpan().GetStart(), r.GetSpan().GetEnd(), r.GetScore())
		fmt.Fprintf(w, "   %s: %s\n", word(fresh.GetState().String(), "STATE_"), fresh.GetReason())
		fmt.Fprintf(w, "   owner %s, modified %s, verified %s\n", cmp.Or(r.GetOwner(), "unknown"), day(fresh.GetModified()), day(fresh.GetVerified()))
		if n := r.GetHiddenChars(); n > 0 {
			fmt.Fprintf(w, "   %s\n", leftOut(n))
		}
		for line := range strings.Lines(excerpt(r.GetText(), full)) {
			fmt.Fprintf(w, "   | %s\n", strings.TrimRight(line, "\n"))
		}
	}
	for _, c := range resp.GetConflicts() {
		fmt.Fprintf(w, "\n! %s between %d and %d: %s\n", strings.ToLower(word(c.GetKind().String(), "KIND_")), c.GetA().GetResult()+1, c.GetB().GetResult()+1, c.GetExplanation())
		if c.GetPreferredReason() != "" {
			side := c.GetA()
			if c.GetPreferred() == pb.Conflict_PREFERENCE_B {
				side = c.GetB()
			}
			fmt.Fprintf(w, "  prefer %d: %s\n", side.GetResult()+1, c.GetPreferredReason())
		}
	}
	fmt.Fprintf(w, "\nretrieval %s\n", resp.GetRetrievalId())
	if next := resp.GetNextPageToken(); next != "" {
		fmt.Fprintf(w, "for the next page, the same command with --page-token=%s\n", next)
	}
}

// leftOut says how much of a document is hidden from its readers.
func leftOut(n int32) string {
	if n == 1 {
		return "1 character that readers do not see was left out"
	}
	return fmt.Sprintf("%d characters that readers do not see were left out", n)
}

// word is an enum value without its prefix.
func word(value, prefix string) string {
	return strings.ReplaceAll(strings.TrimPrefix(value, prefix), "_", " ")
}

func day(t *timestamppb.Timestamp) string {
	if t == nil {
		return "never"
	}
	return t.AsTime().Format(time.DateOnly)
}

// excerpt is the beginning of a passage, or all of it.
func excerpt(text string, full bool) string {
	const runes = 400
	r := []rune(text)
	if full || len(r) <= runes {
		return text
	}
	return strings.TrimSpace(string(r[:runes])) + " …"
}

func documentCommand() *cobra.Command {
	var cl client
	var asJSON bool
	get := &cobra.Command{
		Use:   "get SOURCE ID",
		Short: "Read a document whole",
		Long: `Read a document whole, if the token's subject may. One that is hidden and one that never existed give the same
answer.

` + exitCodes,
		Example: "  muniment document get handbook pages/hr/leave.md",
		Args:    exactArgs(2, "a source and an id"),
		RunE: func(c *cobra.Command, args []string) error {
			ctx, conn, err := cl.dial(c.Context())
			if err != nil {
				return err
			}
			defer conn.Close()
			resp, err := pb.NewDocumentServiceClient(conn).GetDocument(ctx, &pb.GetDocumentRequest{Document: &pb.DocumentRef{Source: args[0], Id: args[1]}})
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), resp)
			}
			w, fresh := forTerminal{c.OutOrStdout()}, resp.GetFreshness()
			fmt.Fprintf(w, "%s\n%s/%s  version %d\n", resp.GetTitle(), args[0], args[1], resp.GetVersion())
			fmt.Fprintf(w, "%s: %s\nowner %s, modified %s, verified %s\n", word(fresh.GetState().String(), "STATE_"), fresh.GetReason(),
				cmp.Or(resp.GetOwner(), "unknown"), day(fresh.GetModified()), day(fresh.GetVerified()))
			if n := resp.GetHiddenChars(); n > 0 {
				fmt.Fprintf(w, "%s of the index; they are in the text below\n", leftOut(n))
			}
			fmt.Fprintf(w, "\n%s\n", resp.GetText())
			return nil
		},
	}
	cl.flags(get)
	get.Flags().BoolVar(&asJSON, "json", false, "print the response as JSON, with the contract's field names")
	return group("document", "Read documents, and vouch for them", get, documentVerifyCommand())
}
