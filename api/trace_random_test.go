package api_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/muniment/muniment/internal/prove"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// happening is what may become of a source after an answer was made from it.
type happening struct {
	told string // by a trace, of a document ID
	send func(id string) []*pb.IngestRequest
}

var happenings = []happening{
	{"", func(string) []*pb.IngestRequest { return nil }},
	{"EDITED", func(id string) []*pb.IngestRequest {
		return []*pb.IngestRequest{version(page("handbook", id, dues), 2, func(d *pb.Document) { d.Text += "\nSince then more is said of " + id + ".\n" })}
	}},
	{"REVOKED", func(id string) []*pb.IngestRequest { return []*pb.IngestRequest{closedTo(id, "user:local/eve")} }},
	{"ACCESS_CHANGED", func(id string) []*pb.IngestRequest { return []*pb.IngestRequest{closedTo(id, ada)} }},
	{"DELETED", func(id string) []*pb.IngestRequest {
		return []*pb.IngestRequest{{Item: &pb.IngestRequest_Delete{Delete: &pb.DocumentDeletion{Source: "handbook", Id: id, Version: 2}}}}
	}},
	{"SUPERSEDED by newer-ID", func(id string) []*pb.IngestRequest {
		return []*pb.IngestRequest{version(page("handbook", "newer-"+id, "Nothing of the kind."), 1, func(d *pb.Document) { d.Supersedes = []*pb.DocumentRef{ref(id)} })}
	}},
	{"EDITED, REVOKED", func(id string) []*pb.IngestRequest {
		return []*pb.IngestRequest{
			version(page("handbook", id, dues), 3, func(d *pb.Document) { d.Text += "\nOf " + id + " nothing holds.\n" }), closedTo(id, "user:local/eve"),
		}
	}},
}

// TestTracesTellEveryChange has each source of an answer changed in one of all ways, or not at
// all, at random and in any order, and demands that the trace tells of each what happened to it and
// nothing else.
func TestTracesTellEveryChange(t *testing.T) {
	answers, sources, changed := prove.Count(3, 150), 0, 0
	for seed := range answers {
		r := rand.New(rand.NewPCG(uint64(seed), 7))
		var items, later []*pb.IngestRequest
		want := map[string]string{}
		for n := range 10 {
			id := fmt.Sprintf("page-%d", n)
			items = append(items, version(page("handbook", id, dues), 1, func(d *pb.Document) { d.Text += "\nAlso see " + id + ".\n" }))
			h := happenings[r.IntN(len(happenings))]
			want[id] = strings.ReplaceAll(h.told, "ID", id)
			later = append(later, h.send(id)...)
		}
		s := story(t, "berth dues", items...)
		r.Shuffle(len(later), func(i, j int) { later[i], later[j] = later[j], later[i] })
		s.send(s.as(ada, "ingest", "directory"), later...)
		told := changes(s.trace("user:local/eve"))
		if len(told) != len(want) {
			t.Fatalf("answer %d: %d sources are traced, not %d", seed, len(told), len(want))
		}
		for id, got := range told {
			sources++
			if want[id] != "" {
				changed++
			}
			if got != want[id] {
				t.Errorf("answer %d: of %s it is told %q, not %q", seed, id, got, want[id])
			}
		}
	}
	prove.Report(t, "a trace tells every change", "%d answers of %d sources, %d of them changed since in %d ways: each told, and nothing else", answers, sources, changed, len(happenings)-1)
}
