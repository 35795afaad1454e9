// Package indexer takes documents in and keeps indexes level with the catalog.
//
// A document is validated and prepared outside any lock: split into passages, its
// sentences made comparable, embedded. One writer then commits what is queued to the
// catalog, brings the indexes there and publishes catalog revision, table and index
// readers together as one State, and only then acknowledges. A query pins a State, so
// that the legs of a search never look at different revisions.
package indexer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// Embedder turns text into vectors of one space.
type Embedder interface {
	// Embed returns one unit-length vector for each text, nil for a text that has none.
	Embed(ctx context.Context, texts []string) ([][]float32, error)
}

// Space declares what makes vectors comparable; vectors of two spaces are never compared.
type Space struct {
	ID         string
	Dimensions int
}

// Config is what an Indexer needs. Every field up to Log is required, but for Spaces.
type Config struct {
	Store    catalog.Store
	Keyword  Index
	Vector   Index
	Embedder Embedder
	Space    Space     // the Embedder's
	Spaces   []Space   // declared spaces of vectors that senders bring
	Scale    acl.Scale // the sensitivity labels documents may carry
	Log      *slog.Logger
	// Record makes the audit records of a mutation that the commit has applied.
	Record func(at catalog.Revision, by Actor, m catalog.Mutation, o catalog.Outcome) [][]byte
	// Committed is called after each commit, before anything of it is acknowledged.
	Committed func()
	// Own reports whether a space is one of the server's own, present or former, whose vectors
	// were made from the text of the passages. Documents of a former one are embedded anew. By
	// default, only Space is.
	Own func(space string) bool
	// Patience is how long a document waits for its vectors before it is taken in without
	// them; 0 = as long as it takes.
	Patience time.Duration
}

// Actor is who asked for a change, for its audit record.
type Actor struct{ User, App acl.Principal }

// Indexer is the one writer of a catalog and the publisher of its States.
type Indexer struct {
	Config
	queue chan *job
	done  chan struct{} // closed when the writer has ended
	stop  context.CancelFunc

	submitting sync.RWMutex // held shared while a job is queued
	closing    bool         // guarded by submitting: nothing more is queued

	mu      sync.Mutex // held while the catalog, the table or an index changes
	table   *Table
	keyword leg
	vector  leg
	closed  bool

	published publication
	rebuilds  sync.WaitGroup
	arrived   chan struct{}  // documents have come that wait for their vectors
	embedding sync.WaitGroup // the goroutine that sees to them
}

// ErrClosed is returned by calls on a closed Indexer.
var ErrClosed = errors.New("indexer: closed")

// Open reads the catalog, brings the indexes level with it and starts the writer. An
// index that was found empty or damaged is rebuilt in the background; Open waits until at
// least one can be searched.
func Open(ctx context.Context, c Config) (*Indexer, error) {
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	x := &Indexer{
		Config: c, queue: make(chan *job, 1024), done: make(chan struct{}), stop: stop,
		keyword: leg{name: "keyword", index: c.Keyword}, vector: leg{name: "vector", index: c.Vector},
		arrived: make(chan struct{}, 1),
	}
	if err := x.load(ctx); err != nil {
		stop()
		return nil, fmt.Errorf("opening the indexer: %w", err)
	}
	go x.write(run)
	x.embedding.Go(func() { x.embedLate(run) })
	return x, nil
}

// load builds the table and makes ready what can be made ready at once.
func (x *Indexer) load(ctx context.Context) error {
	start := time.Now()
	table := NewTable()
	table.waits = x.waits
	var page []catalog.Change
	flush := func(to catalog.Revision) {
		table, _ = table.With(page, to)
		page = page[:0]
	}
	for c, err := range x.Store.Changes(ctx, 0, catalog.Records) {
		if err != nil {
			return fmt.Errorf("reading the catalog: %w", err)
		}
		if page = append(page, c); len(page) == 4096 {
			flush(c.Revision)
		}
	}
	snapshot, err := x.Store.Snapshot(ctx, 0)
	if err != nil {
		return err
	}
	flush(snapshot.Revision())
	snapshot.Close()
	x.table = table
	x.Log.Info("catalog read", "revision", table.revision, "took", time.Since(start).Round(time.Millisecond))

	x.mu.Lock()
	defer x.mu.Unlock()
	legs := []*leg{&x.vector, &x.keyword}
	if x.vector.index.Revision() == 0 && x.keyword.index.Revision() > 0 {
		slices.Reverse(legs) // what is there first
	}
	for _, l := range legs {
		if l.index.Revision() == 0 && table.revision > 0 {
			if x.searchable() {
				continue // another leg can answer meanwhile: rebuilt in the background
			}
			x.Log.Warn("index rebuilding before anything is served", "index", l.name)
		}
		if err := x.level(ctx, l); err != nil {
			x.Log.Error("index discarded", "index", l.name, "error", err)
		}
	}
	for _, l := range legs {
		if !l.ready {
			x.rebuild(l)
		}
	}
	return x.publish(ctx)
}

// Close finishes what has been submitted, stops the writer and lets go of the published
// state. The store and the indexes stay open: they belong to whoever opened them.
func (x *Indexer) Close() error {
	x.submitting.Lock()
	x.closing = true
	x.submitting.Unlock()
	x.stop()
	<-x.done
	x.embedding.Wait()
	x.mu.Lock()
	x.closed = true // from here on, nobody begins a rebuild
	x.mu.Unlock()
	x.rebuilds.Wait()
	return x.published.close()
}
