package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// How many of the worst documents a person is shown at once. A list of hundreds makes nobody act.
const (
	worstInTable = 20
	worstOnPage  = 50
)

// nothingToReport says why a report is empty.
const nothingToReport = "there is no document to report on: you may read none of the sources that you are a steward of, or the filter leaves none"

// byBadness are the states, the worst first: the order of --fail-on, and of every table.
var byBadness = []pb.Freshness_State{
	pb.Freshness_STATE_SUPERSEDED, pb.Freshness_STATE_OUTDATED, pb.Freshness_STATE_STALE, pb.Freshness_STATE_DUE,
	pb.Freshness_STATE_UNKNOWN, pb.Freshness_STATE_NOT_YET_VALID, pb.Freshness_STATE_FRESH,
}

func freshnessCommand() *cobra.Command {
	return group("freshness", "See how far the documents can be trusted that you look after", freshnessReportCommand())
}

// reportFlags are what "freshness report" is told.
type reportFlags struct {
	json, csv          bool
	page               string
	failOn, asOf       string
	containers, states []string
	limited            bool // by --limit
}

func freshnessReportCommand() *cobra.Command {
	var cl client
	var f reportFlags
	req := &pb.ReportFreshnessRequest{Filter: &pb.Filter{}}
	c := &cobra.Command{
		Use:   "report",
		Short: "Report how far each document can be trusted, worst first (role steward)",
		Long: `Report how far each document can be trusted, worst first: counts by source, by owner and by container, and the documents
that need somebody. What is reported on are the documents that the token's subject may read, of the sources that the
subject is a steward of. What comes first is bad, long overdue and often retrieved; docs/stewardship.md has the formula.

A person is shown the worst 20 documents, or 50 on the page that --html makes. --json prints all of them, each as a line
with the fields of the contract; --csv all of them as a table, in which a text that a spreadsheet would take for a formula
begins with a quotation mark.

--fail-on makes the exit code 5 if a document of the report is in that state or a worse one. From worst to best they are:
superseded, outdated, stale, due, unknown. If there is no document to judge at all, it is 3.

` + exitCodes,
		Example: `  muniment freshness report --source handbook
  muniment freshness report --html report.html --csv > report.csv
  muniment freshness report --json | jq -r 'select(.state == "STATE_STALE") | .document.id'
  muniment freshness report --source handbook --fail-on stale`,
		Args: exactArgs(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			worst, err := f.request(req)
			if err != nil {
				return err
			}
			ctx, conn, err := cl.dial(c.Context())
			if err != nil {
				return err
			}
			defer conn.Close()
			summary, err := f.report(ctx, pb.NewStewardshipServiceClient(conn), req, c.OutOrStdout())
			if err != nil {
				return err
			}
			if worst != pb.Freshness_STATE_UNSPECIFIED && len(f.states) == 0 && summary.GetAll().GetDocuments() == 0 {
				return codedError{exitRefused, nothingToReport} // a job with the wrong token must not pass for ever
			}
			return failOn(summary, worst)
		},
	}
	cl.flags(c)
	fs := c.Flags()
	fs.BoolVar(&f.json, "json", false, "print every document as a line of JSON, with the contract's field names")
	fs.BoolVar(&f.csv, "csv", false, "print every document as a line of a table")
	fs.StringVar(&f.page, "html", "", "write a page with charts that needs nothing else into this file")
	fs.StringVar(&f.failOn, "fail-on", "", "exit with code 5 if a document is in this state or a worse one: superseded, outdated, stale, due or unknown")
	fs.StringArrayVar(&req.Filter.Sources, "source", nil, "only documents of this source; may be repeated")
	fs.StringArrayVar(&req.Filter.Owners, "owner", nil, "only documents owned by this principal; may be repeated")
	fs.StringArrayVar(&f.containers, "container", nil, "only documents in or below this container, SOURCE/ID; may be repeated")
	fs.StringArrayVar(&f.states, "state", nil, "only documents in this state: superseded, outdated, not-yet-valid, unknown, stale, due or fresh; may be repeated")
	fs.StringVar(&f.asOf, "as-of", "", "judge as of this day or instant (default now): 2026-10-09, or 2026-10-09T15:04:05Z")
	fs.Int32Var(&req.Limit, "limit", 0, "how many documents at most (default 20 for a person, else all)")
	return c
}

// request completes the request, and returns the state from which on the program fails, if
// there is one.
func (f *reportFlags) request(req *pb.ReportFreshnessRequest) (worst pb.Freshness_State, err error) {
	if f.json && f.csv {
		return 0, usagef("--json and --csv both print the documents: choose one")
	}
	for _, s := range f.containers {
		source, id, ok := strings.Cut(s, "/")
		if !ok {
			return 0, usagef("--container takes SOURCE/ID, not %q", s)
		}
		req.Filter.Containers = append(req.Filter.Containers, &pb.DocumentRef{Source: source, Id: id})
	}
	for _, s := range f.states {
		state, ok := stateNamed(s, byBadness)
		if !ok {
			return 0, usagef("--state takes superseded, outdated, not-yet-valid, unknown, stale, due or fresh, not %q", s)
		}
		req.Filter.States = append(req.Filter.States, state)
	}
	if f.failOn != "" {
		var ok bool
		if worst, ok = stateNamed(f.failOn, byBadness[:5]); !ok {
			return 0, usagef("--fail-on takes superseded, outdated, stale, due or unknown, not %q", f.failOn)
		}
	}
	if req.AsOf, err = instantFlag("as-of", f.asOf); err != nil {
		return 0, err
	}
	f.limited = req.Limit != 0
	if !f.limited && !f.json && !f.csv {
		req.Limit = worstInTable
		if f.page != "" {
			req.Limit = worstOnPage
		}
	}
	return worst, nil
}

// stateNamed is the state among them that a flag names.
func stateNamed(name string, among []pb.Freshness_State) (pb.Freshness_State, bool) {
	state, ok := pb.Freshness_State_value["STATE_"+strings.ToUpper(strings.ReplaceAll(name, "-", "_"))]
	return pb.Freshness_State(state), ok && slices.Contains(among, pb.Freshness_State(state))
}

// report asks for the report and shows it as the flags say.
func (f *reportFlags) report(ctx context.Context, client pb.StewardshipServiceClient, req *pb.ReportFreshnessRequest, out io.Writer) (*pb.FreshnessSummary, error) {
	buffered := bufio.NewWriter(out)
	table := newCSV(buffered)
	if f.csv {
		if err := table.Write(columns); err != nil {
			return nil, err
		}
	}
	var worst []*pb.DocumentFreshness // for a person
	summary, err := receiveReport(ctx, client, req, func(d *pb.DocumentFreshness) error {
		if (len(worst) < worstOnPage || !f.json && !f.csv) && (needsSomebody(d) || f.chosen()) {
			worst = append(worst, d)
		}
		switch {
		case f.json:
			return printJSON(buffered, d)
		case f.csv:
			return table.line(d)
		}
		return nil
	})
	if err == nil && !f.json && !f.csv && f.page == "" {
		err = printReport(buffered, summary, worst)
	}
	table.Flush()
	if err := errors.Join(err, buffered.Flush()); err != nil {
		return nil, err
	}
	if f.page == "" {
		return summary, nil
	}
	said := out
	if f.json || f.csv {
		said = io.Discard // it would be a line among the documents
	}
	worst = worst[:min(len(worst), worstOnPage)]
	return summary, writePage(f.page, said, func(w io.Writer) error { return reportPage(w, req, summary, worst) })
}

// chosen reports whether somebody asked for documents by state or number, and so for those too
// that nobody has to look at.
func (f *reportFlags) chosen() bool { return len(f.states) > 0 || f.limited }

// needsSomebody reports whether there is something to do about a document.
func needsSomebody(d *pb.DocumentFreshness) bool {
	return d.GetPriority() > 0 || d.GetState() == pb.Freshness_STATE_UNKNOWN
}

// receiveReport returns the summary of a report, and calls each with its documents as they come.
func receiveReport(ctx context.Context, client pb.StewardshipServiceClient, req *pb.ReportFreshnessRequest, each func(*pb.DocumentFreshness) error) (*pb.FreshnessSummary, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := client.ReportFreshness(ctx, req)
	if err != nil {
		return nil, err
	}
	var summary *pb.FreshnessSummary
	for {
		resp, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF) && summary == nil:
			return nil, errors.New("the server sent a report without a summary")
		case errors.Is(err, io.EOF):
			return summary, nil
		case err != nil:
			return nil, err
		}
		if s := resp.GetSummary(); s != nil {
			summary = s
		} else if err := each(resp.GetDocument()); err != nil {
			return nil, err
		}
	}
}

// failOn is the error that ends the program if a document of the report is in the state or a
// worse one; nil for no state.
func failOn(summary *pb.FreshnessSummary, state pb.Freshness_State) error {
	if state == pb.Freshness_STATE_UNSPECIFIED {
		return nil
	}
	n, counts := int64(0), summary.GetAll()
	for _, s := range byBadness[:1+slices.Index(byBadness, state)] {
		n += inState(counts, s)
	}
	if n == 0 {
		return nil
	}
	return codedError{exitStale, fmt.Sprintf("%d of %d documents are %s or worse", n, counts.GetDocuments(), stateWord(state))}
}

// inState is how many documents of a count are in the state.
func inState(c *pb.FreshnessCount, s pb.Freshness_State) int64 {
	if int(s) < len(c.GetStates()) {
		return c.GetStates()[s]
	}
	return 0
}

// stateWord is a state in the words of a sentence.
func stateWord(s pb.Freshness_State) string { return strings.ToLower(word(s.String(), "STATE_")) }
