package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

func (s *server) work(role string, edit ...func(*pb.ListWorkRequest)) *pb.ListWorkResponse {
	s.Helper()
	req := &pb.ListWorkRequest{}
	for _, f := range edit {
		f(req)
	}
	resp, err := pb.NewStewardshipServiceClient(s.conn).ListWork(s.as(ada, role), req)
	s.must(err)
	return resp
}

// deskOfTrouble has one of everything there is to mend in the source handbook.
func deskOfTrouble(t *testing.T) *server {
	s := start(t, nil)
	now := time.Now()
	dated := func(id string, owner string, edit func(*pb.Document)) *pb.IngestRequest {
		return version(page("handbook", id, "A page about "+id+"."), 1, func(d *pb.Document) {
			d.Owner, d.Modified = owner, timestamppb.New(now.AddDate(-1, 0, 0))
			edit(d)
		})
	}
	days := func(n int) func(*pb.Document) {
		return func(d *pb.Document) { d.ReviewInterval = durationpb.New(time.Duration(n) * 24 * time.Hour) }
	}
	s.send(s.as(ada, "ingest", "directory"),
		&pb.IngestRequest{Item: &pb.IngestRequest_Group{Group: &pb.Group{Name: "group:empty"}}},
		&pb.IngestRequest{Item: &pb.IngestRequest_Group{Group: &pb.Group{Name: "group:full", Members: []string{"user:local/eve"}}}},
		dated("due", "group:full", days(300)), dated("stale", "group:full", days(100)), dated("fresh", "group:full", days(1000)),
		dated("outdated", "group:full", func(d *pb.Document) { d.ValidUntil = timestamppb.New(now.AddDate(0, -1, 0)) }),
		dated("old bell", "group:full", func(*pb.Document) {}),
		dated("new bell", "group:full", func(d *pb.Document) { d.Supersedes = []*pb.DocumentRef{ref("old bell")} }),
		dated("nobody's", "", func(*pb.Document) {}), dated("of none", "group:empty", func(*pb.Document) {}), dated("of nobody known", "group:unknown", func(*pb.Document) {}),
		dated("left", "user:local/gone", func(*pb.Document) {}),
		dated("cloaked", "group:full", func(d *pb.Document) {
			d.Mime, d.Text = "text/html", `<p>Seen.</p><p style="display:none">Not seen.</p>`
		}),
		version(rules("handbook", "rules", "30 days", "2 years"), 1, func(d *pb.Document) { d.Owner = "group:full" }),
		version(rules("handbook", "rules again", "14 days", "2 years"), 1, func(d *pb.Document) { d.Owner = "group:full" }),
	)
	x, err := s.Indexer.Submit(t.Context(), indexer.Actor{}, catalog.PutEntry{Entry: catalog.Entry{Principal: "user:local/gone", ID: "1", Version: 1, State: catalog.Inactive}}, catalog.Request{})
	s.must(err)
	_, _, err = x.Wait(t.Context())
	s.must(err)
	// A sync that failed: one that is overdue would leave nothing in the state its dates give.
	sources := pb.NewSourceServiceClient(s.conn)
	_, err = sources.StartSync(s.as(ada, "ingest"), &pb.StartSyncRequest{Source: "handbook"})
	s.must(err)
	_, err = sources.AbortSync(s.as(ada, "ingest"), &pb.AbortSyncRequest{Source: "handbook", Error: "the wiki answers 500"})
	s.must(err)
	return s
}

// TestListWork lists one of everything, worst first, each with what it is and what to do.
func TestListWork(t *testing.T) {
	s := deskOfTrouble(t)
	all := s.work("steward:handbook")
	var got []string
	last := all.GetItems()[0].GetPriority()
	for _, i := range all.GetItems() {
		name := i.GetDocument().GetId()
		if i.GetKind() == pb.WorkItem_KIND_OWNER_GONE {
			name = i.GetOwner()
		}
		got = append(got, strings.TrimPrefix(i.GetKind().String(), "KIND_")+" "+name)
		if i.GetSummary() == "" || i.GetAction() == "" || i.GetPriority() <= 0 || i.GetSource() != "handbook" || i.GetPriority() > last {
			t.Errorf("an item without a word, or out of its order: %v", i)
		}
		last = i.GetPriority()
		if (i.GetDocument() == nil) != (i.GetFreshness() == nil) {
			t.Errorf("a document without its freshness: %v", i)
		}
	}
	want := []string{"REVIEW due", "REVIEW stale", "REVIEW outdated", "REVIEW old bell", "OWNER_GONE ", "OWNER_GONE group:empty", "OWNER_GONE group:unknown",
		"OWNER_GONE user:local/gone", "HIDDEN_TEXT cloaked", "CONFLICT rules", "DEAD_SOURCE "}
	if sorted := slices.Sorted(slices.Values(got)); !slices.Equal(sorted, slices.Sorted(slices.Values(want))) || all.GetTotal() != int64(len(want)) || all.GetSearching() {
		t.Errorf("%d items, searching %v:\n%s\nwant\n%s", all.GetTotal(), all.GetSearching(), strings.Join(sorted, "\n"), strings.Join(slices.Sorted(slices.Values(want)), "\n"))
	}
	if got[0] != "DEAD_SOURCE " || got[1] != "CONFLICT rules" {
		t.Errorf("worst first: %v", got)
	}
	s.send(s.as(ada, "ingest"), version(rules("handbook", "rules of old", "7 days", "2 years"), 1, func(d *pb.Document) {
		d.Owner, d.ValidUntil = "group:full", timestamppb.New(time.Now().AddDate(0, 0, -1))
	}))
	if now := s.work("steward:handbook", func(r *pb.ListWorkRequest) { r.Kinds = []pb.WorkItem_Kind{pb.WorkItem_KIND_CONFLICT} }); now.GetTotal() != 1 || now.GetItems()[0].GetDocuments() != 2 {
		t.Errorf("with a document past its date, which contradicts both: %v", now)
	}
	s.send(s.as(ada, "ingest"), &pb.IngestRequest{Item: &pb.IngestRequest_Delete{Delete: &pb.DocumentDeletion{Source: "handbook", Id: "rules of old", Version: 2}}})
	if other := s.work("steward:wiki"); other.GetTotal() != 0 {
		t.Errorf("another's steward has %v", other)
	}

	// A duplicate that a steward has said is to be removed takes the place of its conflict.
	found := s.onlyConflict("steward")
	_, err := s.resolve(s.as(ada, "steward"), found, pb.Verdict_VERDICT_B_IS_DUPLICATE, "")
	s.must(err)
	kinds := func(r *pb.ListWorkRequest) {
		r.Kinds = []pb.WorkItem_Kind{pb.WorkItem_KIND_CONFLICT, pb.WorkItem_KIND_DUPLICATE}
	}
	list := s.work("steward:handbook", kinds).GetItems()
	if len(list) != 1 || list[0].GetKind() != pb.WorkItem_KIND_DUPLICATE || list[0].GetDocument().GetId() != "rules again" || list[0].GetOther().GetId() != "rules" {
		t.Errorf("after the verdict: %v", list)
	}
	s.send(s.as(ada, "ingest"), &pb.IngestRequest{Item: &pb.IngestRequest_Delete{Delete: &pb.DocumentDeletion{Source: "handbook", Id: "rules again", Version: 2}}})
	if list := s.work("steward:handbook", kinds).GetItems(); len(list) != 0 {
		t.Errorf("after its removal: %v", list)
	}
}

// TestListWorkFilters: a filter leaves the work of the documents that match; a source is no
// document.
func TestListWorkFilters(t *testing.T) {
	s := deskOfTrouble(t)
	for name, c := range map[string]struct {
		edit func(*pb.ListWorkRequest)
		want int64
	}{
		"an owner":       {func(r *pb.ListWorkRequest) { r.Filter = &pb.Filter{Owners: []string{"group:empty"}} }, 1},
		"the source":     {func(r *pb.ListWorkRequest) { r.Filter = &pb.Filter{Sources: []string{"handbook"}} }, 11},
		"another source": {func(r *pb.ListWorkRequest) { r.Filter = &pb.Filter{Sources: []string{"wiki"}} }, 0},
		"stale ones": {func(r *pb.ListWorkRequest) {
			r.Filter = &pb.Filter{States: []pb.Freshness_State{pb.Freshness_STATE_STALE, pb.Freshness_STATE_DUE}}
		}, 2},
		"reviews":      {func(r *pb.ListWorkRequest) { r.Kinds = []pb.WorkItem_Kind{pb.WorkItem_KIND_REVIEW} }, 4},
		"dead sources": {func(r *pb.ListWorkRequest) { r.Kinds = []pb.WorkItem_Kind{pb.WorkItem_KIND_DEAD_SOURCE} }, 1},
		"hidden text":  {func(r *pb.ListWorkRequest) { r.Kinds = []pb.WorkItem_Kind{pb.WorkItem_KIND_HIDDEN_TEXT} }, 1},
	} {
		if got := s.work("steward", c.edit).GetTotal(); got != c.want {
			t.Errorf("%s: %d items, want %d", name, got, c.want)
		}
	}
}

// TestListWorkPages walks through the list in pages of every length.
func TestListWorkPages(t *testing.T) {
	s := deskOfTrouble(t)
	name := func(i *pb.WorkItem) string { return i.GetKind().String() + " " + i.GetSummary() }
	var whole []string
	for _, i := range s.work("steward").GetItems() {
		whole = append(whole, name(i))
	}
	for limit := 1; limit <= len(whole); limit++ {
		var got []string
		token, lengths := "", map[int]bool{}
		for n := 0; n == 0 || token != ""; n++ {
			resp := s.work("steward", func(r *pb.ListWorkRequest) { r.Limit, r.PageToken = int32(limit), token })
			for _, i := range resp.GetItems() {
				got = append(got, name(i))
			}
			if token = resp.GetNextPageToken(); token != "" {
				lengths[len(token)] = true
			}
		}
		if !slices.Equal(got, whole) || len(lengths) > 1 {
			t.Errorf("in pages of %d, with tokens of %v bytes:\n%s\nwant\n%s", limit, lengths, strings.Join(got, "\n"), strings.Join(whole, "\n"))
		}
	}
}

// TestListWorkOfTextNobodySees: a document of which nothing is seen has no passage, is found by
// no query, and is on the list all the same.
func TestListWorkOfTextNobodySees(t *testing.T) {
	s := start(t, nil)
	for i, policy := range []*pb.Policy{everyone, only("user:local/ben")} {
		item := version(page("handbook", fmt.Sprint(i), `<p style="display:none">Not seen.</p>`), 1, func(d *pb.Document) { d.Mime, d.Policy, d.Owner = "text/html", policy, "user:local/ada" })
		s.send(s.as(ada, "ingest"), item)
	}
	if list := s.work("steward").GetItems(); len(list) != 1 || list[0].GetKind() != pb.WorkItem_KIND_HIDDEN_TEXT || list[0].GetDocument().GetId() != "0" {
		t.Errorf("%v", list)
	}
}

// TestSilenceOfWhatIsHidden: when something hidden arrived is no sign of life of its source, and
// who owns it is nobody's to miss.
func TestSilenceOfWhatIsHidden(t *testing.T) {
	s := start(t, nil)
	for i, policy := range []*pb.Policy{only("user:local/ben"), everyone} {
		_, err := pb.NewSourceServiceClient(s.conn).SetSource(s.as(ada, "ingest"), &pb.SetSourceRequest{Source: &pb.Source{Name: "wiki", Cadence: durationpb.New(time.Nanosecond)}})
		s.must(err)
		s.send(s.as(ada, "ingest"), version(page("wiki", fmt.Sprint(i), "Text."), 1, func(d *pb.Document) { d.Policy, d.Owner = policy, fmt.Sprint("group:gone-", i) }))
		if list := s.work("steward").GetItems(); len(list) != 2*i {
			t.Errorf("with %d documents that the steward may read: %v", i, list)
		}
	}
}
