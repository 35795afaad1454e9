package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// command is the program with these arguments, in a process of its own.
func command(ctx context.Context, t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(ctx, self, args...)
	c.Env = programEnv()
	return c
}

// programEnv is the environment in which the test binary is the program. Under the race
// detector a process would sleep for a second before it ends.
func programEnv() []string { return append(os.Environ(), asProgram+"=1", "GORACE=atexit_sleep_ms=0") }

// ran is one run of the program.
type ran struct {
	stdout, stderr string
	code           int
}

// program runs the program to its end, with lines of environment before the arguments.
func program(t *testing.T, args ...string) ran {
	t.Helper()
	c := command(t.Context(), t)
	for len(args) > 0 && strings.HasPrefix(args[0], "MUNIMENT_") {
		c.Env = append(c.Env, args[0])
		args = args[1:]
	}
	var out, err bytes.Buffer
	c.Args, c.Stdout, c.Stderr = append(c.Args, args...), &out, &err
	var exit *exec.ExitError
	if e := c.Run(); e != nil && !errors.As(e, &exit) {
		t.Fatalf("%v: %v", args, e)
	}
	return ran{out.String(), err.String(), c.ProcessState.ExitCode()}
}

// startChild serves the directory in a process of its own, until the test ends.
func startChild(t *testing.T, dir string) *server {
	t.Helper()
	return startChildWith(t, dir, func(*exec.Cmd) {})
}

// startChildWith is startChild with a process that was changed before it starts.
func startChildWith(t testing.TB, dir string, change func(*exec.Cmd)) *server {
	t.Helper()
	cfg := defaultConfig()
	cfg.Data = dir
	log := &childLog{}
	process := command(context.Background(), t, "serve", "--data", dir, "--listen", "127.0.0.1:0")
	process.Stderr = log
	change(process)
	out, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, dir: dir, log: log, process: process.Process, ended: make(chan error, 1)}
	s.cancel = func() { process.Process.Signal(syscall.SIGTERM) }
	s.kill = func() { process.Process.Kill() }
	first, err := bufio.NewReader(out).ReadString('\n')
	addr, ok := strings.CutPrefix(strings.TrimSpace(first), "listening on ")
	if err != nil || !ok {
		process.Process.Kill()
		process.Wait()
		t.Fatalf("the server did not start: %q\n%s", first, log.String())
	}
	go func() { s.ended <- process.Wait() }()
	if there := filepath.Join("/proc", fmt.Sprint(process.Process.Pid), "root", dir); exists(there) {
		cfg.Data = there // as the process sees it
	}
	s.addr = addr
	t.Cleanup(func() {
		if s.ended != nil && t.Failed() {
			s.kill()
		}
		s.stop()
	})
	s.connect(cfg)
	return s
}

// childLog is what a child has written, which may be read while it writes.
type childLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *childLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *childLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestGracefulShutdownFinishesWhatIsInFlight: items that were sent before the signal are
// acknowledged after it, the process ends with 0, and what was acknowledged is there.
func TestGracefulShutdownFinishesWhatIsInFlight(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := startChild(t, dir)
	stream := s.stream()
	const items = 100
	for i := range items {
		if err := stream.Send(generated(i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	s.cancel() // SIGTERM
	for i := 1; i < items; i++ {
		if ack, err := stream.Recv(); err != nil || ack.GetConsistencyToken() == "" {
			t.Fatalf("item %d was in flight at the signal: %v, %v", i+1, ack, err)
		}
	}
	stream.CloseSend()
	start := time.Now()
	if err := <-s.ended; err != nil {
		t.Errorf("the server ended with %v", err)
	}
	if took := time.Since(start); took > drainTime {
		t.Errorf("the server waited %v for a stream that had ended", took)
	}
	s.ended = nil
	s.conn.Close()

	again := startServer(t, dir)
	for i, ack := range again.mustSend(generatedItems(items)...) {
		if ack.GetStatus().String() != "STATUS_UNCHANGED" {
			t.Errorf("item %d was acknowledged before the end, and is %v after it", i+1, ack.GetStatus())
		}
	}
}
