package indexer_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// compare returns what Compare reports of the keyword index.
func compare(t testing.TB, x *indexer.Indexer) (problems []string) {
	t.Helper()
	if err := x.Compare(t.Context(), "keyword", nil, func(p string) { problems = append(problems, p) }); err != nil {
		t.Fatal(err)
	}
	return problems
}

// TestCompareFindsDifferences harms an index in every way that Compare speaks of, one way
// at a time, and expects that way alone to be named.
func TestCompareFindsDifferences(t *testing.T) {
	s, words := newStore(t), newPlain()
	x := open(t, config(s, words, newPlain()))
	submit(t, x, page("a", 1, "one"))
	submit(t, x, page("b", 1, "two"))
	submit(t, x, page("a", 2, "three"))
	submit(t, x, catalog.DeleteDocument{Document: catalog.DocumentID{Source: "handbook", ID: "b"}, Version: 1})
	if found := compare(t, x); len(found) > 0 {
		t.Fatalf("nothing is wrong, and it reports %q", found)
	}
	live := words.held()
	if len(live) != 1 {
		t.Fatalf("rows %v, want one", live)
	}
	for i, c := range []struct {
		harm func(rows map[catalog.Row]indexer.Entry)
		want string
	}{
		{func(rows map[catalog.Row]indexer.Entry) { delete(rows, live[0]) }, `passage 0 of document "a" of source "handbook", version 2 is not in the index`},
		{func(rows map[catalog.Row]indexer.Entry) { rows[live[0]] = indexer.Entry{Row: live[0], Text: "thre"} }, `passage 0 of document "a" of source "handbook", version 2 is found by other content than the catalog's`},
		{func(rows map[catalog.Row]indexer.Entry) { rows[1] = indexer.Entry{Row: 1, Text: "one"} }, `row 1 is in the index and belongs to no document`},
	} {
		words.mu.Lock()
		was := words.rows
		words.rows = map[catalog.Row]indexer.Entry{}
		for row, e := range was {
			words.rows[row] = e
		}
		c.harm(words.rows)
		harmed := words.rows
		words.mu.Unlock()
		submit(t, x, page(fmt.Sprint("next ", i), 1, "publishes the harmed index"))
		if diff := cmp.Diff([]string{c.want}, compare(t, x)); diff != "" {
			t.Errorf("harm %d, of %v (-want +got):\n%s", i, harmed, diff)
		}
		words.mu.Lock()
		for row, e := range was { // mended, with what has come since
			words.rows[row] = e
		}
		delete(words.rows, 1)
		words.mu.Unlock()
	}
}

// doubled is an index that holds one row twice.
type doubled struct{ *plain }

type doubledReader struct{ indexer.Reader }

func (d doubled) Reader(ctx context.Context) (indexer.Reader, error) {
	r, err := d.plain.Reader(ctx)
	return doubledReader{r}, err
}

func (d doubledReader) Contents(ctx context.Context) iter.Seq2[indexer.Content, error] {
	return func(yield func(indexer.Content, error) bool) {
		for c, err := range d.Reader.Contents(ctx) {
			if !yield(c, err) || c.Row == 2 && !yield(c, err) {
				return
			}
		}
	}
}

func TestCompareFindsDoubles(t *testing.T) {
	x := open(t, config(newStore(t), doubled{newPlain()}, newPlain()))
	submit(t, x, page("a", 1, "one"))
	submit(t, x, page("b", 1, "two"))
	want := []string{`passage 0 of document "b" of source "handbook", version 1 is in the index twice`}
	if diff := cmp.Diff(want, compare(t, x)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestCompareNamesSoMany: an index that lacks everything does not make a report of
// everything.
func TestCompareNamesSoMany(t *testing.T) {
	words := newPlain()
	x := open(t, config(newStore(t), words, newPlain()))
	for i := range 30 {
		submit(t, x, page(fmt.Sprint(i), 1, "text"))
	}
	words.mu.Lock()
	words.rows = map[catalog.Row]indexer.Entry{}
	words.mu.Unlock()
	submit(t, x, page("last", 1, "text"))
	found := compare(t, x)
	if len(found) != 21 || !strings.Contains(found[20], "further") {
		t.Errorf("%d lines, the last %q", len(found), found[len(found)-1])
	}
}

// TestCompareBesideCommits changes documents in every way between the reading of the index
// and that of the catalog. None of it is a problem.
func TestCompareBesideCommits(t *testing.T) {
	for seed := range uint64(20) {
		s, words := newStore(t), newPlain()
		x := open(t, config(s, words, newPlain()))
		g := newGenerator(seed)
		g.submit(t, x, 40)
		words.onCall(only("Contents", func() error {
			g.submit(t, x, 20)
			return nil
		}))
		if found := compare(t, x); len(found) > 0 {
			t.Errorf("seed %d: %q", seed, found)
		}
	}
}

// TestCompareProgress: the last word on progress is that all is done.
func TestCompareProgress(t *testing.T) {
	x := open(t, config(newStore(t), newPlain(), newPlain()))
	for i := range 3 {
		submit(t, x, page(fmt.Sprint(i), 1, "text"))
	}
	var last [2]int
	err := x.Compare(t.Context(), "vector", func(done, total int) {
		if done < last[0] || done > total {
			t.Errorf("%d of %d after %d", done, total, last[0])
		}
		last = [2]int{done, total}
	}, func(p string) { t.Error(p) })
	if err != nil || last != [2]int{6, 6} {
		t.Errorf("the last word is %v, %v", last, err)
	}
}

func TestCompareRefuses(t *testing.T) {
	words := newPlain()
	x := open(t, config(newStore(t), words, newPlain()))
	submit(t, x, page("a", 1, "one"))
	none := func(p string) { t.Error(p) }
	if err := x.Compare(t.Context(), "colour", nil, none); !errors.Is(err, indexer.ErrUnknownIndex) {
		t.Errorf("an index nobody has: %v", err)
	}
	words.onCall(only("Contents", func() error { return errDisk }))
	if err := x.Compare(t.Context(), "keyword", nil, none); !errors.Is(err, indexer.ErrIndexFailed) || !errors.Is(err, errDisk) {
		t.Errorf("an index that cannot be read: %v", err)
	}
	eventually(t, "the index is rebuilt", func() bool { return words.readers() > 2 })
	if err := x.Whole(t.Context()); err != nil {
		t.Fatal(err)
	}
	words.onCall(only("Reset", func() error { return errDisk }))
	if err := x.Rebuild(t.Context(), "keyword"); err != nil {
		t.Fatal(err)
	}
	if err := x.Compare(t.Context(), "keyword", nil, none); !errors.Is(err, indexer.ErrRebuilding) {
		t.Errorf("an index that is being rebuilt: %v", err)
	}
}

// readers is how many readers were opened: one for each publication that had the index.
func (p *plain) readers() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.opened
}

// TestRebuildAsAsked: an index that is rebuilt because somebody asked is out of the newest
// state until it is level again; the other one stays, and cannot be rebuilt meanwhile.
func TestRebuildAsAsked(t *testing.T) {
	s, words, vectors := newStore(t), newPlain(), newPlain()
	x := open(t, config(s, words, vectors))
	submit(t, x, page("a", 1, "one"))
	if err := x.Rebuild(t.Context(), "colour"); !errors.Is(err, indexer.ErrUnknownIndex) {
		t.Errorf("an index nobody has: %v", err)
	}
	gate := make(chan struct{})
	words.onCall(only("Reset", func() error { <-gate; return nil }))
	if err := x.Rebuild(t.Context(), "keyword"); err != nil {
		t.Fatal(err)
	}
	if !ready(t, x, false, true) {
		t.Error("the index is searched while it is being rebuilt, or the other is not")
	}
	for _, name := range []string{"keyword", "vector"} {
		if err := x.Rebuild(t.Context(), name); !errors.Is(err, indexer.ErrRebuilding) {
			t.Errorf("rebuilding %s meanwhile: %v", name, err)
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := x.Whole(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting for a moment: %v", err)
	}
	submit(t, x, page("b", 1, "two"))
	close(gate)
	if err := x.Whole(t.Context()); err != nil {
		t.Fatal(err)
	}
	checkLevel(t, s, x, words, vectors)
	if found := compare(t, x); len(found) > 0 {
		t.Errorf("rebuilt, and %q", found)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{x.Rebuild(t.Context(), "keyword"), x.Whole(t.Context())} {
		if !errors.Is(err, indexer.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	}
}

// TestTableCounts compares the counts of a table with those of a walk over the catalog.
func TestTableCounts(t *testing.T) {
	s := newStore(t)
	x := open(t, config(s, newPlain(), newPlain()))
	check := func() {
		t.Helper()
		documents, passages, pending := 0, 0, 0
		for _, c := range s.changes(0) {
			if d := c.Document; d != nil && d.Document.State == catalog.Present {
				documents++
				passages += len(d.Passages)
				if d.Document.Pending {
					pending++
				}
			}
		}
		state := newest(t, x)
		defer state.Release()
		got := [3]int{state.Table.Documents(), state.Table.Passages(), x.Waiting()}
		if want := [3]int{documents, passages, pending}; got != want {
			t.Errorf("documents, passages and pending are %v, want %v", got, want)
		}
	}
	check()
	g := newGenerator(9)
	g.submit(t, x, 100)
	check()
}

// submit submits so many mutations that are not refused.
func (g *generator) submit(t testing.TB, x *indexer.Indexer, n int) {
	t.Helper()
	for n > 0 {
		prepared, err := x.Prepare(t.Context(), g.mutation())
		if _, refused := errors.AsType[*indexer.Refusal](err); refused {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		commit(t, x, prepared)
		n--
	}
}
