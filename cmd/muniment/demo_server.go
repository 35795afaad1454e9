package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"

	"github.com/muniment/muniment/api/identity"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// demoServer is a real server in a process of its own, on a directory of its own.
type demoServer struct {
	dir     string
	process *exec.Cmd
	conn    *grpc.ClientConn
	addr    string
}

// start runs "muniment serve" on an empty directory and waits until it can answer.
func (d *demo) start(ctx context.Context, name string) (*demoServer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &demoServer{dir: filepath.Join(d.dir, name)}
	s.process = exec.CommandContext(ctx, self, "serve", "--data", s.dir, "--listen", "127.0.0.1:0")
	s.process.Cancel = func() error { return s.process.Process.Signal(syscall.SIGTERM) }
	log, err := os.Create(filepath.Join(d.dir, name+".log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	s.process.Stderr = log
	out, err := s.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.process.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if err != nil || !ok {
		s.stop()
		why, _ := os.ReadFile(log.Name())
		return nil, fmt.Errorf("the server did not start:\n%s", why)
	}
	s.addr = addr
	d.say("   muniment serve: listening on %s", addr)
	_, s.conn, err = (&client{addr: addr, token: "none"}).dial(ctx)
	return s, err
}

// stop ends the server gracefully; it may be called again.
func (s *demoServer) stop() {
	if s.conn != nil {
		s.conn.Close()
	}
	if s.process.ProcessState == nil {
		s.process.Process.Signal(syscall.SIGTERM)
		s.process.Wait()
	}
}

// as returns a context that carries a token for the request, as "muniment token" issues
// it beside the running server.
func (s *demoServer) as(ctx context.Context, r identity.Request) (context.Context, error) {
	cfg, err := loadConfig("", s.dir, "")
	if err != nil {
		return nil, err
	}
	keys, err := identity.OpenKeyRing(cfg.path("keys"))
	if err != nil {
		return nil, err
	}
	authority, err := cfg.authority(keys)
	if err != nil {
		return nil, err
	}
	r.TTL = time.Hour
	token, err := authority.Issue(r)
	if err != nil {
		return nil, err
	}
	ctx, conn, err := (&client{addr: s.addr, token: token}).dial(ctx)
	if err != nil {
		return nil, err
	}
	return ctx, conn.Close()
}

func (s *demoServer) retrieve(ctx context.Context, q question, limit int32) (*pb.RetrieveResponse, error) {
	as, err := s.as(ctx, identity.Request{Subject: q.As, Clearance: q.Clearance})
	if err != nil {
		return nil, err
	}
	return pb.NewRetrievalServiceClient(s.conn).Retrieve(as, &pb.RetrieveRequest{Query: q.Question, Limit: limit})
}

// ingest sends feeds as an ingestion job with its own identity.
func (d *demo) ingest(ctx context.Context, s *demoServer, feeds []string) error {
	as, err := s.as(ctx, identity.Request{
		Subject: "service:demo-sync", Roles: []identity.Grant{{Role: identity.RoleIngest}, {Role: identity.RoleDirectory}},
	})
	if err != nil {
		return err
	}
	run := feedRun{files: feeds, tally: tally{progress: newProgress(os.Stderr, true), refusals: d.out}}
	if err := run.send(as, s.conn); err != nil {
		return err
	}
	d.say("   %s", run.summary())
	if run.refused > 0 {
		return fmt.Errorf("%d lines were refused", run.refused)
	}
	return nil
}
