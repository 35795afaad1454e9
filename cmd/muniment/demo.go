package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/api/identity"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

func demoCommand() *cobra.Command {
	var company, questions string
	var audit bool
	c := &cobra.Command{
		Use:   "demo --company DIR --questions FILE",
		Short: "Walk through an example company with real servers",
		Long: `Walk through an example company with real servers on empty temporary directories: ingest its feeds over gRPC, ask
six questions as different people, start a second server that never held what one of them may not read and compare
the answers byte by byte, and verify the record as an auditor. Everything is removed at the end.

With --audit it tells the story of one answer instead: it is asked, reported, its sources are changed, it is traced, and
a byte of its record is changed on disk.`,
		Example: "  muniment demo --company testdata/company --questions testdata/company-questions.json\n" +
			"  muniment demo --audit --company testdata/company --questions testdata/company-questions.json",
		Args: exactArgs(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			feeds, err := filepath.Glob(filepath.Join(company, "*.jsonl"))
			if err != nil || len(feeds) == 0 {
				return usagef("--company: no *.jsonl files in %q", company)
			}
			b, err := os.ReadFile(questions)
			if err != nil {
				return usagef("--questions: %w", err)
			}
			d := demo{out: c.OutOrStdout(), feeds: feeds}
			if err := json.Unmarshal(b, &d.questions); err != nil {
				return usagef("%s: %w", questions, err)
			}
			if d.dir, err = os.MkdirTemp("", "muniment-demo-"); err != nil {
				return err
			}
			defer os.RemoveAll(d.dir)
			if audit {
				return d.runAudit(c.Context())
			}
			return d.run(c.Context())
		},
	}
	c.Flags().StringVar(&company, "company", "", "the folder with the company's feeds")
	c.Flags().BoolVar(&audit, "audit", false, "the story of one answer and its record")
	c.Flags().StringVar(&questions, "questions", "", "the file with the questions")
	return c
}

// question is one entry of the questions file.
type question struct {
	Demo      bool          `json:"demo"`
	Question  string        `json:"question"`
	As        acl.Principal `json:"as"`
	Clearance string        `json:"clearance"`
	Answer    *demoRef      `json:"answer"`
	MustNot   []demoRef     `json:"must_not"`
	Note      string        `json:"note"`
}

type demoRef struct{ Source, ID string }

type demo struct {
	out       io.Writer
	dir       string
	feeds     []string
	questions []question
}

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.out, format+"\n", args...) }

func (d *demo) run(ctx context.Context) error {
	d.say("1. A server on an empty directory takes in the company.\n")
	whole, err := d.start(ctx, "whole")
	if err != nil {
		return err
	}
	defer whole.stop()
	if err := d.ingest(ctx, whole, d.feeds); err != nil {
		return err
	}
	d.say("\n2. Six questions, asked as different people.")
	var last question
	for _, q := range d.questions {
		if !q.Demo {
			continue
		}
		last = q
		if err := d.ask(ctx, whole, q); err != nil {
			return fmt.Errorf("asking %q: %w", q.Question, err)
		}
	}
	if err := d.compare(ctx, whole, last); err != nil {
		return err
	}
	return d.audit(ctx, whole)
}

// ask prints what one person gets, and fails if it is not what the company's story says.
func (d *demo) ask(ctx context.Context, s *demoServer, q question) error {
	resp, err := s.retrieve(ctx, q, 5)
	if err != nil {
		return err
	}
	d.say("\n── %s asks: %s", q.As, q.Question)
	if q.Note != "" {
		d.say("   (%s)", q.Note)
	}
	printAnswer(indented{d.out}, resp, false)
	for _, r := range resp.GetResults() {
		if slices.Contains(q.MustNot, demoRef{r.GetDocument().GetSource(), r.GetDocument().GetId()}) {
			return fmt.Errorf("%s was shown %s/%s", q.As, r.GetDocument().GetSource(), r.GetDocument().GetId())
		}
	}
	if q.Answer != nil && (len(resp.GetResults()) == 0 || resp.GetResults()[0].GetDocument().GetId() != q.Answer.ID) {
		return fmt.Errorf("%s/%s did not come first", q.Answer.Source, q.Answer.ID)
	}
	return nil
}

// compare starts a server that never held what the asker may not read, asks both servers
// every question as that person, and demands the same bytes.
func (d *demo) compare(ctx context.Context, whole *demoServer, asker question) error {
	d.say("\n3. A second server, fed without the documents that %s may not read.\n", asker.As)
	feed := filepath.Join(d.dir, "visible.jsonl")
	kept, left, err := d.visibleFeed(ctx, whole, asker, feed)
	if err != nil {
		return err
	}
	d.say("   %d documents kept, %d left out", kept, left)
	part, err := d.start(ctx, "part")
	if err != nil {
		return err
	}
	defer part.stop()
	if err := d.ingest(ctx, part, []string{feed}); err != nil {
		return err
	}
	for _, q := range d.questions {
		q.As, q.Clearance = asker.As, asker.Clearance
		a, err := whole.retrieve(ctx, q, 10)
		if err != nil {
			return err
		}
		b, err := part.retrieve(ctx, q, 10)
		if err != nil {
			return err
		}
		one, two, err := maskedPair(a, b)
		if err != nil {
			return err
		}
		if one != two {
			return fmt.Errorf("the servers differ for %q:\n%s\n%s", q.Question, one, two)
		}
	}
	d.say("   %d questions asked as %s on both: byte-identical after masking\n   %s", len(d.questions), asker.As, strings.Join(maskedFields, ", "))
	return nil
}

// visibleFeed writes the feeds without the documents the asker may not read, as the
// server itself judges.
func (d *demo) visibleFeed(ctx context.Context, s *demoServer, asker question, file string) (kept, left int, err error) {
	as, err := s.as(ctx, identity.Request{Subject: asker.As, Clearance: asker.Clearance})
	if err != nil {
		return 0, 0, err
	}
	out, err := os.Create(file)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	for _, feed := range d.feeds {
		err := readFeed(feed, func(_ int, req *pb.IngestRequest, bad error) error {
			if bad != nil {
				return bad
			}
			var ref *pb.DocumentRef
			if doc := req.GetDocument(); doc != nil {
				ref = &pb.DocumentRef{Source: doc.GetSource(), Id: doc.GetId()}
			} else if access := req.GetAccess(); access != nil {
				ref = &pb.DocumentRef{Source: access.GetSource(), Id: access.GetId()}
			}
			if ref != nil {
				_, err := pb.NewDocumentServiceClient(s.conn).GetDocument(as, &pb.GetDocumentRequest{Document: ref})
				if status.Code(err) == codes.NotFound {
					if req.GetDocument() != nil {
						left++
					}
					return nil
				}
				if err != nil {
					return err
				}
				if req.GetDocument() != nil {
					kept++
				}
			}
			return printJSON(out, req)
		})
		if err != nil {
			return kept, left, err
		}
	}
	return kept, left, nil
}

// audit shows the record of one answer and verifies the whole log.
func (d *demo) audit(ctx context.Context, s *demoServer) error {
	d.say("\n4. An auditor checks the record.\n")
	resp, err := s.retrieve(ctx, d.questions[0], 1)
	if err != nil {
		return err
	}
	as, err := s.as(ctx, identity.Request{Subject: "user:local/auditor", Roles: []identity.Grant{{Role: identity.RoleAuditor}}})
	if err != nil {
		return err
	}
	record, err := pb.NewAuditServiceClient(s.conn).GetRecord(as, &pb.GetRecordRequest{Receipt: resp.GetReceipt()})
	if err != nil {
		return err
	}
	d.say("   The receipt of an answer leads to record %d, proven by %d hashes against the signed checkpoint:", record.GetIndex(), len(record.GetInclusionProof()))
	d.say("   %s\n", record.GetRecord())
	s.stop()
	return verifyDirectory(ctx, d.out, s.dir, "", nil)
}

// maskedFields are those that may differ between two servers that hold the same visible
// documents; see RetrieveResponse.
var maskedFields = []string{
	"receipt", "request_id", "retrieval_id", "consistency_token", "served_at", "next_page_token", "synced", "acl_synced", "age_days", "ratio",
}

func maskedPair(a, b proto.Message) (one, two string, err error) {
	one, err = masked(a)
	if err != nil {
		return "", "", err
	}
	two, err = masked(b)
	return one, two, err
}

func masked(m proto.Message) (string, error) {
	var text strings.Builder
	if err := printJSON(&text, m); err != nil {
		return "", err
	}
	var v any
	if err := json.Unmarshal([]byte(text.String()), &v); err != nil {
		return "", err
	}
	var mask func(v any)
	mask = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, inner := range v {
				if slices.Contains(maskedFields, k) {
					v[k] = "masked"
				} else {
					mask(inner)
				}
			}
		case []any:
			for _, inner := range v {
				mask(inner)
			}
		}
	}
	mask(v)
	b, err := json.Marshal(v)
	return string(b), err
}

// indented writes every line three spaces in.
type indented struct{ w io.Writer }

func (i indented) Write(p []byte) (int, error) {
	for line := range strings.Lines(string(p)) {
		if line != "\n" {
			line = "   " + line
		}
		if _, err := io.WriteString(i.w, line); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}
