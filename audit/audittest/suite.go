package audittest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/muniment/muniment/audit"
)

// Run runs the suite. Each call of place gives a new, empty place.
func Run(t *testing.T, place func(t testing.TB) Place) {
	for _, c := range []struct {
		name string
		test func(*testing.T, Place)
	}{
		{"an empty storage is empty", testEmpty},
		{"what was appended comes back after opening anew", testRoundTrip},
		{"reading starts anywhere and stops when asked", testReading},
		{"hashes that do not exist are errors", testHashes},
		{"a batch at another place than the end is refused", testPlace},
		{"a checkpoint replaces the one before", testCheckpoint},
		{"erased bodies stay erased, their commitments stay", testErase},
		{"bodies of every size", testSizes},
		{"a log on it survives many lives", testLives},
		{"a log on it proves inclusion and consistency", testProofs},
		{"a log on it erases", testLogErase},
		{"export and back", testExport},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) { c.test(t, place(t)) })
	}
}

var ctx = context.Background()

// batch returns entries with bodies of the given sizes, made from their indexes, on top of a tree.
func batch(tree *audit.Tree, sizes ...int) audit.Batch {
	b := audit.Batch{First: tree.Size()}
	for _, size := range sizes {
		i := tree.Size()
		e := audit.Stored{Index: i, Outbox: uint64(i / 2), Body: make([]byte, size)}
		for k := range e.Body {
			e.Body[k] = byte(i) + byte(k)
		}
		e.Salt[0], e.Salt[31], e.Commitment[5] = byte(i), 1, byte(i)
		b.Hashes = tree.Add(audit.Leaf(e.Commitment), b.Hashes)
		b.Entries = append(b.Entries, e)
	}
	return b
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// entries reads all entries from an index on.
func entries(t testing.TB, s audit.Storage, from int64) []audit.Stored {
	t.Helper()
	var all []audit.Stored
	for e, err := range s.Entries(ctx, from) {
		must(t, err)
		all = append(all, e)
	}
	return all
}

// same fails the test unless two lists of entries are equal. Bodies may be megabytes, which a
// reflecting comparison takes seconds for.
func same(t testing.TB, want, got []audit.Stored) {
	t.Helper()
	if len(want) != len(got) {
		t.Fatalf("%d entries, want %d", len(got), len(want))
	}
	for i, w := range want {
		g := got[i]
		if (w.Body == nil) != (g.Body == nil) || !bytes.Equal(w.Body, g.Body) {
			t.Fatalf("body %d: %d bytes, want %d bytes, and the same", i, len(g.Body), len(w.Body))
		}
		w.Body, g.Body = nil, nil
		if diff := cmp.Diff(w, g); diff != "" {
			t.Fatal(diff)
		}
	}
}

func testEmpty(t *testing.T, p Place) {
	s := p(t)
	defer shut(t, s)
	tail, err := s.Tail(ctx)
	must(t, err)
	if diff := cmp.Diff(audit.Tail{}, tail); diff != "" {
		t.Error(diff)
	}
	if got := entries(t, s, 0); len(got) != 0 {
		t.Errorf("%d entries", len(got))
	}
}

func testRoundTrip(t *testing.T, p Place) {
	var tree audit.Tree
	var want []audit.Stored
	var hashes []tlog.Hash
	s := p(t)
	for round := range 4 {
		b := batch(&tree, slices.Repeat([]int{10 * round, 300}, round*round+1)...)
		must(t, s.Append(ctx, b))
		want, hashes = append(want, b.Entries...), append(hashes, b.Hashes...)
		if round%2 == 1 {
			shut(t, s)
			s = p(t)
		}
		same(t, want, entries(t, s, 0))
		at := make([]int64, len(hashes))
		for i := range at {
			at[i] = int64(i)
		}
		got, err := s.Hashes(ctx, at)
		must(t, err)
		if !slices.Equal(hashes, got) {
			t.Fatal("tree hashes differ")
		}
		tail, err := s.Tail(ctx)
		must(t, err)
		if want := (audit.Tail{Size: tree.Size(), Outbox: uint64(tree.Size()-1) / 2}); !cmp.Equal(want, tail) {
			t.Fatal(cmp.Diff(want, tail))
		}
	}
	shut(t, s)
}

func testReading(t *testing.T, p Place) {
	var tree audit.Tree
	s := p(t)
	defer shut(t, s)
	b := batch(&tree, slices.Repeat([]int{700}, 1500)...)
	must(t, s.Append(ctx, b))
	for _, from := range []int64{0, 1, 511, 512, 513, 1499, 1500, 1501, 1 << 40} {
		same(t, b.Entries[min(from, 1500):], entries(t, s, from))
	}
	for e, err := range s.Entries(ctx, 7) {
		must(t, err)
		if e.Index != 7 {
			t.Fatal(e.Index)
		}
		break
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	for _, err := range s.Entries(gone, 0) {
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("a cancelled reading goes on: %v", err)
		}
	}
}

func testHashes(t *testing.T, p Place) {
	var tree audit.Tree
	s := p(t)
	defer shut(t, s)
	must(t, s.Append(ctx, batch(&tree, 1, 2, 3)))
	for _, at := range []int64{-1, 4, 1 << 40} {
		if h, err := s.Hashes(ctx, []int64{0, at}); err == nil {
			t.Errorf("hash %d: %v", at, h)
		}
	}
}

func testPlace(t *testing.T, p Place) {
	var tree, other audit.Tree
	s := p(t)
	must(t, s.Append(ctx, batch(&tree, 5, 5)))
	before := entries(t, s, 0)
	if err := s.Append(ctx, batch(&other, 5)); err == nil {
		t.Error("a batch at 0 was accepted by a log of 2")
	}
	shut(t, s)
	s = p(t)
	defer shut(t, s)
	ahead := batch(&tree, 5)
	ahead.First, ahead.Entries[0].Index = 3, 3
	if err := s.Append(ctx, ahead); err == nil {
		t.Error("a batch at 3 was accepted by a log of 2")
	}
	same(t, before, entries(t, s, 0))
}

func testCheckpoint(t *testing.T, p Place) {
	c := Keys(t)
	var tree audit.Tree
	s := p(t)
	for range 3 {
		b := batch(&tree, 3)
		text := c.Origin + "\n" + string('0'+rune(tree.Size())) + "\n" + tree.Root().String() + "\n"
		msg, err := note.Sign(&note.Note{Text: text}, c.Signer)
		must(t, err)
		b.Checkpoint = msg
		must(t, s.Append(ctx, b))
		for range 2 {
			tail, err := s.Tail(ctx)
			must(t, err)
			if string(tail.Checkpoint) != string(msg) {
				t.Fatalf("saved %q, read %q", msg, tail.Checkpoint)
			}
			shut(t, s)
			s = p(t)
		}
	}
	shut(t, s)
}

func testErase(t *testing.T, p Place) {
	var tree audit.Tree
	s := p(t)
	b := batch(&tree, 40, 40, 40, 0)
	must(t, s.Append(ctx, b))
	for _, gone := range [][]int64{{1}, {1, 3}, nil} {
		must(t, s.Erase(ctx, gone))
		for _, i := range gone {
			e := &b.Entries[i]
			e.Body, e.Salt, e.Erased = nil, [32]byte{}, true
		}
		for range 2 {
			same(t, b.Entries, entries(t, s, 0))
			shut(t, s)
			s = p(t)
		}
	}
	if err := s.Erase(ctx, []int64{4}); err == nil {
		t.Error("erased a record that does not exist")
	}
	shut(t, s)
}

func testSizes(t *testing.T, p Place) {
	var tree audit.Tree
	s := p(t)
	b := batch(&tree, 0, 1, 4095, 4096, 4097, audit.MaxBody, 0)
	must(t, s.Append(ctx, b))
	shut(t, s)
	s = p(t)
	defer shut(t, s)
	same(t, b.Entries, entries(t, s, 0))
}
