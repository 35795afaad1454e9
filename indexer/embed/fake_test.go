package embed

import (
	"context"
	"encoding/json"
	"hash/fnv"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

const fakeDimensions = 16

// modelled is what the fake model makes of a text: a vector of unit length that another
// text, or another model, has nothing of.
func modelled(model, text string) []float32 {
	h := fnv.New64a()
	io.WriteString(h, model+"\x00"+text)
	g := rand.New(rand.NewPCG(h.Sum64(), 1))
	v, sum := make([]float32, fakeDimensions), 0.0
	for i := range v {
		v[i] = float32(g.NormFloat64())
		sum += float64(v[i]) * float64(v[i])
	}
	for i := range v {
		v[i] = float32(float64(v[i]) / math.Sqrt(sum))
	}
	return v
}

// asked is a request as the fake server read it.
type asked struct {
	path, key string
	body      map[string]any
	input     []string
}

// fakeServer is an embedding server on this machine. What it answers can be spoiled.
type fakeServer struct {
	*httptest.Server
	mu       sync.Mutex
	requests []asked
	// spoil answers the n-th request, from 0, in place of the server, and reports that it did.
	spoil func(n int, w http.ResponseWriter, r asked) bool
}

func newFakeServer(t testing.TB, spoil func(n int, w http.ResponseWriter, r asked) bool) *fakeServer {
	t.Helper()
	f := &fakeServer{spoil: spoil}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *fakeServer) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r := asked{path: req.Method + " " + req.URL.Path, key: req.Header.Get("Authorization")}
	json.NewDecoder(req.Body).Decode(&r.body)
	list, _ := r.body["input"].([]any)
	for _, text := range list {
		r.input = append(r.input, text.(string))
	}
	f.mu.Lock()
	n := len(f.requests)
	f.requests = append(f.requests, r)
	f.mu.Unlock()
	if f.spoil != nil && f.spoil(n, w, r) {
		return
	}
	var vectors [][]float32
	for _, text := range r.input {
		vectors = append(vectors, modelled("fake", text))
	}
	reply(w, vectors, nil)
}

// count is how many requests there were.
func (f *fakeServer) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.requests)
}

// reply writes the vectors with these indexes, by default their places.
func reply(w http.ResponseWriter, vectors any, index []int) {
	type datum struct {
		Object string `json:"object"`
		Index  int    `json:"index"`
		Vector any    `json:"embedding"`
	}
	data := []datum{}
	add := func(v any) {
		i := len(data)
		if index != nil {
			i = index[i]
		}
		data = append(data, datum{"embedding", i, v})
	}
	switch vectors := vectors.(type) {
	case [][]float32:
		for _, v := range vectors {
			add(v)
		}
	case []any:
		for _, v := range vectors {
			add(v)
		}
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{"object": "list", "data": data, "model": "fake"})
}

func (f *fakeServer) config() ServerConfig {
	return ServerConfig{URL: f.URL + "/v1", Model: "fake", Dimensions: fakeDimensions, Weight: 0.5}
}

// newServer returns a client of the fake whose pauses pass at once.
func newServer(t testing.TB, c ServerConfig) *Server {
	t.Helper()
	s, err := NewServer(c)
	if err != nil {
		t.Fatal(err)
	}
	s.pause = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	t.Cleanup(func() { s.Close() })
	return s
}
