package main

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/muniment/muniment/indexer"
	"github.com/muniment/muniment/indexer/embed"
	"github.com/muniment/muniment/retriever"
)

// embedderConfig names an embedding server that speaks OpenAI's protocol.
type embedderConfig struct {
	URL            string        `yaml:"url"`
	Model          string        `yaml:"model"`
	Dimensions     int           `yaml:"dimensions"`
	Cut            bool          `yaml:"cut"`
	Cleartext      bool          `yaml:"cleartext"`
	KeyFile        string        `yaml:"key_file"`
	QueryPrefix    string        `yaml:"query_prefix"`
	DocumentPrefix string        `yaml:"document_prefix"`
	Revision       string        `yaml:"revision"`
	Batch          int           `yaml:"batch"`
	Weight         *float64      `yaml:"weight"`
	Timeout        time.Duration `yaml:"timeout"`
}

// Defaults of an embedding server, and of spaces that senders bring.
const (
	embedBatch   = 32
	embedTimeout = time.Minute            // for a request for documents, with all attempts
	embedBudget  = 250 * time.Millisecond // for a query
	embedWeight  = 0.5                    // of a model that nobody has calibrated
	// embedPatience is how long a document waits for its vectors before it is taken in
	// without them.
	embedPatience = 5 * time.Second
)

func (c *embedderConfig) check() error {
	if c == nil {
		return nil
	}
	if c.Batch < 0 || c.Batch > 2048 {
		return usagef("embedder.batch: must be between 1 and 2048, not %d", c.Batch)
	}
	if c.Timeout < 0 {
		return usagef("embedder.timeout: must not be negative")
	}
	if _, err := embed.NewServer(c.server("")); err != nil {
		return usagef("embedder.%w", err)
	}
	return nil
}

func (c *embedderConfig) server(key string) embed.ServerConfig {
	s := embed.ServerConfig{
		URL: c.URL, Model: c.Model, Dimensions: c.Dimensions, Cut: c.Cut, Cleartext: c.Cleartext, Key: key,
		QueryPrefix: c.QueryPrefix, DocumentPrefix: c.DocumentPrefix, Revision: c.Revision, Weight: embedWeight,
	}
	if c.Weight != nil {
		s.Weight = *c.Weight
	}
	return s
}

// key reads the key file, which only its owner may read.
func (c *embedderConfig) key() (string, error) {
	if c.KeyFile == "" {
		return "", nil
	}
	info, err := os.Stat(c.KeyFile)
	if err != nil {
		return "", usagef("embedder.key_file: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", usagef("embedder.key_file: others may read %s; make it readable by its owner alone (chmod 600)", c.KeyFile)
	}
	b, err := os.ReadFile(c.KeyFile)
	if err != nil {
		return "", usagef("embedder.key_file: %w", err)
	}
	key := strings.TrimSpace(string(b))
	if key == "" {
		return "", usagef("embedder.key_file: %s is empty", c.KeyFile)
	}
	return key, nil
}

// embedding is what turns text into vectors, and what the parts need to know of it.
type embedding struct {
	documents indexer.Embedder
	queries   retriever.Embedder
	space     embed.Space
	patience  time.Duration
}

// openEmbedding opens the embedding server of the configuration, else the embedded default.
func (e *engine) openEmbedding(cfg config, log *slog.Logger) (embedding, error) {
	c := cfg.Embedder
	if c == nil {
		static, err := embed.Default()
		if err != nil {
			return embedding{}, err
		}
		return embedding{documents: static, queries: static, space: static.Space()}, nil
	}
	key, err := c.key()
	if err != nil {
		return embedding{}, err
	}
	server, err := embed.NewServer(c.server(key))
	if err != nil {
		return embedding{}, usagef("embedder.%w", err)
	}
	e.onClose(server.Close)
	space := server.Space()
	guard, err := embed.NewGuard(embed.GuardConfig{
		Documents: server.Documents, Queries: server.Queries, Space: space, Log: log,
		Batch: cmp.Or(c.Batch, embedBatch), Timeout: cmp.Or(c.Timeout, embedTimeout), Budget: embedBudget,
		File: cfg.path("embedder", fmt.Sprintf("%x.json", sha256.Sum256([]byte(space.ID)))),
	})
	if err != nil {
		return embedding{}, err
	}
	e.onClose(guard.Close)
	guard.Start()
	return embedding{documents: guard, queries: embed.QueryEmbedder{Guard: guard}, space: space, patience: embedPatience}, nil
}

// querySpaces are the spaces of vectors that senders bring, as queries may use them.
func (c config) querySpaces() map[string]retriever.Space {
	spaces := map[string]retriever.Space{}
	for _, s := range c.VectorSpaces {
		space := retriever.Space{Dimensions: s.Dimensions, Weight: embedWeight, Queries: s.Queries}
		if s.Weight != nil {
			space.Weight = *s.Weight
		}
		spaces[s.ID] = space
	}
	return spaces
}
