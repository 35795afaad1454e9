package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/muniment/muniment/acl/reference"
	"github.com/muniment/muniment/api/identity"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// worldAsker is somebody who asks, in the terms of tokens and of the reference.
type worldAsker struct {
	token   identity.Request
	caller  reference.Caller
	sources []string // what the app reaches; nil = all
}

var worldAskers = []worldAsker{
	{identity.Request{Subject: "user:local/ada"}, reference.Caller{Principal: "user:local/ada", Clearance: "internal", App: "restricted"}, nil},
	{identity.Request{Subject: "user:local/bo", Clearance: "restricted"}, reference.Caller{Principal: "user:local/bo", Clearance: "restricted", App: "restricted"}, nil},
	{identity.Request{Subject: "user:local/cy", Guest: true}, reference.Caller{Principal: "user:local/cy", Guest: true, Clearance: "internal", App: "restricted"}, nil},
	{identity.Request{Subject: "user:local/ada", App: "handbook-chat", Clearance: "restricted"}, reference.Caller{Principal: "user:local/ada", Clearance: "restricted", App: "internal"}, []string{"handbook"}},
	{identity.Request{Subject: "service:screens"}, reference.Caller{Principal: "service:screens", Service: true, Clearance: "internal", App: "internal"}, nil},
}

func (a worldAsker) reads(w *world, r *register) bool {
	return (a.sources == nil || slices.Contains(a.sources, r.source)) && reference.Reads(w.World, a.caller, key(r.source, r.id), time.Now())
}

// TestHiddenMeansAbsent is the first promise over the wire: in random worlds, a server and
// one that never held what the asker may not read, as the reference evaluator judges, give
// the same bytes for every call; and go on to do so while hidden documents come, change and
// go on the one alone.
func TestHiddenMeansAbsent(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			w, whole := newWorld(seed), startServer(t, t.TempDir())
			var items []*pb.IngestRequest
			shown, hidden := 0, 0
			for round := range 4 {
				var batch []*pb.IngestRequest
				var refusals []bool
				for range 40 {
					item, refused := w.next()
					batch, refusals = append(batch, item), append(refusals, refused)
				}
				for i, ack := range whole.send(whole.job(), batch...) {
					if refused := ack.GetStatus() == pb.IngestResponse_STATUS_REFUSED; refused != refusals[i] {
						t.Fatalf("refused: %t, want %t, for %v: %v", refused, refusals[i], batch[i], ack.GetError())
					}
					if !refusals[i] {
						items = append(items, batch[i])
					}
				}
				asker := worldAskers[(round+int(seed)*2)%len(worldAskers)]
				part := startServer(t, t.TempDir())
				s, h := w.compare(t, asker, whole, part, items)
				items = append(items, w.hiddenChanges(t, asker, whole, part)...)
				part.stop()
				shown, hidden = shown+s, hidden+h
			}
			t.Logf("%d documents were visible and %d hidden", shown, hidden)
			if shown < 20 || hidden < 20 {
				t.Errorf("%d documents were visible and %d hidden: the worlds say little", shown, hidden)
			}
		})
	}
}

// compare sends part what the asker may read of items, checks that the server judges as the
// reference does, and compares the two servers.
func (w *world) compare(t *testing.T, asker worldAsker, whole, part *server, items []*pb.IngestRequest) (shown, hidden int) {
	t.Helper()
	for _, k := range w.names {
		r := w.known[k]
		_, err := whole.documents().GetDocument(whole.as(asker.token), &pb.GetDocumentRequest{Document: &pb.DocumentRef{Source: r.source, Id: r.id}})
		reads := asker.reads(w, r)
		if want := map[bool]codes.Code{true: codes.OK, false: codes.NotFound}[reads]; status.Code(err) != want {
			t.Fatalf("%v reads %s/%s: %v, but the reference says %t: %+v", asker.token, r.source, r.id, err, reads, r)
		}
		if reads {
			shown++
		} else if r.present {
			hidden++
		}
	}
	part.mustSend(slices.DeleteFunc(slices.Clone(items), func(item *pb.IngestRequest) bool {
		ref := subjectOf(item)
		return ref != nil && !asker.reads(w, w.known[key(ref.GetSource(), ref.GetId())])
	})...)
	w.sameAnswers(t, asker, whole, part, w.calls(30, 20))
	return shown, hidden
}

// hiddenChanges changes hidden documents on the whole server alone, in between questions.
// It returns the lines it sent.
func (w *world) hiddenChanges(t *testing.T, asker worldAsker, whole, part *server) (sent []*pb.IngestRequest) {
	t.Helper()
	calls := w.calls(8, 4)
	for range 5 {
		w.step++
		r := w.register(pick(w, worldSources...), fmt.Sprint("page ", w.IntN(40)))
		if asker.reads(w, r) {
			continue
		}
		var item *pb.IngestRequest
		if r.present && w.IntN(3) == 0 {
			item = w.delete(r)
		} else {
			item = w.document(r.source, r.id)
			d := item.GetDocument() // as tempting as can be, and for nobody
			d.Text = strings.Repeat(d.GetText(), 1+w.IntN(20))
			d.Policy, d.AccessVersion, d.Container, d.Sensitivity = &pb.Policy{Inherit: pb.Inherit_INHERIT_REPLACE}, w.step, nil, nil
			r.accessVersion, r.access.Policy = w.step, toReference(d.GetPolicy())
			r.access.Parent, r.access.Sensitivity = "", ""
			d.Container, d.Sensitivity = new(""), new("internal")
			w.book(r)
		}
		whole.mustSend(item)
		sent = append(sent, item)
		w.sameAnswers(t, asker, whole, part, calls)
	}
	return sent
}

func (w *world) sameAnswers(t *testing.T, asker worldAsker, whole, part *server, calls []proto.Message) {
	t.Helper()
	for _, req := range calls {
		method, resp := methodOf(req)
		without := part.call(part.as(asker.token), method, req, resp)
		_, resp = methodOf(req)
		whole.call(whole.as(asker.token), method, req, resp).mustBe(t, without, fmt.Sprint(asker.token.Subject, ", with and without what is hidden"))
	}
}

// calls makes up questions with all filters, reads of documents that are there, hidden,
// deleted or never were, and calls that fail.
func (w *world) calls(questions, reads int) (list []proto.Message) {
	for range questions {
		req := &pb.RetrieveRequest{Query: w.text(1 + w.IntN(4)), Limit: int32(pick(w, 0, 1, 3, 100)), Filter: &pb.Filter{}}
		switch w.IntN(8) {
		case 0:
			req.Filter.Sources = []string{pick(w, "handbook", "finance", "no such source")}
		case 1, 2:
			req.Filter.Containers = []*pb.DocumentRef{{Source: pick(w, worldSources...), Id: pick(w, append(worldContainers, "no such container")...)}}
		case 3:
			req.Filter.Labels = map[string]string{"colour": pick(w, "red", "blue", "no such colour")}
		case 4:
			req.Filter.Owners = []string{pick(w, worldPeople...), pick(w, worldGroups...)}
		}
		list = append(list, req)
	}
	for _, i := range w.Perm(41)[:reads] {
		for _, source := range worldSources {
			list = append(list, &pb.GetDocumentRequest{Document: &pb.DocumentRef{Source: source, Id: fmt.Sprint("page ", i)}})
		}
	}
	return append(list, &pb.GetCallerRequest{}, &pb.GetGroupRequest{Name: worldGroups[0]},
		&pb.RetrieveRequest{Query: "ferry", Limit: -1}, &pb.RetrieveRequest{}, &pb.RetrieveRequest{Query: "a ferry 15 minutes £40", AtLeastAsFresh: "made up"},
		&pb.GetDocumentRequest{Document: &pb.DocumentRef{Source: "handbook"}}, &pb.GetDocumentRequest{Document: &pb.DocumentRef{Source: "nowhere", Id: "never"}})
}
