package audit_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/audit/audittest"
	"github.com/muniment/muniment/catalog"
)

// Whatever fails and wherever a process ends, every change is recorded once and in order.
func TestDrainAcrossCrashes(t *testing.T) {
	for seed := range uint64(60) {
		random, moods := rand.New(rand.NewPCG(seed, 1)), rand.New(rand.NewPCG(seed, 2)) // one for each goroutine
		o := newOffice(t)
		outbox := &moody{Outbox: o.store.Outbox(), fail: func(string) error {
			if moods.IntN(4) == 0 {
				return errMoody
			}
			return nil
		}}
		for range 1 + random.IntN(6) {
			o.commit(1 + random.IntN(20))
			if random.IntN(3) == 0 {
				o.storage.Break(errMoody)
			}
			d := newDrain(t, o.log, outbox)
			o.commit(1 + random.IntN(5))
			d.Wake()
			if random.IntN(2) == 0 {
				o.storage.Break(errMoody)
			}
			d.Close() // fails at times: the next process goes on
			o.storage.Break(nil)
			o.reopen()
		}
		outbox.mu.Lock()
		outbox.fail = nil
		outbox.mu.Unlock()
		if err := newDrain(t, o.log, outbox).Close(); err != nil {
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

// Close drains what is there, however much, and what is committed while the drain runs is
// drained when it is woken.
func TestDrainInBulk(t *testing.T) {
	o := newOffice(t)
	o.commit(1500)
	d := newDrain(t, o.log, o.store.Outbox())
	var committed int
	for range 20 {
		o.commit(7)
		d.Wake()
		committed += 7
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if n := o.log.Size(); n != int64(1500+committed) {
		t.Errorf("%d records", n)
	}
	o.check()
}

// A drain that is woken drains without being closed.
func TestDrainWakes(t *testing.T) {
	o := newOffice(t)
	d := newDrain(t, o.log, o.store.Outbox())
	defer d.Close()
	for n := range int64(20) {
		o.commit(1)
		d.Wake()
		for end := time.Now().Add(20 * time.Second); o.log.Size() <= n; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%d changes committed, %d recorded", n+1, o.log.Size())
			}
		}
	}
}

// What fails is tried again without being woken.
func TestDrainTriesAgain(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	failures := 0
	outbox := &moody{Outbox: o.store.Outbox(), fail: func(string) error {
		if failures++; failures <= 1 {
			return errMoody
		}
		return nil
	}}
	o.commit(3)
	d := newDrain(t, o.log, outbox)
	for end := time.Now().Add(20 * time.Second); o.log.Size() < 3; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the drain gave up")
		}
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	o.check()
}

// slow is a storage whose appends wait.
type slow struct {
	*audittest.Memory
	begun, goOn chan struct{}
}

func (s slow) Append(ctx context.Context, b audit.Batch) error {
	if len(b.Entries) > 0 {
		s.begun <- struct{}{}
		<-s.goOn
	}
	return s.Memory.Append(ctx, b)
}

// Closed in the middle of an append, a drain waits for it and records nothing twice.
func TestDrainClosedWhileAppending(t *testing.T) {
	o := newOffice(t)
	audittest.Close(t, o.log)
	storage := slow{o.storage, make(chan struct{}, 10), make(chan struct{})}
	o.log = audittest.Open(t, storage, o.config)
	goOn := sync.OnceFunc(func() { close(storage.goOn) })
	t.Cleanup(goOn) // before the log is closed
	o.commit(5)
	d := newDrain(t, o.log, o.store.Outbox())
	<-storage.begun
	closed := make(chan error, 1)
	go func() { closed <- d.Close() }()
	select {
	case err := <-closed:
		t.Fatalf("closed with an append under way: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	goOn()
	if err := <-closed; err != nil {
		t.Error(err)
	}
	o.check()
}

// A record that cannot be read stops the drain where it stands: what comes before it is
// recorded, what comes after it waits, and whoever closes the drain is told.
func TestDrainStopsAtWhatItCannotRead(t *testing.T) {
	for name, body := range map[string]string{"no JSON": "{", "a record of no change": `{"kind":"change","time":"2026-01-02T03:04:05Z"}`} {
		o := newOffice(t)
		o.commit(2)
		_, err := o.store.Commit(t.Context(), catalog.Commit{
			Mutations: []catalog.Mutation{catalog.PutGroup{Group: "group:bad"}}, At: time.Now(),
			Record: func(catalog.Revision, int, catalog.Outcome) [][]byte { return [][]byte{[]byte(body)} },
		})
		if err != nil {
			t.Fatal(err)
		}
		o.commit(2)
		if err := newDrain(t, o.log, o.store.Outbox()).Close(); err == nil {
			t.Errorf("%s: closed as if all had been recorded", name)
		}
		if n := o.log.Size(); n != 2 {
			t.Errorf("%s: %d records, want the two before it", name, n)
		}
	}
}

// While the outbox is held, the log goes on and the outbox keeps what the log has, even when
// the drain is closed; a copy of both made then, the log first, has every change once.
// Afterwards the outbox is emptied.
func TestDrainHold(t *testing.T) {
	o := newOffice(t)
	o.commit(3)
	d := newDrain(t, o.log, o.store.Outbox())
	release := d.Hold()
	before := o.log.Outbox() // of a copy of the log, made now
	o.commit(4)
	if err := d.Close(); err != nil { // without Hold it empties the outbox
		t.Fatal(err)
	}
	if n := o.log.Outbox(); n != 7 {
		t.Errorf("the log ends at record %d of the outbox, want 7", n)
	}
	next := before + 1
	for r, err := range o.store.Outbox().Pending(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Sequence == next {
			next++
		}
	}
	if next != 8 {
		t.Errorf("a log copied at record %d and the outbox lack record %d", before, next)
	}
	release()
	release()
	if err := newDrain(t, o.log, o.store.Outbox()).Close(); err != nil {
		t.Fatal(err)
	}
	for r := range o.store.Outbox().Pending(t.Context()) {
		t.Errorf("record %d is still in the outbox", r.Sequence)
	}
	o.check()
}
