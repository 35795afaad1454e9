package embed

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// ServerConfig says where an embedding server is and what its model wants. URL, Model and
// Dimensions are required.
type ServerConfig struct {
	URL        string // requests go to URL/embeddings
	Model      string // as the server calls it
	Dimensions int    // of a vector
	// Cut takes the first Dimensions numbers of longer vectors. Only models trained for
	// that (Matryoshka) allow it.
	Cut bool
	// Cleartext allows a URL without TLS that leads to another machine.
	Cleartext bool
	// Key is sent as a bearer token, if it is not empty.
	Key string
	// QueryPrefix and DocumentPrefix stand before each text, as the model was trained.
	QueryPrefix, DocumentPrefix string
	// Revision tells two models apart that have the same name.
	Revision string
	// Weight is the share of the vector leg in score fusion, 0 to 1.
	Weight float64
}

// Server is an embedding server that speaks OpenAI's protocol: Ollama, vLLM, TEI,
// llama.cpp, OpenAI and others. It is safe for concurrent use.
type Server struct {
	config   ServerConfig
	endpoint string
	client   *http.Client
	pause    func(ctx context.Context, d time.Duration) error // between attempts
}

// The bounds of one request.
const (
	attempts     = 5
	firstPause   = 200 * time.Millisecond // at most, before the second attempt; doubled for each
	longestPause = 10 * time.Second
	maxErrorBody = 64 << 10
)

// NewServer returns the server that the configuration speaks of, without calling it.
func NewServer(c ServerConfig) (*Server, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 16
	return &Server{
		config: c, endpoint: strings.TrimRight(c.URL, "/") + "/embeddings", pause: sleep,
		client: &http.Client{
			Transport: transport,
			// A redirect would carry texts, and perhaps the key, to where nobody said.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

func (c ServerConfig) check() error {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil:
		return errors.New("url: not a URL") // what url.Parse says would repeat a password in it
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return errors.New("url: must be like http://127.0.0.1:11434/v1 or https://api.example.com/v1")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return errors.New("url: must have no user, query or fragment; a key goes into key_file")
	case u.Scheme == "http" && !loopback(u.Hostname()) && !c.Cleartext:
		return fmt.Errorf("url: %s is another machine, and without TLS every text would cross the network in clear; "+
			"use https, or set cleartext: true if the network is your own", u.Host)
	case u.Scheme == "http" && !loopback(u.Hostname()) && c.Key != "":
		return errors.New("url: a key is only sent to https, or to this machine")
	case c.Model == "":
		return errors.New("model: is missing")
	case c.Dimensions < 1 || c.Dimensions > 8192:
		return errors.New("dimensions: must be between 1 and 8192, as many numbers as the model's vectors have")
	case !(c.Weight >= 0 && c.Weight <= 1):
		return errors.New("weight: must be between 0 and 1")
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Space is the space of the server's vectors. Whatever decides about their values has a
// part in its id, but not where the server is.
func (s *Server) Space() Space {
	c := s.config
	b, err := json.Marshal([]any{"unit length", c.Model, c.Dimensions, c.Cut, c.QueryPrefix, c.DocumentPrefix, c.Revision})
	if err != nil {
		panic("embed: encoding a space: " + err.Error()) // plain data always encodes
	}
	sum := sha256.Sum256(b)
	id := fmt.Sprintf("%s%.64s/%d/%x", serverSpace, strings.ToValidUTF8(c.Model, ""), c.Dimensions, sum[:8])
	return Space{ID: id, Dimensions: c.Dimensions, Weight: c.Weight}
}

// Documents embeds passages of documents in one request: one vector of unit length for
// each text, in order. It tries again, until ctx is done, what may succeed another time.
// Errors: ErrTooLong, ErrAnswer, *StatusError, those of the network, and that ctx is done.
func (s *Server) Documents(ctx context.Context, texts []string) ([][]float32, error) {
	return s.embed(ctx, s.config.DocumentPrefix, texts)
}

// Queries is Documents for queries.
func (s *Server) Queries(ctx context.Context, texts []string) ([][]float32, error) {
	return s.embed(ctx, s.config.QueryPrefix, texts)
}

// Close closes the connections that are kept open.
func (s *Server) Close() error {
	s.client.CloseIdleConnections()
	return nil
}

func (s *Server) embed(ctx context.Context, prefix string, texts []string) ([][]float32, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	input := make([]string, len(texts))
	for i, text := range texts {
		input[i] = prefix + text
	}
	body, err := json.Marshal(struct {
		Model  string   `json:"model"`
		Input  []string `json:"input"`
		Format string   `json:"encoding_format"` // "dimensions" is never sent: some refuse it
	}{s.config.Model, input, "float"})
	if err != nil {
		return nil, fmt.Errorf("encoding the request: %w", err)
	}
	for attempt := 1; ; attempt++ {
		vectors, err := s.post(ctx, body, len(texts))
		if err == nil || ctx.Err() != nil || attempt == attempts || !passing(err) {
			return vectors, explained(ctx, err)
		}
		if s.pause(ctx, pauseAfter(attempt, err)) != nil { // no time is left
			return nil, explained(ctx, err)
		}
	}
}

// explained is the error of a request: if its time was up, that says more than what the
// last attempt met with.
func explained(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("asking the embedding server: %w", cmp.Or(context.Cause(ctx), ctx.Err()))
	}
	return fmt.Errorf("asking the embedding server: %w", err)
}
