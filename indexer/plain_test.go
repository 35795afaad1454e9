package indexer_test

import (
	"context"
	"errors"
	"fmt"
	"hash/crc64"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// plain is the simplest index there is: a map. It keeps the contract of indexer.Index, notices
// when others do not, and fails when it is told to.
type plain struct {
	mu       sync.Mutex
	rows     map[catalog.Row]indexer.Entry
	revision catalog.Revision
	writing  bool
	broken   error // what went wrong with how it is used
	opened   int   // readers
	closed   int
	// before is called at the beginning of each call, named by its method, and may fail
	// it; nil does nothing.
	before func(method string) error
}

var _ indexer.Index = (*plain)(nil)

func newPlain() *plain { return &plain{rows: map[catalog.Row]indexer.Entry{}} }

func (p *plain) enter(method string) error {
	p.mu.Lock()
	before := p.before
	p.mu.Unlock()
	if before == nil {
		return nil
	}
	return before(method)
}

func (p *plain) onCall(before func(method string) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.before = before
}

// write runs fn as the one writer.
func (p *plain) write(method string, fn func()) error {
	p.mu.Lock()
	if p.writing {
		p.broken = errors.New(method + " was called while the index was being written to")
	}
	p.writing = true
	p.mu.Unlock()
	err := p.enter(method)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil {
		p.rows = maps.Clone(p.rows) // readers keep what they pinned
		fn()
	}
	p.writing = false
	return err
}

func (p *plain) Revision() catalog.Revision {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.revision
}

func (p *plain) Apply(_ context.Context, b indexer.Batch) error {
	return p.write("Apply", func() {
		for _, e := range b.Add {
			p.rows[e.Row] = e
		}
		for _, e := range b.Vectors {
			had, ok := p.rows[e.Row]
			if !ok || e.Text != "" {
				p.broken = fmt.Errorf("row %d is given a vector, and the index has it: %t, and text: %q", e.Row, ok, e.Text)
			}
			had.Space, had.Vector = e.Space, e.Vector
			p.rows[e.Row] = had
		}
		for _, row := range b.Remove {
			delete(p.rows, row)
		}
		p.revision = b.To
	})
}

func (p *plain) Retain(_ context.Context, keep func(catalog.Row) bool) error {
	return p.write("Retain", func() {
		maps.DeleteFunc(p.rows, func(row catalog.Row, _ indexer.Entry) bool { return !keep(row) })
	})
}

func (p *plain) Reset(context.Context) error {
	return p.write("Reset", func() { p.rows, p.revision = map[catalog.Row]indexer.Entry{}, 0 })
}

func (p *plain) Close() error { return nil }

func (p *plain) Reader(context.Context) (indexer.Reader, error) {
	if err := p.enter("Reader"); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.opened++
	return &plainReader{index: p, rows: p.rows, revision: p.revision}, nil
}

// held is the rows of the index, in order.
func (p *plain) held() []catalog.Row {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Sorted(maps.Keys(p.rows))
}

// check fails the test if the index was misused or a reader is not closed exactly once.
func (p *plain) check(t *testing.T) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.broken != nil {
		t.Error(p.broken)
	}
	if p.opened != p.closed {
		t.Errorf("%d readers opened, %d closed", p.opened, p.closed)
	}
}

type plainReader struct {
	index    *plain
	rows     map[catalog.Row]indexer.Entry
	revision catalog.Revision
	closed   bool // guarded by index.mu
}

func (r *plainReader) Revision() catalog.Revision { return r.revision }

func (r *plainReader) Close() error {
	r.index.mu.Lock()
	defer r.index.mu.Unlock()
	if r.closed {
		r.index.broken = errors.New("a reader was closed twice")
	}
	r.closed = true
	r.index.closed++
	return nil
}

// Search finds the passages that hold the query's text.
func (r *plainReader) Search(_ context.Context, view *indexer.Visible, q indexer.Query, limit int) ([]indexer.Hit, error) {
	if err := r.index.enter("Search"); err != nil {
		return nil, err
	}
	r.index.mu.Lock()
	defer r.index.mu.Unlock()
	if r.closed {
		r.index.broken = errors.New("a closed reader was searched")
	}
	var hits []indexer.Hit
	for row, e := range r.rows {
		if view.Has(row) && strings.Contains(e.Text, q.Text) {
			hits = append(hits, indexer.Hit{Row: row, Score: 1})
		}
	}
	slices.SortFunc(hits, func(a, b indexer.Hit) int { return view.Compare(a.Row, b.Row) })
	return hits[:min(limit, len(hits))], nil
}

// Contents says what the index holds: the digest of a row is that of its text.
func (r *plainReader) Contents(context.Context) iter.Seq2[indexer.Content, error] {
	return func(yield func(indexer.Content, error) bool) {
		if err := r.index.enter("Contents"); err != nil {
			yield(indexer.Content{}, err)
			return
		}
		for row, e := range r.rows {
			digest, _ := r.Digest(e)
			if !yield(indexer.Content{Row: row, Digest: digest}, nil) {
				return
			}
		}
	}
}

// Digest holds every entry with a text.
func (r *plainReader) Digest(e indexer.Entry) (digest uint64, held bool) {
	return crc64.Checksum([]byte(e.Text), crc64.MakeTable(crc64.ECMA)), e.Text != ""
}

// only returns a before that calls fn for one method.
func only(method string, fn func() error) func(string) error {
	return func(called string) error {
		if called != method {
			return nil
		}
		return fn()
	}
}

// unit embeds every text as a vector of two dimensions that depends on its length.
type unit struct{}

func (unit) Embed(_ context.Context, texts []string) ([][]float32, error) {
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		vectors[i] = [][]float32{{1, 0}, {0, 1}}[len(text)%2]
	}
	return vectors, nil
}

var spaces = []indexer.Space{{ID: "unit/2", Dimensions: 2}, {ID: "other/2", Dimensions: 2}, {ID: "wide/3", Dimensions: 3}}

// config is all an Indexer needs, on these parts.
func config(store catalog.Store, words, vectors indexer.Index) indexer.Config {
	return indexer.Config{
		Store: store, Keyword: words, Vector: vectors, Embedder: unit{}, Space: spaces[0], Spaces: spaces,
		Scale: acl.DefaultScale, Log: slog.New(slog.DiscardHandler),
	}
}
