package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/muniment/muniment/catalog"
)

// Drain moves the records of committed changes from the catalog's outbox into the log. A
// change and its record share a commit, so neither can be without the other; the record
// follows into the log at once, or after a crash at the next start. The log knows the
// highest outbox sequence it holds, so a record that was appended but not yet taken from
// the outbox is not appended twice.
type Drain struct {
	log    *Log
	outbox catalog.Outbox
	logger *slog.Logger
	wake   chan struct{}
	stop   context.CancelFunc
	done   chan struct{}
	taken  uint64 // the outbox holds nothing up to here
	last   time.Time
	held   sync.RWMutex // shared by those who hold the outbox, exclusive while it is emptied
}

// How a drain works: records appended at a time, how often the outbox is emptied of what
// the log has (a commit of its own), and how long it waits after a failure.
const (
	drainBatch = 512
	takeEvery  = time.Second
	drainRetry = time.Second
)

// NewDrain starts draining, beginning with what an earlier process left.
//
// First it empties the outbox of what the log has, before anything is committed. A log that
// is ahead of the outbox belongs to a catalog that was put back to an older copy of itself
// (see catalog.Outbox): the sequences of its next changes would be taken for those that the
// log has already, and the changes would never be recorded.
func NewDrain(ctx context.Context, log *Log, outbox catalog.Outbox, logger *slog.Logger) (*Drain, error) {
	through := log.Outbox()
	if err := outbox.Take(ctx, through); err != nil {
		return nil, fmt.Errorf("bringing the outbox level with the audit log: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	d := &Drain{log: log, outbox: outbox, logger: logger, wake: make(chan struct{}, 1), stop: stop, done: make(chan struct{}), taken: through}
	d.Wake()
	go d.run(ctx)
	return d, nil
}

// Wake says that the outbox has something new. It never blocks.
func (d *Drain) Wake() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// Close drains what is there and stops. The log must still be open.
func (d *Drain) Close() error {
	d.stop()
	<-d.done
	if err := d.pass(context.Background()); err != nil {
		return fmt.Errorf("draining the outbox: %w", err)
	}
	return d.take(context.Background())
}

func (d *Drain) run(ctx context.Context) {
	defer close(d.done)
	for {
		select {
		case <-d.wake:
		case <-ctx.Done():
			return
		}
		err := d.pass(ctx)
		if err == nil && time.Since(d.last) >= takeEvery {
			err = d.take(ctx)
		}
		if err != nil && ctx.Err() == nil {
			d.logger.Error("recording changes", "error", err)
			select {
			case <-time.After(drainRetry):
				d.Wake()
			case <-ctx.Done():
				return
			}
		}
	}
}

// pass appends every pending record that the log does not have.
func (d *Drain) pass(ctx context.Context) error {
	var batch []Record
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		// failpoint: audit/before-drain
		// Not cut short: Outbox must not lag behind what is still being written.
		_, err := d.log.AppendAll(context.WithoutCancel(ctx), batch)
		// failpoint: audit/drained
		batch = batch[:0]
		return err
	}
	for r, err := range d.outbox.Pending(ctx) {
		if err != nil {
			return err
		}
		if r.Sequence <= d.log.Outbox() {
			continue
		}
		var record Record
		if err := json.Unmarshal(r.Body, &record); err != nil {
			return errors.Join(flush(), fmt.Errorf("decoding outbox record %d: %w", r.Sequence, err))
		}
		if record.Change == nil {
			return errors.Join(flush(), fmt.Errorf("outbox record %d is of no change", r.Sequence))
		}
		record.Outbox = r.Sequence
		record.ID = fmt.Sprintf("change/%d/%d", record.Change.Revision, r.Sequence)
		if batch = append(batch, record); len(batch) == drainBatch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// Hold keeps the outbox from being emptied until release is called; what is pending goes on
// being appended to the log. Whoever copies log and catalog holds it meanwhile: a record
// that came into the log after the log was copied is then still in the outbox of a catalog
// that is copied later, and none is in the log that the catalog does not know.
func (d *Drain) Hold() (release func()) {
	d.held.RLock()
	return sync.OnceFunc(d.held.RUnlock)
}

// take empties the outbox of what the log has, unless somebody holds it.
func (d *Drain) take(ctx context.Context) error {
	d.last = time.Now()
	if !d.held.TryLock() {
		return nil
	}
	defer d.held.Unlock()
	through := d.log.Outbox()
	if through == d.taken {
		return nil
	}
	// failpoint: audit/before-take
	if err := d.outbox.Take(ctx, through); err != nil {
		return err
	}
	// failpoint: audit/taken
	d.taken = through
	return nil
}
