package audit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/audit/audittest"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/catalog/catalogtest"
)

// office is a catalog whose commits leave records, and the log they belong in.
type office struct {
	testing.TB
	store   *catalogtest.Memory
	storage *audittest.Memory
	config  audit.Config
	log     *audit.Log
	made    []string // the changes committed, in order
}

func newOffice(t testing.TB) *office {
	o := &office{TB: t, store: catalogtest.NewMemory(), storage: &audittest.Memory{}, config: audittest.Keys(t)}
	o.log = audittest.Open(t, o.storage, o.config)
	return o
}

// commit commits n changes at once, each with its record.
func (o *office) commit(n int) {
	o.Helper()
	var mutations []catalog.Mutation
	for range n {
		name := fmt.Sprintf("group:g%d", len(o.made))
		o.made = append(o.made, name)
		mutations = append(mutations, catalog.PutGroup{Group: acl.Principal(name), Members: []acl.Principal{"user:local/ada"}})
	}
	_, err := o.store.Commit(context.Background(), catalog.Commit{Mutations: mutations, At: time.Now(), Record: func(at catalog.Revision, i int, _ catalog.Outcome) [][]byte {
		body, err := json.Marshal(audit.Record{
			Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Kind: audit.KindChange,
			Change: &audit.Change{Revision: uint64(at), Op: "put group", ID: string(mutations[i].(catalog.PutGroup).Group)},
		})
		if err != nil {
			o.Error(err)
		}
		return [][]byte{body}
	}})
	if err != nil {
		o.Fatal(err)
	}
}

// reopen opens the log anew, as after a crash.
func (o *office) reopen() {
	o.Helper()
	o.log.Close() // its error is of the failure that came before
	o.log = audittest.Open(o, o.storage, o.config)
}

// check demands that the log holds every change once and in order, and that the outbox is
// empty.
func (o *office) check() {
	o.Helper()
	var got []string
	last := uint64(0)
	for item, err := range o.log.Records(context.Background(), 0) {
		if err != nil {
			o.Fatal(err)
		}
		r := item.Record
		if r.Change == nil {
			continue // not from the outbox
		}
		if r.Outbox <= last || r.ID != fmt.Sprintf("change/%d/%d", r.Change.Revision, r.Outbox) {
			o.Errorf("record %s has outbox sequence %d after %d", r.ID, r.Outbox, last)
		}
		last = r.Outbox
		got = append(got, r.Change.ID)
	}
	if diff := cmp.Diff(o.made, got); diff != "" {
		o.Errorf("changes in the log (- committed, + recorded):\n%s", diff)
	}
	if n := pending(o, o.store.Outbox()); n != 0 {
		o.Errorf("%d records are left in the outbox", n)
	}
}

// newDrain begins a drain, however often the outbox fails.
func newDrain(t testing.TB, log *audit.Log, outbox catalog.Outbox) *audit.Drain {
	t.Helper()
	for range 1000 {
		d, err := audit.NewDrain(context.Background(), log, outbox, silence)
		if err == nil {
			return d
		}
		if !errors.Is(err, errMoody) {
			t.Fatal(err)
		}
	}
	t.Fatal("the outbox never recovers")
	return nil
}

func pending(t testing.TB, outbox catalog.Outbox) (n int) {
	t.Helper()
	for _, err := range outbox.Pending(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

// moody is an Outbox that fails at times.
type moody struct {
	catalog.Outbox
	mu   sync.Mutex
	fail func(method string) error
}

func (m *moody) check(method string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail == nil {
		return nil
	}
	return m.fail(method)
}

func (m *moody) Pending(ctx context.Context) iter.Seq2[catalog.OutboxRecord, error] {
	return func(yield func(catalog.OutboxRecord, error) bool) {
		for r, err := range m.Outbox.Pending(ctx) {
			if failure := m.check("Pending"); failure != nil {
				yield(catalog.OutboxRecord{}, failure)
				return
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

func (m *moody) Take(ctx context.Context, through uint64) error {
	if err := m.check("Take"); err != nil {
		return err
	}
	return m.Outbox.Take(ctx, through)
}

var (
	errMoody = errors.New("no space left")
	silence  = slog.New(slog.DiscardHandler)
)
