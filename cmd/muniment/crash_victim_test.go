package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// victim is a server in a process of its own that is going to be killed.
type victim struct {
	*server
	process *exec.Cmd
	ended   chan struct{} // closed when the process is gone
	opening time.Duration // from its start until it could answer
	serving bool          // it came so far
	asked   atomic.Bool   // to end, by SIGTERM
	fuse    atomic.Pointer[fuse]
}

// startVictim starts the program on the directory and returns when it can answer, or is
// gone. Early is called with its process as soon as that runs.
func startVictim(t *testing.T, p builtProgram, dir string, env []string, early func(*victim)) *victim {
	t.Helper()
	v := &victim{ended: make(chan struct{})}
	v.server = &server{t: t, dir: dir, log: &childLog{}}
	v.process = exec.Command(p.path, "serve", "--data", dir, "--listen", "127.0.0.1:0")
	v.process.Env, v.process.Stderr = append(os.Environ(), env...), v.log
	out, err := v.process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	v.kill = func() { v.process.Process.Signal(syscall.SIGKILL) }
	began := time.Now()
	if err := v.process.Start(); err != nil {
		t.Fatal(err)
	}
	if early != nil {
		early(v)
	}
	first, _ := bufio.NewReader(out).ReadString('\n')
	v.opening = time.Since(began)
	go func() {
		defer close(v.ended)
		v.process.Wait()
	}()
	addr, ok := strings.CutPrefix(strings.TrimSpace(first), "listening on ")
	if !ok {
		<-v.ended
		return v
	}
	v.addr, v.serving = addr, true
	v.connect(testConfig(dir))
	return v
}

// fuse burns with every event of a life, so that where a life ends does not depend on how
// fast the machine is.
type fuse struct {
	left atomic.Int64
	then func()
}

// light has then called when so many more events have been.
func (v *victim) light(events int, then func()) {
	f := &fuse{then: then}
	f.left.Store(int64(events))
	v.fuse.Store(f)
}

// burn notes an event: a call that has returned, or an acknowledgement.
func (v *victim) burn() {
	if f := v.fuse.Load(); f != nil && f.left.Add(-1) == 0 {
		go f.then()
	}
}

// killWithin kills the server at a random moment of the time that begins now.
func (v *victim) killWithin(rng *rand.Rand, d time.Duration) {
	time.AfterFunc(time.Duration(rng.Int64N(int64(d))), v.kill)
}

// terminate asks the server to end.
func (v *victim) terminate() {
	v.asked.Store(true)
	v.process.Process.Signal(syscall.SIGTERM)
}

// end is how a process has ended.
type end int

const (
	byItself end = iota // which a server never should
	byKill
	asAsked
)

// wait returns how the process has ended, which it soon has.
func (v *victim) wait() end {
	select {
	case <-v.ended:
	case <-time.After(drainTime + 20*time.Second):
		v.process.Process.Signal(syscall.SIGQUIT) // its stacks are in the log then
		<-v.ended
	}
	if v.conn != nil {
		v.conn.Close()
	}
	status := v.process.ProcessState.Sys().(syscall.WaitStatus)
	switch {
	case status.Signaled() && status.Signal() == syscall.SIGKILL:
		return byKill
	case v.asked.Load() && status.Exited() && status.ExitStatus() == exitOK:
		return asAsked
	}
	return byItself
}

// dying reports whether a call failed because the server was killed or is ending, and waits
// a moment for it to be so.
func (v *victim) dying(err error) bool {
	if code := status.Code(err); code != codes.Unavailable && code != codes.Canceled {
		return false
	}
	if v.asked.Load() {
		return true
	}
	select {
	case <-v.ended:
		return true
	case <-time.After(5 * time.Second):
		return false
	}
}

// dial opens one more connection.
func (v *victim) dial() *grpc.ClientConn {
	_, conn, err := (&client{addr: v.addr, token: "none"}).dial(context.Background())
	if err != nil {
		panic(err) // the address is one that the server said
	}
	return conn
}

// run runs the built program to its end, on a directory that nobody serves.
func (p builtProgram) run(args ...string) (stdout string, code int, err error) {
	c := exec.Command(p.path, args...)
	var out, complaint bytes.Buffer
	c.Stdout, c.Stderr = &out, &complaint
	var exit *exec.ExitError
	if err := c.Run(); err != nil && !errors.As(err, &exit) {
		return "", 0, err
	}
	return out.String() + complaint.String(), c.ProcessState.ExitCode(), nil
}
