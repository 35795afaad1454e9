package api_test

import (
	"context"
	"testing"
	"time"

	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/catalog"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// forgetful is a store that keeps the present alone.
type forgetful struct{ catalog.Store }

func (f forgetful) Snapshot(ctx context.Context, at catalog.Revision) (catalog.Snapshot, error) {
	now, err := f.Store.Snapshot(ctx, 0)
	if err == nil && at != 0 && at < now.Revision() {
		now.Close()
		return nil, catalog.ErrPruned
	}
	return now, err
}

// TestTraceWithoutHistory traces when the catalog no longer keeps the revision of the retrieval:
// policies of today that have the recorded hash are shown, of others the hash alone, and of
// what was edited what stands there now.
func TestTraceWithoutHistory(t *testing.T) {
	s := story(t, "berth dues", page("handbook", "same", dues+"1"), page("handbook", "closed", dues+"2"), page("handbook", "edited", dues+"3"))
	s.send(s.as(ada, "ingest"), closedTo("closed", ada), version(page("handbook", "edited", dues+"4"), 2, func(*pb.Document) {}))
	s.Indexer.Store = forgetful{s.Indexer.Store}
	want := map[string]pb.TracedPolicy_Origin{
		"same": pb.TracedPolicy_ORIGIN_UNCHANGED, "closed": pb.TracedPolicy_ORIGIN_PRUNED, "edited": pb.TracedPolicy_ORIGIN_UNCHANGED,
	}
	resp := s.trace(ada)
	for _, p := range resp.GetRetrievals()[0].GetPassages() {
		id, o := p.GetDocument().GetId(), p.GetPolicy()
		if o.GetOrigin() != want[id] || (len(o.GetNodes()) == 0) != (o.GetOrigin() == pb.TracedPolicy_ORIGIN_PRUNED) || len(o.GetHash()) != 64 {
			t.Errorf("%s: %v", id, o)
		}
		for _, c := range p.GetChanges() {
			if c.GetKind() == pb.SourceChange_KIND_EDITED && (c.GetWithheld() != "the old version is no longer kept" || c.GetBefore() != "" || p.GetText() != "") {
				t.Errorf("%s: %v", id, c)
			}
		}
	}
	if got := changes(resp); got["same"] != "" || got["closed"] != "ACCESS_CHANGED" || got["edited"] != "EDITED" {
		t.Errorf("changes: %q", got)
	}
}

// TestTraceOfWhatWasErased: an answer outlives the record of its retrieval, of which nothing is
// known then; and the text of an answer goes with its own.
func TestTraceOfWhatWasErased(t *testing.T) {
	s := story(t, "berth dues", page("handbook", "a", dues))
	erase := func(id string) {
		t.Helper()
		for item, err := range s.Audit.Find(t.Context(), audit.WithID(id), audit.Newest) {
			s.must(err)
			_, err = s.Audit.Erase(t.Context(), audit.Record{ID: "erasure of " + id, Time: time.Now(), Erasure: &audit.Erasure{Reason: "asked for"}}, item.Index)
			s.must(err)
		}
	}
	erase(s.retrieval)
	resp := s.trace(ada)
	if r := resp.GetRetrievals(); len(r) != 1 || !r[0].GetMissing() || len(r[0].GetPassages()) != 0 || resp.GetAnswers()[0].GetAnswerText() != "" {
		t.Errorf("%v", resp)
	}
	if len(resp.GetAnswers()[0].GetCitations()) != 1 {
		t.Error("the answer's own citations are gone")
	}
	erase(s.answer)
	if _, err := pb.NewAuditServiceClient(s.conn).TraceAnswer(s.as("user:local/eve", "auditor"), &pb.TraceAnswerRequest{Answer: s.receipt}); codeOf(err).String() != "NotFound" {
		t.Errorf("an erased answer: %v", err)
	}
}
