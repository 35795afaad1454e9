package api_test

import (
	"fmt"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// seen is an item that says the source still has a document.
func seen(source, id string, version int64) *pb.IngestRequest {
	return &pb.IngestRequest{Item: &pb.IngestRequest_Seen{Seen: &pb.DocumentPresence{Source: source, Id: id, Version: version}}}
}

// pages are n documents of a source.
func pages(source string, n int) (items []*pb.IngestRequest) {
	for i := range n {
		items = append(items, page(source, fmt.Sprintf("p%d", i), fmt.Sprintf("Page %d speaks of anchors.", i)))
	}
	return items
}

// A sync session removes what was neither sent, nor named, nor refused while it was open.
func TestSyncRemovesWhatIsGone(t *testing.T) {
	s := start(t, nil)
	s.SyncGuard = 0.5
	s.listen()
	job := s.as(ada, "ingest:wiki")
	sources := pb.NewSourceServiceClient(s.conn)
	s.send(job, pages("wiki", 6)...)

	opened, err := sources.StartSync(job, &pb.StartSyncRequest{Source: "wiki"})
	s.must(err)
	bad := page("wiki", "p2", "a version that is taken")
	acks := s.send(job, page("wiki", "p0", "Page 0 speaks of anchors."), seen("wiki", "p1", 1), bad, page("wiki", "new", "New."), seen("wiki", "p3", 7))
	for i, want := range []pb.IngestResponse_Status{unchanged, unchanged, refused, applied, refused} {
		if acks[i].GetStatus() != want {
			t.Errorf("item %d: %v, want %v", i+1, acks[i], want)
		}
	}
	if code, why := refusal(acks[4]); code != codes.FailedPrecondition || why != "NOT_STORED" {
		t.Errorf("seen in a version that is not stored: %v %s", code, why)
	}
	list, err := sources.ListSources(job, &pb.ListSourcesRequest{})
	s.must(err)
	if got := list.GetSources()[0].GetSession(); got.GetSeen() != 5 || got.GetUnseen() != 2 || got.GetId() != "" {
		t.Errorf("progress: %v, want 5 seen, 2 unseen and no id", got)
	}

	commit := &pb.CommitSyncRequest{Source: "wiki", Session: opened.GetSession().GetId(), Documents: 6}
	if _, err = sources.CommitSync(job, commit); err == nil {
		t.Fatal("a session that has not seen everything was committed")
	}
	if code, why := reason(err); code != codes.FailedPrecondition || why != "SYNC_INCOMPLETE" {
		t.Errorf("incomplete: %v %s", code, why)
	}
	commit.Documents = 5
	done, err := sources.CommitSync(job, commit)
	s.must(err)
	if done.GetSeen() != 5 || done.GetRemoved() != 2 {
		t.Errorf("committed: %v, want 5 seen and 2 removed", done)
	}
	reader := s.as(ada)
	for id, want := range map[string]codes.Code{
		"p0": codes.OK, "p1": codes.OK, "p2": codes.OK, "new": codes.OK, "p3": codes.OK, "p4": codes.NotFound, "p5": codes.NotFound,
	} {
		_, err := pb.NewDocumentServiceClient(s.conn).GetDocument(reader, &pb.GetDocumentRequest{
			Document: &pb.DocumentRef{Source: "wiki", Id: id}, AtLeastAsFresh: done.GetConsistencyToken(),
		})
		if code, _ := reason(err); code != want {
			t.Errorf("%s after the sync: %v, want %v", id, code, want)
		}
	}
	if _, err := sources.CommitSync(job, commit); err == nil {
		t.Error("a session was committed twice")
	}
}

// More than the guarded share goes only if the sender says how many.
func TestSyncGuardsAgainstMassRemoval(t *testing.T) {
	s := start(t, nil)
	s.SyncGuard = 0.2
	s.listen()
	job := s.as(ada, "ingest:wiki")
	sources := pb.NewSourceServiceClient(s.conn)
	s.send(job, pages("wiki", 10)...)
	opened, err := sources.StartSync(job, &pb.StartSyncRequest{Source: "wiki"})
	s.must(err)
	s.send(job, pages("wiki", 7)...)
	commit := &pb.CommitSyncRequest{Source: "wiki", Session: opened.GetSession().GetId(), Documents: 7}
	for _, allow := range []int64{0, 2} {
		commit.AllowRemovals = allow
		_, err = sources.CommitSync(job, commit)
		if code, why := reason(err); code != codes.FailedPrecondition || why != "SYNC_REMOVES_TOO_MANY" {
			t.Fatalf("3 of 10 removed with %d allowed: %v %s", allow, code, why)
		}
	}
	list, err := sources.ListSources(job, &pb.ListSourcesRequest{})
	s.must(err)
	if list.GetSources()[0].GetError() == "" {
		t.Error("the refused commit is not shown with the source")
	}
	commit.AllowRemovals = 3
	done, err := sources.CommitSync(job, commit)
	s.must(err)
	if done.GetRemoved() != 3 {
		t.Errorf("removed %d, want 3", done.GetRemoved())
	}
	list, err = sources.ListSources(job, &pb.ListSourcesRequest{})
	s.must(err)
	if source := list.GetSources()[0]; source.GetError() != "" || source.GetLastSync() == nil || source.GetDocuments() != 7 {
		t.Errorf("after the sync: %v", source)
	}
}

// Two sessions exclude each other; the one who opened the first gets it again by its
// request, and may end it.
func TestOneSyncAtATime(t *testing.T) {
	s := start(t, nil)
	job, other := s.as(ada, "ingest:wiki"), s.as("user:local/bob", "ingest")
	sources := pb.NewSourceServiceClient(s.conn)
	s.send(job, pages("wiki", 1)...)
	first, err := sources.StartSync(job, &pb.StartSyncRequest{Source: "wiki", RequestId: "nightly"})
	s.must(err)
	for name, ctx := range map[string]struct {
		request string
		as      int
	}{"another caller, the same request": {"nightly", 1}, "the same caller, another request": {"weekly", 0}, "the same caller, no request": {"", 0}} {
		as := job
		if ctx.as == 1 {
			as = other
		}
		_, err := sources.StartSync(as, &pb.StartSyncRequest{Source: "wiki", RequestId: ctx.request})
		if code, why := reason(err); code != codes.FailedPrecondition || why != "SYNC_IN_PROGRESS" {
			t.Errorf("%s: %v %s", name, code, why)
		}
	}
	again, err := sources.StartSync(job, &pb.StartSyncRequest{Source: "wiki", RequestId: "nightly"})
	s.must(err)
	if again.GetSession().GetId() != first.GetSession().GetId() {
		t.Error("the same request opened another session")
	}
	if _, err := sources.AbortSync(job, &pb.AbortSyncRequest{Source: "wiki", Session: "wrong"}); err == nil {
		t.Error("a session was aborted under another name")
	}
	_, err = sources.AbortSync(other, &pb.AbortSyncRequest{Source: "wiki", Error: "the crawler fell over"})
	s.must(err)
	if _, err := sources.StartSync(other, &pb.StartSyncRequest{Source: "wiki"}); err != nil {
		t.Errorf("after the first was aborted: %v", err)
	}
}

// Each caller sees the sources of that caller's roles, and what is set comes back.
func TestSourcesAreListedByRole(t *testing.T) {
	s := start(t, nil)
	s.send(s.as(ada, "ingest"), page("wiki", "a", "Text."), page("handbook", "a", "Text."))
	sources := pb.NewSourceServiceClient(s.conn)
	set := &pb.Source{
		Name: "wiki", Cadence: durationpb.New(1), AccessBound: durationpb.New(2), Contact: "wiki@line.example",
		VersionClock: pb.VersionClock_VERSION_CLOCK_UNIX_SECONDS,
	}
	_, err := sources.SetSource(s.as(ada, "steward:wiki"), &pb.SetSourceRequest{Source: set})
	s.must(err)
	for _, tc := range []struct {
		roles []string
		want  int
	}{{nil, 0}, {[]string{"ingest:wiki"}, 1}, {[]string{"steward"}, 2}, {[]string{"admin"}, 2}, {[]string{"auditor", "directory"}, 0}} {
		resp, err := sources.ListSources(s.as(ada, tc.roles...), &pb.ListSourcesRequest{})
		s.must(err)
		if len(resp.GetSources()) != tc.want {
			t.Errorf("with roles %v: %d sources, want %d", tc.roles, len(resp.GetSources()), tc.want)
		}
	}
	resp, err := sources.ListSources(s.as(ada, "ingest:wiki"), &pb.ListSourcesRequest{})
	s.must(err)
	got := resp.GetSources()[0]
	if got.GetContact() != set.Contact || got.GetVersionClock() != set.VersionClock || got.GetCadence().AsDuration() != 1 ||
		got.GetAccessBound().AsDuration() != 2 || !got.GetOverdue() || got.GetDocuments() != 1 {
		t.Errorf("the source: %v", got)
	}
	if _, err := sources.SetSource(s.as(ada, "ingest:wiki"), &pb.SetSourceRequest{Source: &pb.Source{Name: "handbook"}}); err == nil {
		t.Error("a source was set without a role for it")
	}
}

// The same request id gives the first outcome again, whatever has happened since; with
// another item it is refused, and for another caller it is another request.
func TestRequestIDs(t *testing.T) {
	s := start(t, nil)
	job, other := s.as(ada, "ingest", "directory"), s.as("user:local/bob", "ingest", "directory")
	group := func(request string, members ...string) *pb.IngestRequest {
		return &pb.IngestRequest{RequestId: request, Item: &pb.IngestRequest_Group{Group: &pb.Group{Name: "group:g", Members: members}}}
	}
	members := func() int {
		resp, err := pb.NewDirectoryServiceClient(s.conn).GetGroup(job, &pb.GetGroupRequest{Name: "group:g"})
		s.must(err)
		return len(resp.GetMembers())
	}
	one, two := "user:local/one", "user:local/two"
	s.send(job, group("r1", one), group("r2", one, two))
	ack := s.send(job, group("r1", one))[0]
	if ack.GetStatus() != applied || !ack.GetReplayed() || ack.GetConsistencyToken() == "" || members() != 2 {
		t.Errorf("sent again: %v, and the group has %d members, want 2", ack, members())
	}
	ack = s.send(job, group("r1", two))[0]
	if code, why := refusal(ack); code != codes.InvalidArgument || why != "REQUEST_ID_REUSED" || members() != 2 {
		t.Errorf("the id with another item: %v %s", code, why)
	}
	ack = s.send(other, group("r1", two))[0]
	if ack.GetStatus() != applied || ack.GetReplayed() || members() != 1 {
		t.Errorf("the id of another caller: %v", ack)
	}
}
