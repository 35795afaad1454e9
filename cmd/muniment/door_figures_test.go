package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/api/identity"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// TestDoorFigures measures what clients that misbehave cost others. It reports, and judges
// nothing.
func TestDoorFigures(t *testing.T) {
	if !*figures {
		t.Skip("a measurement: run it with -figures")
	}
	if runtime.GOOS != "linux" {
		t.Skip("reads the memory of a process from /proc")
	}
	row := func(what, format string, args ...any) {
		fmt.Printf("| %s | %s |\n", what, fmt.Sprintf(format, args...))
	}
	fmt.Print("| what | figure |\n|---|---|\n")
	t.Run("idle streams", func(t *testing.T) { measureIdleStreams(t, row) })
	t.Run("one app calls without end", func(t *testing.T) { measureFlood(t, row) })
}

// measureIdleStreams opens 10,000 calls of which nothing but the headers comes.
func measureIdleStreams(t *testing.T, row func(string, string, ...any)) {
	s := startChild(t, t.TempDir())
	s.mustSend(documentItem(page("one")))
	token := s.token(identity.Request{Subject: "user:local/ada", TTL: time.Hour})
	resident := func() int {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		var kib int
		_, after, _ := strings.Cut(string(text), "VmRSS:")
		fmt.Sscan(after, &kib)
		return kib >> 10
	}
	before, start := resident(), time.Now()
	for range 100 {
		c := s.raw(t)
		for range 100 {
			c.open(pb.RetrievalService_Retrieve_FullMethodName, token)
		}
	}
	opened, peak := time.Since(start), 0
	for time.Since(start) < 25*time.Second {
		peak = max(peak, resident())
		time.Sleep(100 * time.Millisecond)
	}
	var slowest time.Duration
	for range 100 {
		asked := time.Now()
		if _, err := s.retrieval().Retrieve(s.user("user:local/bo"), &pb.RetrieveRequest{Query: "stored"}); err != nil {
			t.Fatal(err)
		}
		slowest = max(slowest, time.Since(asked))
	}
	row("10,000 calls of which only the headers come, over 100 connections: memory of the server", "%d MiB before, %d MiB at most: + %d MiB; opened in %v", before, peak, peak-before, opened.Round(100*time.Millisecond))
	row("another caller's slowest of 100 queries meanwhile", "%v", slowest.Round(100*time.Microsecond))
}

// measureFlood compares the queries of ten users, ten a second each, with and without an app that
// sends a hundred times as many, of which its limit lets 20 a second pass.
func measureFlood(t *testing.T, row func(string, string, ...any)) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "muniment.yaml"), "limits: {user: {per_second: 20, burst: 20}}\n")
	s := startChildWith(t, dir, func(*exec.Cmd) {})
	var items []*pb.IngestRequest
	for i := range 2000 {
		items = append(items, documentItem(page(fmt.Sprint(i), func(d *pb.Document) { d.Text = fmt.Sprintf("Pier %d of the harbour, ferry %d.", i, i%17) })))
	}
	s.mustSend(items...)
	// The one more has a connection of its own: calls of one connection wait for each other.
	_, own, err := (&client{addr: s.addr, token: "none"}).dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	ask := func(conn *grpc.ClientConn, name string) error {
		_, err := pb.NewRetrievalServiceClient(conn).Retrieve(s.user(acl.Principal("user:local/"+name)), &pb.RetrieveRequest{Query: "ferry 7 of the harbour"})
		return err
	}
	others := func() time.Duration {
		var mu sync.Mutex
		var took []time.Duration
		var asking sync.WaitGroup
		for i := range 10 {
			asking.Go(func() {
				next := time.NewTicker(100 * time.Millisecond)
				defer next.Stop()
				for range 50 {
					<-next.C
					start := time.Now()
					if err := ask(s.conn, fmt.Sprint("other-", i)); err != nil {
						t.Error(err)
					}
					mu.Lock()
					took = append(took, time.Since(start))
					mu.Unlock()
				}
			})
		}
		asking.Wait()
		slices.Sort(took)
		return took[len(took)*99/100].Round(100 * time.Microsecond)
	}
	quiet := others()
	var sent, passed atomic.Int64
	stop := make(chan struct{})
	var flooding sync.WaitGroup
	flooding.Go(func() {
		next := time.NewTicker(10 * time.Millisecond) // 10 at a time: 1,000 a second
		defer next.Stop()
		for {
			select {
			case <-stop:
				return
			case <-next.C:
			}
			for range 10 {
				flooding.Go(func() {
					sent.Add(1)
					if ask(own, "flood") == nil {
						passed.Add(1)
					}
				})
			}
		}
	})
	start := time.Now()
	busy := others()
	seconds := time.Since(start).Seconds()
	close(stop)
	flooding.Wait()
	row("p99 of ten users who ask ten times a second each", "%v", quiet)
	row("the same while one more asks a hundred times as often as each; its limit is 20 a second", "%v (%.0f calls a second sent, %.0f let in)", busy, float64(sent.Load())/seconds, float64(passed.Load())/seconds)
}
