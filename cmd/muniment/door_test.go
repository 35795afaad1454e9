package main

import (
	"bytes"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/api/limits"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// rawClient speaks HTTP/2 frame by frame, as no gRPC library would.
type rawClient struct {
	*http2.Framer
	t       *testing.T
	conn    net.Conn
	stream  uint32
	writing sync.Mutex // held where two goroutines write
}

func (s *server) raw(t *testing.T) *rawClient {
	t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(time.Minute))
	io.WriteString(conn, http2.ClientPreface)
	c := &rawClient{Framer: http2.NewFramer(conn, conn), t: t, conn: conn, stream: 1}
	c.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if err := c.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	return c
}

// open sends the headers of a call, in pieces that no frame is too long for.
func (c *rawClient) open(path, token string, more ...string) (stream uint32) {
	var block bytes.Buffer
	e := hpack.NewEncoder(&block)
	fields := append([]string{":method", "POST", ":scheme", "http", ":path", path, ":authority", "muniment", "content-type", "application/grpc", "te", "trailers"}, more...)
	if token != "" {
		fields = append(fields, "authorization", "Bearer "+token)
	}
	for i := 0; i < len(fields); i += 2 {
		e.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1], Sensitive: true})
	}
	stream, c.stream = c.stream, c.stream+2
	first := block.Next(16 << 10)
	c.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: first, EndHeaders: block.Len() == 0})
	for block.Len() > 0 {
		piece := block.Next(16 << 10)
		c.WriteContinuation(stream, block.Len() == 0, piece)
	}
	return stream
}

// message sends a request and ends the stream.
func (c *rawClient) message(stream uint32, m proto.Message) {
	body, err := proto.Marshal(m)
	if err != nil {
		c.t.Fatal(err)
	}
	c.WriteData(stream, true, append([]byte{0, 0, 0, 0, byte(len(body))}, body...))
}

// status reads frames until the stream has a gRPC status, or is reset, or the connection
// goes.
func (c *rawClient) status(stream uint32) string {
	for {
		f, err := c.ReadFrame()
		if err != nil {
			if errors.Is(err, io.EOF) || strings.Contains(err.Error(), "reset") {
				return "closed"
			}
			return err.Error()
		}
		switch f := f.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				c.writing.Lock()
				c.WriteSettingsAck()
				c.writing.Unlock()
			}
		case *http2.MetaHeadersFrame:
			for _, h := range f.Fields {
				if h.Name == "grpc-status" && f.StreamID == stream {
					return h.Value
				}
			}
		case *http2.RSTStreamFrame:
			if f.StreamID == stream {
				return f.ErrCode.String()
			}
		case *http2.GoAwayFrame:
			return "goaway " + f.ErrCode.String() + " " + string(f.DebugData())
		}
	}
}

// TestOddPaths calls by paths that are nearly those of a method: none reaches a handler,
// with a token or without (ID-34).
func TestOddPaths(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	s.mustSend(documentItem(page("one")))
	token := s.token(identity.Request{Subject: "user:local/ada"})
	const good = pb.RetrievalService_Retrieve_FullMethodName
	ask := func(path, token string) string {
		c := s.raw(t)
		stream := c.open(path, token)
		c.message(stream, &pb.RetrieveRequest{Query: "stored"})
		return c.status(stream)
	}
	if got := ask(good, token); got != "0" {
		t.Fatalf("the path as it should be: %s", got)
	}
	if got := ask(good, ""); got != "16" {
		t.Fatalf("without a token: %s", got)
	}
	for _, path := range []string{
		good[1:], "/" + good, good + "/", good + "?x=1", good + "%20", strings.ToLower(good), strings.ToUpper(good), good + "\x00", " " + good,
		strings.Replace(good, "/Retrieve", "/retrieve", 1), strings.Replace(good, "Retrieve", "%52etrieve", 1), "/./" + good[1:],
		"/muniment.v1.RetrievalService", "/muniment.v1.RetrievalService/", "/muniment.v1.RetrievalService/Nothing", "//Retrieve",
		"/muniment.v2.RetrievalService/Retrieve", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
		"/grpc.health.v1.Health/../" + good[1:], "/grpc.health.v1.Health/Retrieve", "/", "*", "", "/grpc.health.v1.Health/",
		good + "\xff", "/\xc3\x28/Retrieve", "/" + strings.Repeat("/", 1000), strings.Repeat(good, 100), good + strings.Repeat("x", 12<<10), "/" + strings.Repeat("x", 12<<10) + "/Retrieve",
	} {
		for _, token := range []string{token, ""} {
			// 12 is UNIMPLEMENTED; HTTP/2 itself may refuse what is no path.
			if got := ask(path, token); got != "12" && got != "PROTOCOL_ERROR" && !strings.HasPrefix(got, "goaway PROTOCOL_ERROR") {
				t.Errorf("%q, with a token: %t: %s", path, token != "", got)
			}
		}
	}
}

// TestOversizePaths: a path that is longer than all of a call's metadata may be is refused
// before it is looked at, and the server goes on.
func TestOversizePaths(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	token := s.token(identity.Request{Subject: "user:local/ada"})
	for _, n := range []int{15 << 10, 17 << 10, 100 << 10} {
		c := s.raw(t)
		got := c.status(c.open(pb.RetrievalService_Retrieve_FullMethodName+strings.Repeat("x", n), token))
		if got == "0" || got == "2" || got == "13" || n < 16<<10 && got != "12" {
			t.Errorf("a path of %d KiB: %s", n>>10, got)
		}
		t.Logf("a path of %d KiB: %s", n>>10, got)
	}
	if _, err := s.retrieval().Retrieve(s.user("user:local/ada"), &pb.RetrieveRequest{Query: "x"}); err != nil {
		t.Errorf("the next call: %v", err)
	}
}

// TestDoorLimits goes over what a connection may do: metadata too long, streams too many,
// pings too often, and a handshake that does not end (AVL-14).
func TestDoorLimits(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	token := s.token(identity.Request{Subject: "user:local/ada"})
	const method = pb.RetrievalService_Retrieve_FullMethodName
	t.Run("metadata", func(t *testing.T) {
		t.Parallel()
		c := s.raw(t)
		stream := c.open(method, token, "x-long", strings.Repeat("x", 17<<10))
		if got := c.status(stream); got == "0" || got == "16" {
			t.Errorf("17 KiB of metadata: %s", got)
		}
	})
	t.Run("streams", func(t *testing.T) {
		t.Parallel()
		c := s.raw(t)
		var last uint32
		for range 101 {
			last = c.open(method, token)
		}
		if got := c.status(last); got != "REFUSED_STREAM" {
			t.Errorf("the 101st stream of a connection: %s", got)
		}
	})
	t.Run("pings", func(t *testing.T) {
		t.Parallel()
		c := s.raw(t)
		go func() {
			for range 1000 {
				c.writing.Lock()
				err := c.WritePing(false, [8]byte{})
				c.writing.Unlock()
				if err != nil {
					return
				}
				time.Sleep(5 * time.Millisecond)
			}
		}()
		if got := c.status(1); got != "goaway ENHANCE_YOUR_CALM too_many_pings" && got != "closed" {
			t.Errorf("pings without end: %s", got)
		}
	})
	t.Run("handshake", func(t *testing.T) {
		t.Parallel()
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		io.WriteString(conn, http2.ClientPreface[:5])
		conn.SetReadDeadline(time.Now().Add(2 * time.Minute))
		if _, err := io.Copy(io.Discard, conn); errors.Is(err, net.ErrClosed) || isTimeout(err) {
			t.Errorf("a handshake that does not end: %v", err)
		}
	})
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

// TestRatesAreConfigured runs a server with low rates: who goes over them is refused, and
// counted; others are not (AVL-16).
func TestRatesAreConfigured(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "muniment.yaml"), "limits: {user: {per_second: 0.001, burst: 3}}\n")
	cfg, err := loadConfig("", dir, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Limits.App != limits.Default.App {
		t.Errorf("what the file leaves out is %+v", cfg.Limits.App)
	}
	s := serveConfig(t, cfg)
	refused := 0
	for range 10 {
		_, err := s.retrieval().Retrieve(s.user("user:local/ada"), &pb.RetrieveRequest{Query: "x"})
		if status.Code(err) == codes.ResourceExhausted && reason(status.Convert(err)) == "RATE_LIMITED" {
			refused++
			if got := refusedBy(err); got != limits.ByUser {
				t.Errorf("counted as %q", got)
			}
		} else if err != nil {
			t.Error(err)
		}
	}
	if refused != 7 {
		t.Errorf("%d of 10 calls were refused, want 7", refused)
	}
	for _, name := range []string{"bo", "cy", "di"} {
		if _, err := s.retrieval().Retrieve(s.user(acl.Principal("user:local/"+name)), &pb.RetrieveRequest{Query: "x"}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
