package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/muniment/muniment/api/identity"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// The two sources of the audit's walk. They contradict each other, and Bram reads both.
var (
	demoEdited  = &pb.DocumentRef{Source: "handbook", Id: "policies/travel-expenses.md"}
	demoRevoked = &pb.DocumentRef{Source: "finance", Id: "desk/travel-expenses.md"}
)

const demoAnswer = "Hand in your receipts within 30 days; the finance desk's own page says 14."

// runAudit tells the story of one answer: asked, reported, its sources changed, traced; and of
// one byte of the log.
func (d *demo) runAudit(ctx context.Context) error {
	d.say("1. A server takes in the company. Bram asks, and an app reports what it told him.\n")
	s, err := d.start(ctx, "audited")
	if err != nil {
		return err
	}
	defer s.stop()
	if err := d.ingest(ctx, s, d.feeds); err != nil {
		return err
	}
	answer, err := d.report(ctx, s)
	if err != nil {
		return err
	}
	d.say("\n2. The handbook is edited, and the finance desk's page is closed to Bram.\n")
	if err := d.changeSources(ctx, s); err != nil {
		return err
	}
	auditor, err := s.as(ctx, identity.Request{Subject: "user:local/ottoline", Roles: []identity.Grant{{Role: identity.RoleAuditor}}})
	if err != nil {
		return err
	}
	traced, err := d.traceAnswer(auditor, s, answer)
	if err != nil {
		return err
	}
	if err := d.traceDocument(auditor, s); err != nil {
		return err
	}
	s.stop()
	return d.tamper(ctx, s, traced.GetAnswers()[0])
}

// report asks as Bram and reports an answer that cites both copies.
func (d *demo) report(ctx context.Context, s *demoServer) (*pb.RecordAnswerResponse, error) {
	bram, err := s.as(ctx, identity.Request{Subject: "user:local/bram"})
	if err != nil {
		return nil, err
	}
	app := pb.NewRetrievalServiceClient(s.conn)
	resp, err := app.Retrieve(bram, &pb.RetrieveRequest{Query: "Within how many days must I hand in receipts for travel expenses?", Limit: 3})
	if err != nil {
		return nil, err
	}
	req := &pb.RecordAnswerRequest{
		RetrievalIds: []string{resp.GetRetrievalId()}, Outcome: pb.Outcome_OUTCOME_SHOWN, Model: "example-model", PromptId: "helpdesk", PromptVersion: "7",
		Answer: &pb.RecordAnswerRequest_AnswerText{AnswerText: demoAnswer},
	}
	for _, r := range resp.GetResults()[:min(2, len(resp.GetResults()))] {
		switch {
		case proto.Equal(r.GetDocument(), demoEdited): // as one model's API returns it
			req.Citations = append(req.Citations, &pb.Citation{Location: &pb.Citation_UrlCitation{UrlCitation: &pb.UrlCitation{Url: r.GetUri(), EndIndex: 37}}})
		case proto.Equal(r.GetDocument(), demoRevoked):
			req.Citations = append(req.Citations, &pb.Citation{Location: &pb.Citation_CitationId{CitationId: r.GetCitationId()}})
		}
	}
	if len(req.Citations) < 2 {
		return nil, errors.New("bram was not shown both pages on travel expenses")
	}
	answer, err := app.RecordAnswer(bram, req)
	if err != nil {
		return nil, err
	}
	d.say("   retrieval %s returned %d passages\n   answer %s: %s", resp.GetRetrievalId(), len(resp.GetResults()), answer.GetAnswerId(), demoAnswer)
	if len(answer.GetUnresolved()) > 0 {
		return nil, fmt.Errorf("citations %v were not resolved", answer.GetUnresolved())
	}
	return answer, nil
}

// changeSources edits one of the sources and revokes the other.
func (d *demo) changeSources(ctx context.Context, s *demoServer) error {
	edited := false
	var lines bytes.Buffer
	for _, feed := range d.feeds {
		err := readFeed(feed, func(_ int, req *pb.IngestRequest, bad error) error {
			doc := req.GetDocument()
			if bad != nil || doc.GetSource() != demoEdited.GetSource() || doc.GetId() != demoEdited.GetId() {
				return bad
			}
			before := doc.GetText()
			doc.Text, doc.Version = strings.ReplaceAll(before, "30 days", "21 days"), doc.GetVersion()+1
			edited = doc.GetText() != before
			return printJSON(&lines, req)
		})
		if err != nil {
			return err
		}
	}
	if !edited {
		return fmt.Errorf("%s does not say \"30 days\"", refName(demoEdited))
	}
	err := printJSON(&lines, &pb.IngestRequest{Item: &pb.IngestRequest_Access{Access: &pb.DocumentAccess{
		Source: demoRevoked.GetSource(), Id: demoRevoked.GetId(), AccessVersion: 1 << 40,
		Policy: &pb.Policy{Inherit: pb.Inherit_INHERIT_REPLACE, Layers: []*pb.Layer{{Allow: []*pb.Grant{{Principal: "user:local/petra"}}}}},
	}}})
	if err != nil {
		return err
	}
	file := filepath.Join(d.dir, "changes.jsonl")
	if err := os.WriteFile(file, lines.Bytes(), 0o600); err != nil {
		return err
	}
	return d.ingest(ctx, s, []string{file})
}

// traceAnswer demands that the trace tells what was changed, and nothing else of these two.
func (d *demo) traceAnswer(auditor context.Context, s *demoServer, answer *pb.RecordAnswerResponse) (*pb.TraceAnswerResponse, error) {
	d.say("\n3. An auditor traces the answer: muniment audit trace-answer %s\n", answer.GetAnswerId())
	resp, err := pb.NewAuditServiceClient(s.conn).TraceAnswer(auditor, &pb.TraceAnswerRequest{Answer: answer.GetAnswerId()})
	if err != nil {
		return nil, err
	}
	printTrace(indented{d.out}, resp)
	told := map[string]pb.SourceChange_Kind{}
	for _, p := range resp.GetRetrievals()[0].GetPassages() {
		for _, c := range p.GetChanges() {
			told[refName(p.GetDocument())] = c.GetKind()
		}
	}
	want := map[string]pb.SourceChange_Kind{refName(demoEdited): pb.SourceChange_KIND_EDITED, refName(demoRevoked): pb.SourceChange_KIND_REVOKED}
	if fmt.Sprint(told) != fmt.Sprint(want) {
		return nil, fmt.Errorf("the trace tells %v, want %v", told, want)
	}
	return resp, nil
}

// traceDocument demands that both the retrieval and the answer are found by the document.
func (d *demo) traceDocument(auditor context.Context, s *demoServer) error {
	d.say("\n4. What used the page that was edited: muniment audit trace-document %s %s\n", demoEdited.GetSource(), demoEdited.GetId())
	resp, err := pb.NewAuditServiceClient(s.conn).TraceDocument(auditor, &pb.TraceDocumentRequest{Document: demoEdited})
	if err != nil {
		return err
	}
	printUses(indented{d.out}, resp.GetUses())
	if u := resp.GetUses(); len(u) != 2 || u[0].GetKind() != "answer" || u[1].GetKind() != "retrieve" {
		return fmt.Errorf("%d uses of the page were found, want the answer and the retrieval", len(u))
	}
	return nil
}

// tamper changes a byte of the answer's record on disk, and demands that verification names it.
func (d *demo) tamper(ctx context.Context, s *demoServer, answer *pb.TracedAnswer) error {
	d.say("\n5. The log is verified; then somebody makes the 30 in the record of the answer a 60.\n")
	if err := verifyDirectory(ctx, indented{d.out}, s.dir, "", nil); err != nil {
		return err
	}
	path := filepath.Join(s.dir, "audit", "bodies")
	log, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	forged := bytes.Replace(log, []byte("within 30 days; the finance"), []byte("within 60 days; the finance"), 1)
	if bytes.Equal(forged, log) {
		return errors.New("the record of the answer is not in the log")
	}
	if err := os.WriteFile(path, forged, 0o600); err != nil {
		return err
	}
	var said bytes.Buffer
	err = verifyDirectory(ctx, &said, s.dir, "", nil)
	fmt.Fprint(indented{d.out}, said.String())
	if c, ok := errors.AsType[codedError](err); !ok || c.code != exitTampered {
		return fmt.Errorf("the forgery was not found: %w", err)
	}
	if name := fmt.Sprintf("record %d", answer.GetIndex()); !strings.Contains(said.String(), name) {
		return fmt.Errorf("the verification does not name %s", name)
	}
	return nil
}
