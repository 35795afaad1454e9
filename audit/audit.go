// Package audit appends to a tamper-evident log, signs checkpoints of it and verifies it.
//
// The log is a Merkle tree (RFC 6962, golang.org/x/mod/sumdb/tlog) over salted commitments; its
// size and root are signed as C2SP checkpoints, which are signed notes. A record's body and salt
// lie beside the tree, so that a body can be erased while every proof stays valid.
//
// What the log promises: what Append returned for is durable, and any alteration, deletion,
// reordering, truncation or fork of the records up to a checkpoint that somebody kept is found by
// Verify, without trusting the server. What it cannot promise: records after the newest checkpoint
// (at most a second's worth) are protected by the disk alone, a whole directory rolled back is only
// found with a checkpoint kept elsewhere, and whoever holds the signing key can write a second log.
package audit

import (
	"context"
	"fmt"
	"iter"

	"golang.org/x/mod/sumdb/tlog"
)

// Stored is one entry as a storage keeps it.
type Stored struct {
	Index      int64    // place in the log, from 0
	Commitment [32]byte // what the tree holds; kept for ever
	Outbox     uint64   // highest outbox sequence of this entry and all before it
	Salt       [32]byte // zero when erased
	Body       []byte   // canonical JSON of the Record; nil when erased
	Erased     bool     // an explicit erasure marker stands in place of salt and body
}

// Tail is what a storage knows of its end without reading its entries.
type Tail struct {
	Size       int64  // complete entries
	Outbox     uint64 // Outbox of the last entry, 0 if there is none
	Checkpoint []byte // newest saved checkpoint, nil if there is none
}

// Batch is one durable step of a log: entries with their tree hashes, or a checkpoint, or both.
type Batch struct {
	First      int64       // index of the first entry; must be the storage's size, also without entries
	Entries    []Stored    // consecutive from First, at most MaxBody bytes of body each
	Hashes     []tlog.Hash // the tree hashes of these entries, in tlog's stored order from StoredHashCount(First)
	Checkpoint []byte      // replaces the saved checkpoint after the entries are durable; nil keeps it
}

// Reader is the part of a storage that verification needs. Its methods may be called from any
// number of goroutines, also while the storage is written to. The bytes are not trusted: what
// contradicts itself is reported as a *DamageError that names the entry.
type Reader interface {
	// Tail returns the end of the log.
	Tail(ctx context.Context) (Tail, error)
	// Entries yields the entries from index on, in order, up to the size at the time of the call.
	// It stops after the first error. An entry whose body is gone without an erasure marker is a *DamageError.
	Entries(ctx context.Context, from int64) iter.Seq2[Stored, error]
	// Hashes returns the tree hashes at tlog's stored indexes, as many as asked for or an error.
	Hashes(ctx context.Context, indexes []int64) ([]tlog.Hash, error)
}

// Storage keeps a log's bytes. One goroutine at a time calls Append or Erase.
//
// After a crash a storage holds every batch whose Append returned, and of the one that was running
// nothing, all, or its first entries. It never cuts an entry that an Append returned for, and never
// one that the saved checkpoint covers.
type Storage interface {
	Reader
	// Append adds a batch and returns when it is durable. With ErrFull nothing of the batch is
	// stored, and the storage may be written to again. After any other error it must not; what it
	// holds is found out by opening it anew.
	Append(ctx context.Context, b Batch) error
	// Erase destroys salts and bodies, putting erasure markers in their place, and returns when
	// that is durable. Erasing twice is the same as once. Commitments and hashes stay. With ErrFull
	// nothing is erased, and the storage may be written to again.
	Erase(ctx context.Context, indexes []int64) error
}

// DamageError says that stored bytes are not what was written.
type DamageError struct {
	Index  int64  // the first entry concerned
	Reason string // in words, without the entry's content
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("audit record %d: %s", e.Index, e.Reason)
}
