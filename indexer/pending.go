package indexer

import (
	"context"
	"fmt"
	"iter"
	"math/bits"
	"math/rand/v2"
	"time"

	"github.com/muniment/muniment/catalog"
)

// How documents that wait for their vectors are seen to.
const (
	lateDocuments = 64  // embedded at once, at most
	latePassages  = 256 // embedded at once, or those of one larger document
	firstRetry    = time.Second
	lastRetry     = 30 * time.Second // of the embedder
	lastAlone     = time.Hour        // of a document that cannot be embedded although others can
	lateTime      = 2 * time.Minute  // for an answer of the embedder, and as much again for each 60 passages
)

// embedder is the actor of what embedLate commits.
var embedder = Actor{App: "service:embedder"}

// waits reports whether a present document waits for vectors of the server's own space:
// it was taken in without, or its vectors are of a space that was the server's own before.
// Vectors that a sender brought in a declared space are left alone.
func (x *Indexer) waits(d *catalog.Document) bool {
	return d.Pending || d.VectorSpace != "" && d.VectorSpace != x.Space.ID && x.Own != nil && x.Own(d.VectorSpace)
}

// Waiting is how many documents wait for their vectors, whoever may read them.
func (x *Indexer) Waiting() int {
	if t := x.published.table(); t != nil {
		return t.waiting
	}
	return 0
}

// backlog is how embedLate gets on.
//
// Embedding everything that waits, and trying again when that fails, is the simple version:
// one document that the embedder cannot digest would keep all others waiting. So after a
// failure documents go one by one, and in growing groups again as long as that succeeds.
// One that fails alone, right after the embedder was seen to work, is put aside for a time
// of its own. An embedder that does not work is asked for one short text, at growing
// intervals, and no document is blamed.
type backlog struct {
	*Indexer
	size     int // documents that are taken at once
	failures int // in a row
	aside    map[catalog.DocumentID]attempt
}

// attempt is a document that could not be embedded alone.
type attempt struct {
	version int64
	n       int // how often in a row
	due     time.Time
}

// embedLate gives documents the vectors that they wait for, until ctx ends. What waits
// stands in the catalog, so it goes on where it was after a restart.
func (x *Indexer) embedLate(ctx context.Context) {
	b := &backlog{Indexer: x, size: lateDocuments, aside: map[catalog.DocumentID]attempt{}}
	for ctx.Err() == nil {
		pause, err := b.round(ctx)
		if err != nil && ctx.Err() == nil {
			x.Log.Debug("documents go on waiting for their vectors", "waiting", x.Waiting(), "error", err)
		}
		var woken <-chan struct{} // by nothing, after a failure
		if err == nil && pause != 0 {
			woken = x.arrived
		}
		select {
		case <-woken:
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// idle is the pause if nothing waits.
const idle = time.Hour

// round embeds some of what waits, and says how long to pause.
func (b *backlog) round(ctx context.Context) (pause time.Duration, err error) {
	if b.Waiting() == 0 {
		clear(b.aside)
		return idle, nil
	}
	if b.failures > 0 { // does the embedder work at all?
		if _, err := b.late(ctx, []string{"muniment"}); err != nil {
			return b.failed(), err
		}
	}
	documents, err := b.collect(ctx)
	if err != nil {
		return b.failed(), err
	}
	if len(documents) == 0 {
		return b.next(), nil
	}
	if err := b.embedAll(ctx, documents); err != nil {
		if d := documents[0].Document; len(documents) == 1 && b.failures > 0 {
			n := b.aside[d.DocumentID].n
			b.aside[d.DocumentID] = attempt{d.Version, n + 1, time.Now().Add(retry(n+1, lastAlone))}
		}
		b.size = 1
		return b.failed(), err
	}
	for _, d := range documents {
		delete(b.aside, d.Document.DocumentID)
	}
	b.failures, b.size = 0, min(2*b.size, lateDocuments)
	return 0, nil
}

// late embeds texts in the background, in a time that no embedder needs that works.
func (b *backlog) late(ctx context.Context, texts []string) ([][]float32, error) {
	ctx, cancel := context.WithTimeout(ctx, lateTime*time.Duration(1+len(texts)/60))
	defer cancel()
	return b.vectors(ctx, texts)
}

func (b *backlog) failed() time.Duration {
	b.failures++
	return retry(b.failures, lastRetry)
}

// retry is a random time before the attempt after n failures, up to a bound that doubles
// (full jitter), but not nothing.
func retry(n int, longest time.Duration) time.Duration {
	bound := min(firstRetry<<min(n-1, 20), longest)
	return bound/100 + rand.N(bound)
}

// next is how long it takes until the first document that was put aside is due.
func (b *backlog) next() time.Duration {
	pause := lastRetry
	for _, a := range b.aside {
		pause = min(pause, time.Until(a.due))
	}
	return max(pause, firstRetry/10)
}

// setAside reports whether this version of the document was put aside, and whether it is
// due again.
func (b *backlog) setAside(d catalog.DocumentID, version int64) (aside, due bool) {
	a, ok := b.aside[d]
	if !ok || a.version != version {
		return false, false
	}
	return true, !time.Now().Before(a.due)
}

// collect reads the next documents that wait, those put aside alone and after all others.
// It walks the catalog's changes from the first that matters, and holds on to them no
// longer than it takes to read a group.
func (b *backlog) collect(ctx context.Context) (list []*catalog.DocumentChange, err error) {
	from, found := catalog.Revision(0), false
	for e := range b.published.table().waiters() {
		if aside, due := b.setAside(e.DocumentID, e.version); aside && !due {
			continue
		}
		if at := max(e.contentAt, e.vectorsAt); !found || at < from {
			from, found = at, true
		}
	}
	if !found {
		return nil, nil
	}
	var retried *catalog.DocumentChange // one that was put aside and is due
	passages := 0
	for c, err := range b.Store.Changes(ctx, from-1, catalog.Contents) {
		if err != nil {
			return nil, fmt.Errorf("reading what waits for vectors: %w", err)
		}
		d := c.Document
		if d == nil || d.Document.State != catalog.Present || len(d.Passages) == 0 || !b.waits(&d.Document) {
			continue
		}
		if aside, due := b.setAside(d.Document.DocumentID, d.Document.Version); aside {
			if due && retried == nil {
				retried = d
			}
			continue
		}
		if passages += len(d.Passages); len(list) > 0 && passages > latePassages {
			break
		}
		if list = append(list, d); len(list) == b.size {
			break
		}
	}
	if len(list) == 0 && retried != nil {
		list = append(list, retried)
	}
	return list, nil
}

// embedAll embeds the documents together and commits their vectors. One that has changed
// meanwhile is no failure.
func (b *backlog) embedAll(ctx context.Context, documents []*catalog.DocumentChange) error {
	var texts []string
	for _, d := range documents {
		for _, p := range d.Passages {
			texts = append(texts, searchable(d.Document.Title, p))
		}
	}
	vectors, err := b.late(ctx, texts)
	if err != nil {
		return err
	}
	var tickets []Ticket
	for _, d := range documents {
		n := len(d.Passages)
		t, err := b.Submit(ctx, embedder, catalog.PutVectors{
			Document: d.Document.DocumentID, Version: d.Document.Version, Space: b.Space.ID, Vectors: vectors[:n:n],
		}, catalog.Request{})
		if err != nil {
			return err
		}
		tickets, vectors = append(tickets, t), vectors[n:]
	}
	for _, t := range tickets {
		if _, _, err := t.Wait(ctx); err != nil {
			return fmt.Errorf("storing vectors: %w", err)
		}
	}
	return nil
}

// waiters yields the documents that wait for their vectors.
func (t *Table) waiters() iter.Seq[*entry] {
	return func(yield func(*entry) bool) {
		for _, c := range t.cells {
			if c == nil {
				continue
			}
			for i, word := range c.waiting {
				for ; word != 0; word &= word - 1 {
					if cell := c.cells[i*64+bits.TrailingZeros64(word)]; cell.ordinal == 0 && !yield(cell.entry) {
						return
					}
				}
			}
		}
	}
}
