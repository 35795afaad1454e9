package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/audit/audittest"
)

// refusedBy is a call of a user, of nobody if it is empty.
func refusedBy(user string) (c call) {
	c.User = acl.Principal(user)
	return c
}

func recorded(t *testing.T, l *audit.Log) (list []audit.Record) {
	t.Helper()
	for item, err := range l.Records(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, item.Record)
	}
	return list
}

// TestFloodOfRefusals (AUD-14): a million refusals of strangers are a record, not a million,
// and the count is right; who else was refused meanwhile has a record of their own. Beyond a
// thousand different callers only the reasons are told apart, and no count is lost.
func TestFloodOfRefusals(t *testing.T) {
	l := audittest.Open(t, &audittest.Memory{}, audittest.Keys(t))
	r := NewRefusals(l, time.Now, slog.New(slog.DiscardHandler))
	why := audit.Refusal{Method: "/s/A", Code: "UNAUTHENTICATED", Reason: "TOKEN_MISSING"}
	for range 1_000_000 {
		r.count(refusedBy(""), why)
	}
	r.count(refusedBy(""), audit.Refusal{Method: "/s/B", Code: "UNAUTHENTICATED", Reason: "TOKEN_MISSING"})
	r.count(refusedBy("user:local/eve"), audit.Refusal{Method: "/s/A", Code: "RESOURCE_EXHAUSTED", Reason: "RATE_LIMITED", Limit: "user_rate"})
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	list := recorded(t, l)
	total, eve := int64(0), false
	for _, record := range list {
		total += record.Refusal.Count
		eve = eve || record.User == "user:local/eve" && record.Refusal.Count == 1 && record.Refusal.Method == "/s/A"
		if record.User == "" && record.Refusal.Method != "" && record.Refusal.Count > 1_000_000 {
			t.Errorf("calls of two methods are recorded as of %s", record.Refusal.Method)
		}
	}
	if len(list) > 30 || total != 1_000_002 || !eve {
		t.Errorf("%d records of %d refusals, one of eve's: %t", len(list), total, eve)
	}
	for i := range 5000 {
		r.count(refusedBy(fmt.Sprint("user:local/", i)), why)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	more := recorded(t, l)[len(list):]
	for total = 0; len(more) > 0; more = more[1:] {
		total += more[0].Refusal.Count
	}
	if n := int(l.Size()) - len(list); n > refusalsApart*5+10 || total != 5000 {
		t.Errorf("%d records of %d refusals of 5000 callers", n, total)
	}
}

// Counts that cannot be recorded stay, and are recorded once they can be.
func TestRefusalsOnAFullDisk(t *testing.T) {
	m := &audittest.Memory{}
	l := audittest.Open(t, m, audittest.Keys(t))
	r := NewRefusals(l, time.Now, slog.New(slog.DiscardHandler))
	why := audit.Refusal{Code: "UNAUTHENTICATED", Reason: "TOKEN_MISSING"}
	r.count(refusedBy(""), why)
	m.Break(audit.ErrFull)
	if err := r.Flush(t.Context()); !errors.Is(err, audit.ErrFull) {
		t.Fatalf("recording on a full disk: %v", err)
	}
	r.count(refusedBy(""), why)
	m.Break(nil)
	if err := r.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	if list := recorded(t, l); len(list) != 1 || list[0].Refusal.Count != 2 {
		t.Errorf("recorded is %+v", list)
	}
}

// By themselves, counts are recorded soon.
func TestRefusalsAreRecordedSoon(t *testing.T) {
	l := audittest.Open(t, &audittest.Memory{}, audittest.Keys(t))
	r := NewRefusals(l, time.Now, slog.New(slog.DiscardHandler))
	r.count(refusedBy(""), audit.Refusal{Code: "UNAUTHENTICATED", Reason: "TOKEN_MISSING"})
	for end := time.Now().Add(time.Minute); l.Size() == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nothing was recorded within a minute")
		}
	}
}
