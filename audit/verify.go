package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// verifyChunk is how many records' tree hashes are read at once.
const verifyChunk = 512

// Verify reads a whole log without trusting it: every record, salt and commitment, every stored
// tree hash, the newest checkpoint's signature, and, when saved is not nil, that the log still holds
// what that earlier checkpoint signed. The keys may be those that the log began with: Verify follows
// the records that hand over to others. It may run beside the server that writes the log; it then
// verifies up to the last complete record.
//
// An error means that verification could not be carried out; what is wrong with the log is in the Report.
func Verify(ctx context.Context, r Reader, v note.Verifiers, saved []byte) (Report, error) {
	tail, err := r.Tail(ctx)
	if err != nil {
		return Report{First: 0, Problem: "unreadable"}, fmt.Errorf("verifying the audit log: %w", err)
	}
	w := newWalk(v)
	w.saved(saved)
	w.newest(tail.Checkpoint)
	if err := w.lookAhead(ctx, r); err != nil {
		return Report{First: 0, Problem: "unreadable"}, fmt.Errorf("verifying the audit log: %w", err)
	}
	damage, err := w.storage(ctx, r, tail)
	if err != nil {
		return Report{First: 0, Problem: "unreadable"}, fmt.Errorf("verifying the audit log: %w", err)
	}
	if damage != nil {
		w.locate(ctx, r, damage)
	}
	return w.finish(), nil
}

// storage walks all entries. It returns the first damage, with w.tree holding the entries before it.
func (w *walk) storage(ctx context.Context, r Reader, tail Tail) (*DamageError, error) {
	if damage := w.roots(); damage != nil {
		return damage, nil
	}
	var stored []tlog.Hash // of the records from the tree's size on, as far as read
	for p, err := range inspectAll(ctx, r) {
		e := p.Stored
		if w.tree.Size() >= tail.Size {
			break // a live log has grown since
		}
		if err == nil && len(stored) == 0 {
			stored, err = storedHashes(ctx, r, w.tree.Size(), min(w.tree.Size()+verifyChunk, tail.Size))
		}
		if err != nil {
			if damage, ok := errors.AsType[*DamageError](err); ok {
				return &DamageError{min(damage.Index, w.tree.Size()), damage.Reason}, nil
			}
			return nil, err
		}
		if damage := w.check(&e, p.inspected); damage != nil {
			return damage, nil
		}
		leaf := Leaf(e.Commitment)
		if stored[0] != leaf {
			return &DamageError{e.Index, "stored leaf hash is not that of the commitment"}, nil
		}
		hashes := w.add(&e, leaf)
		if !slices.Equal(hashes, stored[:len(hashes)]) {
			return &DamageError{e.Index, "stored tree hash is not that of the commitments"}, nil
		}
		stored = stored[len(hashes):]
		if damage := w.roots(); damage != nil {
			return damage, nil
		}
	}
	if w.tree.Size() < tail.Size {
		return &DamageError{w.tree.Size(), "record is missing"}, nil
	}
	if w.outbox != tail.Outbox {
		return &DamageError{max(w.tree.Size()-1, 0), "outbox sequence at the log's end is not the records'"}, nil
	}
	return w.end(), nil
}

// storedHashes reads the tree hashes of records [from, to), or of fewer if those behind are damaged.
func storedHashes(ctx context.Context, r Reader, from, to int64) ([]tlog.Hash, error) {
	first := tlog.StoredHashCount(from)
	indexes := make([]int64, tlog.StoredHashCount(to)-first)
	for i := range indexes {
		indexes[i] = first + int64(i)
	}
	hashes, err := r.Hashes(ctx, indexes)
	if damage, ok := errors.AsType[*DamageError](err); ok && from < damage.Index && damage.Index < to {
		return storedHashes(ctx, r, from, damage.Index)
	}
	return hashes, err
}

// locate decides whether the record at which the walk stopped is the first bad one. Its predecessors
// agree with their own commitments and hashes, but so would a careful forgery. The stored hashes
// behind them make the difference: if they lead from the tree so far to a signed root, the
// predecessors are what was signed. If they lead elsewhere or end before, nothing after the last
// proven record can be trusted, and the smaller index is reported.
func (w *walk) locate(ctx context.Context, r Reader, damage *DamageError) {
	w.found(damage)
	n := w.tree.Size()
	for _, c := range w.signed {
		if c.N <= n || n <= w.proven {
			continue
		}
		proof, err := tlog.ProveTree(c.N, n, hashReader(ctx, r))
		if err == nil && tlog.CheckTree(proof, c.N, c.Hash, n, w.tree.Root()) == nil {
			w.proven = n
		} else {
			w.unproven()
		}
	}
}
