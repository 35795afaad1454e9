package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

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
	t.Run("one user calls without end", func(t *testing.T) { measureFlood(t, row) })
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
