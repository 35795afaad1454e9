package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/api/identity"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// floodLimit is how often each user may ask in a second, in measureFlood: as often as each of
// the ten does.
const floodLimit = 10

// measureFlood compares the queries of ten users, who ask ten times a second each and not in
// step, in three conditions that take turns: alone; beside one more who asks as often as their
// limit allows, which is as often as each of the ten; and beside one more who asks a hundred
// times as often. The
// second says what the calls cost that are let in, which is what the limit grants, and the
// third what those cost that are refused.
//
// The server holds 5,000 passages, all different: if they were alike each query would look at
// each of them, and the figure would be of that.
//
// Server, users and the one more are three processes. The last has the lowest priority: it
// stands for a machine of its own, and what it takes to send must not count as what it takes
// to be refused.
func measureFlood(t *testing.T, row func(string, string, ...any)) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "muniment.yaml"), fmt.Sprintf("limits: {user: {per_second: %d, burst: 20}}\n", floodLimit))
	s := startChildWith(t, dir, func(*exec.Cmd) {})
	m := newMeasured(5)
	items := []*pb.IngestRequest{container("everyone")}
	for i := range 1000 {
		items = append(items, m.document("figures", i, false))
	}
	s.mustSend(items...)
	conditions := []*floodCondition{{name: "nobody else"}, {name: "one more at their limit", rate: floodLimit}, {name: "one more at 1,000 a second", rate: 1000}}
	for range 6 {
		for _, c := range conditions {
			c.measure(t, s)
		}
	}
	var answers int
	var work time.Duration
	for _, c := range conditions {
		slices.Sort(c.took)
		slices.Sort(c.rounds)
		at := func(p int) time.Duration { return c.took[len(c.took)*p/100].Round(100 * time.Microsecond) }
		row("ten users who ask ten times a second each, and "+c.name, "p50 %v, p99 %v; p99 of the six rounds %v; %.0f calls a second more came, %.0f were let in",
			at(50), at(99), c.rounds, float64(c.sent)/c.seconds, float64(c.passed)/c.seconds)
		if c.rate <= floodLimit {
			answers, work = answers+len(c.took)+c.passed, work+c.cpu
		}
	}
	each := work / time.Duration(answers)
	cpu, stop := s.cpu(), startFlood(t, s, 1000)
	time.Sleep(10 * time.Second)
	sent, passed := stop()
	refusals := s.cpu() - cpu - each*time.Duration(passed)
	row("work of the server for a call that is answered, and for one that is refused", "%v, %v", each.Round(10*time.Microsecond), (refusals / time.Duration(sent-passed)).Round(time.Microsecond))
}

// query is four words, as a document has them.
func (m measured) query() string { return strings.Join(strings.Fields(m.passage())[:4], " ") }

// floodCondition is what was measured beside one more user who asks so often.
type floodCondition struct {
	name         string
	rate         int
	took, rounds []time.Duration
	cpu          time.Duration // of the server
	seconds      float64
	sent, passed int
}

// measure adds a round of four seconds.
func (c *floodCondition) measure(t *testing.T, s *server) {
	stop := func() (sent, passed int) { return 0, 0 }
	if c.rate > 0 {
		stop = startFlood(t, s, c.rate)
	}
	cpu, start := s.cpu(), time.Now()
	var mu sync.Mutex
	var took []time.Duration
	var asking sync.WaitGroup
	for i := range 10 {
		asking.Go(func() {
			time.Sleep(time.Duration(i) * 10 * time.Millisecond)
			m := newMeasured(uint64(i))
			next := time.NewTicker(100 * time.Millisecond)
			defer next.Stop()
			for range 40 {
				<-next.C
				query := m.query()
				start := time.Now()
				if _, err := s.retrieval().Retrieve(s.user(acl.Principal(fmt.Sprint("user:local/other-", i))), &pb.RetrieveRequest{Query: query}); err != nil {
					t.Error(err)
				}
				mu.Lock()
				took = append(took, time.Since(start))
				mu.Unlock()
			}
		})
	}
	asking.Wait()
	c.cpu, c.seconds = c.cpu+s.cpu()-cpu, c.seconds+time.Since(start).Seconds()
	sent, passed := stop()
	c.sent, c.passed = c.sent+sent, c.passed+passed
	slices.Sort(took)
	c.took, c.rounds = append(c.took, took...), append(c.rounds, took[len(took)*99/100].Round(100*time.Microsecond))
}

// cpu is how long the server has worked, as Linux counts it, in hundredths of a second.
func (s *server) cpu() time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	var user, system int
	fmt.Sscan(fields[11]+" "+fields[12], &user, &system)
	return time.Duration(user+system) * 10 * time.Millisecond
}

// Where TestFloodClient finds whom to ask, as whom and how often.
const floodAddr, floodToken, floodRate = "MUNIMENT_FLOOD_ADDR", "MUNIMENT_FLOOD_TOKEN", "MUNIMENT_FLOOD_RATE"

// startFlood starts a process that asks so many times a second, and returns what ends it and
// says how many calls were sent and let in.
func startFlood(t *testing.T, s *server, rate int) (stop func() (sent, passed int)) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command("nice", "-n", "19", self, "-test.run", "^TestFloodClient$", "-test.v")
	token := s.token(identity.Request{Subject: "user:local/flood", TTL: time.Hour})
	c.Env = append(os.Environ(), floodAddr+"="+s.addr, floodToken+"="+token, fmt.Sprint(floodRate, "=", rate), "GOMAXPROCS=1")
	in, _ := c.StdinPipe()
	out, _ := c.StdoutPipe()
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "flooding" {
	}
	return func() (sent, passed int) {
		in.Close()
		for lines.Scan() {
			fmt.Sscanf(lines.Text(), "sent %d passed %d", &sent, &passed)
		}
		if err := c.Wait(); err != nil {
			t.Errorf("the one more: %v", err)
		}
		return sent, passed
	}
}

// TestFloodClient is the one more, in a process of its own, until its standard input ends.
func TestFloodClient(t *testing.T) {
	addr := os.Getenv(floodAddr)
	if addr == "" {
		t.Skip("a part of TestDoorFigures")
	}
	var rate int
	fmt.Sscan(os.Getenv(floodRate), &rate)
	_, conn, err := (&client{addr: addr, token: "none"}).dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	over := make(chan struct{})
	go func() { os.Stdin.Read(make([]byte, 1)); close(over) }()
	sent, passed := flood(conn, bearer(os.Getenv(floodToken)), rate, over, t)
	fmt.Printf("sent %d passed %d\n", sent, passed)
}

// flood asks so many times a second, without waiting for answers, until it is over.
func flood(conn *grpc.ClientConn, ctx context.Context, rate int, over <-chan struct{}, t *testing.T) (sent, passed int) {
	var let atomic.Int64
	var asking sync.WaitGroup
	m, start := newMeasured(6), time.Now()
	next := time.NewTicker(10 * time.Millisecond)
	defer next.Stop()
	for fmt.Println("flooding"); ; {
		select {
		case <-over:
			asking.Wait()
			return sent, int(let.Load())
		case <-next.C:
		}
		for due := int(time.Since(start).Seconds() * float64(rate)); sent < due; sent++ {
			query := m.query()
			asking.Go(func() {
				_, err := pb.NewRetrievalServiceClient(conn).Retrieve(ctx, &pb.RetrieveRequest{Query: query})
				if err == nil {
					let.Add(1)
				} else if status.Code(err) != codes.ResourceExhausted {
					t.Error(err)
				}
			})
		}
	}
}
