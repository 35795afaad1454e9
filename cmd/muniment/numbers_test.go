package main

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/muniment/muniment/api/identity"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// wholeNumbers are the whole numbers that responses hold, each with what it counts. Revisions
// and places in the log are among them for auditors alone, who read them in the records.
var wholeNumbers = map[protoreflect.FullName]string{
	"muniment.v1.Result.version":                        "the source's own",
	"muniment.v1.Result.hidden_chars":                   "of the document that is shown",
	"muniment.v1.Span.start":                            "of the document that is shown",
	"muniment.v1.Span.end":                              "of the document that is shown",
	"muniment.v1.Freshness.age_days":                    "days",
	"muniment.v1.Conflict.Side.result":                  "a place on the page",
	"muniment.v1.GetDocumentResponse.version":           "the source's own",
	"muniment.v1.GetDocumentResponse.hidden_chars":      "of the document that is shown",
	"muniment.v1.IngestResponse.position":               "of the item on its stream",
	"muniment.v1.IngestResponse.hidden_chars":           "of the item",
	"muniment.v1.Source.documents":                      "for roles of the source",
	"muniment.v1.SyncSession.seen":                      "for roles of the source",
	"muniment.v1.SyncSession.unseen":                    "for roles of the source",
	"muniment.v1.CommitSyncResponse.seen":               "for the role ingest",
	"muniment.v1.CommitSyncResponse.removed":            "for the role ingest",
	"muniment.v1.AccessEffect.documents":                "for the roles admin and steward",
	"muniment.v1.PreviewAccessChangeResponse.documents": "for the roles admin and steward",
	"muniment.v1.PreviewAccessChangeResponse.callers":   "for the roles admin and steward",
	"muniment.v1.GetRecordResponse.index":               "the record's place in the log, for the role auditor",
	"muniment.v1.RecordAnswerResponse.unresolved":       "places in the request",
	"muniment.v1.AuditRecord.index":                     "the record's place in the log, for the role auditor",
	"muniment.v1.DocumentUse.index":                     "the record's place in the log, for the role auditor",
	"muniment.v1.DocumentUse.versions":                  "the source's own",
	"muniment.v1.DocumentUse.ranks":                     "places in an answer, for the roles auditor and steward",
	"muniment.v1.ReplayRetrievalResponse.index":         "the record's place in the log, for the role auditor",
	"muniment.v1.ReplayRetrievalResponse.revision":      "the catalog's, for the role auditor",
	"muniment.v1.ReplayedPassage.rank":                  "a place in an answer",
	"muniment.v1.ReplayedPassage.version":               "the source's own",
	"muniment.v1.ReplayedPassage.access_version":        "the source's own",
	"muniment.v1.TracedAnswer.index":                    "the record's place in the log, for the role auditor",
	"muniment.v1.TracedRetrieval.index":                 "the record's place in the log, for the role auditor",
	"muniment.v1.TracedRetrieval.revision":              "the catalog's, for the role auditor",
	"muniment.v1.TracedCitation.rank":                   "a place in an answer",
	"muniment.v1.TracedCitation.version":                "the source's own",
	"muniment.v1.AnswerSpan.start":                      "of the app's own text",
	"muniment.v1.AnswerSpan.end":                        "of the app's own text",
	"muniment.v1.TracedPassage.rank":                    "a place in an answer",
	"muniment.v1.TracedPassage.version":                 "the source's own",
	"muniment.v1.TracedPassage.conflicts_with":          "places in an answer",
	"muniment.v1.TracedPolicy.access_version":           "the source's own",
	"muniment.v1.SourceChange.version":                  "the source's own",
	"muniment.v1.WorkItem.documents":                    "in the steward's view",
	"muniment.v1.ListWorkResponse.total":                "items of documents in the steward's view",
	"muniment.v1.ConflictSide.version":                  "the source's own",
	"muniment.v1.ConflictCluster.total":                 "of documents in the steward's view",
	"muniment.v1.ListConflictsResponse.total":           "of documents in the steward's view",
	"muniment.v1.FreshnessSummary.ratios":               "documents in the steward's view",
	"muniment.v1.FreshnessCount.documents":              "documents in the steward's view",
	"muniment.v1.FreshnessCount.states":                 "documents in the steward's view",
	"muniment.v1.FreshnessCount.verified":               "documents in the steward's view",
	"muniment.v1.DocumentFreshness.retrievals":          "of a document in the steward's view, rounded",
	"muniment.v1.DocumentFreshness.conflicts":           "with documents in the steward's view",
	"muniment.v1.GetStatusResponse.documents":           "for the role admin",
	"muniment.v1.GetStatusResponse.passages":            "for the role admin",
	"muniment.v1.GetStatusResponse.pending_embedding":   "for the role admin",
	"muniment.v1.GetStatusResponse.disk_free_bytes":     "for the role admin",
	"muniment.v1.DiskUsage.bytes":                       "for the role admin",
	"muniment.v1.CheckResponse.done":                    "for the role admin",
	"muniment.v1.CheckResponse.total":                   "for the role admin",
	"muniment.v1.BackupFile.size":                       "for the role admin",
	"muniment.v1.BackupFile.chunk_bytes":                "for the role admin",
}

// TestNumbersThatLeave looks through every message that a server sends: each whole number
// in it is known not to count hidden writes to whoever hears it (LEAK-26). A field that is
// new must be looked at.
func TestNumbersThatLeave(t *testing.T) {
	seen, found := map[protoreflect.FullName]bool{}, map[protoreflect.FullName]bool{}
	var look func(m protoreflect.MessageDescriptor)
	look = func(m protoreflect.MessageDescriptor) {
		if seen[m.FullName()] || !strings.HasPrefix(string(m.FullName()), "muniment.") {
			return
		}
		seen[m.FullName()] = true
		for i := range m.Fields().Len() {
			switch f := m.Fields().Get(i); f.Kind() {
			case protoreflect.MessageKind:
				look(f.Message())
			case protoreflect.StringKind, protoreflect.BytesKind, protoreflect.BoolKind, protoreflect.EnumKind, protoreflect.DoubleKind, protoreflect.FloatKind:
			default:
				found[f.FullName()] = true
				if wholeNumbers[f.FullName()] == "" {
					t.Errorf("%s leaves the server: what does it count?", f.FullName())
				}
			}
		}
	}
	for _, m := range contract(t) {
		look(m.Output())
	}
	for name := range wholeNumbers {
		if !found[name] {
			t.Errorf("no response holds %s", name)
		}
	}
}

// TestHiddenWritesAreNotCounted makes every call of the contract, and follows the pages of
// answers, on two servers of which one has taken 300 lines more that the caller may not read
// and has answered 40 calls more: not a byte differs, nor the length of a token (LEAK-26,
// LEAK-15).
func TestHiddenWritesAreNotCounted(t *testing.T) {
	t.Parallel()
	quiet, busy := startServer(t, t.TempDir()), startServer(t, t.TempDir())
	for _, s := range []*server{quiet, busy} {
		var items []*pb.IngestRequest
		for i := range 12 {
			items = append(items, documentItem(page(fmt.Sprint("page ", i), func(d *pb.Document) {
				d.Source, d.Text, d.Policy = "handbook", fmt.Sprint("The ferry at pier ", i), everyone()
			})))
		}
		s.mustSend(items...)
	}
	crowd := func(from int) {
		var items []*pb.IngestRequest
		for i := range 150 {
			items = append(items, documentItem(page(fmt.Sprint("secret ", from+i), func(d *pb.Document) {
				d.Source, d.Text, d.Policy = "handbook", "The ferry and its secret piers", allow("user:local/bo")
			})))
		}
		busy.mustSend(items...)
		for range 20 {
			if _, err := busy.retrieval().Retrieve(busy.user("user:local/bo"), &pb.RetrieveRequest{Query: "ferry"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	crowd(0)
	w, methods := newWorld(26), contract(t)
	calls := []worldCall{{methods["muniment.v1.RetrievalService.Retrieve"], one(&pb.RetrieveRequest{Query: "ferry", Limit: 4})}}
	for name, reqs := range otherCalls {
		calls = append(calls, worldCall{methods[name], reqs(w)})
	}
	pages := 0
	for range 2 {
		for _, c := range calls {
			a := quiet.hear(quiet.user("user:local/ada"), c)
			b := busy.hear(busy.user("user:local/ada"), c)
			b.mustBe(t, a, "beside 300 lines that are hidden, and without them")
			for next := b.next; next != nil; next = next.next {
				pages++
			}
		}
		crowd(150)
	}
	if pages < 4 {
		t.Errorf("only %d pages followed others", pages)
	}
	first, err := busy.retrieval().Retrieve(busy.user("user:local/ada"), &pb.RetrieveRequest{Query: "ferry", Limit: 4})
	if err != nil {
		t.Fatal(err)
	}
	for what, token := range map[string]string{"receipt": first.GetReceipt(), "page token": first.GetNextPageToken()} {
		if len(token) != identity.SealedLength {
			t.Errorf("a %s of %d characters, want %d", what, len(token), identity.SealedLength)
		}
	}
}

// TestRetrievePages follows the pages as the program says, to the last.
func TestRetrievePages(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	var items []*pb.IngestRequest
	for i := range 5 {
		items = append(items, documentItem(page(fmt.Sprint("page ", i), func(d *pb.Document) { d.Text = "The ferry." })))
	}
	s.mustSend(items...)
	token := s.token(reader("user:local/ada"))
	args := []string{"retrieve", "--addr", s.addr, "--token", token, "--limit", "2", "ferry"}
	seen := map[string]bool{}
	for pages := 1; ; pages++ {
		got := program(t, args...)
		if got.code != exitOK {
			t.Fatalf("page %d: %+v", pages, got)
		}
		for i := range 5 {
			if name := fmt.Sprint("bad/page ", i, " "); strings.Contains(got.stdout, name) {
				if seen[name] {
					t.Errorf("%s comes twice", name)
				}
				seen[name] = true
			}
		}
		_, next, more := strings.Cut(got.stdout, "for the next page, the same command with ")
		if more != (pages < 3) {
			t.Fatalf("page %d: %s", pages, got.stdout)
		}
		if !more {
			break
		}
		args = append(args[:8:8], strings.TrimSpace(next))
	}
	if len(seen) != 5 {
		t.Errorf("%d documents on all pages, want 5", len(seen))
	}
	if got := program(t, append(args[:7:7], "boat", args[8])...); got.code != exitRefused || !strings.Contains(got.stderr, "INVALID_TOKEN") {
		t.Errorf("with another question: %+v", got)
	}
}
