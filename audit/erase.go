package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Erase destroys the bodies and salts of the given records for the reason that r states, and
// returns the place of r in the log. r is a Record without kind; its Erasure has the reason, and
// Erase fills in the indexes. Commitments, and with them all proofs, stay.
//
// Order matters: first the record that says so is durable and under a signed checkpoint, then the
// bodies go. A crash in between leaves bodies that the log calls erased; Erase again. The other
// way round it would leave a marker nobody vouches for, which is how tampering looks.
func (l *Log) Erase(ctx context.Context, r Record, indexes ...int64) (Entry, error) {
	if r.Erasure == nil || r.Erasure.Reason == "" || len(indexes) == 0 {
		return Entry{}, fmt.Errorf("erasing from the audit log: %w: erasure needs a reason and records", ErrRecord)
	}
	indexes = slices.Compact(slices.Sorted(slices.Values(indexes)))
	for _, i := range indexes {
		old, _, err := l.Record(ctx, i)
		if err != nil && !errors.Is(err, ErrErased) {
			return Entry{}, fmt.Errorf("erasing from the audit log: %w", err)
		}
		if old.Kind == KindErase {
			return Entry{}, fmt.Errorf("erasing from the audit log: %w: record %d vouches for an erasure", ErrRecord, i)
		}
	}
	r.Kind = KindErase
	r.Erasure = &Erasure{Indexes: indexes, Reason: r.Erasure.Reason}
	entries, err := l.appendAll(ctx, []Record{r})
	if err != nil {
		return Entry{}, err
	}
	err = l.ask(ctx, func() error {
		if err := l.sign(); err != nil {
			return err
		}
		if err := l.register.forget(indexes); err != nil {
			return err
		}
		err := l.storage.Erase(context.Background(), indexes)
		if err != nil && !errors.Is(err, ErrFull) {
			l.mu.Lock()
			defer l.mu.Unlock()
			return l.poison(err)
		}
		return errors.Join(err, l.register.forget(indexes)) // also what has been made anew meanwhile
	})
	if err != nil {
		return Entry{}, fmt.Errorf("erasing from the audit log: %w", err)
	}
	return entries[0], nil
}
