//go:build faultyfile

package file

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/audit/audittest"
)

var ctx = context.Background()

// failing lets the n'th step of a name fail, and those after it.
func failing(t *testing.T, step string, n int, written func(size int) int, err error) (seen map[string]int) {
	seen = map[string]int{}
	fault = func(at string, size int) (int, error) {
		seen[at]++
		if at != step || seen[at] < n {
			return 0, nil
		}
		if written == nil {
			return 0, err
		}
		return written(size), err
	}
	t.Cleanup(func() { fault = nil })
	return seen
}

// reread opens the directory anew and verifies that it holds the acknowledged records, and
// beyond them at most those that were on their way.
func reread(t *testing.T, dir string, c audit.Config, acknowledged, underWay int) {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	l := audittest.Open(t, s, c)
	n := int(l.Size())
	if n < acknowledged || n > acknowledged+underWay {
		t.Errorf("%d records, %d were acknowledged and %d were on their way", n, acknowledged, underWay)
	}
	for item, err := range l.Records(ctx, 0) {
		if err != nil && !errors.Is(err, audit.ErrErased) {
			t.Fatal(err)
		}
		if want := audittest.Record(int(item.Index)).ID; int(item.Index) < acknowledged && item.Record.ID != want && !item.Erased {
			t.Errorf("record %d is %q, want %q", item.Index, item.Record.ID, want)
		}
	}
	r := audittest.Record(0)
	r.ID = "the last"
	if _, err := l.Append(ctx, r); err != nil {
		t.Error(err)
	}
	audittest.Close(t, l)
	audittest.Verify(t, s, c, nil)
}

// TestFaultySteps lets each step of an append or of a checkpoint fail. Want of room refuses
// what was to be written; everything else ends writing, and nothing is synced again.
func TestFaultySteps(t *testing.T) {
	half := func(size int) int { return size / 2 }
	for _, c := range []struct {
		step     string
		written  func(int) int
		err      error
		poisoned bool
	}{
		{"write bodies", nil, syscall.ENOSPC, false},
		{"write bodies", half, syscall.ENOSPC, false},
		{"write bodies", half, syscall.EFBIG, false},
		{"write bodies", half, syscall.EIO, true},
		{"sync bodies", nil, syscall.EIO, true},
		{"sync bodies", nil, syscall.ENOSPC, true},
		{"write commitments", half, syscall.ENOSPC, false},
		{"write commitments", half, syscall.EIO, true},
		{"write hashes", half, syscall.EDQUOT, false},
		{"write hashes", half, syscall.EIO, true},
		{"sync commitments", nil, syscall.EIO, true},
		{"sync hashes", nil, syscall.EIO, true},
		{"write checkpoint.new", half, syscall.ENOSPC, false},
		{"write checkpoint.new", half, syscall.EIO, true},
		{"sync checkpoint.new", nil, syscall.EIO, true},
		{"sync checkpoint.new", nil, syscall.ENOSPC, true},
		{"rename checkpoint.new", nil, syscall.EIO, true},
	} {
		t.Run(strings.ReplaceAll(c.step, " ", "_")+"_"+c.err.Error(), func(t *testing.T) {
			dir, keys := filepath.Join(t.TempDir(), "audit"), audittest.Keys(t)
			s, err := Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			l := audittest.Open(t, s, keys)
			audittest.Append(t, l, 0, 3)
			if _, err := l.Checkpoint(ctx); err != nil {
				t.Fatal(err)
			}
			audittest.Append(t, l, 3, 5)

			seen := failing(t, c.step, 1, c.written, c.err)
			appended, acknowledged := 0, 5
			_, err = l.AppendAll(ctx, []audit.Record{audittest.Record(5), audittest.Record(6), audittest.Record(7)})
			if appended = 3; err == nil {
				acknowledged, appended = 8, 0
				_, err = l.Checkpoint(ctx)
			}
			want := audit.ErrFull
			if c.poisoned {
				want = audit.ErrUnwritable
			}
			if !errors.Is(err, want) || seen[c.step] == 0 {
				t.Fatalf("it said %v, want %v; steps %v", err, want, seen)
			}
			if c.poisoned {
				<-l.Failed()
				before := fmt.Sprint(seen)
				if _, err := l.Append(ctx, audittest.Record(99)); !errors.Is(err, audit.ErrUnwritable) {
					t.Errorf("after it: %v", err)
				}
				if l.Close(); fmt.Sprint(seen) != before {
					t.Errorf("after it there were steps: %v, before %s", seen, before)
				}
			} else {
				time.Sleep(2 * time.Millisecond)
				fault = nil
				audittest.Append(t, l, acknowledged, 12)
				acknowledged, appended = 12, 0
				audittest.Close(t, l)
				audittest.Verify(t, s, keys, nil)
			}
			fault = nil
			s.Close()
			reread(t, dir, keys, acknowledged, appended)
		})
	}
}

// TestFaultyCut: a batch that could not be taken back for certain ends writing.
func TestFaultyCut(t *testing.T) {
	for _, second := range []string{"cut bodies", "cut commitments", "sync commitments"} {
		dir, keys := filepath.Join(t.TempDir(), "audit"), audittest.Keys(t)
		s, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		l := audittest.Open(t, s, keys)
		audittest.Append(t, l, 0, 5)
		fault = func(step string, size int) (int, error) {
			switch step {
			case "write commitments":
				return size / 2, syscall.ENOSPC
			case second:
				return 0, syscall.EIO
			}
			return 0, nil
		}
		if _, err := l.Append(ctx, audittest.Record(5)); !errors.Is(err, audit.ErrUnwritable) || errors.Is(err, audit.ErrFull) {
			t.Errorf("%s: %v, want ErrUnwritable", second, err)
		}
		l.Close()
		fault = nil
		s.Close()
		reread(t, dir, keys, 5, 1)
	}
}

// TestFaultyErase: marks that do not fit erase nothing and break nothing.
func TestFaultyErase(t *testing.T) {
	dir, keys := filepath.Join(t.TempDir(), "audit"), audittest.Keys(t)
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	l := audittest.Open(t, s, keys)
	audittest.Append(t, l, 0, 5)
	failing(t, "write erased", 1, func(n int) int { return n / 2 }, syscall.ENOSPC)
	erasure := audit.Record{ID: "erasing", Time: time.Unix(0, 0).UTC(), Erasure: &audit.Erasure{Reason: "asked for"}}
	if _, err := l.Erase(ctx, erasure, 1, 2); !errors.Is(err, audit.ErrFull) {
		t.Fatal(err)
	}
	if _, _, err := l.Record(ctx, 1); err != nil {
		t.Errorf("nothing was to be erased: %v", err)
	}
	fault = nil
	erasure.ID = "erasing again"
	if _, err := l.Erase(ctx, erasure, 1, 2); err != nil {
		t.Fatal(err)
	}
	if _, _, err := l.Record(ctx, 1); !errors.Is(err, audit.ErrErased) {
		t.Errorf("erased: %v", err)
	}
	audittest.Close(t, l)
	s.Close()
	reread(t, dir, keys, 5, 2)
}

// TestFaultyAtRandom lets the disk be full at random, copies the directory before every step
// as a crash would leave it, and opens each copy: no acknowledged record is missing, and
// what else is there is part of one batch, from its beginning on.
func TestFaultyAtRandom(t *testing.T) {
	random := rand.New(rand.NewPCG(8, 9))
	dir, keys := filepath.Join(t.TempDir(), "audit"), audittest.Keys(t)
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	l := audittest.Open(t, s, keys)
	// The log writes checkpoints by itself between batches, so what follows is shared with its
	// writer. Of a copy that is being looked at nothing fails.
	var (
		mu              sync.Mutex
		acked, underWay []string // ids
		full            string   // the step at which the disk is full
		copies, refused int
		looking         atomic.Bool
	)
	crash := func() { // called by the log's writer too: it must not end the test
		if !looking.CompareAndSwap(false, true) {
			return
		}
		defer looking.Store(false)
		mu.Lock()
		defer mu.Unlock()
		at := filepath.Join(t.TempDir(), fmt.Sprint(copies))
		copies++
		if err := os.CopyFS(at, os.DirFS(dir)); err != nil {
			t.Error(err)
			return
		}
		s, err := Open(at)
		if err != nil {
			t.Errorf("copy %d: %v", copies, err)
			return
		}
		defer s.Close()
		l, err := audit.Open(ctx, s, keys)
		if err != nil {
			t.Errorf("copy %d: %v", copies, err)
			return
		}
		defer l.Close()
		want := append(append([]string{}, acked...), underWay...)
		if n := int(l.Size()); n < len(acked) || n > len(want) {
			t.Errorf("copy %d: %d records, %d acknowledged, %d under way", copies, n, len(acked), len(underWay))
			return
		}
		for item, err := range l.Records(ctx, 0) {
			if err != nil || item.Record.ID != want[item.Index] {
				t.Errorf("copy %d: record %d is %q, %v, want %q", copies, item.Index, item.Record.ID, err, want[item.Index])
			}
		}
	}
	fault = func(step string, size int) (int, error) {
		if looking.Load() {
			return 0, nil
		}
		crash()
		mu.Lock()
		defer mu.Unlock()
		if step == full {
			return random.IntN(size + 1), syscall.ENOSPC
		}
		return 0, nil
	}
	for round := range 60 {
		var records []audit.Record
		mu.Lock()
		for i := range 1 + random.IntN(4) {
			r := audittest.Record(round*10 + i)
			records, underWay = append(records, r), append(underWay, r.ID)
		}
		full = []string{"", "", "", "write bodies", "write commitments", "write hashes"}[random.IntN(6)]
		mu.Unlock()
		_, err := l.AppendAll(ctx, records)
		mu.Lock()
		if err == nil {
			acked = append(acked, underWay...)
		}
		underWay, full = nil, ""
		mu.Unlock()
		switch {
		case errors.Is(err, audit.ErrFull):
			refused++
			crash()
		case err != nil:
			t.Fatal(err)
		}
		if t.Failed() {
			t.Fatalf("round %d", round)
		}
	}
	fault = nil
	audittest.Close(t, l)
	audittest.Verify(t, s, keys, nil)
	s.Close()
	t.Logf("%d records acknowledged, %d batches refused, %d crashes", len(acked), refused, copies)
}
