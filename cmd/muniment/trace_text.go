package main

import (
	"fmt"
	"io"
	"strings"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// printTrace shows a trace as a tree.
func printTrace(w io.Writer, resp *pb.TraceAnswerResponse) {
	w = forTerminal{w}
	if len(resp.GetAnswers()) == 0 {
		fmt.Fprintln(w, "no answer was reported that was made from this retrieval")
	}
	for _, a := range resp.GetAnswers() {
		fmt.Fprintf(w, "answer %s  %s  %s\n", a.GetAnswerId(), word(a.GetOutcome().String(), "OUTCOME_"), moment(a.GetTime()))
		fmt.Fprintf(w, "  record %d, for %s by %s%s\n", a.GetIndex(), a.GetUser(), a.GetApp(), written(a))
		fmt.Fprintf(w, "  SHA-256 %s\n", a.GetAnswerHash())
		quote(w, "  | ", a.GetAnswerText())
		for i, c := range a.GetCitations() {
			fmt.Fprintf(w, "  cites %d. %s\n", i+1, citedAs(c))
		}
	}
	for _, r := range resp.GetRetrievals() {
		printRetrieval(w, r)
	}
}

// written is what wrote an answer.
func written(a *pb.TracedAnswer) (s string) {
	if a.GetModel() != "" {
		s += ", model " + a.GetModel()
	}
	if a.GetPromptId() != "" {
		s += ", prompt " + strings.TrimSpace(a.GetPromptId()+" "+a.GetPromptVersion())
	}
	return s
}

// citedAs is a citation in words.
func citedAs(c *pb.TracedCitation) string {
	if c.GetDocument() == nil {
		return "not resolved: nothing that was returned is called " + c.GetReference()
	}
	what := fmt.Sprintf("%s, version %d", refName(c.GetDocument()), c.GetVersion())
	if c.GetDocumentOnly() {
		return what + fmt.Sprintf(": the document, of which the best passage was number %d of retrieval %s", c.GetRank(), c.GetRetrievalId())
	}
	return what + fmt.Sprintf(": number %d of retrieval %s", c.GetRank(), c.GetRetrievalId())
}

func printRetrieval(w io.Writer, r *pb.TracedRetrieval) {
	if r.GetMissing() {
		fmt.Fprintf(w, "\nretrieval %s  nothing is known of it: its record was erased\n", r.GetRetrievalId())
		return
	}
	fmt.Fprintf(w, "\nretrieval %s  %s\n  record %d, for %s by %s\n", r.GetRetrievalId(), moment(r.GetTime()), r.GetIndex(), r.GetUser(), r.GetApp())
	fmt.Fprintf(w, "  asked: %s\n", asked(r))
	fmt.Fprintf(w, "  revision %d, ranked by %s, vectors of %s\n", r.GetRevision(), r.GetRanking(), r.GetVectorSpace())
	for _, p := range r.GetPassages() {
		printPassage(w, p, r.GetRevision())
	}
}

// asked is what was asked, or its hash.
func asked(r *pb.TracedRetrieval) string {
	if r.GetQuery() != "" {
		return oneLine(r.GetQuery())
	}
	return "(not shown) keyed hash " + r.GetQueryHash()
}

func printPassage(w io.Writer, p *pb.TracedPassage, revision int64) {
	fmt.Fprintf(w, "\n  %d. %s\n", p.GetRank(), passageLine(p))
	quote(w, "     | ", p.GetText())
	for _, line := range policyLines(p.GetPolicy(), revision) {
		fmt.Fprintf(w, "     %s\n", line)
	}
	if len(p.GetChanges()) == 0 {
		fmt.Fprintln(w, "     since then: nothing has changed")
	}
	for _, c := range p.GetChanges() {
		fmt.Fprintf(w, "     since then: %s\n", changeLine(c))
		if c.GetBefore() != c.GetAfter() {
			quote(w, "       - ", c.GetBefore())
			quote(w, "       + ", c.GetAfter())
		}
	}
}

// passageLine is a passage in one line.
func passageLine(p *pb.TracedPassage) string {
	s := fmt.Sprintf("%s  version %d  characters %d–%d  score %.3f  %s", refName(p.GetDocument()), p.GetVersion(),
		p.GetSpan().GetStart(), p.GetSpan().GetEnd(), p.GetScore(), p.GetState())
	for _, rank := range p.GetConflictsWith() {
		s += fmt.Sprintf("  contradicted by %d", rank)
	}
	if p.GetCited() {
		s += "  CITED"
	}
	return s
}

// changeLine is a change in one line.
func changeLine(c *pb.SourceChange) string {
	s := word(c.GetKind().String(), "KIND_") + ": " + c.GetExplanation()
	if c.GetBy() != nil {
		s += " (" + refName(c.GetBy()) + ")"
	}
	if c.GetKind() == pb.SourceChange_KIND_EDITED {
		s += fmt.Sprintf(": it has version %d now, SHA-256 %s", c.GetVersion(), c.GetContentHash())
		switch {
		case c.GetWithheld() != "":
			s += "; the text is not shown: " + c.GetWithheld()
		case c.GetBefore() == c.GetAfter():
			s += "; the passage itself is as it was"
		}
	}
	return s
}

// quote prints a text with a mark before each line.
func quote(w io.Writer, mark, text string) {
	for line := range strings.Lines(text) {
		fmt.Fprintf(w, "%s%s\n", mark, strings.TrimRight(line, "\r\n"))
	}
}

// printUses shows the uses of a document as a table.
func printUses(w io.Writer, uses []*pb.DocumentUse) {
	w = forTerminal{w}
	if len(uses) == 0 {
		fmt.Fprintln(w, "no use of it is on record")
	}
	for _, u := range uses {
		fmt.Fprintf(w, "%6s  %s  %-8s  %s  %s by %s  %s\n", indexOf(u), moment(u.GetTime()), u.GetKind(), u.GetId(), u.GetUser(), u.GetApp(), useWords(u))
	}
}

// indexOf is a use's place in the log, for who is told it.
func indexOf(u *pb.DocumentUse) string {
	if u.Index == nil {
		return "-"
	}
	return fmt.Sprint(u.GetIndex())
}

// useWords says how a document was used.
func useWords(u *pb.DocumentUse) string {
	versions := strings.Trim(fmt.Sprint(u.GetVersions()), "[]")
	switch u.GetKind() {
	case "retrieve":
		return fmt.Sprintf("version %s, ranks %s", versions, strings.Trim(fmt.Sprint(u.GetRanks()), "[]"))
	case "answer":
		return fmt.Sprintf("version %s, cited, %s, from %s", versions, word(u.GetOutcome().String(), "OUTCOME_"), strings.Join(u.GetRetrievalIds(), " "))
	}
	return "version " + versions
}

// refName is a document's name.
func refName(d *pb.DocumentRef) string { return d.GetSource() + "/" + d.GetId() }
