package main

import (
	"context"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// withAdmin starts a server with an address for its administrator, and returns that.
func withAdmin(t *testing.T) (s *server, addr string) {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "muniment.yaml"), "admin: 127.0.0.1:0\nmetrics: 127.0.0.1:0\n")
	s = startChildWith(t, dir, func(*exec.Cmd) {})
	return s, s.logged(t, "serving the administrator")
}

// logged is the address in a line of the log, which comes by another way than what the server
// prints and may be later.
func (s *server) logged(t *testing.T, message string) string {
	t.Helper()
	line := regexp.MustCompile(message + `.* addr=(\S+)`)
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if found := line.FindStringSubmatch(s.log.String()); found != nil {
			return found[1]
		}
	}
	t.Fatalf("no %q in the log:\n%s", message, s.log.String())
	return ""
}

// reflected asks an address which services there are.
func reflected(ctx context.Context, addr string) ([]string, error) {
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	stream, err := reflectionpb.NewServerReflectionClient(conn).ServerReflectionInfo(ctx)
	if err != nil {
		return nil, err
	}
	stream.Send(&reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{}})
	resp, err := stream.Recv()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, s := range resp.GetListServicesResponse().GetService() {
		names = append(names, s.GetName())
	}
	return names, nil
}

// TestAdminAddress: reflection and profiles are at the administrator's address and nowhere
// else, and the services of the contract are not there.
func TestAdminAddress(t *testing.T) {
	t.Parallel()
	s, addr := withAdmin(t)
	const canary = "zzcanary"
	s.mustSend(documentItem(page(canary+"-open", func(d *pb.Document) { d.Text = canary + " sails" })))
	if resp, err := s.retrieval().Retrieve(s.user("user:local/"+canary), &pb.RetrieveRequest{Query: canary + " sails"}); err != nil || len(resp.GetResults()) != 1 {
		t.Fatal(resp, err)
	}
	names, err := reflected(t.Context(), addr)
	if err != nil || !slices.Contains(names, "muniment.v1.RetrievalService") || len(names) < 9 {
		t.Errorf("reflection: %q, %v", names, err)
	}
	if names, err := reflected(t.Context(), s.addr); status.Code(err) != codes.Unimplemented {
		t.Errorf("reflection at the door: %q, %v", names, err)
	}
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if resp, err := pb.NewRetrievalServiceClient(conn).Retrieve(s.user("user:local/ada"), &pb.RetrieveRequest{Query: canary}); status.Code(err) != codes.Unimplemented {
		t.Errorf("a question at the administrator's address: %v, %v", resp, err)
	}
	get := func(addr, path string, headers ...string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+addr+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(headers); i += 2 {
			if r.Header.Set(headers[i], headers[i+1]); headers[i] == "Host" {
				r.Host = headers[i+1]
			}
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/goroutine?debug=2", "/debug/pprof/heap?debug=1", "/debug/pprof/allocs?debug=1", "/debug/pprof/mutex?debug=1", "/debug/pprof/profile?seconds=1"} {
		if code, text := get(addr, path); code != 200 || text == "" || strings.Contains(text, canary) {
			t.Errorf("%s: %d, %d bytes, names a document or a caller: %t", path, code, len(text), strings.Contains(text, canary))
		}
		if code, _ := get(s.logged(t, "serving metrics"), path); code != 404 {
			t.Errorf("%s at the address of the metrics: %d", path, code)
		}
		for _, headers := range [][]string{{"Host", "attacker.example"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}} {
			if code, _ := get(addr, path, headers...); code != 403 {
				t.Errorf("%s with %q: %d", path, headers, code)
			}
		}
	}
	for _, path := range []string{"/", "/metrics", "/debug/pprof/cmdline", "/debug/vars"} {
		if code, _ := get(addr, path); code != 404 {
			t.Errorf("%s: %d", path, code)
		}
	}
}

// TestAdminAddressIsClosed: there is none unless it is configured, and never one that other
// machines reach.
func TestAdminAddressIsClosed(t *testing.T) {
	if addr := defaultConfig().Admin; addr != "" {
		t.Errorf("by default %q", addr)
	}
	for addr, good := range map[string]bool{"127.0.0.1:7603": true, "[::1]:0": true, "localhost:7603": true, "0.0.0.0:7603": false, ":7603": false, "10.0.0.1:7603": false, "7603": false} {
		cfg := testConfig(t.TempDir())
		cfg.Admin = addr
		cfg.TLS = nil
		if err := cfg.check(); (err == nil) != good || err != nil && !strings.Contains(err.Error(), "admin: ") {
			t.Errorf("%q: %v", addr, err)
		}
	}
}
