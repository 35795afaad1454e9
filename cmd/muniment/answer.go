package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/encoding/protojson"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

func answerCommand() *cobra.Command {
	var cl client
	var asJSON bool
	var text, citations, outcome, hash string
	var cites []string
	req := &pb.RecordAnswerRequest{}
	c := &cobra.Command{
		Use:   "answer RETRIEVAL…",
		Short: "Report what was told somebody, and from which retrievals",
		Long: `Report what was told somebody, and from which of the caller's own retrievals it was made, so that an auditor can
later say what it rests on. It prints the answer's id, by which 'muniment audit trace-answer' finds it.

A citation is the citation_id of a passage that one of the retrievals returned, or the uri of its document. --citations
takes a file with a JSON list of citations in the contract's form instead, as the APIs of models return them:
[{"url_citation": {"url": "…", "start_index": 0, "end_index": 9}}, …]. What names nothing that was returned is recorded
as unresolved, and said so.

` + exitCodes,
		Example: `  echo "Dogs travel free." | muniment answer 4f0c… --text - --cite handbook/dogs.md@3#0 --model my-model
  muniment answer 4f0c… 77ab… --hash 9f86… --outcome edited --request-id 2026-10-09/17`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("%s takes the ids of the retrievals; see '%[1]s --help'", c.CommandPath())
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			req.RetrievalIds = args
			o, known := pb.Outcome_value["OUTCOME_"+strings.ToUpper(outcome)]
			if !known || o == 0 {
				return usagef("--outcome: %q is none of shown, edited, withheld, rejected and failed", outcome)
			}
			req.Outcome = pb.Outcome(o)
			if (text == "") == (hash == "") {
				return usagef("what was the answer? --text FILE (- for standard input), or --hash SHA256")
			}
			req.Answer = &pb.RecordAnswerRequest_AnswerHash{AnswerHash: hash}
			if text != "" {
				b, err := readWhole(text, c.InOrStdin())
				if err != nil {
					return usagef("--text: %w", err)
				}
				req.Answer = &pb.RecordAnswerRequest_AnswerText{AnswerText: string(b)}
			}
			if err := addCitations(req, cites, citations); err != nil {
				return err
			}
			ctx, conn, err := cl.dial(c.Context())
			if err != nil {
				return err
			}
			defer conn.Close()
			resp, err := pb.NewRetrievalServiceClient(conn).RecordAnswer(ctx, req)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), resp)
			}
			fmt.Fprintf(c.OutOrStdout(), "answer %s\n", resp.GetAnswerId())
			for _, i := range resp.GetUnresolved() {
				fmt.Fprintf(forTerminal{c.OutOrStdout()}, "! citation %d names nothing that the retrievals returned: %s\n", i+1, referenceOf(req.GetCitations()[i]))
			}
			return nil
		},
	}
	cl.flags(c)
	f := c.Flags()
	f.StringVar(&text, "text", "", "a file with the answer's text; - for standard input")
	f.StringVar(&hash, "hash", "", "the SHA-256 of the answer's text, instead of the text")
	f.StringArrayVar(&cites, "cite", nil, "a citation_id or a uri that the answer cites; may be repeated")
	f.StringVar(&citations, "citations", "", "a file with a JSON list of citations; - for standard input")
	f.StringVar(&outcome, "outcome", "shown", "what became of it: shown, edited, withheld, rejected or failed")
	f.StringVar(&req.Model, "model", "", "the model that wrote it")
	f.StringVar(&req.PromptId, "prompt", "", "the prompt it was written with")
	f.StringVar(&req.PromptVersion, "prompt-version", "", "the version of that prompt")
	f.StringVar(&req.RequestId, "request-id", "", "names this report: sent again, it is recorded once")
	f.BoolVar(&asJSON, "json", false, "print the response as JSON, with the contract's field names")
	return c
}

func readWhole(file string, stdin io.Reader) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(stdin)
	}
	return os.ReadFile(file)
}

// addCitations adds those of the command line, then those of the file.
func addCitations(req *pb.RecordAnswerRequest, cites []string, file string) error {
	for _, name := range cites {
		cited := &pb.Citation{Location: &pb.Citation_CitationId{CitationId: name}}
		if strings.Contains(name, "://") {
			cited.Location = &pb.Citation_UrlCitation{UrlCitation: &pb.UrlCitation{Url: name}}
		}
		req.Citations = append(req.Citations, cited)
	}
	if file == "" {
		return nil
	}
	b, err := readWhole(file, os.Stdin)
	if err != nil {
		return usagef("--citations: %w", err)
	}
	var list []json.RawMessage
	if err := json.Unmarshal(b, &list); err != nil {
		return usagef("--citations: no JSON list: %w", err)
	}
	for i, item := range list {
		cited := &pb.Citation{}
		if err := protojson.Unmarshal(item, cited); err != nil {
			return usagef("--citations: item %d: %w", i+1, err)
		}
		req.Citations = append(req.Citations, cited)
	}
	return nil
}

// referenceOf is what a citation names.
func referenceOf(c *pb.Citation) string {
	return first(c.GetCitationId(), c.GetUrlCitation().GetUrl(), c.GetFileCitation().GetFileId(), c.GetSearchResultLocation().GetSource())
}
