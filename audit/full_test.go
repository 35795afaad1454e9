package audit_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/audit/audittest"
)

// A full disk refuses records and changes nothing; once there is room, the same log goes on.
func TestFullDisk(t *testing.T) {
	m, c := &audittest.Memory{}, audittest.Keys(t)
	l := audittest.Open(t, m, c)
	audittest.Append(t, l, 0, 3)
	m.Break(fmt.Errorf("%w: for a while", audit.ErrFull))
	for range 3 {
		if _, err := l.Append(ctx, audittest.Record(3)); !errors.Is(err, audit.ErrFull) || errors.Is(err, audit.ErrUnwritable) {
			t.Fatalf("appending: %v, want ErrFull", err)
		}
		if _, err := l.Checkpoint(ctx); !errors.Is(err, audit.ErrFull) || errors.Is(err, audit.ErrUnwritable) {
			t.Fatalf("signing: %v, want ErrFull", err)
		}
		record := audit.Record{ID: "erasing", Time: time.Unix(0, 0).UTC(), Erasure: &audit.Erasure{Reason: "asked for"}}
		if _, err := l.Erase(ctx, record, 1); !errors.Is(err, audit.ErrFull) {
			t.Fatalf("erasing: %v, want ErrFull", err)
		}
	}
	if err := l.Err(); err != nil || l.Size() != 3 {
		t.Fatalf("%d records, %v", l.Size(), err)
	}
	select {
	case <-l.Failed():
		t.Fatal("the log says that it has failed")
	default:
	}
	m.Break(nil)
	audittest.Append(t, l, 3, 1300)
	audittest.Close(t, l)
	if r := audittest.Verify(t, m, c, nil); r.Proven != 1300 {
		t.Error(r)
	}
}

// Closing a log on a full disk says that its last records are under no checkpoint, and they
// are under the next.
func TestClosedOnFullDisk(t *testing.T) {
	m, c := &audittest.Memory{}, audittest.Keys(t)
	l := audittest.Open(t, m, c)
	audittest.Append(t, l, 0, 3)
	m.Break(audit.ErrFull)
	if err := l.Close(); !errors.Is(err, audit.ErrFull) {
		t.Fatalf("closing: %v", err)
	}
	m.Break(nil)
	l = audittest.Open(t, m, c)
	audittest.Append(t, l, 3, 4)
	audittest.Close(t, l)
	if r := audittest.Verify(t, m, c, nil); r.Proven != 4 {
		t.Error(r)
	}
}

// A checkpoint for which there was no room is signed by itself as soon as there is.
func TestCheckpointIsTriedAgain(t *testing.T) {
	t.Parallel()
	m, c := &audittest.Memory{}, audittest.Keys(t)
	l := audittest.Open(t, m, c)
	defer l.Close()
	audittest.Append(t, l, 0, 3)
	m.Break(audit.ErrFull)
	if _, err := l.Checkpoint(ctx); !errors.Is(err, audit.ErrFull) {
		t.Fatal(err)
	}
	m.Break(nil)
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		tail, err := m.Tail(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if cp, err := audit.ReadCheckpoint(tail.Checkpoint); err == nil && cp.N == 3 {
			return
		}
		if time.Now().After(end) {
			t.Fatal("no checkpoint was signed")
		}
	}
}

// The channel of a log that is poisoned is closed.
func TestFailed(t *testing.T) {
	m := &audittest.Memory{}
	l := audittest.Open(t, m, audittest.Keys(t))
	m.Break(errors.New("a failed sync"))
	l.Append(ctx, audittest.Record(0))
	<-l.Failed()
	if !errors.Is(l.Err(), audit.ErrUnwritable) {
		t.Error(l.Err())
	}
	m.Break(nil)
	l.Append(ctx, audittest.Record(1))
	if l.Size() != 0 {
		t.Error("a poisoned log took a record")
	}
	l.Close()
}

// Many append while the disk is full now and then: what was acknowledged is in the log where
// it was said to be, and what was refused is not.
func TestFullNowAndThen(t *testing.T) {
	m, c := &audittest.Memory{}, audittest.Keys(t)
	l := audittest.Open(t, m, c)
	var wait sync.WaitGroup
	var mu sync.Mutex
	places, refused := map[int64]string{}, map[string]bool{}
	for worker := range 8 {
		wait.Go(func() {
			for i := range 300 {
				r := audittest.Record(worker*1000 + i)
				e, err := l.Append(ctx, r)
				mu.Lock()
				switch {
				case err == nil:
					places[e.Index] = r.ID
				case errors.Is(err, audit.ErrFull):
					refused[r.ID] = true
				default:
					t.Error(err)
				}
				mu.Unlock()
			}
		})
	}
	done := make(chan struct{})
	go func() { wait.Wait(); close(done) }()
	random := rand.New(rand.NewPCG(1, 2))
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
			time.Sleep(time.Duration(random.IntN(500)) * time.Microsecond)
		}
		if random.IntN(2) == 0 && running {
			m.Break(audit.ErrFull)
		} else {
			m.Break(nil)
		}
	}
	m.Break(nil)
	for item, err := range l.Records(ctx, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if places[item.Index] != item.Record.ID || refused[item.Record.ID] {
			t.Fatalf("record %d is %s, acknowledged there was %q, refused %t", item.Index, item.Record.ID, places[item.Index], refused[item.Record.ID])
		}
	}
	if l.Size() != int64(len(places)) {
		t.Errorf("%d records, %d were acknowledged", l.Size(), len(places))
	}
	t.Logf("%d recorded, %d refused", len(places), len(refused))
	audittest.Close(t, l)
	audittest.Verify(t, m, c, nil)
}

// A drain goes through a full disk without the log being opened anew: every change is
// recorded once and in order, with other records between them.
func TestDrainThroughFullDisk(t *testing.T) {
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 7))
		o := newOffice(t)
		for i := range 2 + random.IntN(8) {
			o.commit(1 + random.IntN(5))
			if random.IntN(2) == 0 {
				o.storage.Break(audit.ErrFull)
			}
			d := newDrain(t, o.log, o.store.Outbox())
			var wait sync.WaitGroup
			wait.Go(func() { o.log.Append(ctx, audittest.Record(i)) }) // it carries the sequence of what comes before it
			d.Close()                                                  // fails when the disk is full
			wait.Wait()
			o.storage.Break(nil)
		}
		if err := newDrain(t, o.log, o.store.Outbox()).Close(); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		o.check()
		audittest.Close(t, o.log)
		audittest.Verify(t, o.storage, o.config, nil)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}
