package audit

import (
	"context"
	"errors"
	"iter"
	"math"
)

// Newest is for Find: from the newest record on.
const Newest = math.MaxInt64

// Find yields the records about the subject whose index is below before, newest first. Those
// whose bodies were erased are about nothing any more. It stops after the first error; errors
// are those of Record.
func (l *Log) Find(ctx context.Context, s Subject, before int64) iter.Seq2[Item, error] {
	before = min(before, l.Size())
	return func(yield func(Item, error) bool) {
		for index, err := range l.register.find(ctx, s.hash(), before) {
			var item Item
			if err == nil {
				item.Record, item.Entry, err = l.Record(ctx, index)
			}
			if errors.Is(err, ErrErased) || err == nil && !item.Record.About(s) {
				continue
			}
			if !yield(item, err) || err != nil {
				return
			}
		}
	}
}
