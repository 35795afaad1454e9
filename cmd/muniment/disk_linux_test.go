package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// What a program started by these tests does to itself before it begins: put a small disk
// at a directory, and at a signal let a sort of sync fail.
const (
	smallDisk  = "MUNIMENT_TEST_SMALL_DISK" // DIR=BYTES
	failedSync = "MUNIMENT_TEST_FAILED_SYNC"
)

func init() {
	if os.Getenv(asProgram) == "" {
		return
	}
	if dir, size, ok := strings.Cut(os.Getenv(smallDisk), "="); ok {
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
			fmt.Fprintln(os.Stderr, "no small disk:", err)
			os.Exit(exitFailed)
		}
	}
	if name := os.Getenv(failedSync); name != "" {
		now := make(chan os.Signal, 1)
		signal.Notify(now, syscall.SIGUSR1)
		go func() {
			<-now
			if err := failSyncs(map[string]uintptr{"fsync": syscall.SYS_FSYNC, "fdatasync": syscall.SYS_FDATASYNC}[name]); err != nil {
				fmt.Fprintln(os.Stderr, "syncs do not fail:", err)
				return
			}
			fmt.Fprintln(os.Stderr, "syncs fail from now on")
		}()
	}
}

// failSyncs makes the system call fail with EIO in all threads of the process from now on,
// by a filter for system calls. The catalog is synced by fdatasync, the audit log by fsync.
func failSyncs(call uintptr) error {
	seccomp, ok := map[string]uintptr{"amd64": 317, "arm64": 277, "riscv64": 277, "loong64": 277}[runtime.GOARCH]
	if !ok {
		return errors.ErrUnsupported
	}
	runtime.LockOSThread()
	const setNoNewPrivileges, setFilter, allThreads = 38, 1, 1
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, setNoNewPrivileges, 1, 0, 0, 0, 0); errno != 0 {
		return errno
	}
	const load, equal, answer = 0x20, 0x15, 0x06 // instructions of the filter
	const allow, fail = 0x7fff0000, 0x00050000
	program := []struct {
		code   uint16
		yes    uint8
		no     uint8
		number uint32
	}{
		{load, 0, 0, 0}, // the number of the call
		{equal, 0, 1, uint32(call)},
		{answer, 0, 0, fail | uint32(syscall.EIO)},
		{answer, 0, 0, allow},
	}
	filter := struct {
		length  uint16
		program unsafe.Pointer
	}{uint16(len(program)), unsafe.Pointer(&program[0])}
	if _, _, errno := syscall.RawSyscall(seccomp, setFilter, allThreads, uintptr(unsafe.Pointer(&filter))); errno != 0 {
		return errno
	}
	runtime.KeepAlive(program)
	return nil
}

// TestServerEndsWhenTheDiskFails: after one failed sync nothing more is acknowledged, what
// was is there at the next start, and the process ends with one line that says why.
func TestServerEndsWhenTheDiskFails(t *testing.T) {
	for name, part := range map[string]string{"fdatasync": "catalog", "fsync": "audit log"} {
		t.Run(part, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := startChildWith(t, dir, func(c *exec.Cmd) { c.Env = append(c.Env, failedSync+"="+name) })
			s.mustSend(documentItem(page("before")))
			health := healthpb.NewHealthClient(s.conn)
			watch, err := health.Watch(context.Background(), &healthpb.HealthCheckRequest{})
			if err != nil {
				t.Fatal(err)
			}
			if first, err := watch.Recv(); err != nil || first.GetStatus() != healthpb.HealthCheckResponse_SERVING {
				t.Fatal(first, err)
			}
			s.process.Signal(syscall.SIGUSR1)
			eventually(t, "syncs that fail", func() bool {
				text := s.log.String()
				if strings.Contains(text, "syncs do not fail:") {
					t.Skipf("this system has no filters for system calls: %s", text)
				}
				return strings.Contains(text, "syncs fail from now on")
			})
			if part == "catalog" {
				ack := s.send(s.job(), documentItem(page("after")))[0]
				if ack.GetStatus() != pb.IngestResponse_STATUS_REFUSED || codes.Code(ack.GetError().GetCode()) != codes.Unavailable {
					t.Errorf("a document for which the sync failed: %v", ack)
				}
			} else if _, err := s.retrieval().Retrieve(s.user("user:local/ada"), &pb.RetrieveRequest{Query: "stored"}); status.Code(err) != codes.Unavailable {
				t.Errorf("a retrieval whose record is not durable: %v", err)
			}
			if last, err := watch.Recv(); err != nil || last.GetStatus() != healthpb.HealthCheckResponse_NOT_SERVING {
				t.Errorf("the health says %v, %v", last, err)
			}
			s.conn.Close()
			ended := <-s.ended
			s.ended = nil
			var exit *exec.ExitError
			if !errors.As(ended, &exit) || exit.ExitCode() != exitFailed {
				t.Errorf("the process ended with %v, want %d", ended, exitFailed)
			}
			lines := strings.Split(strings.TrimSpace(s.log.String()), "\n")
			want := "muniment: stopped, because writing the " + part + " failed: "
			if last := lines[len(lines)-1]; !strings.HasPrefix(last, want) || !strings.Contains(last, "input/output error") || !strings.Contains(last, "start the server again") {
				t.Errorf("the last line is %q", last)
			}

			again := startServer(t, dir)
			acks := again.mustSend(documentItem(page("before")), documentItem(page("after")))
			if acks[0].GetStatus() != pb.IngestResponse_STATUS_UNCHANGED {
				t.Errorf("what was acknowledged before the failure is %v after it", acks[0].GetStatus())
			}
		})
	}
}

// TestServerOnAFullDisk serves from a disk of a few hundred megabytes and fills it up: first
// content is refused, then retrieval too, because it cannot be recorded. As soon as there is
// room everything goes on in the same process, and what was acknowledged is there.
func TestServerOnAFullDisk(t *testing.T) {
	t.Parallel()
	const size = 320 << 20
	dir := t.TempDir()
	s := startChildWith(t, dir, func(c *exec.Cmd) {
		c.Env = append(c.Env, fmt.Sprintf("%s=%s=%d", smallDisk, dir, size))
		// The disk is seen by the child alone, and goes with it. Its user may mount it.
		c.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		}
	})
	inside := filepath.Join("/proc", fmt.Sprint(s.process.Pid), "root", dir)
	free := func() int64 {
		var st syscall.Statfs_t
		if err := syscall.Statfs(inside, &st); err != nil {
			t.Fatal(err)
		}
		return int64(st.Bavail) * st.Bsize
	}
	filler := filepath.Join(inside, "filler")
	leave := func(bytes int64) {
		t.Helper()
		f, err := os.OpenFile(filler, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		err = syscall.Fallocate(int(f.Fd()), 0, 0, info.Size()+max(0, free()-bytes))
		if bytes == 0 {
			block := make([]byte, 4096)
			for at := info.Size(); err == nil; at += int64(len(block)) {
				_, err = f.WriteAt(block, at)
			}
		} else if err != nil {
			t.Fatal(err)
		}
	}
	ada := s.user("user:local/ada")
	ask := func() (*pb.RetrieveResponse, error) {
		return s.retrieval().Retrieve(ada, &pb.RetrieveRequest{Query: "stored", Limit: 50})
	}
	refusedAs := func(ack *pb.IngestResponse) codes.Code { return codes.Code(ack.GetError().GetCode()) }

	s.mustSend(documentItem(page("one")), documentItem(page("two")))
	leave(40 << 20) // less than the catalog's reserve
	acks := s.send(s.job(), documentItem(page("refused")), deletion("two"))
	if refusedAs(acks[0]) != codes.ResourceExhausted || acks[1].GetStatus() != pb.IngestResponse_STATUS_APPLIED {
		t.Errorf("on a nearly full disk content is answered %v, a deletion %v", acks[0], acks[1])
	}
	if resp, err := ask(); err != nil || len(resp.GetResults()) != 1 || len(resp.GetDegradations()) > 0 {
		t.Errorf("retrieval on a nearly full disk: %v, %v", resp, err)
	}

	leave(0)
	refused := false
	for range 500 { // what is allocated already may take a few records more
		if _, err := ask(); err != nil {
			if refused = true; status.Code(err) != codes.Unavailable {
				t.Errorf("retrieval on a full disk: %v", err)
			}
			break
		}
	}
	if !refused {
		t.Error("retrieval goes on with a full disk: what becomes of its records?")
	}
	acks = s.send(s.job(), documentItem(page("refused")))
	if refusedAs(acks[0]) != codes.ResourceExhausted {
		t.Errorf("content on a full disk: %v", acks[0])
	}
	var sent []*pb.IngestRequest
	for i := range 200 { // what is urgent is refused only when nothing fits any more
		sent = append(sent, deletion(fmt.Sprint("never ", i, strings.Repeat(".", 300))))
	}
	acks = s.send(s.job(), sent...)
	last := acks[len(acks)-1]
	if code := refusedAs(last); code != codes.ResourceExhausted && last.GetStatus() != pb.IngestResponse_STATUS_APPLIED {
		t.Errorf("a deletion on a full disk: %v", last)
	}

	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	s.mustSend(documentItem(page("refused")), documentItem(page("three")), deletion("one"))
	eventually(t, "answers that are whole again", func() bool {
		resp, err := ask()
		if err != nil {
			t.Fatalf("retrieval once there is room: %v", err)
		}
		return len(resp.GetDegradations()) == 0 && len(resp.GetResults()) == 2
	})
	copied := filepath.Join(t.TempDir(), "data") // the disk goes with the process
	if out, err := exec.Command("cp", "-a", inside, copied).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s.conn.Close()
	s.cancel()
	if err := <-s.ended; err != nil {
		t.Errorf("the server ended with %v", err)
	}
	s.ended = nil

	again := startServer(t, copied)
	for i, ack := range again.mustSend(documentItem(page("refused")), documentItem(page("three"))) {
		if ack.GetStatus() != pb.IngestResponse_STATUS_UNCHANGED {
			t.Errorf("document %d was acknowledged before, and is %v now", i+1, ack.GetStatus())
		}
	}
	again.stop()
	if v := program(t, "audit", "verify", "--data", copied); v.code != exitOK {
		t.Errorf("audit verify: %d\n%s%s", v.code, v.stdout, v.stderr)
	}
}

// deletion is an item that deletes one of page's documents.
func deletion(id string) *pb.IngestRequest {
	return &pb.IngestRequest{Item: &pb.IngestRequest_Delete{Delete: &pb.DocumentDeletion{Source: "bad", Id: id, Version: 2}}}
}
