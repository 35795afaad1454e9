package embed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestServerAsksAsOpenAIDoes: one POST of model, input and encoding_format, the prefixes
// before the texts, the key as a bearer token, and nothing else.
func TestServerAsksAsOpenAIDoes(t *testing.T) {
	f := newFakeServer(t, nil)
	c := f.config()
	c.URL += "/" // makes no difference
	c.Key, c.QueryPrefix, c.DocumentPrefix = "sk-secret", "query: ", "passage: "
	s := newServer(t, c)
	got, err := s.Documents(t.Context(), []string{"one", "two"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]float32{modelled("fake", "passage: one"), modelled("fake", "passage: two")}, got); diff != "" {
		t.Errorf("vectors (-want +got):\n%s", diff)
	}
	if got, err = s.Queries(t.Context(), []string{"one"}); err != nil || !cmp.Equal(got, [][]float32{modelled("fake", "query: one")}) {
		t.Errorf("a query is embedded as %v, %v", got, err)
	}
	if got, err := s.Documents(t.Context(), nil); got != nil || err != nil {
		t.Errorf("no text gives %v, %v", got, err)
	}
	want := []asked{
		{"POST /v1/embeddings", "Bearer sk-secret", map[string]any{"model": "fake", "encoding_format": "float", "input": []any{"passage: one", "passage: two"}}, []string{"passage: one", "passage: two"}},
		{"POST /v1/embeddings", "Bearer sk-secret", map[string]any{"model": "fake", "encoding_format": "float", "input": []any{"query: one"}}, []string{"query: one"}},
	}
	if diff := cmp.Diff(want, f.requests, cmp.AllowUnexported(asked{})); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// TestServerReordersByIndex: vectors belong to the texts that their indexes name, in
// whatever order they come.
func TestServerReordersByIndex(t *testing.T) {
	f := newFakeServer(t, func(_ int, w http.ResponseWriter, r asked) bool {
		reply(w, [][]float32{modelled("fake", r.input[2]), modelled("fake", r.input[0]), modelled("fake", r.input[1])}, []int{2, 0, 1})
		return true
	})
	got, err := newServer(t, f.config()).Documents(t.Context(), []string{"a", "b", "c"})
	if err != nil || !cmp.Equal(got, [][]float32{modelled("fake", "a"), modelled("fake", "b"), modelled("fake", "c")}) {
		t.Errorf("%v, %v", got, err)
	}
}

// TestServerRefusesUnusableAnswers: an answer that cannot be the vectors asked for is an
// error, at once and without another attempt.
func TestServerRefusesUnusableAnswers(t *testing.T) {
	good := modelled("fake", "a")
	list := func(change func(v []any)) []any {
		v := make([]any, fakeDimensions)
		for i := range v {
			v[i] = good[i]
		}
		change(v)
		return v
	}
	for name, tc := range map[string]struct {
		vectors any
		index   []int
		raw     string
	}{
		"too few":              {vectors: [][]float32{good}},
		"too many":             {vectors: [][]float32{good, good, good}},
		"none":                 {vectors: [][]float32{}},
		"one text twice":       {vectors: [][]float32{good, good}, index: []int{1, 1}},
		"index too high":       {vectors: [][]float32{good, good}, index: []int{0, 2}},
		"index below 0":        {vectors: [][]float32{good, good}, index: []int{-1, 0}},
		"too short":            {vectors: [][]float32{good, good[:8]}},
		"too long":             {vectors: [][]float32{good, append(good[:fakeDimensions:fakeDimensions], 1)}},
		"zeros":                {vectors: [][]float32{good, make([]float32, fakeDimensions)}},
		"null for a number":    {vectors: []any{good, list(func(v []any) { v[3] = nil })}},
		"text for a number":    {vectors: []any{good, list(func(v []any) { v[3] = "NaN" })}},
		"list for a number":    {vectors: []any{good, list(func(v []any) { v[3] = []int{1} })}},
		"beyond float32":       {vectors: []any{good, list(func(v []any) { v[3] = 1e39 })}},
		"beyond float64":       {vectors: []any{good, list(func(v []any) { v[3] = json.RawMessage("1e999") })}},
		"base64":               {vectors: []any{good, "AACAPwAAgD8="}},
		"null for a vector":    {vectors: []any{good, nil}},
		"NaN as Python has it": {raw: `{"data":[{"index":0,"embedding":[NaN]}]}`},
		"no index":             {raw: `{"data":[{"embedding":[1]},{"embedding":[1]}]}`},
		"an error page":        {raw: `<html>busy</html>`},
		"nothing":              {raw: ` `},
		"something behind":     {raw: `{"data":[]}{}`},
		"another object":       {raw: `{"error":{"message":"busy"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeServer(t, func(_ int, w http.ResponseWriter, _ asked) bool {
				if tc.raw != "" {
					io.WriteString(w, tc.raw)
				} else {
					reply(w, tc.vectors, tc.index)
				}
				return true
			})
			got, err := newServer(t, f.config()).Documents(t.Context(), []string{"a", "b"})
			if !errors.Is(err, ErrAnswer) || got != nil {
				t.Errorf("vectors %v, error %v, want ErrAnswer", got, err)
			}
			if n := f.count(); n != 1 {
				t.Errorf("%d requests, want 1", n)
			}
		})
	}
}

// TestServerBoundsTheAnswer: an answer without an end is given up.
func TestServerBoundsTheAnswer(t *testing.T) {
	f := newFakeServer(t, func(_ int, w http.ResponseWriter, _ asked) bool {
		io.WriteString(w, `{"data":[{"index":0,"embedding":[`)
		for {
			if _, err := io.WriteString(w, strings.Repeat("0.25,", 10_000)); err != nil {
				return true
			}
		}
	})
	if _, err := newServer(t, f.config()).Documents(t.Context(), []string{"a"}); !errors.Is(err, ErrAnswer) {
		t.Errorf("error is %v", err)
	}
}

// TestServerCutsMatryoshkaVectors: the first numbers of a longer vector, at unit length;
// without the setting its length is an error.
func TestServerCutsMatryoshkaVectors(t *testing.T) {
	f := newFakeServer(t, nil)
	c := f.config()
	c.Dimensions = 4
	if _, err := newServer(t, c).Documents(t.Context(), []string{"a"}); !errors.Is(err, ErrAnswer) {
		t.Errorf("uncut: error is %v", err)
	}
	c.Cut = true
	got, err := newServer(t, c).Documents(t.Context(), []string{"a"})
	if err != nil {
		t.Fatal(err)
	}
	want := modelled("fake", "a")[:4]
	Normalize(want)
	if !cmp.Equal(got, [][]float32{want}) {
		t.Errorf("cut to %v, want %v", got, want)
	}
}

// TestServerSaysTooLong: the ways in which servers say that a text is too long.
func TestServerSaysTooLong(t *testing.T) {
	for _, tc := range []struct {
		status int
		body   string
		want   bool
	}{
		{413, "", true},
		{422, "", true},
		{400, `{"message":"This model's maximum context length is 512 tokens. However, you requested 601 tokens"}`, true}, // vLLM
		{400, `{"error":{"message":"Input is longer than max_model_len"}}`, true},
		{413, "{\"message\":\"Input validation error: `inputs` must have less than 512 tokens. Given: 601\"}", true}, // TEI
		{400, "{\"message\":\"`inputs` must have less than 512 tokens. Given: 601\"}", true},
		{500, `{"error":{"code":500,"message":"input (601 tokens) is too large to process. increase the physical batch size"}}`, true}, // llama.cpp
		{400, `{"error":{"message":"the request exceeds the available context size"}}`, true},
		{400, `{"error":{"message":"the input length exceeds the context length"}}`, true}, // Ollama
		{400, `{"error":{"message":"unknown field"}}`, false},
		{404, `{"error":{"message":"too long"}}`, false},
		{500, `{"error":{"message":"out of memory"}}`, false},
	} {
		f := newFakeServer(t, func(_ int, w http.ResponseWriter, _ asked) bool {
			w.WriteHeader(tc.status)
			io.WriteString(w, tc.body)
			return true
		})
		_, err := newServer(t, f.config()).Documents(t.Context(), []string{"a"})
		if got := errors.Is(err, ErrTooLong); got != tc.want || err == nil {
			t.Errorf("%d %s: %v", tc.status, tc.body, err)
		}
		if n := f.count(); tc.want && n != 1 {
			t.Errorf("%d %s: asked %d times", tc.status, tc.body, n)
		}
	}
}

// TestServerTriesAgainWhatMayPass: and never anything else.
func TestServerTriesAgainWhatMayPass(t *testing.T) {
	for status := 300; status < 600; status++ {
		want := 1
		if status == 408 || status == 429 || status >= 500 {
			want = attempts
		}
		f := newFakeServer(t, func(_ int, w http.ResponseWriter, _ asked) bool {
			w.WriteHeader(status)
			return true
		})
		_, err := newServer(t, f.config()).Documents(t.Context(), []string{"a"})
		if n := f.count(); n != want || err == nil {
			t.Errorf("status %d: %d requests, want %d; error %v", status, n, want, err)
		}
		f.Close()
	}
}

// TestServerSurvivesABrokenConnection: the next attempt succeeds.
func TestServerSurvivesABrokenConnection(t *testing.T) {
	for name, spoil := range map[string]func(w http.ResponseWriter){
		"before the answer": func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
		"within the answer": func(w http.ResponseWriter) {
			io.WriteString(w, `{"data":[`)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		},
		"a busy gateway": func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) },
	} {
		f := newFakeServer(t, func(n int, w http.ResponseWriter, _ asked) bool {
			if n < 3 {
				spoil(w)
				return true
			}
			return false
		})
		got, err := newServer(t, f.config()).Documents(t.Context(), []string{"a"})
		if err != nil || !cmp.Equal(got, [][]float32{modelled("fake", "a")}) || f.count() != 4 {
			t.Errorf("%s: %v, %v after %d requests", name, got, err, f.count())
		}
	}
}

// TestServerThatIsDown: an error of the network, after all attempts.
func TestServerThatIsDown(t *testing.T) {
	f := newFakeServer(t, nil)
	s := newServer(t, f.config())
	pauses := 0
	s.pause = func(context.Context, time.Duration) error { pauses++; return nil }
	f.Close()
	if _, err := s.Documents(t.Context(), []string{"a"}); err == nil || pauses != attempts-1 {
		t.Errorf("error is %v after %d pauses", err, pauses)
	}
}

// TestServerHonoursRetryAfter: as seconds and as a date; and gives up what would come too
// late, with what the server said.
func TestServerHonoursRetryAfter(t *testing.T) {
	for name, tc := range map[string]struct {
		header string
		least  time.Duration
	}{
		"seconds":    {"7", 7 * time.Second},
		"a date":     {time.Now().Add(time.Hour).UTC().Format(http.TimeFormat), 50 * time.Minute},
		"long past":  {"Mon, 02 Jan 2006 15:04:05 GMT", 0},
		"not a time": {"soon", 0},
		"below 0":    {"-5", 0},
	} {
		f := newFakeServer(t, func(n int, w http.ResponseWriter, _ asked) bool {
			w.Header().Set("Retry-After", tc.header)
			w.WriteHeader(http.StatusTooManyRequests)
			return n == 0
		})
		s := newServer(t, f.config())
		var paused time.Duration
		s.pause = func(_ context.Context, d time.Duration) error { paused = d; return errNoTime }
		_, err := s.Documents(t.Context(), []string{"a"})
		if status, ok := errors.AsType[*StatusError](err); !ok || status.Code != 429 {
			t.Errorf("%s: error is %v", name, err)
		}
		if paused < tc.least || paused > tc.least+11*time.Minute {
			t.Errorf("%s: the pause is %v, want about %v", name, paused, tc.least)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := sleep(ctx, time.Minute); !errors.Is(err, errNoTime) || ctx.Err() != nil {
		t.Errorf("a pause beyond the deadline: %v", err)
	}
}

// TestJitter: anything up to a bound that doubles, and never more than the longest.
func TestJitter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 100).Draw(t, "n")
		bound := 30.0
		for i, b := 0, 1.0; i <= n && b < 30; i, b = i+1, 2*b {
			bound = b
		}
		if n >= 5 {
			bound = 30
		}
		if d := jitter(time.Second, 30*time.Second, n); d < 0 || d.Seconds() > bound {
			t.Fatalf("jitter %d is %v, more than %v s", n, d, bound)
		}
	})
	sum := time.Duration(0)
	for range 1000 {
		sum += jitter(time.Second, 30*time.Second, 10)
	}
	if mean := sum / 1000; mean < 13*time.Second || mean > 17*time.Second {
		t.Errorf("the mean of full jitter up to 30 s is %v", mean)
	}
}

// TestServerEndsWithItsContext: a server that sleeps is given up when time is up, and not
// asked again.
func TestServerEndsWithItsContext(t *testing.T) {
	release := make(chan struct{})
	f := newFakeServer(t, func(_ int, _ http.ResponseWriter, _ asked) bool { <-release; return true })
	defer close(release)
	s := newServer(t, f.config())
	ctx, cancel := context.WithTimeoutCause(t.Context(), 20*time.Millisecond, errors.New("time is up"))
	defer cancel()
	if _, err := s.Queries(ctx, []string{"a"}); err == nil || !strings.Contains(err.Error(), "time is up") {
		t.Errorf("error is %v", err)
	}
	if n := f.count(); n > 1 {
		t.Errorf("asked %d times", n)
	}
}

// TestServerFollowsNoRedirect: texts and key go where the configuration says.
func TestServerFollowsNoRedirect(t *testing.T) {
	var reached atomic.Int32
	elsewhere := newFakeServer(t, func(int, http.ResponseWriter, asked) bool { reached.Add(1); return false })
	for _, status := range []int{301, 302, 303, 307, 308} {
		f := newFakeServer(t, func(_ int, w http.ResponseWriter, _ asked) bool {
			w.Header().Set("Location", elsewhere.URL+"/v1/embeddings")
			w.WriteHeader(status)
			return true
		})
		c := f.config()
		c.Key = "sk-secret"
		_, err := newServer(t, c).Documents(t.Context(), []string{"a"})
		if err == nil || !strings.Contains(err.Error(), "redirect") || f.count() != 1 {
			t.Errorf("%d: %v after %d requests", status, err, f.count())
		}
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("%d requests went elsewhere", n)
	}
}

// TestServerKeepsSecrets: neither the key nor a text, nor what a server repeats of them, is
// in an error.
func TestServerKeepsSecrets(t *testing.T) {
	for _, status := range []int{200, 400, 401, 404, 422, 503} {
		f := newFakeServer(t, func(_ int, w http.ResponseWriter, r asked) bool {
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"error": "%s %s"}`, r.key, r.input[0])
			return true
		})
		c := f.config()
		c.Key = "sk-secret"
		_, err := newServer(t, c).Documents(t.Context(), []string{"the board has decided"})
		if err == nil || strings.Contains(err.Error(), "sk-") || strings.Contains(err.Error(), "board") {
			t.Errorf("%d: %v", status, err)
		}
	}
}

func TestServerConfig(t *testing.T) {
	good := ServerConfig{URL: "http://127.0.0.1:11434/v1", Model: "m", Dimensions: 384, Weight: 0.5}
	for name, tc := range map[string]struct {
		change func(c *ServerConfig)
		want   string // of the error
	}{
		"good":                  {func(*ServerConfig) {}, ""},
		"localhost":             {func(c *ServerConfig) { c.URL = "http://localhost:1" }, ""},
		"IPv6":                  {func(c *ServerConfig) { c.URL = "http://[::1]:1/v1" }, ""},
		"https":                 {func(c *ServerConfig) { c.URL, c.Key = "https://api.example.com/v1", "k" }, ""},
		"a key to this machine": {func(c *ServerConfig) { c.Key = "k" }, ""},
		"cleartext, meant":      {func(c *ServerConfig) { c.URL, c.Cleartext = "http://embedder:80/v1", true }, ""},
		"cleartext":             {func(c *ServerConfig) { c.URL = "http://embedder:80/v1" }, "cleartext"},
		"cleartext by number":   {func(c *ServerConfig) { c.URL = "http://10.0.0.1/v1" }, "cleartext"},
		"a key in cleartext":    {func(c *ServerConfig) { c.URL, c.Cleartext, c.Key = "http://embedder/v1", true, "k" }, "key"},
		"nothing":               {func(c *ServerConfig) { c.URL = "" }, "url"},
		"no scheme":             {func(c *ServerConfig) { c.URL = "127.0.0.1:11434/v1" }, "url"},
		"another scheme":        {func(c *ServerConfig) { c.URL = "ftp://127.0.0.1/v1" }, "url"},
		"no host":               {func(c *ServerConfig) { c.URL = "http:///v1" }, "url"},
		"a password":            {func(c *ServerConfig) { c.URL = "https://u:hunter2@example.com" }, "url"},
		"a password, misspelt":  {func(c *ServerConfig) { c.URL = "https://u:hunter2@exa mple.com" }, "url"},
		"a query":               {func(c *ServerConfig) { c.URL += "?key=hunter2" }, "url"},
		"no model":              {func(c *ServerConfig) { c.Model = "" }, "model"},
		"no dimensions":         {func(c *ServerConfig) { c.Dimensions = 0 }, "dimensions"},
		"too many dimensions":   {func(c *ServerConfig) { c.Dimensions = 8193 }, "dimensions"},
		"a weight above 1":      {func(c *ServerConfig) { c.Weight = 1.1 }, "weight"},
		"a weight below 0":      {func(c *ServerConfig) { c.Weight = -0.1 }, "weight"},
	} {
		c := good
		tc.change(&c)
		_, err := NewServer(c)
		if (err == nil) != (tc.want == "") || err != nil && (!strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("%s: error is %v, want one about %q", name, err, tc.want)
		}
	}
}

// TestServerSpace: whatever decides about vectors makes another space, and nothing else.
func TestServerSpace(t *testing.T) {
	base := ServerConfig{URL: "http://127.0.0.1:1/v1", Model: "bge-small", Dimensions: 384, Weight: 0.5}
	space := func(change func(c *ServerConfig)) Space {
		c := base
		change(&c)
		return newServer(t, c).Space()
	}
	same := space(func(*ServerConfig) {})
	if same.Dimensions != 384 || same.Weight != 0.5 || !strings.HasPrefix(same.ID, "embedder:bge-small/384/") || len(same.ID) > 256 {
		t.Errorf("the space is %+v", same)
	}
	if got := space(func(c *ServerConfig) { c.URL, c.Key, c.Weight = "https://example.com", "k", 0.1 }); got.ID != same.ID {
		t.Errorf("another address makes another space: %s", got.ID)
	}
	seen := map[string]string{same.ID: "base"}
	for name, change := range map[string]func(c *ServerConfig){
		"model": func(c *ServerConfig) { c.Model = "bge-base" }, "dimensions": func(c *ServerConfig) { c.Dimensions = 256 },
		"cut": func(c *ServerConfig) { c.Cut = true }, "query prefix": func(c *ServerConfig) { c.QueryPrefix = "a" },
		"document prefix": func(c *ServerConfig) { c.DocumentPrefix = "a" }, "revision": func(c *ServerConfig) { c.Revision = "a" },
		"a long name": func(c *ServerConfig) { c.Model = strings.Repeat("m", 1000) }, "a longer name": func(c *ServerConfig) { c.Model = strings.Repeat("m", 1001) },
	} {
		id := space(change).ID
		if seen[id] != "" || len(id) > 256 || !Own(id) {
			t.Errorf("%s: %s is that of %q, too long, or not this package's", name, id, seen[id])
		}
		seen[id] = name
	}
	for id, want := range map[string]bool{"glove-sif-100/1": true, "glove-sif-100/2": true, "bge-small/384": false, "": false, "brought/4": false} {
		if Own(id) != want {
			t.Errorf("Own(%q) is %t", id, !want)
		}
	}
}

// FuzzAnswer: no body of an answer, whatever it is, ends the program or gives vectors that
// cannot be used; and what encoding/json reads is read to the same numbers.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"data":[{"index":1,"embedding":[1,0]},{"index":0,"embedding":[ 3e0 , -4.5 ]}]}`))
	f.Add([]byte(`{"data":[{"index":0,"embedding":[1,null]},{"index":1,"embedding":"AACAPwAAgD8="}]}`))
	f.Add([]byte(`{"data":[{"index":0,"embedding":[]},{"index":1,"embedding":[[1],[2]]}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		s := &Server{config: ServerConfig{Dimensions: 2}}
		got, err := s.vectors(body, 2)
		if err != nil {
			if !errors.Is(err, ErrAnswer) || got != nil {
				t.Errorf("%v, %v", got, err)
			}
			return
		}
		if err := check(got, 2, 2); err != nil {
			t.Errorf("%s: %v", body, err)
		}
		var plain struct {
			Data []struct {
				Index  int       `json:"index"`
				Vector []float32 `json:"embedding"`
			} `json:"data"`
		}
		if err := json.Unmarshal(body, &plain); err != nil {
			t.Fatalf("read %s, which is not JSON: %v", body, err)
		}
		for _, d := range plain.Data {
			if Normalize(d.Vector); !cmp.Equal(d.Vector, got[d.Index]) {
				t.Errorf("%s: vector %d is %v", body, d.Index, got[d.Index])
			}
		}
	})
}
