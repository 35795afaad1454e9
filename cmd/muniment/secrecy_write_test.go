package main

import (
	"context"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/muniment/muniment/api/identity"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// TestIDsBelongToTheirSource lets a job write its own source beside another that it must
// learn nothing of: it takes ids, containers, addresses, labels and whole texts that are in
// use there, and then ones that are not, and is told the same of both (LEAK-13, LEAK-14).
// So is a job whose server has no other source at all.
func TestIDsBelongToTheirSource(t *testing.T) {
	t.Parallel()
	other := func(id string) *pb.Document {
		return &pb.Document{
			Source: "finance", Id: id, Version: 7, Title: "Merger", Text: "We buy the harbour in May for £40.", Uri: "https://pages.example/merger",
			Owner: "user:local/bo", Policy: allow("user:local/bo"), Container: new("box"), Labels: map[string]string{"deal": "harbour"},
		}
	}
	crowded, alone := startServer(t, t.TempDir()), startServer(t, t.TempDir())
	crowded.mustSend(
		&pb.IngestRequest{Item: &pb.IngestRequest_Container{Container: &pb.Container{Source: "finance", Id: "box", Version: 9, Policy: allow("user:local/bo")}}},
		documentItem(other("page-1")), documentItem(other("page-2")),
		&pb.IngestRequest{Item: &pb.IngestRequest_Delete{Delete: &pb.DocumentDeletion{Source: "finance", Id: "page-2", Version: 8}}},
		&pb.IngestRequest{RequestId: "request-1", Item: documentItem(other("page-3")).GetItem()},
	)
	if _, err := pb.NewSourceServiceClient(crowded.conn).StartSync(crowded.job(), &pb.StartSyncRequest{Source: "finance", RequestId: "request-1"}); err != nil {
		t.Fatal(err)
	}
	own, err := identity.ParseRole("ingest:handbook")
	if err != nil {
		t.Fatal(err)
	}
	job := identity.Request{Subject: "service:handbook", Roles: []identity.Grant{own}}

	mine := func(id string, edits ...func(*pb.Document)) []proto.Message {
		d := &pb.Document{Source: "handbook", Id: id, Version: 1, Title: "Harbour", Text: "Where the ferry leaves from today.", Policy: everyone()}
		for _, edit := range edits {
			edit(d)
		}
		return one(documentItem(d))
	}
	theirs := func(d *pb.Document) {
		o := other("")
		d.Title, d.Text, d.Uri, d.Labels, d.Owner = o.GetTitle(), o.GetText(), o.GetUri(), o.GetLabels(), o.GetOwner()
	}
	ingest := contract(t)["muniment.v1.IngestionService.Ingest"]
	for _, c := range []struct {
		name        string
		taken, free []proto.Message
	}{
		{"an id", mine("page-1"), mine("page-9")},
		{"the id of a deleted one", mine("page-2"), mine("page-8")},
		{"a container", mine("page-a", func(d *pb.Document) { d.Container = new("box") }), mine("page-b", func(d *pb.Document) { d.Container = new("xob") })},
		{"a text with all that goes with it", mine("page-c", theirs), mine("page-d", theirs, func(d *pb.Document) { d.Text = "We sell a dockyard in June for £70." })},
		{"one to supersede", mine("page-e", func(d *pb.Document) { d.Supersedes = []*pb.DocumentRef{{Source: "handbook", Id: "page-3"}} }),
			mine("page-f", func(d *pb.Document) { d.Supersedes = []*pb.DocumentRef{{Source: "handbook", Id: "page-0"}} })},
		{"a request id", one(&pb.IngestRequest{RequestId: "request-1", Item: mine("page-g")[0].(*pb.IngestRequest).GetItem()}),
			one(&pb.IngestRequest{RequestId: "request-9", Item: mine("page-h")[0].(*pb.IngestRequest).GetItem()})},
	} {
		taken := crowded.hear(crowded.as(job), worldCall{ingest, c.taken})
		free := crowded.hear(crowded.as(job), worldCall{ingest, c.free})
		taken.mustBe(t, free, c.name+" that another source uses, and one that none does")
		taken.mustBe(t, alone.hear(alone.as(job), worldCall{ingest, c.taken}), c.name+", beside another source and alone")
		alone.hear(alone.as(job), worldCall{ingest, c.free})
		if ack, ok := taken.message.(*pb.IngestResponse); !ok || ack.GetStatus() != pb.IngestResponse_STATUS_APPLIED {
			t.Errorf("%s: %v", c.name, taken.message)
		}
	}
	a, b := ownSources(t, crowded, crowded.as(job)), ownSources(t, alone, alone.as(job))
	if !proto.Equal(a, b) || len(a.GetSources()) != 1 || a.GetSources()[0].GetDocuments() != 12 {
		t.Errorf("the job is told of its sources:\n%v\nand alone:\n%v", a, b)
	}
}

// ownSources is what the caller is told of sources, without the times of its own lines.
func ownSources(t *testing.T, s *server, ctx context.Context) *pb.ListSourcesResponse {
	t.Helper()
	resp, err := pb.NewSourceServiceClient(s.conn).ListSources(ctx, &pb.ListSourcesRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range resp.GetSources() {
		source.FirstChange, source.LastChange, source.Lag = nil, nil, nil
	}
	return resp
}

// TestErrorsSayNothingOfTheInside provokes errors and looks for what only the inside knows
// (LEAK-18): paths, stacks, the store's words, and anything of a hidden document.
func TestErrorsSayNothingOfTheInside(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	targets := secretTargets(t, s)
	inside := []string{"merger", "finance.example", s.dir, ".go:", "goroutine", "bbolt", "bleve", "runtime error", "sql", "user:local/bo"}
	answers := 0
	for _, c := range secretCallers()[3:5] {
		for _, p := range secretProbes() {
			for _, x := range targets {
				if x.appOnly && c.token.App == "" {
					continue
				}
				h := s.hear(s.as(c.token), worldCall{p.method, p.make(x)})
				answers++
				said := strings.ToLower(h.wire + h.metadata)
				if i := slices.IndexFunc(inside, func(word string) bool { return strings.Contains(said, strings.ToLower(word)) }); i >= 0 {
					t.Errorf("%s, %s of %s: the answer says %q:\n%s", c.name, p.name, x.what, inside[i], h.text(t))
				}
			}
		}
	}
	t.Logf("%d answers", answers)
}
