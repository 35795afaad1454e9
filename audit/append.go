package audit

import (
	"context"
	"crypto/rand"
	"fmt"
)

// Append makes the record durable and returns its place. Concurrent calls share syncs.
//
// Errors: ErrRecord, ErrOutbox and ErrFull, and nothing was written; ErrUnwritable and ErrClosed; or ctx's
// error, and then, if it also is ErrUncertain, the record may or may not be in the log: whoever gets an
// error must not reveal what the record was to cover.
func (l *Log) Append(ctx context.Context, r Record) (Entry, error) {
	entries, err := l.AppendAll(ctx, []Record{r})
	if err != nil {
		return Entry{}, err
	}
	return entries[0], nil
}

// AppendAll is Append for several records, which get consecutive places. A crash before it returns
// may leave the first few of them in the log.
func (l *Log) AppendAll(ctx context.Context, records []Record) ([]Entry, error) {
	for i := range records {
		if records[i].Erasure != nil || records[i].Kind == KindErase {
			return nil, fmt.Errorf("appending to the audit log: %w: erasures are recorded by Erase", ErrRecord)
		}
		if records[i].Rotation != nil || records[i].Kind == KindRotate {
			return nil, fmt.Errorf("appending to the audit log: %w: rotations are recorded by Open", ErrRecord)
		}
	}
	return l.appendAll(ctx, records)
}

func (l *Log) appendAll(ctx context.Context, records []Record) ([]Entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("appending to the audit log: %w", err)
	}
	if len(records) == 0 {
		return nil, l.Err()
	}
	q, err := newRequest(records)
	if err != nil {
		return nil, fmt.Errorf("appending to the audit log: %w", err)
	}
	if err := l.enqueue(q); err != nil {
		return nil, fmt.Errorf("appending to the audit log: %w", err)
	}
	select {
	case <-q.done:
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for the audit log: %w, %w", ErrUncertain, ctx.Err())
	}
	if q.err != nil {
		return nil, fmt.Errorf("appending to the audit log: %w", q.err)
	}
	return q.entries, nil
}

// newRequest encodes, salts and commits to records.
func newRequest(records []Record) (*request, error) {
	q := &request{
		stored:  make([]Stored, len(records)),
		about:   make([]mention, 0, mentionsEach*len(records)),
		entries: make([]Entry, len(records)),
		done:    make(chan struct{}),
	}
	salts := make([]byte, 32*len(records)) // drawn together: a draw costs more than its bytes
	rand.Read(salts)                       // never fails
	for i := range records {
		body, err := records[i].encode()
		if err != nil {
			return nil, err
		}
		s := &q.stored[i]
		s.Body, s.Salt = body, [32]byte(salts[32*i:])
		s.Commitment = Commitment(&s.Salt, body)
		s.Outbox = records[i].Outbox
		q.about = records[i].mentions(q.about, int64(i))
		q.entries[i].Leaf = Leaf(s.Commitment)
	}
	return q, nil
}

// enqueue hands a request to the writer. Queue order is log order, so outbox sequences are checked
// here, and a record that repeats one harms no neighbour in its group.
func (l *Log) enqueue(q *request) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.refusal(); err != nil {
		return err
	}
	last := l.nextOutbox
	for i := range q.stored {
		if seq := q.stored[i].Outbox; seq != 0 {
			if seq <= last {
				return fmt.Errorf("%w: sequence %d after %d", ErrOutbox, seq, last)
			}
			last = seq
		}
		q.stored[i].Outbox = last
	}
	l.nextOutbox = last
	l.queue = append(l.queue, q)
	select {
	case l.wake <- struct{}{}:
	default: // the writer has been woken already and will find this request too
	}
	return nil
}
