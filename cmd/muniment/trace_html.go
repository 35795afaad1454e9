package main

import (
	_ "embed"
	"html/template"
	"io"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

//go:embed trace.html
var tracePages string

// pages are the two pages of traces. They need nothing that is not in them, run nothing, and
// mark what documents say as quotations.
var pages = template.Must(template.New("pages").Funcs(template.FuncMap{
	"moment": moment, "name": refName, "outcome": func(o pb.Outcome) string { return word(o.String(), "OUTCOME_") },
	"written": func(a *pb.TracedAnswer) string { return strings.TrimPrefix(written(a), ", ") },
	"cited":   citedAs, "asked": asked, "policy": policyLines, "change": changeLine, "use": useWords, "index_of": indexOf, "clean": cleaned,
}).Parse(tracePages))

// cleaned is a text without what would turn the direction of a line.
func cleaned(text string) string {
	var b strings.Builder
	forTerminal{&b}.Write([]byte(text))
	return b.String()
}

func answerPage(w io.Writer, resp *pb.TraceAnswerResponse) error {
	return pages.ExecuteTemplate(w, "answer", resp)
}

func documentPage(w io.Writer, req *pb.TraceDocumentRequest, uses []*pb.DocumentUse) error {
	return pages.ExecuteTemplate(w, "document", struct {
		Request *pb.TraceDocumentRequest
		Uses    []*pb.DocumentUse
		Made    *timestamppb.Timestamp
	}{req, uses, timestamppb.New(time.Now())})
}
