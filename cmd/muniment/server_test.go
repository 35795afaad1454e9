package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/api/identity"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// server is a real server of this process on a port of its own, with a connection to it.
type server struct {
	t         testing.TB
	dir       string
	addr      string
	conn      *grpc.ClientConn
	authority *identity.Authority
	tokens    sync.Map // contexts by what was asked of their token
	cancel    func()
	kill      func()      // of a server in a process of its own
	process   *os.Process // likewise
	log       *childLog   // what that wrote to it; complete when it has ended
	ended     chan error
}

// testConfig is what test servers run with: two apps, and one space of vectors that senders bring.
func testConfig(dir string) config {
	c := defaultConfig()
	c.Data, c.Listen, c.LogLevel = dir, "127.0.0.1:0", "error"
	c.Apps = map[string]appConfig{
		"handbook-chat": {Sources: []string{"handbook"}},
		"board-chat":    {Clearance: "confidential"},
	}
	c.VectorSpaces = []spaceConfig{{ID: "brought/4", Dimensions: 4}}
	return c
}

// startServer serves the directory until the test ends or stop is called.
func startServer(t *testing.T, dir string) *server {
	t.Helper()
	return serveConfig(t, testConfig(dir))
}

func serveConfig(t *testing.T, cfg config) *server {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &server{t: t, dir: cfg.Data, cancel: cancel, ended: make(chan error, 1)}
	ready := make(chan string, 1)
	go func() { s.ended <- serve(ctx, cfg, func(addr string) { ready <- addr }) }()
	select {
	case s.addr = <-ready:
	case err := <-s.ended:
		cancel()
		t.Fatalf("the server did not start: %v", err)
	}
	t.Cleanup(s.stop)
	s.connect(cfg)
	return s
}

// connect opens the connection that the calls of the test go over.
func (s *server) connect(cfg config) {
	s.t.Helper()
	keys, err := identity.OpenKeyRing(cfg.path("keys"))
	if err != nil {
		s.t.Fatal(err)
	}
	if s.authority, err = cfg.authority(keys); err != nil {
		s.t.Fatal(err)
	}
	if _, s.conn, err = (&client{addr: s.addr, token: "none"}).dial(context.Background()); err != nil {
		s.t.Fatal(err)
	}
}

// stop ends the server as a signal does, and may be called again.
func (s *server) stop() {
	if s.ended == nil {
		return
	}
	s.conn.Close()
	s.cancel()
	if err := <-s.ended; err != nil {
		s.t.Errorf("the server ended with %v", err)
	}
	s.ended = nil
}

// token issues a token as "muniment token" does beside a running server.
func (s *server) token(r identity.Request) string {
	s.t.Helper()
	token, err := s.authority.Issue(r)
	if err != nil {
		s.t.Fatal(err)
	}
	return token
}

// as carries a token for the request.
func (s *server) as(r identity.Request) context.Context {
	s.t.Helper()
	if ctx, known := s.tokens.Load(fmt.Sprint(r)); known && r.TTL == 0 {
		return ctx.(context.Context)
	}
	ctx := bearer(s.token(r))
	s.tokens.Store(fmt.Sprint(r), ctx)
	return ctx
}

// user carries a token for a person without roles.
func (s *server) user(name acl.Principal) context.Context {
	return s.as(identity.Request{Subject: name})
}

// job carries a token that may send everything.
func (s *server) job() context.Context {
	return s.as(identity.Request{
		Subject: "service:sync", Roles: []identity.Grant{{Role: identity.RoleIngest}, {Role: identity.RoleDirectory}},
	})
}

func bearer(token string) context.Context {
	return metadata.AppendToOutgoingContext(context.Background(), "authorization", "Bearer "+token)
}

func (s *server) retrieval() pb.RetrievalServiceClient { return pb.NewRetrievalServiceClient(s.conn) }
func (s *server) documents() pb.DocumentServiceClient  { return pb.NewDocumentServiceClient(s.conn) }

// send streams the items as the caller and returns their acknowledgements.
func (s *server) send(ctx context.Context, items ...*pb.IngestRequest) []*pb.IngestResponse {
	s.t.Helper()
	stream, err := pb.NewIngestionServiceClient(s.conn).Ingest(ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	go func() {
		for _, item := range items {
			if stream.Send(item) != nil {
				return // Recv says why
			}
		}
		stream.CloseSend()
	}()
	var acks []*pb.IngestResponse
	for {
		ack, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			s.t.Fatalf("after %d of %d acknowledgements: %v", len(acks), len(items), err)
		}
		acks = append(acks, ack)
	}
	if len(acks) != len(items) {
		s.t.Fatalf("%d items, %d acknowledgements", len(items), len(acks))
	}
	return acks
}

// stream opens a stream of the job that may send everything.
func (s *server) stream() pb.IngestionService_IngestClient {
	s.t.Helper()
	stream, err := pb.NewIngestionServiceClient(s.conn).Ingest(s.job())
	if err != nil {
		s.t.Fatal(err)
	}
	return stream
}

// mustSend is send for items that have no reason to be refused.
func (s *server) mustSend(items ...*pb.IngestRequest) []*pb.IngestResponse {
	s.t.Helper()
	acks := s.send(s.job(), items...)
	for i, ack := range acks {
		if ack.GetStatus() == pb.IngestResponse_STATUS_REFUSED {
			s.t.Fatalf("item %d was refused: %v", i+1, ack.GetError())
		}
	}
	return acks
}

// line makes an item of a line of a feed.
func line(t *testing.T, text string) *pb.IngestRequest {
	t.Helper()
	item := &pb.IngestRequest{}
	if err := protojson.Unmarshal([]byte(text), item); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return item
}

const testdata = "../../testdata"

// company is the example company's feed.
func company(t *testing.T) (items []*pb.IngestRequest) {
	t.Helper()
	for _, file := range companyFiles(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for l := range bytes.Lines(text) {
			items = append(items, line(t, string(l)))
		}
	}
	return items
}

func companyFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(testdata, "company", "*.jsonl"))
	if err != nil || len(files) == 0 {
		t.Fatalf("listing the company's feed: %d files, %v", len(files), err)
	}
	slices.Sort(files)
	return files
}

// companyQuestions are the questions that the company's people ask.
func companyQuestions(t *testing.T) (list []question) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testdata, "company-questions.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

// eventually waits for what happens soon, and fails after a time that no machine needs.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited for a minute, in vain: %s", what)
		}
	}
}
