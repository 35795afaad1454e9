// Desk is an app that asks Muniment on behalf of people: the same question for each, and each
// gets the answer that is theirs. See README.md beside this file.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	muniment "github.com/muniment/muniment/proto/muniment/v1"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: desk QUESTION FILE... (each file has the token of one person)")
		os.Exit(2)
	}
	if err := run(os.Stdout, os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "desk:", err)
		os.Exit(1)
	}
}

// run asks the question for each person. A web app would do so in each person's request.
func run(w io.Writer, question string, sessions []string) error {
	conn, err := connect()
	if err != nil {
		return err
	}
	defer conn.Close()
	for _, session := range sessions {
		token, err := os.ReadFile(session)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		err = ask(onBehalfOf(ctx, strings.TrimSpace(string(token))), w, conn, question)
		cancel()
		if err != nil {
			return fmt.Errorf("%s: %w", session, err)
		}
	}
	return nil
}

// connect makes the one connection that all calls share. It belongs to nobody: each call
// brings the token of its person. Without TLS tokens must not leave this machine.
func connect() (*grpc.ClientConn, error) {
	transport := insecure.NewCredentials()
	if ca := os.Getenv("MUNIMENT_CA"); ca != "" {
		var err error
		if transport, err = credentials.NewClientTLSFromFile(ca, ""); err != nil {
			return nil, err
		}
	}
	addr := os.Getenv("MUNIMENT_ADDR")
	if addr == "" {
		addr = "127.0.0.1:7600"
	}
	return grpc.NewClient(addr, grpc.WithTransportCredentials(transport))
}

// onBehalfOf is a context for calls for the person. The token was issued to this app for
// that person and says both. If the app has a token of its own as well (docs/identity.md),
// that goes first and the person's beside it.
func onBehalfOf(ctx context.Context, person string) context.Context {
	if own := os.Getenv("DESK_TOKEN"); own != "" {
		return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+own, "x-muniment-user-token", person)
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+person)
}

func ask(ctx context.Context, w io.Writer, conn *grpc.ClientConn, question string) error {
	who, err := muniment.NewDirectoryServiceClient(conn).GetCaller(ctx, &muniment.GetCallerRequest{})
	if err != nil {
		return err
	}
	answer, err := muniment.NewRetrievalServiceClient(conn).Retrieve(ctx, &muniment.RetrieveRequest{Query: question, Limit: 2})
	if err != nil {
		return err
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s, through %s: %s\n", who.GetUser(), who.GetApp(), question)
	for i, r := range answer.GetResults() {
		state := strings.TrimPrefix(r.GetFreshness().GetState().String(), "STATE_")
		fmt.Fprintf(&text, "%d. %s/%s: %s\n", i+1, r.GetDocument().GetSource(), r.GetDocument().GetId(), plain(r.GetTitle()))
		fmt.Fprintf(&text, "   %s: %s\n", state, r.GetFreshness().GetReason())
		quote(&text, r.GetText())
	}
	for _, c := range answer.GetConflicts() {
		fmt.Fprintf(&text, "conflict between %d and %d: %s\n", c.GetA().GetResult()+1, c.GetB().GetResult()+1, plain(c.GetExplanation()))
	}
	fmt.Fprintf(w, "%sretrieval %s\n\n", text.String(), answer.GetRetrievalId())
	report, err := record(ctx, conn, answer, text.String())
	if err != nil {
		return fmt.Errorf("recording what was shown: %w", err)
	}
	return keep(who.GetUser(), question, answer, report)
}

// record has the audit log remember what was shown, and which passages it stands on.
//
// This app has no model: it shows the passages themselves and cites each of them. One that has
// a model says here which it was (Model), by which prompt and which version of that (PromptId,
// PromptVersion), sends the text that its reader saw, and as Citations the annotations as
// the model's API returned them: UrlCitation, FileCitation or SearchResultLocation, for which
// it gave the model each result's citation_id or uri. What a person changed before it was shown is
// OUTCOME_EDITED, and what never was shown is recorded too, as WITHHELD or FAILED.
func record(ctx context.Context, conn *grpc.ClientConn, answer *muniment.RetrieveResponse, text string) (*muniment.RecordAnswerResponse, error) {
	report := &muniment.RecordAnswerRequest{
		RetrievalIds: []string{answer.GetRetrievalId()},
		Answer:       &muniment.RecordAnswerRequest_AnswerText{AnswerText: text},
		Outcome:      muniment.Outcome_OUTCOME_SHOWN,
		RequestId:    "desk/" + answer.GetRetrievalId(), // so that it can be sent again if no response came
	}
	for _, r := range answer.GetResults() {
		report.Citations = append(report.Citations, &muniment.Citation{Location: &muniment.Citation_CitationId{CitationId: r.GetCitationId()}})
	}
	return muniment.NewRetrievalServiceClient(conn).RecordAnswer(ctx, report)
}

// quote prints a passage as what it is: somebody else's text. A model should get it marked
// in the same way, as material and never as instructions.
func quote(w io.Writer, text string) {
	for line := range strings.Lines(text) {
		fmt.Fprintf(w, "   | %s\n", plain(line))
	}
}

// plain is one line without what a terminal would take for commands.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, text)
}

// keep notes under which names the audit log has what was retrieved and what was shown; the
// receipts let an auditor find and prove the records.
func keep(user, question string, answer *muniment.RetrieveResponse, report *muniment.RecordAnswerResponse) error {
	f, err := os.OpenFile("answers.jsonl", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	return json.NewEncoder(f).Encode(map[string]string{
		"user": user, "question": question, "retrieval_id": answer.GetRetrievalId(), "receipt": answer.GetReceipt(),
		"answer_id": report.GetAnswerId(), "answer_receipt": report.GetReceipt(),
	})
}
