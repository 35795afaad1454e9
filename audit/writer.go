package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// errInconsistent says that the stored tree no longer contains the tree signed last.
var errInconsistent = errors.New("stored tree is inconsistent with the last checkpoint")

// write is the writer's life: groups as they come, a checkpoint when it is due.
func (l *Log) write() {
	defer close(l.ended)
	due := time.NewTimer(checkpointEvery)
	defer due.Stop()
	for {
		select {
		case <-l.wake:
			l.group()
		case f := <-l.asks:
			f()
		case <-due.C:
		case <-l.quit:
			l.group()
			l.unsigned = l.sign()
			return
		}
		if l.news.IsZero() {
			continue
		}
		wait := checkpointEvery - time.Since(l.news)
		if l.tree.Size()-l.signed.N >= checkpointLeaves {
			wait = 0
		}
		wait = max(wait, checkpointEvery-time.Since(l.refused))
		if wait <= 0 {
			if l.sign() == nil {
				continue
			}
			wait = checkpointEvery
		}
		due.Reset(wait)
	}
}

// group writes all that is queued in one batch, publishes it and wakes those who wait.
func (l *Log) group() {
	l.mu.Lock()
	queue, err := l.queue, l.failed
	l.queue = nil
	l.mu.Unlock()
	if len(queue) == 0 {
		return
	}
	var outbox uint64
	if err == nil {
		outbox, err = l.append(queue)
	}
	l.mu.Lock()
	switch {
	case err == nil:
		l.size, l.outbox = l.tree.Size(), outbox
	case errors.Is(err, ErrFull):
		// What came meanwhile is refused too: it may carry on from outbox sequences of this group.
		queue = append(queue, l.queue...)
		l.queue, l.nextOutbox = nil, l.outbox
	case l.failed == nil:
		err = l.poison(err)
	}
	l.mu.Unlock()
	// failpoint: audit/before-wake
	for _, q := range queue {
		q.err = err
		close(q.done)
	}
}

// append makes one batch of the queue durable. After ErrFull the tree is what it was. After another
// error it is ahead of the storage; the log is poisoned then, and nobody reads the tree again.
func (l *Log) append(queue []*request) (outbox uint64, err error) {
	before := l.tree.clone()
	b := Batch{First: l.tree.Size()}
	records, mentions := 0, 0
	for _, q := range queue {
		records, mentions = records+len(q.stored), mentions+len(q.about)
	}
	b.Entries = make([]Stored, 0, records)
	b.Hashes = make([]tlog.Hash, 0, tlog.StoredHashCount(b.First+int64(records))-tlog.StoredHashCount(b.First))
	about := make([]mention, 0, mentions)
	for _, q := range queue {
		for _, m := range q.about {
			about = append(about, mention{m.hash, l.tree.Size() + m.index})
		}
		for i := range q.stored {
			q.entries[i].Index = l.tree.Size()
			q.stored[i].Index = l.tree.Size()
			b.Hashes = l.tree.Add(q.entries[i].Leaf, b.Hashes)
		}
		b.Entries = append(b.Entries, q.stored...)
	}
	// Not under a caller's context: one caller's deadline must not fail the others' records.
	if err := l.storage.Append(context.Background(), b); err != nil {
		if errors.Is(err, ErrFull) {
			l.tree = before
		}
		return 0, err
	}
	if l.news.IsZero() {
		l.news = time.Now()
	}
	l.register.add(b.First, int64(records), about)
	return b.Entries[len(b.Entries)-1].Outbox, nil
}

// poison makes err the reason why nothing is written any more. mu is held.
func (l *Log) poison(err error) error {
	if l.failed == nil {
		l.failed = fmt.Errorf("%w: %w", ErrUnwritable, err)
		close(l.poisoned)
	}
	return l.failed
}

// sign signs the tree as it is and saves the checkpoint, unless the last one says the same already.
// It runs on the writer. An error poisons the log: records without checkpoints are no evidence. For
// want of room it is tried again soon.
func (l *Log) sign() error {
	l.mu.Lock()
	err := l.failed
	l.mu.Unlock()
	if err != nil {
		return err
	}
	if l.signedNote != nil && l.tree.Size() == l.signed.N {
		return nil
	}
	if err := l.checkpoint(); errors.Is(err, ErrFull) {
		l.refused = time.Now()
		return fmt.Errorf("saving a checkpoint: %w", err)
	} else if err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.poison(fmt.Errorf("saving a checkpoint: %w", err))
	}
	l.news = time.Time{}
	return nil
}

func (l *Log) checkpoint() error {
	ctx := context.Background()
	next := Checkpoint{Origin: l.config.Origin, Tree: tlog.Tree{N: l.tree.Size(), Hash: l.tree.Root()}}
	// The tree in memory grew from the signed one. What is on disk, and what others will be shown
	// proofs from, is a second witness: sign only where both agree.
	if err := extends(ctx, l.storage, next.Tree, l.signed.Tree); err != nil {
		return err
	}
	msg, err := note.Sign(&note.Note{Text: next.text()}, l.config.Signer)
	if err != nil {
		return err
	}
	// A signer whose key is not the configured verifier's would write checkpoints that Open refuses.
	if _, err := OpenCheckpoint(msg, note.VerifierList(l.config.Verifier)); err != nil {
		return err
	}
	// failpoint: audit/before-checkpoint
	if err := l.storage.Append(ctx, Batch{First: next.N, Checkpoint: msg}); err != nil {
		return err
	}
	l.signed, l.signedNote = next, msg
	l.tell()
	return nil
}

// tell says what the newest checkpoint is.
func (l *Log) tell() {
	if l.config.Signed != nil {
		l.config.Signed(slices.Clone(l.signedNote))
	}
}

// extends returns nil if the stored hashes lead from the old tree to the next one.
func extends(ctx context.Context, s Reader, next, old tlog.Tree) error {
	if old.N == 0 {
		return nil // every tree extends the empty one
	}
	if old.N > next.N {
		return errInconsistent
	}
	proof, err := tlog.ProveTree(next.N, old.N, hashReader(ctx, s))
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(proof, next.N, next.Hash, old.N, old.Hash); err != nil {
		return errInconsistent
	}
	return nil
}

// hashReader adapts a storage to tlog, which has no context, and asks for nothing when nothing is needed.
func hashReader(ctx context.Context, s Reader) tlog.HashReaderFunc {
	return func(indexes []int64) ([]tlog.Hash, error) {
		if len(indexes) == 0 {
			return nil, nil
		}
		return s.Hashes(ctx, indexes)
	}
}
