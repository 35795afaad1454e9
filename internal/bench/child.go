package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/internal/bench/draw"
	"github.com/muniment/muniment/internal/bench/exact"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// What the server is told of the data set.
const (
	source     = "bench"
	spaceID    = "bench/384"
	weight     = 0.5
	everything = acl.Principal("user:local/everything") // may read every passage; not one of the callers
)

var configuration = fmt.Sprintf(`log_level: error
limits: {user: {per_second: 1000000, burst: 1000000}, app: {per_second: 1000000, burst: 1000000}}
vector_spaces:
- {id: %s, dimensions: %d, queries: true, weight: %v}
`, spaceID, draw.Dimensions, weight)

// child is a server in a process of its own.
type child struct {
	process *exec.Cmd
	stderr  bytes.Buffer
	addr    string
	conn    *grpc.ClientConn
	issue   *identity.Authority
	callers []context.Context
	ready   time.Duration // from its start until it listened
}

// serve starts the server on a directory.
func (r *run) serve(ctx context.Context, dir string) (*child, error) {
	if err := os.WriteFile(filepath.Join(dir, "muniment.yaml"), []byte(configuration), 0o600); err != nil {
		return nil, err
	}
	c := &child{process: exec.Command(r.server, "serve", "--data", dir, "--listen", "127.0.0.1:0")}
	c.process.Stderr = &c.stderr
	out, err := c.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	start := time.Now()
	if err := c.process.Start(); err != nil {
		return nil, fmt.Errorf("starting the server: %w", err)
	}
	r.children = append(r.children, c)
	line, err := bufio.NewReader(out).ReadString('\n')
	var listens bool
	if c.addr, listens = strings.CutPrefix(strings.TrimSpace(line), "listening on "); !listens {
		return nil, fmt.Errorf("the server did not start: %w", errors.Join(err, c.stop())) // which says what it wrote
	}
	c.ready = time.Since(start)
	go io.Copy(io.Discard, out)
	if c.conn, err = c.dial(); err != nil {
		return nil, err
	}
	keys, err := identity.OpenKeyRing(filepath.Join(dir, "keys"))
	if err != nil {
		return nil, err
	}
	if c.issue, err = identity.NewAuthority(keys, identity.Config{Audience: "muniment", Scale: acl.DefaultScale}); err != nil {
		return nil, err
	}
	for i := range r.data.Callers {
		as, err := c.as(ctx, identity.Request{Subject: caller(i), TTL: 12 * time.Hour})
		if err != nil {
			return nil, err
		}
		c.callers = append(c.callers, as)
	}
	return c, nil
}

// caller is the name of a caller.
func caller(i int) acl.Principal { return acl.Principal(fmt.Sprintf("user:local/%d", i)) }

func (c *child) dial() (*grpc.ClientConn, error) {
	const largest = 64 << 20
	return grpc.NewClient("passthrough:///"+c.addr, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(largest), grpc.MaxCallSendMsgSize(largest)))
}

// as carries a token.
func (c *child) as(ctx context.Context, r identity.Request) (context.Context, error) {
	token, err := c.issue.Issue(r)
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token), err
}

// stop ends the server as a signal does, and may be called again.
func (c *child) stop() error {
	if c.process == nil {
		return nil
	}
	if c.conn != nil {
		c.conn.Close()
	}
	c.process.Process.Signal(syscall.SIGTERM)
	err := c.process.Wait()
	c.process = nil
	if err != nil {
		return fmt.Errorf("the server ended: %w: %s", err, &c.stderr)
	}
	return nil
}

// cpu is the processor time of the server so far.
func (c *child) cpu() time.Duration { return processCPU(c.process.Process.Pid) }

// processCPU reads what a process has used, in ticks of 10 ms; 0 where there is no /proc.
func processCPU(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// private is the memory of the server that is no copy of a file.
func (c *child) private() (bytes int) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.process.Process.Pid))
	_, after, _ := strings.Cut(string(text), "RssAnon:")
	fmt.Sscan(after, &bytes)
	return bytes << 10
}

// settle waits until the server has nothing left to do in the background, but not for ever.
func (c *child) settle() {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		before := c.cpu()
		time.Sleep(time.Second)
		if c.cpu()-before <= 20*time.Millisecond {
			return
		}
	}
}

// ask asks a query over the connection. An answer names documents, so each hit is the first passage
// of its document, which is governed as all are.
func (r *run) ask(c *child, conn *grpc.ClientConn, q int) ([]exact.Hit, error) {
	query := r.data.Queries[q]
	return r.askAs(c.callers[query.Caller], conn, query)
}

func (r *run) askAs(as context.Context, conn *grpc.ClientConn, query draw.Query) ([]exact.Hit, error) {
	answer, err := pb.NewRetrievalServiceClient(conn).Retrieve(as, &pb.RetrieveRequest{
		Query: query.Text, Limit: limit, Vector: &pb.QueryVector{Space: spaceID, Values: query.Vector},
	})
	if err != nil {
		return nil, err
	}
	if d := answer.GetDegradations(); len(d) > 0 {
		return nil, fmt.Errorf("the answer is degraded: %v", d)
	}
	hits := make([]exact.Hit, 0, limit)
	for _, result := range answer.GetResults() {
		d, err := strconv.Atoi(result.GetDocument().GetId())
		if err != nil {
			return nil, err
		}
		hits = append(hits, exact.Hit{Passage: r.data.Documents[d].First, Score: result.GetScore()})
	}
	return hits, nil
}
