package main

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// countsInTable is how many owners, and containers, a person is shown.
const countsInTable = 5

// printReport shows a report to a person.
func printReport(out io.Writer, s *pb.FreshnessSummary, worst []*pb.DocumentFreshness) error {
	all := s.GetAll()
	if all.GetDocuments() == 0 {
		_, err := fmt.Fprintln(out, nothingToReport)
		return err
	}
	w := tabwriter.NewWriter(forTerminal{out}, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%d documents, judged as of %s\n", all.GetDocuments(), moment(s.GetTime()))
	for _, part := range []struct {
		title  string
		counts []*pb.FreshnessCount
		more   int
	}{
		{"SOURCE", append(slices.Clip(s.GetSources()), &pb.FreshnessCount{Source: "all", States: all.GetStates(), Documents: all.GetDocuments(), Verified: all.GetVerified()}), 0},
		{"WORST OWNERS", s.GetOwners()[:min(countsInTable, len(s.GetOwners()))], len(s.GetOwners()) - countsInTable},
		{"WORST CONTAINERS", s.GetContainers()[:min(countsInTable, len(s.GetContainers()))], len(s.GetContainers()) - countsInTable},
	} {
		if len(part.counts) > 0 {
			printCounts(w, part.title, part.counts, part.more)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if len(worst) > 0 {
		fmt.Fprintln(w, "\nWORST DOCUMENTS\tRATIO\tRETRIEVED\tCONFLICTS\tOWNER\tDOCUMENT")
	}
	for _, d := range worst {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\n", word(d.GetState().String(), "STATE_"), ratioOf(d), upTo(d.GetRetrievals()), d.GetConflicts(),
			oneLine(cmp.Or(d.GetOwner(), "nobody")), oneLine(refName(d.GetDocument())))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if rest := restOf(all, len(worst)); rest != "" {
		fmt.Fprintf(out, "\n%s: --json and --csv list all of them, --html FILE makes a page\n", rest)
	}
	return nil
}

// restOf says what there is beside the documents that are shown, worst first.
func restOf(all *pb.FreshnessCount, shown int) string {
	rest, need := all.GetDocuments()-int64(shown), int64(0)
	for _, state := range byBadness[:5] {
		need += inState(all, state)
	}
	switch {
	case rest <= 0:
		return ""
	case int64(shown) < need:
		return fmt.Sprintf("and %s more, of which %s need somebody", thousands(rest), thousands(need-int64(shown)))
	}
	return fmt.Sprintf("the other %s need nobody", thousands(rest))
}

// printCounts writes a line for each count.
func printCounts(w io.Writer, title string, counts []*pb.FreshnessCount, more int) {
	fmt.Fprint(w, "\n", title)
	for _, state := range byBadness {
		fmt.Fprint(w, "\t", word(state.String(), "STATE_"))
	}
	fmt.Fprintln(w, "\tDOCUMENTS\tVERIFIED")
	for _, c := range counts {
		fmt.Fprint(w, oneLine(countName(c)))
		for _, state := range byBadness {
			fmt.Fprint(w, "\t", orDash(inState(c, state)))
		}
		fmt.Fprintf(w, "\t%d\t%s\n", c.GetDocuments(), percent(c.GetVerified(), c.GetDocuments()))
	}
	if more > 0 {
		fmt.Fprintf(w, "and %d more\n", more)
	}
}

// orDash leaves the figures of a table that matter.
func orDash(n int64) string {
	if n == 0 {
		return "-"
	}
	return strconv.FormatInt(n, 10)
}

// countName says whose a count is.
func countName(c *pb.FreshnessCount) string {
	switch {
	case c.GetSource() == "":
		return cmp.Or(c.GetName(), "nobody")
	case c.GetName() == "":
		return c.GetSource()
	}
	return c.GetSource() + "/" + c.GetName()
}

// percent is a share in whole percent; below one half but above none it is "<1 %".
func percent(n, of int64) string {
	switch {
	case of == 0 || n == 0:
		return "0 %"
	case 200*n < of:
		return "<1 %"
	default:
		return fmt.Sprintf("%.0f %%", 100*float64(n)/float64(of))
	}
}

// ratioOf is how many review intervals old a document is.
func ratioOf(d *pb.DocumentFreshness) string {
	if d.GetFreshness().GetDue() == nil {
		return "-"
	}
	return fmt.Sprintf("%.1f", d.GetRatio())
}

// upTo is a count that was rounded up to a power of two.
func upTo(n int64) string {
	if n < 2 {
		return strconv.FormatInt(n, 10)
	}
	return fmt.Sprintf("≤ %d", n)
}

// csvTable writes documents as a table for spreadsheets.
type csvTable struct{ *csv.Writer }

func newCSV(w io.Writer) *csvTable { return &csvTable{csv.NewWriter(w)} }

// columns are the head of the table.
var columns = []string{
	"source", "id", "state", "ratio", "priority", "retrievals", "conflicts", "title", "uri", "owner", "container",
	"modified", "verified", "verified_by", "due", "valid_until", "age_days", "superseded_by", "content_hash", "reason",
}

func (t *csvTable) line(d *pb.DocumentFreshness) error {
	number := func(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
	f := d.GetFreshness()
	by := ""
	if f.GetSupersededBy() != nil {
		by = refName(f.GetSupersededBy())
	}
	return t.Write([]string{
		plain(d.GetDocument().GetSource()), plain(d.GetDocument().GetId()), strings.TrimPrefix(d.GetState().String(), "STATE_"),
		number(d.GetRatio()), number(d.GetPriority()), strconv.FormatInt(d.GetRetrievals(), 10), strconv.Itoa(int(d.GetConflicts())),
		plain(d.GetTitle()), plain(d.GetUri()), plain(d.GetOwner()), plain(d.GetContainer()),
		stamp(f.GetModified()), stamp(f.GetVerified()), plain(f.GetVerifiedBy()), stamp(f.GetDue()), stamp(f.GetValidUntil()),
		strconv.Itoa(int(f.GetAgeDays())), plain(by), d.GetContentHash(), plain(f.GetReason()),
	})
}

// stamp is an instant for programs, empty if there is none.
func stamp(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().UTC().Format(time.RFC3339)
}

// plain is a text of a document as a spreadsheet is to take it: as text. One that begins like
// a formula would be run by whoever opens the table, in their name.
func plain(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r\n", rune(text[0])) {
		return "'" + text
	}
	return text
}
