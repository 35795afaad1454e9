package audit_test

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/audit/audittest"
)

// shelf keeps blocks in memory and can be told to fail.
type shelf struct {
	blocks map[int64][]byte
	full   bool
}

func (s *shelf) Put(n int64, block []byte) error {
	if s.full {
		return fmt.Errorf("block %d: no room", n)
	}
	s.blocks[n] = slices.Clone(block)
	return nil
}

func (s *shelf) ReadAt(n int64, p []byte, off int64) (int, error) {
	b, ok := s.blocks[n]
	if !ok {
		return 0, fs.ErrNotExist
	}
	if off > int64(len(b)) {
		return 0, io.EOF
	}
	if k := copy(p, b[off:]); k < len(p) {
		return k, io.EOF
	}
	return len(p), nil
}

func (s *shelf) Drop(n int64) error { delete(s.blocks, n); return nil }

// about draws a record.
func about(r *rand.Rand, n int) audit.Record {
	rec := audit.Record{
		ID: fmt.Sprintf("r%d", n), Time: time.Unix(1_800_000_000, 0), Kind: audit.KindRetrieve,
		User: fmt.Sprintf("user:corp/%d", r.IntN(7)), App: fmt.Sprintf("service:%d", r.IntN(2)),
	}
	document := func() string { return fmt.Sprintf("d%d", r.IntN(2000)) }
	switch r.IntN(6) {
	case 5:
		rec.Kind, rec.Answer = audit.KindAnswer, &audit.Answer{
			Retrievals: []string{fmt.Sprintf("r%d", r.IntN(n+1)), fmt.Sprintf("r%d", r.IntN(n+1))}, Request: fmt.Sprint(r.IntN(50)),
			Citations: []audit.Citation{{Retrieval: "r", Source: "wiki", ID: document()}, {Reference: "handbook/d1"}},
		}
	case 0:
		rec.Kind, rec.Read = audit.KindRead, &audit.Read{Source: "handbook", ID: document(), Version: 1}
	case 1:
		rec.Kind, rec.Change = audit.KindChange, &audit.Change{Op: "put", Source: "handbook", ID: document()}
	default:
		rec.Retrieval = &audit.Retrieval{QueryHash: "q", Sources: []audit.Source{{Source: "handbook", ID: document()}, {Source: "wiki", ID: document()}}}
	}
	return rec
}

// TestFindIsAScan compares Find with a walk over the whole log: after restarts, with blocks that
// are lost, damaged or were never written, and after erasures.
func TestFindIsAScan(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 1))
	storage, config := &audittest.Memory{}, audittest.Keys(t)
	kept := &shelf{blocks: map[int64][]byte{}}
	config.Shelf = kept
	log := openLog(t, storage, config)
	n, found := 0, 0
	for round := range 9 {
		for range 4 {
			var batch []audit.Record
			for range 350 {
				batch = append(batch, about(r, n))
				n++
			}
			if _, err := log.AppendAll(t.Context(), batch); err != nil {
				t.Fatal(err)
			}
		}
		switch round {
		case 4:
			kept.full = true
		case 5:
			kept.full = false
			for b := range kept.blocks {
				kept.blocks[b][len(kept.blocks[b])/2] ^= 1
			}
		case 6:
			clear(kept.blocks)
		case 7:
			gone := []int64{3, 17, 5000, int64(n - 1)}
			if _, err := log.Erase(t.Context(), audit.Record{ID: "erasure", Time: time.Unix(1_800_000_001, 0), Erasure: &audit.Erasure{Reason: "asked for"}}, gone...); err != nil {
				t.Fatal(err)
			}
			n++
		}
		if round%3 == 2 {
			if err := log.Close(); err != nil {
				t.Fatal(err)
			}
			log = openLog(t, storage, config)
		}
		subjects := []audit.Subject{
			audit.ByUser("user:corp/3"), audit.ByApp("service:1"), audit.OfKind(audit.KindRead), audit.OfKind("none"), audit.WithID("r17"),
			audit.WithID(fmt.Sprintf("r%d", r.IntN(n))), audit.OfDocument("wiki", "d5"), audit.OfKind(audit.KindAnswer), audit.OfRetrieval("r11"),
			audit.ByCaller("user:corp/2", "service:0"), audit.OfRequest("user:corp/3", "service:1", "7"), audit.OfDocument("handbook", fmt.Sprintf("d%d", r.IntN(2000))),
		}
		for _, s := range subjects {
			before := int64(audit.Newest)
			if r.IntN(2) == 0 {
				before = r.Int64N(log.Size())
			}
			want, got := scan(t, log, s, before), find(t, log, s, before)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("round %d, %+v before %d (-scan +found):\n%s", round, s, before, diff)
			}
			found += len(got)
		}
	}
	if len(kept.blocks) < 2 || found < 1000 {
		t.Errorf("%d blocks and %d records found say little", len(kept.blocks), found)
	}
}

// TestFindInAnotherLog exchanges the log beneath its register, for another one and for one that
// has the first records in common: what is found is in the log that is there.
func TestFindInAnotherLog(t *testing.T) {
	const block, records = 4096, 2*4096 + 10
	config := audittest.Keys(t)
	fill := func(storage *audittest.Memory, user string, n int) {
		t.Helper()
		log := openLog(t, storage, config)
		for log.Size() < int64(n) {
			var batch []audit.Record
			for i := range min(500, n-int(log.Size())) {
				batch = append(batch, audit.Record{ID: fmt.Sprintf("%s/%d", user, int(log.Size())+i), Time: time.Unix(1_800_000_000, 0), Kind: audit.KindRead, User: user})
			}
			if _, err := log.AppendAll(t.Context(), batch); err != nil {
				t.Fatal(err)
			}
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
	}
	first, other := &audittest.Memory{}, &audittest.Memory{}
	fill(first, "user:a", block+5)
	parted := first.Clone()
	kept := &shelf{blocks: map[int64][]byte{}}
	config.Shelf = kept
	fill(first, "user:b", records)
	if len(kept.blocks) != 1 {
		t.Fatalf("%d blocks were written as the log went on, not 1", len(kept.blocks))
	}
	config.Shelf = nil
	fill(parted, "user:c", records)
	fill(other, "user:d", records)

	config.Shelf = kept
	for _, x := range []struct {
		name    string
		storage *audittest.Memory
		found   map[string]int
	}{
		{"as it was", first, map[string]int{"user:a": block + 5, "user:b": block + 5}},
		{"another", other, map[string]int{"user:a": 0, "user:d": records}},
		{"as it was again", first, map[string]int{"user:a": block + 5, "user:b": block + 5}},
		{"parted", parted, map[string]int{"user:a": block + 5, "user:b": 0, "user:c": block + 5}},
	} {
		log := openLog(t, x.storage, config)
		for user, want := range x.found {
			if got := find(t, log, audit.ByUser(user), audit.Newest); len(got) != want {
				t.Errorf("%s: %d records of %s, not %d", x.name, len(got), user, want)
			}
		}
		log.Close()
	}
}

func openLog(t *testing.T, s audit.Storage, c audit.Config) *audit.Log {
	t.Helper()
	log, err := audit.Open(context.Background(), s, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	return log
}

func scan(t *testing.T, log *audit.Log, s audit.Subject, before int64) (ids []string) {
	t.Helper()
	for item, err := range log.Records(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if item.Index < before && !item.Erased && item.Record.About(s) {
			ids = append(ids, item.Record.ID)
		}
	}
	slices.Reverse(ids)
	return ids
}

func find(t *testing.T, log *audit.Log, s audit.Subject, before int64) (ids []string) {
	t.Helper()
	for item, err := range log.Find(t.Context(), s, before) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, item.Record.ID)
	}
	return ids
}
