package bolt

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// TestWhatCannotBeStoredIsRefused: nothing may be written that could not be read.
func TestWhatCannotBeStoredIsRefused(t *testing.T) {
	s := open(t, file(t), Options{noSync: true})
	future := line("a", 1)
	future.Document.Modified = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	long := line(strings.Repeat("x", 40_000), 1)
	for name, m := range map[string]catalog.Mutation{"a year of five digits": future, "an id longer than a key": long} {
		_, err := s.Commit(t.Context(), catalog.Commit{Mutations: []catalog.Mutation{line("b", 1), m}})
		if err == nil {
			t.Errorf("%s was stored", name)
		}
	}
	b := &batch{rows: math.MaxUint32 - 5}
	if rows, err := b.take(5); err != nil || uint64(rows.First)+uint64(rows.Count)-1 != math.MaxUint32 {
		t.Errorf("the last five rows: %+v, %v", rows, err)
	}
	if rows, err := b.take(1); err == nil {
		t.Errorf("row %+v is beyond the last", rows)
	}
	if head := pin(t, s, 0).Revision(); head != 0 {
		t.Errorf("the head is %d after nothing was stored", head)
	}
}

func TestTimesAreUTC(t *testing.T) {
	s := open(t, file(t), Options{noSync: true})
	m := line("a", 1)
	m.Document.Modified = time.Date(2026, 3, 1, 9, 0, 0, 1, time.FixedZone("east", 7200))
	commit(t, s, m)
	n := pin(t, s, 0)
	d, err := n.Documents(t.Context(), view(t, n), []catalog.DocumentID{m.Document.DocumentID})
	if err != nil {
		t.Fatal(err)
	}
	if want := m.Document.Modified.UTC(); d[0].Modified != want || d[0].ValidFrom != (time.Time{}) {
		t.Fatalf("modified %#v, want %#v; valid from %#v", d[0].Modified, want, d[0].ValidFrom)
	}
}

// TestCheckWhileReadingWritingAndPruning runs everything at once.
func TestCheckWhileReadingWritingAndPruning(t *testing.T) {
	s := open(t, file(t), Options{noSync: true, Retention: 2})
	var wait sync.WaitGroup
	done := make(chan struct{})
	wait.Go(func() {
		defer close(done)
		for i := range int64(150) {
			ms := []catalog.Mutation{line("a", i), line(fmt.Sprint("b", i%7), i), catalog.PutGroup{
				Group: acl.Principal(fmt.Sprint("group:", i%5)), Members: []acl.Principal{acl.Principal(fmt.Sprint("user:corp/", i))},
			}}
			if _, err := s.Commit(t.Context(), catalog.Commit{Mutations: ms, Record: func(catalog.Revision, int, catalog.Outcome) [][]byte { return [][]byte{[]byte("r")} }}); err != nil {
				t.Errorf("committing: %v", err)
			}
			if err := s.Outbox().Take(t.Context(), uint64(2*i)); err != nil {
				t.Errorf("emptying the outbox: %v", err)
			}
		}
	})
	checks := 0
	for more := true; more; checks++ {
		select {
		case <-done:
			more = false
		default:
		}
		last := 0
		err := s.Check(t.Context(), func(done, total int) {
			if done < last || done > total {
				t.Errorf("%d of %d values, after %d", done, total, last)
			}
			last = done
		})
		if err != nil {
			t.Fatal(err)
		}
		if old, err := s.Snapshot(t.Context(), 1); err == nil { // often gone, never wrong
			old.Close()
		} else if !errors.Is(err, catalog.ErrPruned) && !errors.Is(err, catalog.ErrFuture) {
			t.Fatal(err)
		}
		for range s.Changes(t.Context(), 0, catalog.Contents) {
		}
	}
	wait.Wait()
}

func TestKeysSortAsNamesAndKeepThemApart(t *testing.T) {
	name := rapid.Custom(func(t *rapid.T) string {
		return string(rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 'a', 'b', 0xFE, 0xFF}), 0, 5).Draw(t, "bytes"))
	})
	id := rapid.Custom(func(t *rapid.T) catalog.DocumentID {
		return catalog.DocumentID{Source: name.Draw(t, "source"), ID: name.Draw(t, "id")}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := id.Draw(t, "a"), id.Draw(t, "b")
		x, y := idKey(a), idKey(b)
		if got, want := bytes.Compare(x, y), a.Compare(b); got != want {
			t.Fatalf("%q and %q compare as %d, their keys as %d", a, b, want, got)
		}
		if a != b && bytes.HasPrefix(x, y) {
			t.Fatalf("the key of %q begins with that of %q", a, b)
		}
		r := catalog.Revision(rapid.Uint64().Draw(t, "revision"))
		key, at, ok := splitRecordKey(recordKey(x, r))
		if !ok || at != r || !bytes.Equal(key, x) {
			t.Fatalf("a record's key came apart as %x, %d", key, at)
		}
	})
}
