package audittest

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/muniment/muniment/audit"
)

// Memory is a storage without a disk. The zero Memory is empty and ready. Its fields are the stored
// bytes themselves: tests change them, while no log is open, to play whoever holds the disk.
type Memory struct {
	mu     sync.RWMutex
	Stored []audit.Stored
	Hash   []tlog.Hash
	Note   []byte
	fail   error
}

var _ audit.Storage = (*Memory)(nil)

// Tail implements audit.Reader.
func (m *Memory) Tail(context.Context) (audit.Tail, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	t := audit.Tail{Size: int64(len(m.Stored)), Checkpoint: m.Note}
	if len(m.Stored) > 0 {
		t.Outbox = m.Stored[len(m.Stored)-1].Outbox
	}
	return t, nil
}

// Entries implements audit.Reader.
func (m *Memory) Entries(ctx context.Context, from int64) iter.Seq2[audit.Stored, error] {
	return func(yield func(audit.Stored, error) bool) {
		m.mu.RLock()
		stored := m.Stored
		m.mu.RUnlock()
		for i := max(from, 0); i < int64(len(stored)); i++ {
			if err := ctx.Err(); err != nil {
				yield(audit.Stored{}, err)
				return
			}
			m.mu.RLock()
			e := stored[i] // erasing changes it in place
			m.mu.RUnlock()
			if !e.Erased && e.Body == nil {
				yield(audit.Stored{}, &audit.DamageError{Index: i, Reason: "body is missing and nothing says that it was erased"})
				return
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

// Hashes implements audit.Reader.
func (m *Memory) Hashes(_ context.Context, indexes []int64) ([]tlog.Hash, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	hashes := make([]tlog.Hash, len(indexes))
	for i, at := range indexes {
		if at < 0 {
			return nil, fmt.Errorf("tree hash %d does not exist", at)
		}
		if at >= int64(len(m.Hash)) {
			level, n := tlog.SplitStoredHashIndex(int64(len(m.Hash)))
			return nil, &audit.DamageError{Index: (n+1)<<level - 1, Reason: "tree hash is missing"}
		}
		hashes[i] = m.Hash[at]
	}
	return hashes, nil
}

// Append implements audit.Storage.
func (m *Memory) Append(_ context.Context, b audit.Batch) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	size := int64(len(m.Stored))
	if b.First != size {
		return fmt.Errorf("batch begins at %d, the log has %d records", b.First, size)
	}
	if want := tlog.StoredHashCount(size+int64(len(b.Entries))) - tlog.StoredHashCount(size); int64(len(b.Hashes)) != want {
		return fmt.Errorf("batch has %d hashes, %d are needed", len(b.Hashes), want)
	}
	m.Stored = append(m.Stored, b.Entries...)
	m.Hash = append(m.Hash, b.Hashes...)
	if b.Checkpoint != nil {
		m.Note = slices.Clone(b.Checkpoint)
	}
	return nil
}

// Erase implements audit.Storage.
func (m *Memory) Erase(_ context.Context, indexes []int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	for _, i := range indexes {
		if i < 0 || i >= int64(len(m.Stored)) {
			return fmt.Errorf("record %d does not exist", i)
		}
	}
	for _, i := range indexes {
		e := &m.Stored[i]
		e.Body, e.Salt, e.Erased = nil, [32]byte{}, true
	}
	return nil
}

// Break makes Append and Erase write nothing and return err, until it is nil again.
func (m *Memory) Break(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = err
}

// Clone returns a storage with the same content.
func (m *Memory) Clone() *Memory {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return &Memory{Stored: slices.Clone(m.Stored), Hash: slices.Clone(m.Hash), Note: slices.Clone(m.Note)}
}
