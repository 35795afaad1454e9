package indexer

import (
	"context"
	"fmt"
	"time"

	"github.com/muniment/muniment/catalog"
)

// How much one commit takes in. One larger document goes alone.
const (
	commitPassages  = 1000
	commitBytes     = 8 << 20
	commitMutations = 4096
)

// job is one mutation on its way through the writer.
type job struct {
	mutation catalog.Mutation
	by       Actor
	outcome  catalog.Outcome
	at       catalog.Revision // the revision in which the outcome is in force
	err      error
	done     chan struct{}
}

// Ticket stands for a submitted mutation.
type Ticket struct{ job *job }

// Wait returns what became of the mutation, once it is durable and in force for every
// query that begins later, and the revision it is visible at.
func (t Ticket) Wait(ctx context.Context) (catalog.Outcome, catalog.Revision, error) {
	select {
	case <-t.job.done:
		return t.job.outcome, t.job.at, t.job.err
	case <-ctx.Done():
		return catalog.Outcome{}, 0, ctx.Err()
	}
}

// Submit queues a prepared mutation. Mutations submitted one after the other are applied
// in that order, but for access changes, which overtake content of other documents.
func (x *Indexer) Submit(ctx context.Context, by Actor, m catalog.Mutation) (Ticket, error) {
	j := &job{mutation: m, by: by, done: make(chan struct{})}
	select {
	case <-x.done:
		return Ticket{}, ErrClosed
	default:
	}
	select {
	case x.queue <- j:
		return Ticket{j}, nil
	case <-x.done:
		return Ticket{}, ErrClosed
	case <-ctx.Done():
		return Ticket{}, ctx.Err()
	}
}

// write is the one writer. There is no timer: an idle writer commits at once, and what
// queues behind a running commit shares the next.
func (x *Indexer) write(ctx context.Context) {
	defer close(x.done)
	var waiting []*job
	for {
		if len(waiting) == 0 {
			select {
			case j := <-x.queue:
				waiting = append(waiting, j)
			case <-ctx.Done():
				x.refuse(waiting)
				return
			}
		}
		waiting = x.drain(waiting)
		group, rest := take(waiting)
		x.commit(context.WithoutCancel(ctx), group)
		waiting = rest
	}
}

// drain adds what is queued right now, within what a few commits can take.
func (x *Indexer) drain(waiting []*job) []*job {
	for len(waiting) < 2*commitMutations {
		select {
		case j := <-x.queue:
			waiting = append(waiting, j)
		default:
			return waiting
		}
	}
	return waiting
}

// refuse answers what was submitted too late to be committed.
func (x *Indexer) refuse(waiting []*job) {
	for _, j := range x.drain(waiting) {
		j.err = ErrClosed
		close(j.done)
	}
}

// take splits off the jobs of the next commit. Access changes go first, so that a
// revocation does not wait behind a bulk load, but never past an earlier job on the same
// document: its content and access registers are independent, its notices are not.
func take(waiting []*job) (group, rest []*job) {
	earlier := map[catalog.DocumentID]bool{}
	var first, later []*job
	for _, j := range waiting {
		id, content := subject(j.mutation)
		if content {
			earlier[id] = true
		}
		if content || earlier[id] {
			later = append(later, j)
		} else {
			first = append(first, j)
		}
	}
	passages, bytes := 0, 0
	for i, j := range append(first, later...) {
		if put, ok := j.mutation.(catalog.PutDocument); ok {
			passages += len(put.Passages)
			bytes += len(put.Text)
		}
		if i > 0 && (passages > commitPassages || bytes > commitBytes || i >= commitMutations) {
			rest = append(rest, j)
			passages, bytes = commitPassages+1, 0 // the rest stays in order
			continue
		}
		group = append(group, j)
	}
	return group, rest
}

// subject is the document a mutation is about, if any, and whether it concerns content.
func subject(m catalog.Mutation) (id catalog.DocumentID, content bool) {
	switch m := m.(type) {
	case catalog.PutDocument:
		return m.Document.DocumentID, true
	case catalog.DeleteDocument:
		return m.Document, true
	case catalog.PutAccess:
		return m.Document, false
	default:
		return catalog.DocumentID{}, false
	}
}

// commit makes the group durable, brings the indexes and the published state there, and
// answers each job.
func (x *Indexer) commit(ctx context.Context, group []*job) {
	at, err := x.apply(ctx, group)
	if err != nil {
		x.Log.Error("commit failed", "mutations", len(group), "error", err)
	}
	for _, j := range group {
		j.at = at
		if err != nil {
			j.err = fmt.Errorf("committing: %w", err)
		}
		close(j.done)
	}
}

func (x *Indexer) apply(ctx context.Context, group []*job) (catalog.Revision, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	c := catalog.Commit{At: time.Now().UTC()}
	for _, j := range group {
		c.Mutations = append(c.Mutations, j.mutation)
	}
	if x.Record != nil {
		c.Record = func(at catalog.Revision, i int, o catalog.Outcome) []byte {
			return x.Record(at, group[i].by, group[i].mutation, o)
		}
	}
	done, err := x.Store.Commit(ctx, c)
	if err != nil {
		return 0, err
	}
	for i, o := range done.Outcomes {
		group[i].outcome = o
	}
	if done.Revision == x.table.revision {
		return done.Revision, nil // nothing changed
	}
	if x.Committed != nil {
		x.Committed()
	}
	return done.Revision, x.advance(ctx, done.Revision)
}

// advance brings the table, the ready indexes and the published state to the revision.
// x.mu is held. An index that fails is taken out of service, not the commit.
func (x *Indexer) advance(ctx context.Context, to catalog.Revision) error {
	var changes []catalog.Change
	for c, err := range x.Store.Changes(ctx, x.table.revision) {
		if err != nil {
			return fmt.Errorf("reading back the commit: %w", err)
		}
		changes = append(changes, c)
	}
	table, batch := x.table.With(changes, to)
	for _, l := range []*leg{&x.keyword, &x.vector} {
		if !l.ready {
			continue
		}
		if err := l.index.Apply(ctx, batch); err != nil {
			x.failed(l, err)
		}
	}
	x.table = table
	return x.publish(ctx)
}
