package audit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A checkpoint is signed at the latest this long or this many leaves after the last one, while there is news.
const (
	checkpointEvery  = time.Second
	checkpointLeaves = 1000
)

// Errors of a log's life.
var (
	// ErrUnwritable says that a write failed once: nothing can be appended until the log is opened anew.
	ErrUnwritable = errors.New("audit: log is unwritable")
	// ErrFull says that records did not fit on the disk: none of them is in the log, and the
	// log goes on as soon as there is room.
	ErrFull   = errors.New("audit: the disk is full: nothing was recorded")
	ErrClosed = errors.New("audit: log is closed")
	// ErrUncertain says that nobody waited for a record, which is in the log or about to be, unless the log fails.
	ErrUncertain = errors.New("audit: the record may be in the log")
)

// Config says whose log it is. Origin, Signer and Verifier are required.
type Config struct {
	Origin   string        // C2SP origin line: the log's name, without spaces, at most 255 bytes
	Signer   note.Signer   // signs checkpoints
	Verifier note.Verifier // verifies what Signer signs
	// Public is Verifier in the encoding of signed notes. It is required with Earlier.
	Public string
	// Earlier are the keys that signed the log before Signer. If one of them still does, Open
	// hands the log over, with a record that both keys sign.
	Earlier []Key
	// Saved is a checkpoint of this log that was kept elsewhere. With it Open notices a storage
	// that was rolled back as a whole, checkpoint included. Nil means that none is at hand.
	Saved []byte
	// Signed is told of every checkpoint once it is saved, the newest one by Open too, so that it
	// can be kept elsewhere. It runs on the writer and must not wait. Optional.
	Signed func(checkpoint []byte)
	// Shelf keeps what Find looks records up in. Optional: without one it is kept in memory.
	Shelf Shelf
}

// Entry is a record's place in the log.
type Entry struct {
	Index int64     // from 0
	Leaf  tlog.Hash // leaf hash; what inclusion proofs prove
}

// Log is an open audit log. Its methods may be called from any number of goroutines.
//
// The simple log would encode, write, sync and return under one mutex: correct, and as slow as one
// disk flush per record. Instead callers encode and salt their records on their own goroutine,
// join a queue, and wait. One goroutine, the writer, owns storage, tree and signing:
//
//	writer: take all that is queued → storage.Append, one sync → publish size → wake the callers
//
// An idle log syncs at once; what arrives during a sync shares the next. Invariants: a log index is
// given in queue order; size and outbox are published only after the sync; only the writer signs,
// and only what is published; after the first error nothing is written or signed any more. One error
// is none of these: for want of room (ErrFull) a group is refused, and the log is as it was before it.
type Log struct {
	storage  Storage
	config   Config
	asks     chan func() // run by the writer between two groups
	wake     chan struct{}
	quit     chan struct{}
	ended    chan struct{}
	poisoned chan struct{} // closed once failed is set
	register *register

	mu         sync.Mutex
	queue      []*request
	nextOutbox uint64 // highest sequence queued or written
	size       int64  // durable entries
	outbox     uint64 // highest durable sequence
	failed     error  // poison; wraps ErrUnwritable
	closed     bool

	// Owned by the writer.
	tree       Tree
	signed     Checkpoint
	signedNote []byte
	news       time.Time // when the first leaf after signed was added; zero if there is none
	refused    time.Time // when there was last no room for a checkpoint
	unsigned   error     // why the last checkpoint of all could not be signed
}

// request is what one call of Append waits for.
type request struct {
	stored  []Stored
	about   []mention // of what the records are about; indexes count from the first of them
	entries []Entry
	done    chan struct{} // closed when entries or err is set
	err     error
}

// Size returns the number of durable records.
func (l *Log) Size() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.size
}

// Outbox returns the highest outbox sequence among the durable records, 0 if there is none. Who
// drains the outbox after a crash starts above it.
func (l *Log) Outbox() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.outbox
}

// Err returns nil while the log accepts records, else an error that wraps ErrUnwritable or ErrClosed.
func (l *Log) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refusal()
}

// Failed returns a channel that is closed once the log is unwritable, as Err then says.
func (l *Log) Failed() <-chan struct{} { return l.poisoned }

// refusal is Err with mu held.
func (l *Log) refusal() error {
	if l.failed != nil {
		return l.failed
	}
	if l.closed {
		return ErrClosed
	}
	return nil
}

// Close writes what is queued, signs a last checkpoint and ends the log. It does not close the
// storage. It returns the error that made the log unwritable, if one did, or why the checkpoint
// could not be signed: the records are durable all the same, and the next Open goes on from them.
func (l *Log) Close() error {
	l.mu.Lock()
	if !l.closed {
		l.closed = true
		close(l.quit)
	}
	l.mu.Unlock()
	<-l.ended
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed != nil {
		return l.failed
	}
	return l.unsigned
}

// ask runs f on the writer and waits for it or for ctx.
func (l *Log) ask(ctx context.Context, f func() error) error {
	done := make(chan error, 1)
	select {
	case l.asks <- func() { done <- f() }:
	case <-ctx.Done():
		return ctx.Err()
	case <-l.ended:
		return l.Err()
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Checkpoint returns a signed note of a tree that holds every record durable before the call. It is
// saved before it is returned.
func (l *Log) Checkpoint(ctx context.Context) ([]byte, error) {
	var msg []byte
	err := l.ask(ctx, func() error {
		err := l.sign()
		msg = l.signedNote
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("signing a checkpoint: %w", err)
	}
	return append([]byte(nil), msg...), nil
}
