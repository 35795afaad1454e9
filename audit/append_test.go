package audit_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/audit/audittest"
)

var ctx = context.Background()

// gate is a storage whose writes of entries wait, so that a test can fill the queue behind one.
type gate struct {
	audittest.Memory
	entered chan int      // sizes of the batches that arrived
	open    chan struct{} // one token lets one batch through
}

func newGate() *gate { return &gate{entered: make(chan int, 100), open: make(chan struct{}, 100)} }

func (g *gate) Append(ctx context.Context, b audit.Batch) error {
	if len(b.Entries) > 0 {
		g.entered <- len(b.Entries)
		<-g.open
	}
	return g.Memory.Append(ctx, b)
}

// queued waits until n calls are queued behind the running write.
func queued(l *audit.Log, n int) {
	for l.Queued() < n {
		runtime.Gosched()
	}
}

func TestCallsShareSyncs(t *testing.T) {
	g := newGate()
	l := audittest.Open(t, g, audittest.Keys(t))
	var wg sync.WaitGroup
	for n := range 50 {
		wg.Go(func() {
			e, err := l.Append(ctx, audittest.Record(n))
			if err != nil {
				t.Error(err)
				return
			}
			if r, place, err := l.Record(ctx, e.Index); err != nil || r.ID != audittest.Record(n).ID || place != e {
				t.Errorf("record %d at %v: %v at %v, %v", n, e, r.ID, place, err)
			}
		})
		if n == 0 {
			if size := <-g.entered; size != 1 { // idle: no waiting for company
				t.Fatalf("first batch has %d records", size)
			}
		}
	}
	queued(l, 49)
	g.open <- struct{}{}
	if size := <-g.entered; size != 49 {
		t.Errorf("second batch has %d records, want all 49 that waited", size)
	}
	g.open <- struct{}{}
	wg.Wait()
}

func TestAppendRefuses(t *testing.T) {
	m := &audittest.Memory{}
	l := audittest.Open(t, m, audittest.Keys(t))
	for name, change := range map[string]func(*audit.Record){
		"id is empty":            func(r *audit.Record) { r.ID = "" },
		"kind is empty":          func(r *audit.Record) { r.Kind = "" },
		"time is zero":           func(r *audit.Record) { r.Time = time.Time{} },
		"unsupported value":      func(r *audit.Record) { r.Retrieval.Sources[0].Score = math.NaN() },
		"end of JSON input":      func(r *audit.Record) { r.Retrieval.Options = []byte("{") },
		"the limit is 4194304":   func(r *audit.Record) { r.Retrieval.Query = strings.Repeat("x", audit.MaxBody) },
		"are recorded by Erase":  func(r *audit.Record) { r.Erasure = &audit.Erasure{} },
		"erasures are recorded ": func(r *audit.Record) { r.Kind = audit.KindErase },
	} {
		r := audittest.Record(1)
		change(&r)
		if _, err := l.Append(ctx, r); !errors.Is(err, audit.ErrRecord) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	audittest.Append(t, l, 0, 1) // none of that harmed the log
	if l.Size() != 1 {
		t.Error(l.Size())
	}
}

func TestBodyIsTheRecord(t *testing.T) {
	l := audittest.Open(t, &audittest.Memory{}, audittest.Keys(t))
	want := audittest.Record(3)
	want.Chain = []string{"service:a", "service:b"}
	want.Outbox = 9
	want.Retrieval.Options = []byte(`{"limit":3}`)
	want.Retrieval.Degradations = []string{"KEYWORD_ONLY"}
	want.Read = &audit.Read{Source: "s", ID: "<d>", Version: 1, ContentHash: "h"}
	want.Change = &audit.Change{Revision: 4, Op: "put", Source: "s", ID: "é", Version: 2, ContentHash: "h"}
	e, err := l.Append(ctx, want)
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := l.Record(ctx, e.Index)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestOutboxRises(t *testing.T) {
	m := &audittest.Memory{}
	l := audittest.Open(t, m, audittest.Keys(t))
	add := func(seq ...uint64) error {
		var records []audit.Record
		for _, s := range seq {
			r := audittest.Record(int(l.Size()) + len(records))
			r.Outbox = s
			records = append(records, r)
		}
		_, err := l.AppendAll(ctx, records)
		return err
	}
	for _, step := range []struct {
		seq  []uint64
		good bool
		then uint64
	}{
		{[]uint64{0, 3, 0, 5}, true, 5},
		{[]uint64{5}, false, 5},
		{[]uint64{6, 6}, false, 5},
		{[]uint64{0}, true, 5},
		{[]uint64{6, 0, 7}, true, 7},
		{[]uint64{2}, false, 7},
	} {
		if err := add(step.seq...); (err == nil) != step.good || err != nil && !errors.Is(err, audit.ErrOutbox) {
			t.Fatalf("%v: %v", step.seq, err)
		}
		if l.Outbox() != step.then {
			t.Fatalf("%v: outbox is %d, want %d", step.seq, l.Outbox(), step.then)
		}
	}
}

func TestFailureIsForGood(t *testing.T) {
	m := &audittest.Memory{}
	c := audittest.Keys(t)
	l := audittest.Open(t, m, c)
	audittest.Append(t, l, 0, 3)
	broken := errors.New("disk on fire")
	m.Break(broken)
	if _, err := l.Append(ctx, audittest.Record(3)); !errors.Is(err, audit.ErrUnwritable) || !errors.Is(err, broken) {
		t.Fatal(err)
	}
	m.Break(nil)
	if _, err := l.Append(ctx, audittest.Record(4)); !errors.Is(err, audit.ErrUnwritable) {
		t.Fatalf("a failed log took a record: %v", err)
	}
	if _, err := l.Checkpoint(ctx); !errors.Is(err, audit.ErrUnwritable) {
		t.Fatal(err)
	}
	if l.Size() != 3 || !errors.Is(l.Err(), audit.ErrUnwritable) {
		t.Fatal(l.Size(), l.Err())
	}
	if err := l.Close(); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	l = audittest.Open(t, m, c)
	audittest.Append(t, l, 5, 6)
	audittest.Close(t, l)
	if r := audittest.Verify(t, m, c, nil); r.Records != 4 {
		t.Error(r)
	}
}

func TestCheckpointFailureIsForGood(t *testing.T) {
	m := &audittest.Memory{}
	l := audittest.Open(t, m, audittest.Keys(t))
	audittest.Append(t, l, 0, 1)
	m.Break(errors.New("disk full"))
	if _, err := l.Checkpoint(ctx); !errors.Is(err, audit.ErrUnwritable) {
		t.Fatal(err)
	}
	m.Break(nil)
	if _, err := l.Append(ctx, audittest.Record(2)); !errors.Is(err, audit.ErrUnwritable) {
		t.Fatal(err)
	}
}

func TestClosed(t *testing.T) {
	l := audittest.Open(t, &audittest.Memory{}, audittest.Keys(t))
	audittest.Close(t, l)
	audittest.Close(t, l)
	if _, err := l.Append(ctx, audittest.Record(1)); !errors.Is(err, audit.ErrClosed) {
		t.Error(err)
	}
	if _, err := l.Checkpoint(ctx); !errors.Is(err, audit.ErrClosed) {
		t.Error(err)
	}
}

func TestDeadlineWhileTheDiskHangs(t *testing.T) {
	g := newGate()
	l := audittest.Open(t, g, audittest.Keys(t))
	some, cancel := context.WithCancel(ctx)
	errs := make(chan error)
	go func() { _, err := l.Append(some, audittest.Record(0)); errs <- err }()
	<-g.entered
	cancel()
	if err := <-errs; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if _, err := l.Append(some, audittest.Record(1)); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	g.open <- struct{}{}
	g.open <- struct{}{}
	audittest.Append(t, l, 2, 3) // one caller's deadline is nobody else's
	if r, _, err := l.Record(ctx, 1); err != nil || r.ID != "record/2" {
		t.Error(r.ID, err)
	}
}

func TestCheckpointsByThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &audittest.Memory{}
		l, err := audit.Open(ctx, m, audittest.Keys(t))
		if err != nil {
			t.Fatal(err)
		}
		signed := func() int64 {
			synctest.Wait()
			tail, _ := m.Tail(ctx)
			c, err := audit.ReadCheckpoint(tail.Checkpoint)
			if err != nil {
				t.Fatal(err)
			}
			return c.N
		}
		want := func(n int64, when string) {
			t.Helper()
			if got := signed(); got != n {
				t.Fatalf("%s: %d records signed, want %d", when, got, n)
			}
		}
		want(0, "at the beginning")
		time.Sleep(time.Hour)
		audittest.Append(t, l, 0, 999)
		want(0, "at once")
		audittest.Append(t, l, 999, 1000)
		want(1000, "at 1,000 leaves")
		audittest.Append(t, l, 1000, 1001)
		time.Sleep(time.Second / 2)
		audittest.Append(t, l, 1001, 1002)
		want(1000, "half a second after news")
		time.Sleep(time.Second / 2)
		want(1002, "a second after news")
		audittest.Append(t, l, 1002, 1003)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		want(1003, "at the end")
	})
}

func TestManyAtOnce(t *testing.T) {
	const writers, each = 8, 150
	m := &audittest.Memory{}
	c := audittest.Keys(t)
	l := audittest.Open(t, m, c)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := range each {
				r := audittest.Record(n)
				r.ID = fmt.Sprintf("%d/%d", w, n)
				e, err := l.Append(ctx, r)
				if err != nil {
					t.Error(err)
					return
				}
				got, place, err := l.Record(ctx, e.Index)
				if err != nil || got.ID != r.ID || place != e {
					t.Errorf("%s: read %q, %v", r.ID, got.ID, err)
				}
				if _, err := l.Inclusion(ctx, e.Index, l.Size()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Go(func() {
		for range 50 {
			if _, err := l.Checkpoint(ctx); err != nil {
				t.Error(err)
			}
			for _, err := range l.Records(ctx, 0) {
				if err != nil {
					t.Error(err)
				}
			}
		}
	})
	wg.Wait()
	audittest.Close(t, l)
	if r := audittest.Verify(t, m, c, nil); r.Records != writers*each || r.Proven != r.Records {
		t.Error(r)
	}
}
