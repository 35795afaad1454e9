package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// cutter passes bytes on to a server, and cuts each connection after a random number of
// them, sent by the client and by the server in turn, until it has cut as often as it should.
type cutter struct {
	net.Listener
	to   string
	left atomic.Int64 // cuts
	cuts atomic.Int64 // that were made
	mu   sync.Mutex
	rand *rand.Rand
	turn int
	most int
}

func newCutter(t *testing.T, to string, cuts int64, most int) *cutter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{Listener: l, to: to, rand: rand.New(rand.NewPCG(7, 11)), most: most}
	c.left.Store(cuts)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go c.pass(in)
		}
	}()
	return c
}

func (c *cutter) pass(in net.Conn) {
	defer in.Close()
	out, err := net.Dial("tcp", c.to)
	if err != nil {
		return
	}
	defer out.Close()
	ended := make(chan bool, 2)
	c.mu.Lock()
	c.turn = 1 - c.turn
	turn, after := c.turn, 1000+int64(c.rand.IntN(c.most)) // past the handshake
	c.mu.Unlock()
	for i, way := range [][2]net.Conn{{out, in}, {in, out}} {
		limit := int64(-1)
		if c.left.Load() > 0 && i == turn {
			limit = after
		}
		go func() {
			if limit < 0 {
				io.Copy(way[1], way[0])
				ended <- false
				return
			}
			n, _ := io.CopyN(way[1], way[0], limit)
			ended <- n == limit
		}()
	}
	if <-ended && c.left.Add(-1) >= 0 {
		c.cuts.Add(1)
	}
}

// TestResumeAppliesEverythingOnce sends files and a folder through connections that break
// at random points. Every version counts one up from the last, so that an item that is
// applied twice, or out of order, or not at all shows.
func TestResumeAppliesEverythingOnce(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	const documents, versions = 200, 3
	var feed strings.Builder
	for v := 1; v <= versions; v++ {
		for i := range documents {
			fmt.Fprintf(&feed, `{"document": {"source": "s", "id": "d%d", "version": %d, "text": "Version %d of a page. %s", "policy": {"layers": [{"allow": [{"principal": "everyone"}]}]}}}`+"\n",
				i, v, v, strings.Repeat("anchor ", 40))
		}
	}
	file := filepath.Join(t.TempDir(), "feed.jsonl")
	write(t, file, feed.String())
	cut := newCutter(t, s.addr, 8, 15000)
	env := []string{"MUNIMENT_ADDR=" + cut.Addr().String(), "MUNIMENT_TOKEN=" + s.token(sender())}
	got := program(t, append(env, "ingest", file)...)
	if want := fmt.Sprintf("%d lines, %[1]d applied, 0 unchanged, 0 refused\n", documents*versions); got.code != exitOK || got.stdout != want || !strings.Contains(got.stderr, "connection was lost") {
		t.Errorf("through %d cuts: %+v, want %q", cut.cuts.Load(), got, want)
	}
	if cut.cuts.Load() < 3 {
		t.Errorf("only %d cuts: the test says nothing", cut.cuts.Load())
	}
	if n := s.source("s").GetDocuments(); n != documents {
		t.Errorf("%d documents, want %d", n, documents)
	}

	dir := t.TempDir()
	for i := range documents {
		plant(t, dir, map[string]string{fmt.Sprintf("f%d/d%d.md", i%7, i): fmt.Sprintf("# Page %d\n\n%s\n", i, strings.Repeat("anchor ", 40))})
	}
	cut = newCutter(t, s.addr, 8, 8000)
	env[0] = "MUNIMENT_ADDR=" + cut.Addr().String()
	got = program(t, append(env, "ingest", "--source", "wiki", "--readers", "everyone", dir)...)
	if want := fmt.Sprintf("8 folders, %d documents, %[1]d applied, 0 unchanged, 0 refused, 0 removed\n", documents); got.code != exitOK || got.stdout != want {
		t.Errorf("a folder through %d cuts: %+v, want %q", cut.cuts.Load(), got, want)
	}
	if cut.cuts.Load() < 3 {
		t.Errorf("only %d cuts: the test says nothing", cut.cuts.Load())
	}
}

// TestResumeOverARestart: the server goes away in the middle, and comes back on its address.
func TestResumeOverARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := startServer(t, dir)
	var out bytes.Buffer
	run := feedRun{retryFor: time.Minute, tally: tally{progress: &progress{}, refusals: &out}}
	o := newOutbox(s.conn, run.retryFor, run.lost(run.retryFor))
	const items = 60
	half, restarted := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(restarted)
		<-half
		cfg := testConfig(dir)
		cfg.Listen = s.addr
		s.cancel()
		if err := <-s.ended; err != nil {
			t.Errorf("the server ended with %v", err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		s.cancel = cancel
		ready := make(chan string, 1)
		go func() { s.ended <- serve(ctx, cfg, func(addr string) { ready <- addr }) }()
		<-ready
	}()
	applied := 0
	err := o.deliver(s.job(), func(ctx context.Context) error {
		for i := range items {
			if i == items/2 {
				if err := o.flush(ctx); err != nil {
					return err
				}
				close(half)
			}
			item := &pb.IngestRequest{Item: &pb.IngestRequest_Document{Document: &pb.Document{Source: "s", Id: fmt.Sprint(i), Version: 1, Text: "A page."}}}
			if err := o.post(ctx, item, func(ack *pb.IngestResponse) {
				if ack.GetStatus() == pb.IngestResponse_STATUS_APPLIED {
					applied++
				}
			}); err != nil {
				return err
			}
		}
		<-restarted
		return nil
	})
	if err != nil || applied != items || s.source("s").GetDocuments() != items {
		t.Errorf("%v; %d applied, want %d, %v\n%s", err, applied, items, s.source("s"), out.String())
	}
}

// TestGivingUp: a server that does not come back is given up after the time that was set,
// and one that never was there at once; what is not the connection's fault is not retried.
func TestGivingUp(t *testing.T) {
	gone := status.Error(codes.Unavailable, "gone")
	b := backoff{limit: 250 * time.Millisecond}
	n := 0
	for start := time.Now(); b.wait(t.Context(), gone) == nil; n++ {
		if time.Since(start) > time.Minute {
			t.Fatal("never gave up")
		}
	}
	if n < 2 {
		t.Errorf("%d attempts", n)
	}
	b.reset()
	if err := b.wait(t.Context(), gone); err != nil {
		t.Errorf("after the server was back: %v", err)
	}
	if err := (&backoff{}).wait(t.Context(), gone); err != gone {
		t.Errorf("without a limit: %v", err)
	}
	b.reset()
	for _, code := range []codes.Code{codes.Unauthenticated, codes.PermissionDenied, codes.ResourceExhausted, codes.DataLoss, codes.FailedPrecondition} {
		if err := b.wait(t.Context(), status.Error(code, "no")); status.Code(err) != code {
			t.Errorf("%v is tried again: %v", code, err)
		}
	}
}

// TestClientsComeBackOneByOne lets many clients lose one server at the same moment: they
// come back over half of the pause, not all at its end (AVL-13).
func TestClientsComeBackOneByOne(t *testing.T) {
	t.Parallel()
	const clients = 40
	gone := status.Error(codes.Unavailable, "gone")
	var mu sync.Mutex
	var after []time.Duration
	var waiting sync.WaitGroup
	start := time.Now()
	for range clients {
		waiting.Go(func() {
			b := backoff{limit: time.Minute}
			if err := b.wait(context.Background(), gone); err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			after = append(after, time.Since(start))
		})
	}
	waiting.Wait()
	if first, last := slices.Min(after), slices.Max(after); first < firstPause/2 || last-first < firstPause/10 {
		t.Errorf("%d clients came back between %v and %v", clients, first, last)
	}
}
