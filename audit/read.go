package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	"golang.org/x/mod/sumdb/tlog"
)

// Errors of reading.
var (
	ErrNotFound = errors.New("audit: no such record")
	ErrErased   = errors.New("audit: record's body was erased")
	ErrSize     = errors.New("audit: no tree of that size") // negative, beyond the log, or the wrong way round
)

// Item is one step of Records.
type Item struct {
	Entry
	Record Record // zero if erased
	Erased bool
}

// Record returns the record at index and its place. The body is checked against its commitment and
// the commitment against the tree. An erased body gives ErrErased together with the place.
func (l *Log) Record(ctx context.Context, index int64) (Record, Entry, error) {
	if index < 0 || index >= l.Size() {
		return Record{}, Entry{}, fmt.Errorf("%w: index %d", ErrNotFound, index)
	}
	for e, err := range l.storage.Entries(ctx, index) {
		if err != nil {
			return Record{}, Entry{}, err
		}
		item, err := open(&e)
		if err != nil {
			return Record{}, Entry{}, err
		}
		if err := sameHashes(ctx, l.storage, index, tlog.StoredHashIndex(0, index), []tlog.Hash{item.Leaf}); err != nil {
			return Record{}, Entry{}, err
		}
		if item.Erased {
			return Record{}, item.Entry, fmt.Errorf("%w: index %d", ErrErased, index)
		}
		return item.Record, item.Entry, nil
	}
	return Record{}, Entry{}, &DamageError{index, "entry is missing"}
}

// Records yields the records from index on, in order, up to the size at the time of the call. It
// stops after the first error. Bodies are checked against their commitments.
func (l *Log) Records(ctx context.Context, from int64) iter.Seq2[Item, error] {
	size := l.Size()
	return func(yield func(Item, error) bool) {
		if from < 0 {
			yield(Item{}, fmt.Errorf("%w: index %d", ErrNotFound, from))
			return
		}
		if from >= size {
			return
		}
		for e, err := range l.storage.Entries(ctx, from) {
			var item Item
			if err == nil {
				item, err = open(&e)
			}
			if !yield(item, err) || err != nil || e.Index+1 >= size {
				return
			}
		}
	}
}

// open checks a stored entry and decodes its body.
func open(e *Stored) (Item, error) {
	if damage := checkBody(e); damage != nil {
		return Item{}, damage
	}
	item := Item{Entry: Entry{e.Index, Leaf(e.Commitment)}, Erased: e.Erased}
	if e.Erased {
		return item, nil
	}
	if err := json.Unmarshal(e.Body, &item.Record); err != nil {
		return Item{}, &DamageError{e.Index, "body is not a record"}
	}
	return item, nil
}

// Inclusion proves that the record at index is in the tree of the given size, which must be at most
// the log's size and more than index. The proof is checked before it is returned.
func (l *Log) Inclusion(ctx context.Context, index, size int64) (tlog.RecordProof, error) {
	if index < 0 || size <= index || size > l.Size() {
		return nil, fmt.Errorf("%w: record %d in a tree of %d", ErrSize, index, size)
	}
	hashes := hashReader(ctx, l.storage)
	proof, err := tlog.ProveRecord(size, index, hashes)
	if err != nil {
		return nil, fmt.Errorf("proving inclusion: %w", err)
	}
	leaf, err := hashes([]int64{tlog.StoredHashIndex(0, index)})
	if err != nil {
		return nil, fmt.Errorf("proving inclusion: %w", err)
	}
	tree, err := ReadTree(size, hashes)
	if err != nil {
		return nil, fmt.Errorf("proving inclusion: %w", err)
	}
	if tlog.CheckRecord(proof, size, tree.Root(), index, leaf[0]) != nil {
		return nil, fmt.Errorf("proving inclusion: %w", &DamageError{index, "stored tree hashes contradict each other"})
	}
	return proof, nil
}

// Consistency proves that the tree of oldSize leaves is a prefix of the tree of size leaves;
// 1 ≤ oldSize ≤ size ≤ the log's size. The proof is checked before it is returned.
func (l *Log) Consistency(ctx context.Context, oldSize, size int64) (tlog.TreeProof, error) {
	if oldSize < 1 || size < oldSize || size > l.Size() {
		return nil, fmt.Errorf("%w: %d within %d", ErrSize, oldSize, size)
	}
	hashes := hashReader(ctx, l.storage)
	proof, err := tlog.ProveTree(size, oldSize, hashes)
	if err != nil {
		return nil, fmt.Errorf("proving consistency: %w", err)
	}
	old, err := ReadTree(oldSize, hashes)
	if err != nil {
		return nil, fmt.Errorf("proving consistency: %w", err)
	}
	tree, err := ReadTree(size, hashes)
	if err != nil {
		return nil, fmt.Errorf("proving consistency: %w", err)
	}
	if tlog.CheckTree(proof, size, tree.Root(), oldSize, old.Root()) != nil {
		return nil, fmt.Errorf("proving consistency: %w", &DamageError{oldSize - 1, "stored tree hashes contradict each other"})
	}
	return proof, nil
}
