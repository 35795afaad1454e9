package indexer

import (
	"context"
	"errors"
	"time"

	"github.com/muniment/muniment/catalog"
)

// leg is one index on its way to being level with the catalog. Once ready, the writer
// keeps it level with every commit. Until then a rebuild feeds it beside the writer, and
// only its last step, which closes the gap to the newest commit, holds the writer up.
type leg struct {
	name  string
	index Index
	// Guarded by Indexer.mu.
	ready  bool
	builds int // how often it became ready
}

// rebuildBatch is how many passages are applied at a time.
const rebuildBatch = 1000

func (x *Indexer) searchable() bool { return x.keyword.ready || x.vector.ready }

// ErrIndexFailed is returned by a search in an index that turned out to be damaged. The
// index is then rebuilt; until that is done no State has it.
var ErrIndexFailed = errors.New("indexer: the index failed and is being rebuilt")

// watched is a published reader that takes its leg out of service if a search fails for a
// reason that is not the caller's.
type watched struct {
	Reader
	failed func(error)
}

// Search implements Reader. Its errors are the context's, ErrTooManyTerms and
// ErrIndexFailed.
func (w watched) Search(ctx context.Context, view *Visible, q Query, limit int) ([]Hit, error) {
	hits, err := w.Reader.Search(ctx, view, q, limit)
	switch {
	case err == nil || errors.Is(err, ErrTooManyTerms):
		return hits, err
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	w.failed(err)
	return nil, errors.Join(ErrIndexFailed, err)
}

// watch wraps a reader of the leg as it is built now.
func (x *Indexer) watch(l *leg, r Reader) Reader {
	build := l.builds
	return watched{r, func(err error) {
		go func() { // the searcher pins a state, and must not wait for the writer
			x.mu.Lock()
			defer x.mu.Unlock()
			if !x.closed && l.ready && l.builds == build {
				x.failed(l, err)
				if err := x.publish(context.Background()); err != nil {
					x.Log.Error("publishing without a failed index", "error", err)
				}
			}
		}()
	}}
}

// failed takes a leg out of service and rebuilds it. x.mu is held.
func (x *Indexer) failed(l *leg, err error) {
	x.Log.Error("index failed, rebuilding it", "index", l.name, "error", err)
	l.ready = false
	x.rebuild(l)
}

// rebuild feeds the leg in the background until it is ready. x.mu is held, l is not
// ready, and no other rebuild of it runs.
func (x *Indexer) rebuild(l *leg) {
	ctx, stop := context.WithCancel(context.Background())
	x.rebuilds.Add(2)
	go func() {
		defer x.rebuilds.Done()
		defer stop()
		select {
		case <-x.done:
		case <-ctx.Done():
		}
	}()
	go func() {
		defer x.rebuilds.Done()
		defer stop()
		start := time.Now()
		x.Log.Warn("index rebuilding", "index", l.name)
		for wait := 100 * time.Millisecond; ; wait = min(2*wait, time.Minute) {
			err := x.rebuildOnce(ctx, l)
			if err == nil {
				x.Log.Info("index rebuilt", "index", l.name, "took", time.Since(start).Round(time.Millisecond))
				return
			}
			if ctx.Err() != nil {
				return
			}
			x.Log.Error("index rebuild failed, trying again", "index", l.name, "in", wait, "error", err)
			select {
			case <-time.After(wait):
			case <-ctx.Done():
				return
			}
		}
	}()
}

func (x *Indexer) rebuildOnce(ctx context.Context, l *leg) error {
	if err := l.index.Reset(ctx); err != nil {
		return err
	}
	// failpoint: indexer/rebuild-reset
	if err := x.feed(ctx, l); err != nil { // the bulk, while commits go on
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	// failpoint: indexer/rebuild-fed
	if err := x.level(ctx, l); err != nil {
		return err
	}
	// failpoint: indexer/rebuild-level
	err := x.publish(ctx)
	if err != nil {
		l.ready = false // the next attempt resets it, so the writer must leave it alone
	}
	return err
}

// level feeds the leg what it lacks, drops what is no longer live, and declares it ready.
// x.mu is held, so that no commit comes in between.
func (x *Indexer) level(ctx context.Context, l *leg) error {
	if l.index.Revision() > x.table.revision {
		if err := l.index.Reset(ctx); err != nil { // of another catalog, or of a lost future
			return err
		}
	}
	if err := x.feed(ctx, l); err != nil {
		return err
	}
	// failpoint: indexer/before-retain
	if err := l.index.Retain(ctx, x.table.Live); err != nil {
		return err
	}
	// failpoint: indexer/retained
	l.ready = true
	l.builds++
	return nil
}

// feed applies the catalog's changes after the index's revision, up to the newest. Rows
// that died meanwhile are not removed: Retain does that.
//
// Only the last batch takes the index to another revision. One in the middle must not take
// it to the revision of its last change, though everything up to there has been told: of a
// document that got its content before that revision and its policy after it, nothing has,
// and whoever went on from that revision would be told of the policy alone. So a process
// that ends in the middle leaves an index that is fed again from where it began.
func (x *Indexer) feed(ctx context.Context, l *leg) error {
	from := l.index.Revision()
	batch, to := Batch{To: from}, from
	for c, err := range x.Store.Changes(ctx, from, catalog.Contents) {
		if err != nil {
			return err
		}
		if len(batch.Add)+len(batch.Vectors) >= rebuildBatch {
			if err := l.index.Apply(ctx, batch); err != nil {
				return err
			}
			// failpoint: indexer/feeding
			batch = Batch{To: from}
		}
		to = c.Revision
		if d := c.Document; d != nil && d.Document.State == catalog.Present {
			batch.add(d, d.Document.ContentAt <= from)
		}
	}
	if batch.To = to; to == from {
		return nil
	}
	return l.index.Apply(ctx, batch)
}

// add tells an index about a document's passages. Of a document that it has, the vectors
// alone are new.
func (b *Batch) add(d *catalog.DocumentChange, has bool) {
	for _, p := range d.Passages {
		e := Entry{Row: p.Row, Space: d.Document.VectorSpace, Vector: p.Vector}
		if has {
			b.Vectors = append(b.Vectors, e)
			continue
		}
		e.Text = searchable(d.Document.Title, p)
		b.Add = append(b.Add, e)
	}
}
