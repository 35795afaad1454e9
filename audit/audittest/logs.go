package audittest

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/muniment/muniment/audit"
)

func testLives(t *testing.T, p Place) {
	c := Keys(t)
	var saved []byte
	for life := range 5 {
		s := p(t)
		l := Open(t, s, c)
		for n := life * 3; n < life*3+3; n++ {
			r := Record(n)
			r.Outbox = uint64(n)
			e, err := l.Append(ctx, r)
			must(t, err)
			if e.Index != int64(n) {
				t.Fatalf("record %d got index %d", n, e.Index)
			}
		}
		if l.Outbox() != uint64(life*3+2) || l.Size() != int64(life*3+3) {
			t.Fatalf("outbox %d, size %d", l.Outbox(), l.Size())
		}
		for n := range life*3 + 3 {
			want := Record(n)
			want.Outbox = uint64(n)
			got, _, err := l.Record(ctx, int64(n))
			must(t, err)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatal(diff)
			}
		}
		Close(t, l)
		if r := Verify(t, s, c, saved); r.Proven != l.Size() {
			t.Fatal(r)
		}
		tail, err := s.Tail(ctx)
		must(t, err)
		saved = bytes.Clone(tail.Checkpoint)
		shut(t, s)
	}
}

func testProofs(t *testing.T, p Place) {
	c := Keys(t)
	s := p(t)
	defer shut(t, s)
	l := Open(t, s, c)
	defer Close(t, l)
	const size = 37
	roots := []tlog.Hash{{}}
	var leaves []tlog.Hash
	for n := range size {
		e, err := l.Append(ctx, Record(n))
		must(t, err)
		leaves = append(leaves, e.Leaf)
		msg, err := l.Checkpoint(ctx)
		must(t, err)
		cp, err := audit.OpenCheckpoint(msg, note.VerifierList(c.Verifier))
		must(t, err)
		roots = append(roots, cp.Hash)
	}
	for n := int64(1); n <= size; n++ {
		for i := range n {
			proof, err := l.Inclusion(ctx, i, n)
			must(t, err)
			must(t, tlog.CheckRecord(proof, n, roots[n], i, leaves[i]))
			tree, err := l.Consistency(ctx, i+1, n)
			must(t, err)
			must(t, tlog.CheckTree(tree, n, roots[n], i+1, roots[i+1]))
		}
	}
	for _, bad := range [][2]int64{{-1, 3}, {3, 3}, {0, size + 1}, {0, 0}, {0, -1}} {
		if _, err := l.Inclusion(ctx, bad[0], bad[1]); !errors.Is(err, audit.ErrSize) {
			t.Errorf("inclusion of %d in %d: %v", bad[0], bad[1], err)
		}
		if _, err := l.Consistency(ctx, bad[0], bad[1]); bad[0] != 3 && !errors.Is(err, audit.ErrSize) {
			t.Errorf("consistency of %d and %d: %v", bad[0], bad[1], err)
		}
	}
}

func testLogErase(t *testing.T, p Place) {
	c := Keys(t)
	s := p(t)
	l := Open(t, s, c)
	Append(t, l, 0, 6)
	saved, err := l.Checkpoint(ctx)
	must(t, err)
	why := audit.Record{ID: "erasure/1", Time: time.Unix(1, 0), Erasure: &audit.Erasure{Reason: "request of the person concerned"}}
	e, err := l.Erase(ctx, why, 4, 2, 4)
	must(t, err)
	if r, _, err := l.Record(ctx, e.Index); err != nil || fmt.Sprint(r.Erasure.Indexes) != "[2 4]" {
		t.Fatalf("%+v, %v", r.Erasure, err)
	}
	for i := range int64(6) {
		_, place, err := l.Record(ctx, i)
		if gone := i == 2 || i == 4; gone != errors.Is(err, audit.ErrErased) || !gone && err != nil {
			t.Fatalf("record %d: %v", i, err)
		}
		proof, err := l.Inclusion(ctx, i, 6)
		must(t, err)
		cp, err := audit.OpenCheckpoint(saved, note.VerifierList(c.Verifier))
		must(t, err)
		must(t, tlog.CheckRecord(proof, 6, cp.Hash, i, place.Leaf))
	}
	why.ID = "erasure/2"
	if _, err := l.Erase(ctx, why, e.Index); !errors.Is(err, audit.ErrRecord) {
		t.Errorf("erasing what vouches for an erasure: %v", err)
	}
	Close(t, l)
	shut(t, s)
	s = p(t)
	defer shut(t, s)
	if r := Verify(t, s, c, saved); r.Erased != 2 {
		t.Error(r)
	}
	Append(t, Open(t, s, c), 7, 9)
}

func testExport(t *testing.T, p Place) {
	c := Keys(t)
	s := p(t)
	defer shut(t, s)
	l := Open(t, s, c)
	Append(t, l, 0, 5)
	saved, err := l.Checkpoint(ctx)
	must(t, err)
	Append(t, l, 5, 20)
	_, err = l.Erase(ctx, audit.Record{ID: "e", Time: time.Unix(1, 0), Erasure: &audit.Erasure{Reason: "asked"}}, 3)
	must(t, err)
	Close(t, l)
	var out bytes.Buffer
	must(t, audit.Export(ctx, s, &out))
	r, err := audit.VerifyExport(ctx, &out, note.VerifierList(c.Verifier), saved)
	must(t, err)
	if !r.OK || r.Records != 21 || r.Proven != 21 || r.Erased != 1 {
		t.Error(r)
	}
}
