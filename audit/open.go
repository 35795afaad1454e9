package audit

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Errors of a log that is not what its checkpoint says. Nothing is appended to such a log and
// nothing is signed; Verify says which record is concerned.
var (
	ErrRolledBack = errors.New("audit: log was rolled back") // it is shorter than a checkpoint
	ErrForked     = errors.New("audit: log was forked")      // it is not an extension of a checkpoint
	ErrConfig     = errors.New("audit: configuration incomplete")
)

// Open opens the log in a storage, beginning it if the storage is empty, and starts its writer.
//
// It verifies the checkpoint's signature, that the stored tree leads to it, and every record after
// it; what lies before it is Verify's work. It refuses with ErrCheckpoint, ErrRolledBack, ErrForked
// or a *DamageError. A torn tail, left by a crash during an append, has been repaired by the storage
// before: its records were never acknowledged.
func Open(ctx context.Context, s Storage, c Config) (*Log, error) {
	if !validOrigin(c.Origin) {
		return nil, fmt.Errorf("%w: origin %q", ErrConfig, c.Origin)
	}
	if c.Signer == nil || c.Verifier == nil {
		return nil, fmt.Errorf("%w: signer or verifier is missing", ErrConfig)
	}
	if err := c.checkKeys(); err != nil {
		return nil, err
	}
	l := &Log{
		storage: s, config: c,
		asks: make(chan func()), wake: make(chan struct{}, 1),
		quit: make(chan struct{}), ended: make(chan struct{}), poisoned: make(chan struct{}),
	}
	l.register = &register{shelf: c.Shelf, records: l.Records, hashes: s.Hashes, fans: map[int64]fanout{}}
	tail, err := s.Tail(ctx)
	if err != nil {
		return nil, fmt.Errorf("opening the audit log: %w", err)
	}
	l.size, l.outbox, l.nextOutbox = tail.Size, tail.Outbox, tail.Outbox
	if tail.Size == 0 && tail.Checkpoint == nil {
		err = l.begin()
	} else {
		if err = l.resume(ctx, tail); err == nil {
			err = l.rotate(ctx, tail)
		}
	}
	if err == nil {
		err = l.register.open(ctx, l.size)
	}
	if err != nil {
		return nil, fmt.Errorf("opening the audit log: %w", err)
	}
	if l.tree.Size() > l.signed.N {
		l.news = time.Now()
	}
	go l.write()
	return l, nil
}

// checkKeys refuses keys that are not what is said of them.
func (c *Config) checkKeys() error {
	if len(c.Earlier) == 0 {
		return nil
	}
	if v, err := note.NewVerifier(c.Public); err != nil || idOf(v) != idOf(c.Verifier) {
		return fmt.Errorf("%w: the public key is not the verifier's", ErrConfig)
	}
	for _, k := range c.Earlier {
		v, err := note.NewVerifier(k.Public)
		if err != nil || k.Signer == nil || v.Name() != k.Signer.Name() || v.KeyHash() != k.Signer.KeyHash() {
			return fmt.Errorf("%w: an earlier public key is not its signer's", ErrConfig)
		}
	}
	return nil
}

// begin signs the empty tree, before the first record: from now on a storage without a checkpoint
// is one that lost it.
func (l *Log) begin() error {
	if l.config.Saved != nil {
		return fmt.Errorf("%w: it is empty, and a checkpoint of it was saved", ErrRolledBack)
	}
	return l.sign()
}

// resume brings the tree level with the storage.
func (l *Log) resume(ctx context.Context, tail Tail) error {
	signed, err := l.known(tail.Checkpoint)
	if err != nil {
		return err
	}
	if err := contains(ctx, l.storage, tail.Size, signed.Tree); err != nil {
		return err
	}
	if l.config.Saved != nil {
		saved, err := l.known(l.config.Saved)
		if err != nil {
			return fmt.Errorf("reading the saved checkpoint: %w", err)
		}
		if err := contains(ctx, l.storage, tail.Size, saved.Tree); err != nil {
			return fmt.Errorf("comparing with the saved checkpoint: %w", err)
		}
	}
	l.signed, l.signedNote = signed, tail.Checkpoint
	l.tell()
	if l.tree, err = ReadTree(signed.N, hashReader(ctx, l.storage)); err != nil {
		return err
	}
	var outbox uint64
	for e, err := range l.storage.Entries(ctx, max(signed.N-1, 0)) {
		if err != nil {
			return err
		}
		if damage := checkBody(&e); damage != nil {
			return damage
		}
		outbox = e.Outbox
		if e.Index < signed.N {
			continue // the last signed record, looked at because a torn write would begin there
		}
		if err := l.readd(ctx, e); err != nil {
			return err
		}
	}
	if l.tree.Size() != tail.Size || outbox != tail.Outbox {
		return &DamageError{l.tree.Size(), "the storage's size or outbox sequence is not its entries'"}
	}
	return nil
}

// readd adds a stored entry to the tree and compares the stored hashes with the computed.
func (l *Log) readd(ctx context.Context, e Stored) error {
	if e.Index != l.tree.Size() {
		return &DamageError{l.tree.Size(), "entry is missing"}
	}
	first := tlog.StoredHashCount(e.Index)
	want := l.tree.Add(Leaf(e.Commitment), nil)
	return sameHashes(ctx, l.storage, e.Index, first, want)
}

// known opens a checkpoint and requires it to be this log's.
func (l *Log) known(msg []byte) (Checkpoint, error) {
	if msg == nil {
		return Checkpoint{}, fmt.Errorf("%w: it is missing", ErrCheckpoint)
	}
	c, err := OpenCheckpoint(msg, l.keys())
	if err != nil {
		return Checkpoint{}, err
	}
	if c.Origin != l.config.Origin {
		return Checkpoint{}, fmt.Errorf("%w: it is of log %q, not %q", ErrCheckpoint, c.Origin, l.config.Origin)
	}
	return c, nil
}

// contains returns nil if the first signed.N of the size stored leaves have the signed root.
func contains(ctx context.Context, s Reader, size int64, signed tlog.Tree) error {
	if signed.N > size {
		return fmt.Errorf("%w: it has %d records, its checkpoint %d", ErrRolledBack, size, signed.N)
	}
	tree, err := ReadTree(signed.N, hashReader(ctx, s))
	if err != nil {
		return err
	}
	if tree.Root() != signed.Hash {
		return fmt.Errorf("%w: its first %d records do not have the root of its checkpoint", ErrForked, signed.N)
	}
	return nil
}

// checkBody returns nil if the entry is erased or its body and salt open its commitment.
func checkBody(e *Stored) *DamageError {
	if e.Erased {
		if e.Body != nil || e.Salt != [sha256.Size]byte{} {
			return &DamageError{e.Index, "marked as erased, but its body or salt is still there"}
		}
		return nil
	}
	if Commitment(&e.Salt, e.Body) != e.Commitment {
		return &DamageError{e.Index, "body and salt do not open the commitment"}
	}
	return nil
}

// sameHashes compares the hashes stored from a tlog index on with those computed for entry index.
func sameHashes(ctx context.Context, s Reader, index, first int64, want []tlog.Hash) error {
	at := make([]int64, len(want))
	for i := range at {
		at[i] = first + int64(i)
	}
	have, err := s.Hashes(ctx, at)
	if err != nil {
		return err
	}
	for i := range want {
		if have[i] != want[i] {
			return &DamageError{index, "stored tree hash is not that of the commitments"}
		}
	}
	return nil
}
