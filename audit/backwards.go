package audit

import (
	"context"
	"errors"
	"iter"
)

// Backwards yields the records whose index is below before, newest first, with those that are
// erased. It stops after the first error.
func (l *Log) Backwards(ctx context.Context, before int64) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		for index := min(before, l.Size()) - 1; index >= 0; index-- {
			record, entry, err := l.Record(ctx, index)
			item := Item{Entry: entry, Record: record}
			if errors.Is(err, ErrErased) {
				item.Erased, err = true, nil
			}
			if !yield(item, err) || err != nil {
				return
			}
		}
	}
}
