package main

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/muniment/muniment/acl"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// modelServer is an embedding server on this machine whose model gives each word a
// direction of its own. It can be down, and it can be another model under the same name.
type modelServer struct {
	*httptest.Server
	down  atomic.Bool
	model atomic.Value
}

func newModelServer(t *testing.T) *modelServer {
	m := &modelServer{}
	m.model.Store("first")
	m.Server = httptest.NewServer(m)
	t.Cleanup(m.Close)
	return m
}

func (m *modelServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var req struct{ Input []string }
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil || m.down.Load() {
		http.Error(w, "down", http.StatusServiceUnavailable)
		return
	}
	type vector struct {
		Index     int       `json:"index"`
		Embedding []float64 `json:"embedding"`
	}
	var data []vector
	for i, text := range req.Input {
		v := make([]float64, 64)
		for _, word := range strings.Fields(strings.ToLower(text)) {
			h := fnv.New64a()
			fmt.Fprint(h, m.model.Load(), word)
			v[h.Sum64()%64]++
		}
		data = append(data, vector{i, v})
	}
	json.NewEncoder(w).Encode(map[string]any{"data": data})
}

func (m *modelServer) config(dir string) config {
	cfg := testConfig(dir)
	cfg.Embedder = &embedderConfig{URL: m.URL, Model: "words", Dimensions: 64}
	return cfg
}

func (s *server) degradations(who, query string) (list []string, found int) {
	s.t.Helper()
	resp, err := s.retrieval().Retrieve(s.user(acl.Principal(who)), &pb.RetrieveRequest{Query: query})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, d := range resp.GetDegradations() {
		list = append(list, word(d.String(), "DEGRADATION_"))
	}
	return list, len(resp.GetResults())
}

// A document that comes while the embedding server is down is taken in, found by its words,
// named as waiting to those who may read it, and embedded when the server is back. Another
// model under the same name is noticed, and nothing that it says is used.
func TestEmbeddingServerComesAndGoes(t *testing.T) {
	t.Parallel()
	m := newModelServer(t)
	dir := t.TempDir()
	s := serveConfig(t, m.config(dir))
	page := func(id, text, reader string) *pb.IngestRequest {
		return &pb.IngestRequest{Item: &pb.IngestRequest_Document{Document: &pb.Document{
			Source: "s", Id: id, Version: 1, Text: text,
			Policy: &pb.Policy{Layers: []*pb.Layer{{Allow: []*pb.Grant{{Principal: reader}}}}},
		}}}
	}
	const ada, bob = "user:local/ada", "user:local/bob"
	if ack := s.send(s.job(), page("open", "The anchor chain is inspected in May.", "everyone"))[0]; len(ack.GetNotices()) > 0 {
		t.Errorf("with the server there: %v", ack)
	}
	if d, n := s.degradations(ada, "anchor chain"); len(d) > 0 || n != 1 {
		t.Errorf("with the server there: %v, %d results", d, n)
	}

	m.down.Store(true)
	ack := s.send(s.job(), page("late", "The anchor winch is greased in June.", ada))[0]
	if ack.GetStatus() != pb.IngestResponse_STATUS_APPLIED || !slices.Contains(ack.GetNotices(), pb.IngestResponse_NOTICE_PENDING_EMBEDDING) {
		t.Fatalf("with the server down: %v", ack)
	}
	if d, n := s.degradations(ada, "winch"); !slices.Contains(d, "PENDING EMBEDDING") || n == 0 {
		t.Errorf("with the server down, to a reader: %v, %d results", d, n)
	}
	if d, _ := s.degradations(bob, "winch"); slices.Contains(d, "PENDING EMBEDDING") {
		t.Errorf("with the server down, to somebody who may not read what waits: %v", d)
	}

	s.stop() // what waits is known after a restart too
	m.down.Store(false)
	s = serveConfig(t, m.config(dir))
	deadline := time.Now().Add(time.Minute)
	for d, _ := s.degradations(ada, "winch"); len(d) > 0; d, _ = s.degradations(ada, "winch") {
		if time.Now().After(deadline) {
			t.Fatalf("a minute after the server is back: %v", d)
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.stop()

	m.model.Store("second")
	s = serveConfig(t, m.config(dir))
	if d, n := s.degradations(ada, "anchor"); !slices.Contains(d, "KEYWORD ONLY") || n != 2 {
		t.Errorf("with another model under the same name: %v, %d results", d, n)
	}
	s.stop()

	// The embedded model is the way back: what a server's model embedded is embedded anew.
	s = serveConfig(t, testConfig(dir))
	for d, _ := s.degradations(ada, "winch"); len(d) > 0; d, _ = s.degradations(ada, "winch") {
		if time.Now().After(deadline.Add(time.Minute)) {
			t.Fatalf("with the embedded model again: %v", d)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// A query may bring a vector only where the configuration says so.
func TestQueryVectors(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t.TempDir())
	cfg.VectorSpaces = []spaceConfig{{ID: "open/2", Dimensions: 2, Queries: true}, {ID: "shut/2", Dimensions: 2}}
	s := serveConfig(t, cfg)
	s.send(s.job(), &pb.IngestRequest{Item: &pb.IngestRequest_Document{Document: &pb.Document{
		Source: "s", Id: "a", Version: 1, VectorSpace: "open/2",
		Policy:   &pb.Policy{Layers: []*pb.Layer{{Allow: []*pb.Grant{{Principal: "everyone"}}}}},
		Passages: []*pb.SuppliedPassage{{Text: "north", Vector: []float32{0, 1}}, {Text: "east", Vector: []float32{1, 0}}},
	}}})
	ask := func(space string, values ...float32) (*pb.RetrieveResponse, error) {
		return s.retrieval().Retrieve(s.user("user:local/ada"), &pb.RetrieveRequest{Query: "?", Vector: &pb.QueryVector{Space: space, Values: values}})
	}
	resp, err := ask("open/2", 3, 1)
	if err != nil || len(resp.GetResults()) == 0 || resp.GetResults()[0].GetText() != "east" {
		t.Errorf("towards the east: %v, %v", resp, err)
	}
	for name, refused := range map[string]func() (*pb.RetrieveResponse, error){
		"VECTOR_QUERIES_OFF":   func() (*pb.RetrieveResponse, error) { return ask("shut/2", 1, 0) },
		"UNKNOWN_VECTOR_SPACE": func() (*pb.RetrieveResponse, error) { return ask("none", 1, 0) },
		"VECTOR_SIZE":          func() (*pb.RetrieveResponse, error) { return ask("open/2", 1, 0, 0) },
		"VECTOR_NOT_FINITE":    func() (*pb.RetrieveResponse, error) { return ask("open/2", 0, 0) },
	} {
		if _, err := refused(); err == nil || !strings.Contains(explain(err), name) {
			t.Errorf("want %s, got %v", name, err)
		}
	}
}

// What the configuration of an embedder cannot mean stops the program.
func TestEmbedderConfiguration(t *testing.T) {
	dir := t.TempDir()
	open := filepath.Join(dir, "open.key")
	if err := os.WriteFile(open, []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	good := embedderConfig{URL: "http://127.0.0.1:1/v1", Model: "m", Dimensions: 4}
	for name, change := range map[string]func(c *embedderConfig){
		"url":        func(c *embedderConfig) { c.URL = "ftp://x" },
		"clear text": func(c *embedderConfig) { c.URL = "http://embeddings.example/v1" },
		"model":      func(c *embedderConfig) { c.Model = "" },
		"dimensions": func(c *embedderConfig) { c.Dimensions = 0 },
		"batch":      func(c *embedderConfig) { c.Batch = -1 },
		"weight":     func(c *embedderConfig) { w := 2.0; c.Weight = &w },
	} {
		c := good
		change(&c)
		cfg := testConfig(dir)
		cfg.Embedder = &c
		if err := cfg.check(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	c := good
	c.KeyFile = open
	if _, err := c.key(); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key file that others may read: %v", err)
	}
	cfg := testConfig(dir)
	cfg.VectorSpaces = append(cfg.VectorSpaces, spaceConfig{ID: "glove-sif-100/1", Dimensions: 100})
	if err := cfg.check(); err == nil {
		t.Error("a space of the server's own can be declared for senders")
	}
}
