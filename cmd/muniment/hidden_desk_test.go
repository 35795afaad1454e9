package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/internal/prove"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// deskCalls makes one call of each method that shows a steward documents, as it may meet what
// is hidden from the steward.
var deskCalls = map[protoreflect.FullName]func(w *world) proto.Message{
	"muniment.v1.StewardshipService.ReportFreshness": func(w *world) proto.Message { return w.report() },
	"muniment.v1.StewardshipService.ListConflicts": func(w *world) proto.Message {
		req := &pb.ListConflictsRequest{Limit: int32(pick(w, 0, 1, 3)), IncludeResolved: w.IntN(2) == 0, MinConfidence: pick(w, 0, 0, 0.8)}
		if w.IntN(3) == 0 {
			req.Filter = w.query().GetFilter()
		}
		return req
	},
	"muniment.v1.StewardshipService.ListWork": func(w *world) proto.Message {
		req := &pb.ListWorkRequest{Limit: int32(pick(w, 0, 1, 3, 1000))}
		if w.IntN(3) == 0 {
			req.Filter = w.query().GetFilter()
		}
		return req
	},
}

// report makes up a request for a report, judged at one instant on all servers.
func (w *world) report() *pb.ReportFreshnessRequest {
	req := &pb.ReportFreshnessRequest{
		Filter: w.query().GetFilter(), Limit: int32(pick(w, 0, 0, 0, 1, 5)), AsOf: timestamppb.New(time.Date(2020+w.IntN(20), 1, 1, 0, 0, 0, 0, time.UTC)),
	}
	if w.IntN(4) == 0 {
		req.Filter.States = []pb.Freshness_State{pick(w, pb.Freshness_STATE_SUPERSEDED, pb.Freshness_STATE_STALE, pb.Freshness_STATE_UNKNOWN, pb.Freshness_STATE_FRESH)}
	}
	return req
}

// TestHiddenFromStewards is TestHiddenMeansAbsent for what stewards alone may call: in random
// worlds a steward hears the same bytes from a server and from one that never held what the
// steward may not read, though others have retrieved hidden documents on the one. Counts,
// owners, containers and the order are among them.
func TestHiddenFromStewards(t *testing.T) {
	const lanes = 2
	worlds := uint64(prove.Count(4, 120))
	var pairs, compared, documents, hidden, superseded, conflicts, work atomic.Int64
	t.Run("worlds", func(t *testing.T) {
		for lane := range uint64(lanes) {
			t.Run(fmt.Sprint("lane ", lane), func(t *testing.T) {
				t.Parallel()
				for seed := lane; seed < worlds; seed += lanes {
					w, asker := newWorld(5000+seed), worldAskers[int(seed)%3]
					role := identity.Grant{Role: identity.RoleSteward}
					if seed%4 == 3 {
						role.Source = "handbook"
					}
					asker.token.Roles = []identity.Grant{role}
					whole, part := serveConfig(t, worldConfig(t.TempDir())), serveConfig(t, worldConfig(t.TempDir()))
					var items []*pb.IngestRequest
					for range 150 {
						if item, refused := w.next(); !refused {
							items = append(items, item)
						}
					}
					whole.mustSend(items...)
					part.mustSend(w.visibleTo(asker, items)...)
					for range 3 {
						if item := w.hiddenChange(asker); item != nil {
							whole.mustSend(item)
						}
					}
					for _, k := range w.names {
						if r := w.known[k]; r.present && !asker.reads(w, r) {
							hidden.Add(1)
						}
					}
					w.keepSecret(whole)
					for range 5 { // both count the steward's own
						call := worldCall{contract(t)["muniment.v1.RetrievalService.Retrieve"], one(w.query())}
						whole.hear(whole.as(asker.token), call).mustBe(t, part.hear(part.as(asker.token), call), "a query")
					}
					for range 8 {
						for _, name := range slices.Sorted(maps.Keys(deskCalls)) { // in one order, so that a seed is one world
							call := worldCall{contract(t)[name], one(deskCalls[name](w))}
							with, without := whole.hear(whole.as(asker.token), call), part.hear(part.as(asker.token), call)
							with.mustBe(t, without, fmt.Sprint(asker.token.Subject, ", with and without what is hidden"))
							compared.Add(1)
							switch resp := without.message.(type) {
							case *pb.ListConflictsResponse:
								conflicts.Add(resp.GetTotal())
							case *pb.ListWorkResponse:
								work.Add(resp.GetTotal())
							}
						}
					}
					_, list := reportOf(t, part, asker.token)
					for _, d := range list {
						documents.Add(1)
						if d.GetState() == pb.Freshness_STATE_SUPERSEDED {
							superseded.Add(1)
						}
					}
					pairs.Add(1)
					whole.stop()
					part.stop()
				}
			})
		}
	})
	if n := pairs.Load(); documents.Load() < 3*n || hidden.Load() < 3*n || superseded.Load() == 0 || conflicts.Load() < n || work.Load() < 8*n {
		t.Errorf("the worlds say little: %d pairs, %d documents in reports, %d hidden, %d superseded, %d conflicts, %d things to mend", n, documents.Load(), hidden.Load(), superseded.Load(), conflicts.Load(), work.Load())
	}
	prove.Report(t, "hidden means absent", "stewards: %d world pairs, %d answers compared byte for byte, %d documents in reports, %d clusters of conflicts, %d things to mend, %d hidden, 0 differences",
		pairs.Load(), compared.Load(), documents.Load(), conflicts.Load(), work.Load(), hidden.Load())
}

// sibling is a page from the form that all pages of a world are filled in from, with values that
// none of them has.
func (w *world) sibling() string {
	return fmt.Sprintf("The ferry leaves the slip after %d minutes. A berth costs £%d a day. The crew of the ferry rests for %d hours.\n", 16+w.IntN(9), 46+w.IntN(9), 10+w.IntN(9))
}

// keepSecret sends documents that their keeper alone may read, with the owners, containers and
// declarations of others, and has the keeper retrieve them.
func (w *world) keepSecret(s *server) {
	s.t.Helper()
	const keeper = "user:local/keeper"
	var items []*pb.IngestRequest
	for i := range 20 {
		source := pick(w, worldSources...)
		items = append(items, documentItem(&pb.Document{
			Source: source, Id: fmt.Sprint("secret ", i), Version: 1, Title: w.text(2), Text: w.prose() + w.sibling(), Owner: pick(w, worldPeople...),
			Labels: map[string]string{"secret": "yes"}, Policy: &pb.Policy{Inherit: pb.Inherit_INHERIT_REPLACE, Layers: allow(keeper).GetLayers()},
			Container: proto.String(pick(w, worldContainers...)), Uri: "https://pages.example/" + pick(w, "x", "y"),
			Modified: timestamppb.New(timeLongAgo), ReviewInterval: durationpb.New(time.Hour),
			Supersedes: []*pb.DocumentRef{{Source: source, Id: fmt.Sprint("page ", w.IntN(40))}},
		}))
	}
	s.mustSend(items...)
	for range 10 {
		req := &pb.RetrieveRequest{Query: w.text(3), Filter: &pb.Filter{Labels: map[string]string{"secret": "yes"}}, Limit: 100}
		if _, err := s.retrieval().Retrieve(s.user(keeper), req); err != nil {
			s.t.Fatal(err)
		}
	}
}

// reportOf is the whole report of a steward.
func reportOf(t testing.TB, s *server, token identity.Request) (summary *pb.FreshnessSummary, list []*pb.DocumentFreshness) {
	t.Helper()
	stream, err := pb.NewStewardshipServiceClient(s.conn).ReportFreshness(s.as(token), &pb.ReportFreshnessRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for {
		resp, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return summary, list
		case err != nil:
			t.Fatal(err)
		case summary == nil:
			summary = resp.GetSummary()
		default:
			list = append(list, resp.GetDocument())
		}
	}
}
