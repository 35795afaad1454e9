package indexer_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

var errDisk = errors.New("disk on fire")

// ready reports whether the newest state has the legs.
func ready(t testing.TB, x *indexer.Indexer, keyword, vector bool) bool {
	t.Helper()
	s := newest(t, x)
	defer s.Release()
	return (s.Keyword != nil) == keyword && (s.Vector != nil) == vector
}

// checkLevel demands that the newest state has both legs, and that they hold exactly the
// passages of the catalog as it is.
func checkLevel(t testing.TB, s store, x *indexer.Indexer, words, vectors *plain) {
	t.Helper()
	state := newest(t, x)
	defer state.Release()
	if state.Keyword == nil || state.Vector == nil {
		t.Fatalf("legs: keyword %t, vector %t", state.Keyword != nil, state.Vector != nil)
	}
	fresh, batch := indexer.NewTable().With(s.changes(0), state.Revision())
	want := map[catalog.Row]indexer.Entry{}
	for _, e := range batch.Add {
		want[e.Row] = e
	}
	for name, p := range map[string]*plain{"keyword": words, "vector": vectors} {
		p.mu.Lock()
		if diff := cmp.Diff(want, p.rows); diff != "" || p.revision != fresh.Revision() {
			t.Errorf("the %s index is at revision %d, want %d (-want +got):\n%s", name, p.revision, fresh.Revision(), diff)
		}
		p.mu.Unlock()
	}
}

// An index that fails is out of the very next state, the commit stands, and the index is
// rebuilt as soon as it can be, whatever fails on the way.
func TestIndexFailures(t *testing.T) {
	for _, method := range []string{"Apply", "Reader", "Search"} {
		for _, also := range []string{"", "Reset", "Apply", "Retain", "Reader"} {
			t.Run(method+" and "+also, func(t *testing.T) {
				t.Parallel()
				s, words, vectors := newStore(t), newPlain(), newPlain()
				x := open(t, config(s, words, vectors))
				submit(t, x, page("a", 1, "one"))
				var failures atomic.Int32
				var mended, begun atomic.Bool
				words.onCall(func(called string) error {
					if failures.Load() > 0 && called == "Reset" {
						begun.Store(true)
					}
					switch {
					case failures.Load() == 0 && called == method:
						failures.Add(1)
						return errDisk
					case failures.Load() > 0 && called == also && !mended.Load():
						failures.Add(1)
						return errDisk
					}
					return nil
				})
				if method == "Search" {
					state := newest(t, x)
					view, err := state.View(person("ada"), now)
					if err != nil {
						t.Fatal(err)
					}
					if _, err := state.Keyword.Search(t.Context(), state.Table.Visible(view), indexer.Query{Text: "one"}, 10); !errors.Is(err, indexer.ErrIndexFailed) || !errors.Is(err, errDisk) {
						t.Errorf("searching a damaged index: %v", err)
					}
					state.Release()
				}
				if o := submit(t, x, page("b", 1, "two")); !o.Changed {
					t.Errorf("a commit while the index fails: %+v", o)
				}
				if also != "" {
					eventually(t, "the rebuild fails too", func() bool { return failures.Load() > 1 })
					if !ready(t, x, false, true) {
						t.Error("the failed index is in the newest state, or the other one is not")
					}
				}
				submit(t, x, catalog.DeleteDocument{Document: catalog.DocumentID{Source: "handbook", ID: "a"}, Version: 1})
				mended.Store(true)
				// What a search finds out is acted upon beside it: until then the index counts as ready.
				eventually(t, "a rebuild begins", begun.Load)
				eventually(t, "the index is rebuilt", func() bool { return ready(t, x, true, true) })
				submit(t, x, page("c", 1, "three"))
				checkLevel(t, s, x, words, vectors)
				if err := x.Close(); err != nil {
					t.Fatal(err)
				}
				words.check(t)
				vectors.check(t)
			})
		}
	}
}

// With both indexes gone commits go on, and both come back.
func TestBothIndexesFail(t *testing.T) {
	s, words, vectors := newStore(t), newPlain(), newPlain()
	x := open(t, config(s, words, vectors))
	var mended atomic.Bool
	fail := func(string) error {
		if mended.Load() {
			return nil
		}
		return errDisk
	}
	words.onCall(fail)
	vectors.onCall(fail)
	if o := submit(t, x, page("a", 1, "one")); !o.Changed || !ready(t, x, false, false) {
		t.Errorf("a commit without any index: %+v", o)
	}
	mended.Store(true)
	eventually(t, "both are rebuilt", func() bool { return ready(t, x, true, true) })
	checkLevel(t, s, x, words, vectors)
}

// A rebuild beside commits ends where an index would be that had never been away.
func TestRebuildBesideCommits(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			g, s, words, vectors := newGenerator(seed), newStore(t), newPlain(), newPlain()
			var history []catalog.Mutation
			for i := range 60 {
				history = append(history, g.mutation())
				if i%7 == 0 {
					s.commit(history...)
					history = nil
				}
			}
			steps := make(chan struct{}) // each call of the rebuild waits for a commit
			words.onCall(func(method string) error {
				if method == "Reset" || method == "Apply" || method == "Retain" {
					select {
					case <-steps:
					case <-time.After(20 * time.Millisecond): // the last step holds up commits
					}
				}
				return nil
			})
			level := newPlain()
			bring(t, s, level)
			*vectors = plain{rows: level.rows, revision: level.revision}
			x := open(t, config(s, words, vectors))
			if !ready(t, x, false, true) {
				t.Fatal("an empty index is in the first state, or the other one is not")
			}
			for range 10 {
				commit(t, x, g.mutation())
				select {
				case steps <- struct{}{}:
				default:
				}
			}
			close(steps)
			eventually(t, "the index is rebuilt", func() bool { return ready(t, x, true, true) })
			for range 10 {
				commit(t, x, g.mutation())
			}
			checkLevel(t, s, x, words, vectors)
			if err := x.Close(); err != nil {
				t.Fatal(err)
			}
			words.check(t)
			vectors.check(t)
		})
	}
}

// bring brings an index level with the catalog.
func bring(t testing.TB, s store, index *plain) {
	t.Helper()
	_, batch := indexer.NewTable().With(s.changes(0), s.head())
	if err := index.Apply(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
}

// Whatever state the indexes were left in, an Indexer that opens brings them level: behind,
// ahead (of a catalog restored from a backup), empty, or of documents long gone.
func TestOpenBringsIndexesLevel(t *testing.T) {
	for name, left := range map[string]func(t *testing.T, s store, words, vectors *plain){
		"both empty": func(*testing.T, store, *plain, *plain) {},
		"behind":     nil, // see below
		"level": func(t *testing.T, s store, words, vectors *plain) {
			bring(t, s, words)
			bring(t, s, vectors)
		},
		"ahead": func(t *testing.T, s store, words, vectors *plain) {
			for _, p := range []*plain{words, vectors} {
				p.rows[1000], p.revision = indexer.Entry{Row: 1000, Text: "of a lost future"}, 1000
			}
		},
		"one empty": func(t *testing.T, s store, words, vectors *plain) { bring(t, s, words) },
	} {
		t.Run(name, func(t *testing.T) {
			g, s, words, vectors := newGenerator(3), newStore(t), newPlain(), newPlain()
			for i := range 40 {
				s.commit(g.mutation(), g.mutation())
				if i == 20 && name == "behind" {
					bring(t, s, words)
					bring(t, s, vectors)
				}
			}
			if left != nil {
				left(t, s, words, vectors)
			}
			x := open(t, config(s, words, vectors))
			eventually(t, "both legs are there", func() bool { return ready(t, x, true, true) })
			checkLevel(t, s, x, words, vectors)
			if err := x.Close(); err != nil {
				t.Fatal(err)
			}
			words.check(t)
			vectors.check(t)
		})
	}
}

// feeding notes the batches that an index is given.
type feeding struct {
	*plain
	batches []indexer.Batch
}

func (f *feeding) Apply(ctx context.Context, b indexer.Batch) error {
	f.batches = append(f.batches, b)
	return f.plain.Apply(ctx, b)
}

// An index that is filled piece by piece may be left after any piece: whoever opens it then
// misses nothing. Pieces end between revisions that documents have got their content in and
// later ones that say who may read them, which is all that is told of them then.
func TestFeedingMayEndAnywhere(t *testing.T) {
	s := newStore(t)
	for revision, documents := range []int{700, 1800, 3, 900} {
		var mutations []catalog.Mutation
		for i := range documents {
			mutations = append(mutations, page(fmt.Sprintf("r%d-%d", revision, i), 1, "text"))
		}
		s.commit(mutations...)
	}
	s.commit(
		catalog.PutAccess{Document: page("r0-1", 1, "").Document.DocumentID, Access: readable("user:local/ada")},
		catalog.PutAccess{Document: page("r1-1", 1, "").Document.DocumentID, Access: readable("user:local/ada")},
	)
	f := &feeding{plain: newPlain()}
	x := open(t, config(s, newPlain(), f))
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	if len(f.batches) < 2 {
		t.Fatalf("everything came in %d batches", len(f.batches))
	}
	for pieces := range f.batches {
		left := newPlain()
		for _, b := range f.batches[:pieces] {
			if err := left.Apply(t.Context(), b); err != nil {
				t.Fatal(err)
			}
		}
		if err := open(t, config(s, newPlain(), left)).Close(); err != nil {
			t.Fatal(err)
		}
		held := left.held()
		for _, c := range s.changes(0) {
			if d := c.Document.Document; !slices.Contains(held, d.Rows.First) {
				t.Fatalf("left after %d pieces and opened again, the index lacks %v", pieces, d.DocumentID)
			}
		}
	}
}
