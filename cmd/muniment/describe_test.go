package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// describer writes an answer for the reader of a transcript.
type describer func(w io.Writer, answer proto.Message)

// brief says only which documents an answer is from.
func brief(w io.Writer, answer proto.Message) {
	switch m := answer.(type) {
	case *pb.RetrieveResponse:
		if len(m.GetResults()) == 0 {
			fmt.Fprintln(w, "nothing")
		}
		for i, r := range m.GetResults() {
			fmt.Fprintf(w, "%d. %s  %.3f\n", i+1, name(r.GetDocument()), r.GetScore())
		}
		describeConflicts(w, m)
	case *pb.GetDocumentResponse:
		fmt.Fprintf(w, "yes, version %d\n", m.GetVersion())
	}
}

// describe writes an answer for the reader of a transcript, without what may differ from
// run to run.
func describe(w io.Writer, answer proto.Message) {
	switch m := answer.(type) {
	case *pb.RetrieveResponse:
		describeResults(w, m)
	case *pb.GetDocumentResponse:
		fmt.Fprintf(w, "%s  version %d  %q  owner %s\n", name(m.GetDocument()), m.GetVersion(), m.GetTitle(), or(m.GetOwner(), "unknown"))
		fmt.Fprintf(w, "  %s\n", trust(m.GetFreshness()))
		fmt.Fprintf(w, "  in %s, %s, %s\n", or(m.GetContainer(), "no container"), m.GetSensitivity(), m.GetMime())
		fmt.Fprintf(w, "  | %s\n", short(m.GetText()))
	case *pb.GetCallerResponse:
		guest := ""
		if m.GetGuest() {
			guest = " (guest)"
		}
		fmt.Fprintf(w, "%s%s through %s, cleared for %v, roles %v\n", m.GetUser(), guest, m.GetApp(), m.GetClearance(), m.GetRoles())
	}
}

func describeResults(w io.Writer, m *pb.RetrieveResponse) {
	for _, d := range m.GetDegradations() {
		fmt.Fprintln(w, "degraded:", lower(d.String(), "DEGRADATION_"))
	}
	fmt.Fprintln(w, "evidence:", lower(m.GetEvidence().String(), "EVIDENCE_"))
	for i, r := range m.GetResults() {
		heading := r.GetHeadings()
		if len(heading) == 0 {
			heading = []string{or(r.GetTitle(), "untitled")}
		}
		fmt.Fprintf(w, "%d. %s  version %d  characters %d to %d  score %.3f\n", i+1, name(r.GetDocument()), r.GetVersion(),
			r.GetSpan().GetStart(), r.GetSpan().GetEnd(), r.GetScore())
		fmt.Fprintf(w, "  %s  owner %s\n", strings.Join(heading, " > "), or(r.GetOwner(), "unknown"))
		fmt.Fprintf(w, "  %s\n", trust(r.GetFreshness()))
		fmt.Fprintf(w, "  | %s\n", short(r.GetText()))
	}
	describeConflicts(w, m)
}

func describeConflicts(w io.Writer, m *pb.RetrieveResponse) {
	for _, c := range m.GetConflicts() {
		fmt.Fprintf(w, "conflict: %s between %d and %d", lower(c.GetKind().String(), "KIND_"), c.GetA().GetResult()+1, c.GetB().GetResult()+1)
		if c.GetKind() == pb.Conflict_KIND_VALUE {
			fmt.Fprintf(w, ": %s %q or %q", c.GetQuantity(), c.GetA().GetValue(), c.GetB().GetValue())
		}
		fmt.Fprintln(w)
		if side := map[pb.Conflict_Preference]*pb.Conflict_Side{1: c.GetA(), 2: c.GetB()}[c.GetPreferred()]; side != nil {
			fmt.Fprintf(w, "  prefer %d: %s\n", side.GetResult()+1, c.GetPreferredReason())
		}
	}
}

// trust is the judgement of a source in one line.
func trust(f *pb.Freshness) string {
	text := fmt.Sprintf("%s: %s", strings.TrimPrefix(f.GetState().String(), "STATE_"), f.GetReason())
	if v := f.GetVerified(); v != nil {
		text += fmt.Sprintf("; verified by %s on %s", f.GetVerifiedBy(), v.AsTime().Format(time.DateOnly))
	}
	if by := f.GetSupersededBy(); by != nil {
		text += "; replaced by " + name(by)
	}
	return text
}

// errorText is an error with all that programs and people are told.
func errorText(s *status.Status) string {
	text := fmt.Sprintf("%s %s: %s", s.Code(), or(reason(s), "without a reason"), s.Message())
	for _, d := range s.Details() {
		if bad, ok := d.(*errdetails.BadRequest); ok {
			for _, v := range bad.GetFieldViolations() {
				text += fmt.Sprintf(" [%s]", v.GetField())
			}
		}
	}
	return text
}

func name(ref *pb.DocumentRef) string { return ref.GetSource() + "/" + ref.GetId() }

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func lower(value, prefix string) string {
	return strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(value, prefix), "_", " "))
}

// short is the beginning of a text on one line.
func short(text string) string {
	const runes = 120
	text = strings.Join(strings.Fields(text), " ")
	if r := []rune(text); len(r) > runes {
		return strings.TrimSpace(string(r[:runes])) + " …"
	}
	return text
}
