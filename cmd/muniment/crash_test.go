package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/muniment/muniment/api/identity"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// TestKilledWhileIngesting kills the server at random moments while it takes in the company
// and generated documents and answers questions. After each start, what was acknowledged is
// there; at the end, nothing is lost or doubled, the answers are those of a server that ran
// through, and every answer that anybody received has its record.
func TestKilledWhileIngesting(t *testing.T) {
	t.Parallel()
	const kills = 15
	items := append(company(t), generatedFeed(150)...)
	questions := companyQuestions(t)
	rng := rand.New(rand.NewPCG(3, 1))
	dir := t.TempDir()
	run := &killedRun{t: t, items: items, questions: questions, once: subjectsOnce(items)}
	var progress []int
	for range kills {
		s := startChild(t, dir)
		until := run.acked + 1 + rng.IntN(len(items)/kills)
		progress = append(progress, run.acked)
		run.live(s, min(until, len(items)), time.Duration(rng.IntN(3000))*time.Microsecond)
	}
	t.Logf("lines acknowledged before each life: %v of %d; %d questions answered", progress, len(items), len(run.answered))

	killed, through := startChild(t, dir), startChild(t, t.TempDir())
	killed.send(killed.job(), items...)
	through.send(through.job(), items...)
	second, want := killed.send(killed.job(), items...), through.send(through.job(), items...)
	for i := range items {
		if second[i].GetStatus() != want[i].GetStatus() {
			t.Errorf("line %d sent again: %v, and on a server that ran through %v", i+1, second[i], want[i])
		}
	}
	a, b := killed.allAnswers(questions, 10), through.allAnswers(questions, 10)
	for i := range a {
		a[i].mustBe(t, b[i], "a server that was killed, and one that ran through")
	}
	run.checkRecord(killed)
}

// killedRun is what the client knows across the lives of the server.
type killedRun struct {
	t         *testing.T
	items     []*pb.IngestRequest
	questions []question
	once      []bool // whether the item is the only one about its document

	acked    int // items acknowledged in some life
	mu       sync.Mutex
	answered []string // the retrieval ids of answers received
}

// live sends the items from some of those acknowledged in earlier lives on, kills the
// server some time after the acknowledgement of item until, and checks that those were
// still there.
func (r *killedRun) live(s *server, until int, after time.Duration) {
	var wg sync.WaitGroup
	wg.Go(func() { r.ask(s) })
	stream := s.stream()
	before := r.acked
	from := max(0, before-40)
	wg.Go(func() {
		for _, item := range r.items[from:min(len(r.items), until+30)] {
			if stream.Send(item) != nil {
				return // killed
			}
		}
	})
	for i := from; i < until; i++ {
		ack, err := stream.Recv()
		if err != nil {
			r.t.Fatalf("before the kill: %v", err)
		}
		if i < before && r.once[i] && ack.GetStatus() != pb.IngestResponse_STATUS_UNCHANGED {
			r.t.Errorf("line %d was acknowledged before a kill, and is %v after it: %v", i+1, ack.GetStatus(), ack.GetError())
		}
		r.acked = max(r.acked, i+1)
	}
	time.Sleep(after)
	s.kill()
	for { // acknowledgements that were under way count
		if _, err := stream.Recv(); err != nil {
			break
		}
		until++
		r.acked = max(r.acked, until)
	}
	s.killed()
	wg.Wait()
}

// ask puts questions until the server dies.
func (r *killedRun) ask(s *server) {
	for i := 0; ; i++ {
		q := r.questions[i%len(r.questions)]
		ctx := s.as(identity.Request{Subject: q.As, Clearance: q.Clearance})
		resp, err := s.retrieval().Retrieve(ctx, &pb.RetrieveRequest{Query: q.Question})
		if err != nil {
			return
		}
		r.mu.Lock()
		r.answered = append(r.answered, resp.GetRetrievalId())
		r.mu.Unlock()
	}
}

// checkRecord verifies the log as an auditor and looks for every answer and every change.
func (r *killedRun) checkRecord(s *server) {
	r.t.Helper()
	auditor := s.as(identity.Request{Subject: "user:local/auditor", Roles: []identity.Grant{{Role: identity.RoleAuditor}}})
	if _, err := pb.NewAuditServiceClient(s.conn).GetCheckpoint(auditor, &pb.GetCheckpointRequest{}); err != nil {
		r.t.Fatal(err)
	}
	s.stop()
	if v := program(r.t, "audit", "verify", "--data", s.dir); v.code != exitOK {
		r.t.Errorf("audit verify: %d\n%s%s", v.code, v.stdout, v.stderr)
	}
	export := program(r.t, "audit", "export", "--data", s.dir)
	if export.code != exitOK {
		r.t.Fatalf("audit export: %d\n%s", export.code, export.stderr)
	}
	recorded, changes := map[string]int{}, map[string]int{}
	for l := range strings.Lines(export.stdout) {
		var entry struct {
			Body struct {
				ID     string
				Kind   string
				Change struct {
					Op, Source, ID string
					Revision       uint64
				}
			}
		}
		if err := json.Unmarshal([]byte(l), &entry); err != nil {
			r.t.Fatalf("a line of the export: %v: %.200s", err, l)
		}
		recorded[entry.Body.ID]++
		if c := entry.Body.Change; entry.Body.Kind == "change" {
			changes[fmt.Sprint(c.Op, " ", c.Source, "/", c.ID)]++
		}
	}
	for _, id := range r.answered {
		if recorded[id] != 1 {
			r.t.Errorf("the answer %s was received and is recorded %d times", id, recorded[id])
		}
	}
	for i, item := range r.items {
		ref := subjectOf(item)
		if d := item.GetDocument(); d != nil && changes["put document "+name(ref)] != 1 {
			r.t.Errorf("line %d: the log has %d records of putting %s", i+1, changes["put document "+name(ref)], name(ref))
		}
	}
}

// subjectsOnce says of each item whether it is the only one about its document.
func subjectsOnce(items []*pb.IngestRequest) []bool {
	count, once := map[string]int{}, make([]bool, len(items))
	for _, item := range items {
		if ref := subjectOf(item); ref != nil {
			count[name(ref)]++
		}
	}
	for i, item := range items {
		ref := subjectOf(item)
		once[i] = ref == nil || count[name(ref)] == 1
	}
	return once
}
