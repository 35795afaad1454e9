//go:build faultybbolt

package bolt

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/muniment/muniment/catalog"
)

// large is a mutation that needs more pages than a small file has.
func large(id string, version int64) catalog.PutDocument {
	m := line(id, version)
	for i := range 40 {
		m.Passages = append(m.Passages, catalog.Passage{Text: fmt.Sprint(i), Vector: make([]float32, 2000)})
	}
	return m
}

// steps lets a step fail from its n'th time on and counts what is done.
type steps struct {
	step    string
	from    int
	written func(size int) int // of a write that fails
	err     error
	seen    map[string]int
}

func (f *steps) install(t *testing.T) {
	f.seen = map[string]int{}
	bbolt.Fault = func(step string, size int) (int, error) {
		f.seen[step]++
		if step != f.step || f.seen[step] < f.from {
			return 0, nil
		}
		if f.written == nil {
			return 0, f.err
		}
		return f.written(size), f.err
	}
	t.Cleanup(func() { bbolt.Fault = nil })
}

// TestFaultySteps lets each step of a commit fail and expects what is said in failure.go:
// what did not fit is refused and taken later; after everything else nothing is written
// any more. In both cases reads go on with what was there, and nothing acknowledged is lost.
func TestFaultySteps(t *testing.T) {
	const documents = 3
	whole := func(size int) int { return size }
	first := func(n int) func(int) int { return func(int) int { return n } }
	for _, c := range []struct {
		name     string
		fault    steps
		poisoned bool
		lost     bool // reads fail too
	}{
		{"no room to extend", steps{step: "extend", err: syscall.ENOSPC}, false, false},
		{"a quota on extending", steps{step: "extend", err: syscall.EDQUOT}, false, false},
		{"extending fails", steps{step: "extend", err: syscall.EIO}, true, false},
		{"syncing the extension fails", steps{step: "sync the extension", err: syscall.EIO}, true, false},
		{"no room when syncing the extension", steps{step: "sync the extension", err: syscall.ENOSPC}, true, false},
		{"no room for the first page", steps{step: "write pages", err: syscall.ENOSPC}, false, false},
		{"no room for a later page", steps{step: "write pages", from: 7, err: syscall.ENOSPC}, false, false},
		{"room for half a page", steps{step: "write pages", from: 4, written: func(n int) int { return n / 2 }, err: syscall.ENOSPC}, false, false},
		{"too long a file", steps{step: "write pages", from: 3, err: syscall.EFBIG}, false, false},
		{"writing a page fails", steps{step: "write pages", from: 3, err: syscall.EIO}, true, false},
		{"syncing pages fails", steps{step: "sync pages", err: syscall.EIO}, true, false},
		{"no room when syncing pages", steps{step: "sync pages", err: syscall.ENOSPC}, true, false},
		{"no room for the meta page", steps{step: "write meta", err: syscall.ENOSPC}, false, false},
		{"room for some of the meta page", steps{step: "write meta", written: first(48), err: syscall.ENOSPC}, false, false},
		{"room for all that counts of the meta page", steps{step: "write meta", written: first(512), err: syscall.ENOSPC}, true, false},
		{"writing the meta page fails", steps{step: "write meta", err: syscall.EIO}, true, false},
		{"writing the meta page fails at its end", steps{step: "write meta", written: whole, err: syscall.EIO}, true, false},
		{"syncing the meta page fails", steps{step: "sync meta", err: syscall.EIO}, true, false},
		{"no room when syncing the meta page", steps{step: "sync meta", err: syscall.ENOSPC}, true, false},
		{"no memory to map the file", steps{step: "map", err: syscall.ENOMEM}, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := file(t)
			s, err := Open(path, Options{Retention: 1, tight: true})
			if err != nil {
				t.Fatal(err)
			}
			sample(t, s, documents, 0, 3)
			before := everything(s, documents)
			snapshot := pin(t, s, 0)
			caller := view(t, snapshot)

			c.fault.install(t)
			_, err = s.Commit(t.Context(), catalog.Commit{
				Mutations: []catalog.Mutation{large("doc0", 9), large("new", 1), catalog.DeleteDocument{Document: catalog.DocumentID{Source: "handbook", ID: "doc1"}, Version: 9}},
				At:        time.Unix(9, 0), Record: func(catalog.Revision, int, catalog.Outcome) [][]byte { return [][]byte{[]byte("new record")} },
			})
			want := catalog.ErrFull
			if c.poisoned {
				want = catalog.ErrPoisoned
			}
			if !errors.Is(err, want) || c.fault.seen[c.fault.step] == 0 {
				t.Fatalf("the commit said %v, want %v; steps %v", err, want, c.fault.seen)
			}
			select {
			case <-s.Failed():
				if !c.poisoned || !errors.Is(s.Err(), catalog.ErrPoisoned) {
					t.Errorf("failed, with %v", s.Err())
				}
			default:
				if c.poisoned || s.Err() != nil {
					t.Errorf("not failed, with %v", s.Err())
				}
			}
			if c.lost {
				if _, err := snapshot.Text(t.Context(), caller, catalog.DocumentID{Source: "handbook", ID: "doc0"}); !errors.Is(err, catalog.ErrPoisoned) {
					t.Errorf("a read without a mapping: %v", err)
				}
			} else if now := everything(s, documents); !maps.Equal(now, before) {
				t.Errorf("reads changed:\n%v\nbefore:\n%v", now, before)
			}

			done := maps.Clone(c.fault.seen)
			_, err = s.Commit(t.Context(), catalog.Commit{Mutations: []catalog.Mutation{line("doc2", 9)}})
			taken := s.Outbox().Take(t.Context(), 2)
			if c.poisoned {
				if !errors.Is(err, catalog.ErrPoisoned) || !errors.Is(taken, catalog.ErrPoisoned) || !maps.Equal(done, c.fault.seen) {
					t.Errorf("after it a commit says %v and Take %v; steps %v, then %v", err, taken, done, c.fault.seen)
				}
			}
			bbolt.Fault = nil
			if !c.poisoned {
				commit(t, s, large("doc0", 9), large("new", 1))
				sound(t, s)
				if text, err := pin(t, s, 0).Text(t.Context(), caller, catalog.DocumentID{Source: "handbook", ID: "new"}); err != nil || text != "new in version 1" {
					t.Errorf("once there is room: %q, %v", text, err)
				}
				if err := s.Check(t.Context(), nil); err != nil {
					t.Error(err)
				}
			}
			after := map[string]string{}
			if !c.lost {
				after = everything(s, documents)
			}
			snapshot.Close()
			if err := s.Close(); err != nil {
				t.Errorf("closing: %v", err)
			}
			s = open(t, path, Options{Retention: 1})
			sound(t, s)
			again := everything(s, documents)
			landed := again["document doc1"] == "[]" // all of the commit is there
			switch {
			case c.poisoned && landed:
				if text, err := pin(t, s, 0).Text(t.Context(), caller, catalog.DocumentID{Source: "handbook", ID: "new"}); err != nil || text != "new in version 1" {
					t.Errorf("half of the commit is there: %q, %v", text, err)
				}
			case c.poisoned && !maps.Equal(again, before):
				t.Errorf("opened anew:\n%v\nbefore:\n%v", again, before)
			case !c.poisoned && !maps.Equal(again, after):
				t.Errorf("opened anew:\n%v\nbefore:\n%v", again, after)
			}
			commit(t, s, large("last", 1))
		})
	}
}

// sound lets bbolt check that every page of its file is either in use or free.
func sound(t *testing.T, s *Store) {
	t.Helper()
	if err := s.db.View(func(tx *bbolt.Tx) error {
		for err := range tx.Check() {
			t.Errorf("bbolt: %v", err)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

// TestFaultyDiskFullAgainAndAgain commits at random while the disk is full half of the
// time, with a long read of bbolt open now and then, and compares with what was
// acknowledged. What bbolt keeps in memory of free pages must survive its rollbacks.
func TestFaultyDiskFullAgainAndAgain(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	path := file(t)
	s, err := Open(path, Options{Retention: 4, noSync: true})
	if err != nil {
		t.Fatal(err)
	}
	s.db.AllocSize = 64 << 10 // extended often
	acknowledged := map[string]int64{}
	refused, taken := 0, 0
	var reading *bbolt.Tx
	var seen string
	dump := func(tx *bbolt.Tx) string {
		all := ""
		for _, name := range buckets {
			if err := tx.Bucket([]byte(name)).ForEach(func(k, v []byte) error {
				_, err := unseal(name, k, v)
				all += fmt.Sprintf("%x %d\n", k, len(v))
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		return all
	}
	for i := range int64(600) {
		switch {
		case reading == nil && random.IntN(10) == 0:
			if reading, err = s.db.Begin(false); err != nil {
				t.Fatal(err)
			}
			seen = dump(reading)
		case reading != nil && random.IntN(10) == 0:
			if now := dump(reading); now != seen {
				t.Fatalf("commit %d: pages of an open read were written over", i)
			}
			reading.Rollback()
			reading = nil
		}
		f := steps{step: []string{"extend", "write pages", "write meta"}[random.IntN(3)], from: 1 + random.IntN(3), err: syscall.ENOSPC}
		if random.IntN(2) == 0 {
			f.step = ""
		}
		f.install(t)
		id := fmt.Sprint("doc", random.IntN(30))
		m := line(id, i+1)
		if random.IntN(4) == 0 {
			m = large(id, i+1)
		}
		_, err := s.Commit(t.Context(), catalog.Commit{Mutations: []catalog.Mutation{m}})
		switch {
		case err == nil:
			acknowledged[id] = i + 1
			taken++
		case errors.Is(err, catalog.ErrFull):
			refused++
		default:
			t.Fatal(err)
		}
		if i%20 == 0 {
			bbolt.Fault = nil
			sound(t, s)
		}
	}
	bbolt.Fault = nil
	if reading != nil {
		reading.Rollback()
	}
	for range 2 {
		sound(t, s)
		n := pin(t, s, 0)
		for id, version := range acknowledged {
			text, err := n.Text(t.Context(), view(t, n), catalog.DocumentID{Source: "handbook", ID: id})
			if want := fmt.Sprintf("%s in version %d", id, version); err != nil || text != want {
				t.Errorf("%q, %v, want %q", text, err, want)
			}
		}
		n.Close()
		if err := (checked{s, t}).Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, path, Options{Retention: 4})
	}
	t.Logf("%d commits taken, %d refused", taken, refused)
	if refused < 100 || taken < 100 {
		t.Error("too few of one sort")
	}
}
