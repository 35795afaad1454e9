package limits

import (
	"fmt"
	"math"
	"testing"
	"time"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestRates(t *testing.T) {
	l := New(Config{User: Rate{10, 3}, App: Rate{1000, 1000}})
	for i := range 3 {
		if err := l.Allow("ada", "chat", start); err != nil {
			t.Errorf("call %d of a burst of 3: %v", i+1, err)
		}
	}
	e := As(l.Allow("ada", "chat", start))
	if e == nil || e.Limit != ByUser || e.Retry != 100*time.Millisecond {
		t.Fatalf("the fourth call at once: %+v", e)
	}
	if e := As(l.Allow("ada", "desk", start)); e == nil || e.Limit != ByUser {
		t.Errorf("through another app: %+v", e)
	}
	if err := l.Allow("bo", "chat", start); err != nil {
		t.Errorf("another user: %v", err)
	}
	if err := l.Allow("ada", "chat", start.Add(e.Retry)); err != nil {
		t.Errorf("after the wait that was named: %v", err)
	}
}

// What one limit refuses counts for neither.
func TestRefusedCallsCostNothing(t *testing.T) {
	l := New(Config{User: Rate{1, 2}, App: Rate{1, 3}})
	for range 2 {
		l.Allow("ada", "chat", start)
	}
	for range 100 { // over ada's own limit: takes nothing from the app
		if e := As(l.Allow("ada", "chat", start)); e == nil || e.Limit != ByUser {
			t.Fatalf("%+v", e)
		}
	}
	if err := l.Allow("bo", "chat", start); err != nil {
		t.Errorf("the app's third call: %v", err)
	}
	for range 100 { // over the app's limit: takes nothing from bo
		if e := As(l.Allow("bo", "chat", start)); e == nil || e.Limit != ByApp {
			t.Fatalf("%+v", e)
		}
	}
	if err := l.Allow("bo", "desk", start); err != nil {
		t.Errorf("bo through another app: %v", err)
	}
}

// However many call, so many are remembered and no more.
func TestCallersAreForgotten(t *testing.T) {
	l := New(Config{User: Rate{1, 1}, App: Rate{1, 1}})
	for i := range 3 * Remembered {
		l.Allow(fmt.Sprint("user ", i), fmt.Sprint("app ", i), start)
	}
	for _, b := range []buckets{l.users, l.apps} {
		if len(b.known) != Remembered || b.order.Len() != Remembered {
			t.Errorf("%s: %d remembered, %d in order, want %d", b.limit, len(b.known), b.order.Len(), Remembered)
		}
	}
	if err := l.Allow(fmt.Sprint("user ", 3*Remembered-1), "app", start); err == nil {
		t.Error("who called last was forgotten")
	}
}

func TestCheck(t *testing.T) {
	if err := Default.Check(); err != nil {
		t.Error(err)
	}
	for _, r := range []Rate{{}, {1, 0}, {0, 1}, {-1, 1}, {math.NaN(), 1}, {1, -1}} {
		if (Config{r, Rate{1, 1}}).Check() == nil || (Config{Rate{1, 1}, r}).Check() == nil {
			t.Errorf("%+v passes", r)
		}
	}
	if err := (*Limiter)(nil).Allow("ada", "chat", start); err != nil {
		t.Errorf("without a limiter: %v", err)
	}
}
