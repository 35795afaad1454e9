package main

import (
	"fmt"
	"io"
	"regexp"
	"strings"

	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// told is what was asked last and reported last in a transcript.
type told struct{ retrieval, answer string }

// report reports, as whoever asked last, an answer made from what that returned.
func (r *transcriptRun) report(out io.Writer, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("tell what?")
	}
	req := &pb.RecordAnswerRequest{
		RetrievalIds: []string{r.told.retrieval}, Answer: &pb.RecordAnswerRequest_AnswerText{AnswerText: args[0]}, Outcome: pb.Outcome_OUTCOME_SHOWN,
	}
	if err := addCitations(req, args[1:], ""); err != nil {
		return err
	}
	resp, err := r.whole.retrieval().RecordAnswer(r.whole.as(r.asker), req)
	if err != nil {
		fmt.Fprintln(out, errorText(status.Convert(err)))
		return nil
	}
	r.told.answer = resp.GetAnswerId()
	fmt.Fprintln(out, "recorded")
	for _, i := range resp.GetUnresolved() {
		fmt.Fprintf(out, "  not resolved: %s\n", args[1+i])
	}
	return nil
}

// trace traces, as whoever asks now, what was reported last.
func (r *transcriptRun) trace(out io.Writer) error {
	resp, err := pb.NewAuditServiceClient(r.whole.conn).TraceAnswer(r.whole.as(r.asker), &pb.TraceAnswerRequest{Answer: r.told.answer})
	if err != nil {
		fmt.Fprintln(out, errorText(status.Convert(err)))
		return nil
	}
	var text strings.Builder
	printTrace(&text, resp)
	io.WriteString(out, r.same(text.String()))
	return nil
}

// answers lists, as whoever asks now, the answers that cite a document.
func (r *transcriptRun) answers(out io.Writer, source, id string) error {
	resp, err := pb.NewAuditServiceClient(r.whole.conn).TraceDocument(r.whole.as(r.asker), &pb.TraceDocumentRequest{Document: &pb.DocumentRef{Source: source, Id: id}})
	if err != nil {
		fmt.Fprintln(out, errorText(status.Convert(err)))
		return nil
	}
	for _, use := range resp.GetUses() {
		if use.GetKind() == "answer" {
			fmt.Fprintf(out, "%s by %s: %s\n", use.GetUser(), use.GetApp(), r.same(useWords(use)))
		}
	}
	return nil
}

var differs = []struct {
	pattern *regexp.Regexp
	same    string
}{
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), "…"},
	{regexp.MustCompile(`\b1:…`), "…"},
	{regexp.MustCompile(`\b[0-9a-f]{32}\b`), "another"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ`), "TIME"},
	{regexp.MustCompile(`record \d+`), "record N"},
	{regexp.MustCompile(`revision \d+`), "revision N"},
	{regexp.MustCompile(`ranked by \S+, vectors of \S+`), "ranked by …, vectors of …"},
	{regexp.MustCompile(`(?m)[ \t]+$`), ""},
}

// same takes out of a text what differs from run to run. Empty lines would end a block.
func (r *transcriptRun) same(text string) string {
	text = strings.NewReplacer(r.told.retrieval, "R", r.told.answer, "A").Replace(text)
	for _, d := range differs {
		text = d.pattern.ReplaceAllString(text, d.same)
	}
	return strings.ReplaceAll(text, "\n\n", "\n")
}

// remember notes what was asked last.
func (r *transcriptRun) remember(resp proto.Message) {
	if m, ok := resp.(*pb.RetrieveResponse); ok {
		r.told.retrieval = m.GetRetrievalId()
	}
}
