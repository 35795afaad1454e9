package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/acl/reference"
	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/internal/prove"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// feedsVariable names the directory of the real feeds, which are no part of the repository.
const feedsVariable = "MUNIMENT_FEEDS"

// feedAskers are three people with different rights: one who reads all of the handbook, one
// of several groups of another organisation, and one who is denied by name.
var feedAskers = []string{"user:local/18f-handbook-reader", "user:local/mrbobbytables", "user:local/18f-handbook-denied"}

// TestRealFeedsHideWhatIsHidden is the first promise on documents and questions that people
// wrote: servers of the program itself are fed by "muniment ingest", one with the whole
// corpus and one for each of three people with what that person may read, as the reference
// evaluator judges; "muniment retrieve --json" prints the same on both.
func TestRealFeedsHideWhatIsHidden(t *testing.T) {
	dir := os.Getenv(feedsVariable)
	if dir == "" {
		const missing = "not shown, for the feeds are not part of the repository: set " + feedsVariable +
			" to the directory that holds feeds/*.jsonl.gz, directory/kubernetes-org.jsonl.gz and questions/heading-questions.jsonl.gz"
		prove.Report(t, "real feeds", missing)
		t.Skip(missing)
	}
	t.Parallel()
	feeds, err := filepath.Glob(filepath.Join(dir, "feeds", "*.jsonl.gz"))
	if err != nil || len(feeds) < 2 {
		t.Fatalf("%d feeds in %s, %v", len(feeds), dir, err)
	}
	feeds = append([]string{filepath.Join(dir, "directory", "kubernetes-org.jsonl.gz")}, feeds...)
	questions := feedQuestions(t, dir, prove.Count(8, 60))
	w := newWorld(0)
	var items []*pb.IngestRequest
	for _, file := range feeds {
		if err := readFeed(file, func(line int, item *pb.IngestRequest, bad error) error {
			items = append(items, item)
			w.learn(item)
			return bad
		}); err != nil {
			t.Fatal(err)
		}
	}
	whole := startChild(t, t.TempDir())
	whole.ingests(t, feeds...)
	var rights []string
	answers, found := 0, 0
	for _, name := range feedAskers {
		asker := worldAsker{
			identity.Request{Subject: acl.Principal(name)},
			reference.Caller{Principal: name, Clearance: "internal", App: "restricted"}, nil,
		}
		part := startChild(t, t.TempDir())
		part.ingests(t, writeFeed(t, w.visibleTo(asker, items)))
		read := len(w.readable(asker))
		if read < 10 || read > len(w.names)-10 {
			t.Errorf("%s may read %d of %d documents", name, read, len(w.names))
		}
		rights = append(rights, fmt.Sprint(read))
		w.sameRights(t, asker, whole)
		for _, question := range questions {
			with, without := whole.retrieves(t, asker, question), part.retrieves(t, asker, question)
			with.mustBe(t, without, fmt.Sprintf("%s asks %q, with and without what is hidden", name, question))
			if answers++; len(with.message.(*pb.RetrieveResponse).GetResults()) > 0 {
				found++
			}
		}
		part.stop()
	}
	if found < answers*9/10 {
		t.Errorf("only %d of %d answers had passages", found, answers)
	}
	prove.Report(t, "real feeds", "%d documents of %d feeds, %d people who may read %s of them, %d questions each to `muniment retrieve --json`: %d answers equal, %d with passages, 0 differences",
		len(w.names), len(feeds), len(feedAskers), strings.Join(rights, ", "), len(questions), answers, found)
}

// learn books an item of a feed that the server is to take.
func (w *world) learn(item *pb.IngestRequest) {
	switch it := item.GetItem().(type) {
	case *pb.IngestRequest_Group:
		w.Groups[it.Group.GetName()] = it.Group.GetMembers()
	case *pb.IngestRequest_Container:
		c := it.Container
		n := reference.Node{Policy: toReference(c.GetPolicy())}
		if c.GetParent() != "" {
			n.Parent = key(c.GetSource(), c.GetParent())
		}
		w.Containers[key(c.GetSource(), c.GetId())] = n
	case *pb.IngestRequest_Document:
		d := it.Document
		r := w.register(d.GetSource(), d.GetId())
		r.present = true
		if d.Policy != nil {
			r.access.Policy = toReference(d.GetPolicy())
		}
		if d.Container != nil {
			r.access.Parent = key(d.GetSource(), d.GetContainer())
		}
		if d.Sensitivity != nil {
			r.access.Sensitivity = d.GetSensitivity()
		}
		w.book(r)
	}
}

// sameRights demands that the server lets the asker read what the reference does, and
// nothing else.
func (w *world) sameRights(t *testing.T, asker worldAsker, s *server) {
	t.Helper()
	for _, k := range w.names {
		r := w.known[k]
		_, err := s.documents().GetDocument(s.as(asker.token), &pb.GetDocumentRequest{Document: &pb.DocumentRef{Source: r.source, Id: r.id}})
		if want := map[bool]codes.Code{true: codes.OK, false: codes.NotFound}[asker.reads(w, r)]; status.Code(err) != want {
			t.Errorf("%s reads %s/%s: %v, want %v", asker.token.Subject, r.source, r.id, err, want)
		}
	}
}

// ingests runs "muniment ingest"; no line may be refused.
func (s *server) ingests(t *testing.T, files ...string) {
	t.Helper()
	job := s.token(identity.Request{Subject: "service:sync", Roles: []identity.Grant{{Role: identity.RoleIngest}, {Role: identity.RoleDirectory}}})
	if got := program(t, append([]string{"MUNIMENT_ADDR=" + s.addr, "MUNIMENT_TOKEN=" + job, "ingest"}, files...)...); got.code != exitOK {
		t.Fatalf("ingest: exit code %d\n%.2000s\n%.2000s", got.code, got.stdout, got.stderr)
	}
}

// retrieves runs "muniment retrieve --json" and returns what it printed, without what may
// differ.
func (s *server) retrieves(t *testing.T, asker worldAsker, question string) heard {
	t.Helper()
	got := program(t, "MUNIMENT_ADDR="+s.addr, "MUNIMENT_TOKEN="+s.token(asker.token), "retrieve", "--json", question)
	resp := &pb.RetrieveResponse{}
	if err := protojson.Unmarshal([]byte(got.stdout), resp); err != nil || got.code != exitOK {
		t.Fatalf("retrieve: exit code %d, %v\n%.2000s\n%s", got.code, err, got.stdout, got.stderr)
	}
	blank(resp.ProtoReflect())
	return heard{what: question, message: resp, wire: wireOf(resp), metadata: got.stderr}
}

// feedQuestions returns n of the questions, evenly spread.
func feedQuestions(t *testing.T, dir string, n int) (list []string) {
	t.Helper()
	in, err := openFeed(filepath.Join(dir, "questions", "heading-questions.jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var all []string
	for lines := bufio.NewScanner(in); lines.Scan(); {
		var q struct{ Text string }
		if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
			t.Fatal(err)
		}
		all = append(all, q.Text)
	}
	if len(all) < n {
		t.Fatalf("%d questions", len(all))
	}
	for i := range n {
		list = append(list, all[i*len(all)/n])
	}
	return list
}

// writeFeed writes the items to a feed file.
func writeFeed(t *testing.T, items []*pb.IngestRequest) string {
	t.Helper()
	var text strings.Builder
	for _, item := range items {
		line, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(item)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(line)
		text.WriteByte('\n')
	}
	path := filepath.Join(t.TempDir(), "feed.jsonl")
	write(t, path, text.String())
	return path
}
