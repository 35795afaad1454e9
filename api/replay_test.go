package api_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/indexer"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

const eve = "user:local/eve"

func (s *server) replay(auditor, name string) (*pb.ReplayRetrievalResponse, error) {
	return pb.NewAuditServiceClient(s.conn).ReplayRetrieval(s.as(auditor, "auditor"), &pb.ReplayRetrievalRequest{Retrieval: name})
}

// TestReplayRetrieval replays after the documents were edited, closed and deleted, for auditors
// of whom one may read what is left; and finds the reading on record.
func TestReplayRetrieval(t *testing.T) {
	s := start(t, nil)
	s.send(s.as(ada, "ingest"), page("handbook", "same", dues+"1"), page("handbook", "closed", dues+"2"),
		page("handbook", "edited", dues+"3"), page("handbook", "gone", dues+"4"))
	got := s.ask(s.as(ada), "berth dues")
	s.send(s.as(ada, "ingest"), closedTo("closed", ada), version(page("handbook", "edited", dues+"5"), 2, func(*pb.Document) {}),
		&pb.IngestRequest{Item: &pb.IngestRequest_Delete{Delete: &pb.DocumentDeletion{Source: "handbook", Id: "gone", Version: 9}}})
	for _, name := range []string{got.GetRetrievalId(), got.GetReceipt()} {
		for auditor, texts := range map[string]string{ada: "closed edited same", eve: "edited same"} {
			resp, err := s.replay(auditor, name)
			s.must(err)
			if !resp.GetMatches() || len(resp.GetRanks()) != 4 || resp.GetRetrievalId() != got.GetRetrievalId() || len(resp.GetDifferences()) != 0 {
				t.Fatalf("replayed: %v", resp)
			}
			var shown []string
			for i, r := range resp.GetRanks() {
				want := got.GetResults()[i]
				if p := r.GetReplayed(); p.GetScore() != want.GetScore() || p.GetDocument().GetId() != want.GetDocument().GetId() || p.GetContentHash() == "" || p.GetPolicies() == "" {
					t.Errorf("rank %d is %v, and was %v", i+1, p, want)
				}
				if (r.GetText() == "") != (r.GetTitle() == "") || r.GetText() != "" && r.GetText() != want.GetText() {
					t.Errorf("rank %d shows %q and %q", i+1, r.GetTitle(), r.GetText())
				}
				if r.GetText() != "" {
					shown = append(shown, r.GetReplayed().GetDocument().GetId())
				}
			}
			if !sameNames(shown, texts) {
				t.Errorf("%s is shown %q, want %s", auditor, shown, texts)
			}
		}
	}
	if n := s.reads("replay of " + got.GetRetrievalId()); n != 4 {
		t.Errorf("%d records of 4 replays", n)
	}
	for item, err := range s.Audit.Find(t.Context(), audit.WithID(got.GetRetrievalId()), audit.Newest) {
		s.must(err)
		_, err := s.Audit.Erase(t.Context(), audit.Record{ID: "erasure", Time: time.Now(), Erasure: &audit.Erasure{Reason: "asked for"}}, item.Index)
		s.must(err)
	}
	for name, want := range map[string]string{got.GetRetrievalId(): "NOT_FOUND", got.GetReceipt(): "ERASED"} {
		if _, err := s.replay(ada, name); err == nil {
			t.Error("an erased retrieval was replayed")
		} else if code, why := reason(err); code != codes.NotFound || why != want {
			t.Errorf("an erased retrieval: %v %s, want %s", code, why, want)
		}
	}
}

// reads counts the records of reads of this.
func (s *server) reads(what string) (n int) {
	s.Helper()
	for item, err := range s.Audit.Backwards(s.Context(), audit.Newest) {
		s.must(err)
		if r := item.Record.Read; r != nil && r.ID == what {
			n++
		}
	}
	return n
}

func sameNames(got []string, want string) bool {
	names := map[string]bool{}
	for _, name := range got {
		names[name] = true
	}
	for name := range strings.FieldsSeq(want) {
		if !names[name] {
			return false
		}
	}
	return len(names) == len(strings.Fields(want)) && len(got) == len(names)
}

// TestReplayIsRefused names why, for programs too.
func TestReplayIsRefused(t *testing.T) {
	s := story(t, "berth dues", page("handbook", "a", dues+"1"), page("handbook", "b", dues+"2"))
	s.send(s.as(ada, "ingest"), page("handbook", "c", dues+"3"))
	refused := func(name string, code codes.Code, want string) {
		t.Helper()
		if _, err := s.replay(eve, name); err == nil {
			t.Errorf("%s: replayed", want)
		} else if got, why := reason(err); got != code || why != want {
			t.Errorf("%v %s, want %v %s", got, why, code, want)
		}
	}
	refused(s.answer, codes.NotFound, "NOT_FOUND")
	refused(strings.Repeat("0", 32), codes.NotFound, "NOT_FOUND")
	refused("made up", codes.InvalidArgument, "INVALID_TOKEN")

	whole := s.Replayer.Room
	s.Replayer.Room = indexer.Room{Passages: 1}
	refused(s.retrieval, codes.FailedPrecondition, "REPLAY_TOO_LARGE")
	s.Replayer.Room, s.Replayer.Time = whole, 1
	refused(s.retrieval, codes.FailedPrecondition, "REPLAY_TOO_LARGE")
	s.Replayer.Time = 0

	old := audit.Record{ID: strings.Repeat("a", 32), Time: time.Now(), Kind: audit.KindRetrieve, Retrieval: &audit.Retrieval{QueryHash: "x"}}
	_, err := s.Audit.Append(t.Context(), old)
	s.must(err)
	refused(old.ID, codes.FailedPrecondition, "REPLAY_UNSUPPORTED")

	down := *s.Replayer.Retriever
	down.Embedder = broken{}
	s.Replayer.Retriever = &down
	refused(s.retrieval, codes.Unavailable, "EMBEDDER_UNAVAILABLE")

	s.Indexer.Store = forgetful{s.Indexer.Store}
	refused(s.retrieval, codes.FailedPrecondition, "HISTORY_PRUNED")
	if n := s.reads("replay of " + s.retrieval); n != 0 {
		t.Errorf("%d records of replays that were refused", n)
	}
}

// broken is an embedder that is down.
type broken struct{}

func (broken) Embed(context.Context, []string) ([][]float32, error) { return nil, errors.New("down") }
