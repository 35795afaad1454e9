package indexer

import (
	"context"
	"errors"
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
	request  catalog.Request
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
// in that order, but for a document's change of access, which overtakes content of other
// documents. The zero Request is not remembered. What Submit accepted is answered, also
// when Close comes next.
func (x *Indexer) Submit(ctx context.Context, by Actor, m catalog.Mutation, r catalog.Request) (Ticket, error) {
	x.submitting.RLock() // Close waits for the submissions under way
	defer x.submitting.RUnlock()
	if x.closing {
		return Ticket{}, ErrClosed
	}
	j := &job{mutation: m, by: by, request: r, done: make(chan struct{})}
	select {
	case x.queue <- j:
		return Ticket{j}, nil
	case <-ctx.Done():
		return Ticket{}, ctx.Err()
	}
}

// write is the one writer. There is no timer: an idle writer commits at once, and what
// queues behind a running commit shares the next.
func (x *Indexer) write(ctx context.Context) {
	defer close(x.done)
	for {
		select {
		case j := <-x.queue:
			x.commitAll([]*job{j})
		case <-ctx.Done():
			x.commitAll(nil)
			return
		}
	}
}

// commitAll commits what waits and what is queued until nothing is.
func (x *Indexer) commitAll(waiting []*job) {
	for waiting = x.drain(waiting); len(waiting) > 0; waiting = x.drain(waiting) {
		var group []*job
		group, waiting = take(waiting)
		x.commit(context.Background(), group)
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

// take splits off the jobs of the next commit. A document's change of access goes first,
// so that a revocation does not wait behind a bulk load; but it overtakes only content of
// other documents. Changes of groups and containers overtake nothing and are overtaken by
// no change of access: they decide about many documents, and before a line that closes,
// rewrites or deletes one of these they would for a moment put a state in force that no
// sender's order has.
func take(waiting []*job) (group, rest []*job) {
	contents := map[catalog.DocumentID]bool{}
	held := false // behind a group or container
	var first, later []*job
	for _, j := range waiting {
		id, content := subject(j.mutation)
		if _, access := j.mutation.(catalog.PutAccess); access && !held && !contents[id] {
			first = append(first, j)
			continue
		}
		later = append(later, j)
		contents[id] = contents[id] || content
		held = held || id == catalog.DocumentID{}
	}
	passages, bytes := 0, 0
	for i, j := range append(first, later...) {
		switch put := j.mutation.(type) {
		case catalog.PutDocument:
			passages += len(put.Passages)
			bytes += len(put.Text)
		case catalog.PutVectors:
			passages += len(put.Vectors)
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
	case catalog.SeeDocument:
		return m.Document, true
	case catalog.PutVectors:
		return m.Document, true
	case catalog.VerifyDocument:
		return m.Document, true
	case catalog.SettleConflict:
		return m.First, true
	case catalog.PutAccess:
		return m.Document, false
	default:
		return catalog.DocumentID{}, false
	}
}

// commit makes the group durable, brings the indexes and the published state there, and
// answers each job. Content for which there is no room does not hold up the rest.
func (x *Indexer) commit(ctx context.Context, group []*job) {
	at, err := x.apply(ctx, group)
	if errors.Is(err, catalog.ErrFull) {
		if contents, rest := contents(group); len(contents) > 0 && len(rest) > 0 {
			x.answer(contents, 0, err)
			group = rest
			at, err = x.apply(ctx, group)
		}
	}
	x.answer(group, at, err)
}

// contents parts the jobs that bring content from the others.
func contents(group []*job) (contents, rest []*job) {
	for _, j := range group {
		switch j.mutation.(type) {
		case catalog.PutDocument, catalog.PutVectors:
			contents = append(contents, j)
		default:
			rest = append(rest, j)
		}
	}
	return contents, rest
}

// answer says to each job what became of it.
func (x *Indexer) answer(group []*job, at catalog.Revision, err error) {
	if err != nil {
		x.Log.Error("commit failed", "mutations", len(group), "error", err)
	}
	// failpoint: indexer/before-acknowledge
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
		c.Mutations, c.Requests = append(c.Mutations, j.mutation), append(c.Requests, j.request)
	}
	if x.Record != nil {
		c.Record = func(at catalog.Revision, i int, o catalog.Outcome) [][]byte {
			return x.Record(at, group[i].by, group[i].mutation, o)
		}
	}
	done, err := x.Store.Commit(ctx, c)
	if err != nil {
		return 0, err
	}
	// failpoint: indexer/committed
	for i, o := range done.Outcomes {
		group[i].outcome = o
	}
	switch {
	case done.Revision == x.published.revision():
		return done.Revision, nil // nothing changed
	case done.Revision == x.table.revision:
		return done.Revision, x.publish(ctx) // changed before, but not yet in force
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
	for c, err := range x.Store.Changes(ctx, x.table.revision, catalog.Contents) {
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
		// failpoint: indexer/before-apply
		if err := l.index.Apply(ctx, batch); err != nil {
			x.failed(l, err)
		}
	}
	// failpoint: indexer/applied
	x.table = table
	return x.publish(ctx)
}
