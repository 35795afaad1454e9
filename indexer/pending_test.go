package indexer_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// moody is an embedder that can be spoiled. It notes what it is asked.
type moody struct {
	mu    sync.Mutex
	calls [][]string
	spoil func(ctx context.Context, texts []string) ([][]float32, error) // nil: as unit does
}

func (m *moody) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	m.mu.Lock()
	m.calls = append(m.calls, texts)
	spoil := m.spoil
	m.mu.Unlock()
	if spoil != nil {
		return spoil(ctx, texts)
	}
	return unit{}.Embed(ctx, texts)
}

func (m *moody) set(spoil func(ctx context.Context, texts []string) ([][]float32, error)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.spoil, m.calls = spoil, nil
}

func (m *moody) asked() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.calls)
}

var errDown = errors.New("no route to host")

func down(context.Context, []string) ([][]float32, error) { return nil, errDown }

func hangs(ctx context.Context, _ []string) ([][]float32, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func answers(v ...[]float32) func(context.Context, []string) ([][]float32, error) {
	return func(context.Context, []string) ([][]float32, error) { return v, nil }
}

// draft is a document of one passage as a sender sends it.
func draft(id string, version int64, text string) catalog.PutDocument {
	m := page(id, version, text)
	m.Passages = nil
	return m
}

// bench is an Indexer on a moody embedder, in a bubble of its own time.
type bench struct {
	*indexer.Indexer
	embedder       *moody
	store          store
	words, vectors *feeding
	config         indexer.Config
}

func newBench(t *testing.T, change func(c *indexer.Config)) *bench {
	b := &bench{embedder: &moody{}, store: newStore(t), words: &feeding{plain: newPlain()}, vectors: &feeding{plain: newPlain()}}
	b.config = config(b.store, b.words, b.vectors)
	b.config.Embedder, b.config.Patience = b.embedder, 5*time.Second
	if change != nil {
		change(&b.config)
	}
	b.Indexer = open(t, b.config)
	return b
}

// waiting is the documents that the catalog says are pending, and those without a vector.
func (b *bench) waiting() (pending, bare []string) {
	for _, c := range b.store.changes(0) {
		if c.Document == nil || c.Document.Document.State != catalog.Present {
			continue
		}
		d := c.Document.Document
		if d.Pending {
			pending = append(pending, d.ID)
		}
		if slices.ContainsFunc(c.Document.Passages, func(p catalog.Passage) bool { return p.Vector == nil }) {
			bare = append(bare, d.ID)
		}
	}
	return pending, bare
}

func (b *bench) check(t *testing.T) {
	t.Helper()
	checkLevel(t, b.store, b.Indexer, b.words.plain, b.vectors.plain)
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	b.words.plain.check(t)
	b.vectors.plain.check(t)
}

// Whatever an embedder does wrong, the document is taken in, is found by its words, and is
// named as waiting; once the embedder works, it has its vectors.
func TestDocumentsWaitForTheirVectors(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for name, spoil := range map[string]func(context.Context, []string) ([][]float32, error){
		"down": down, "hangs": hangs, "no vector": answers(), "too many": answers([]float32{1, 0}, []float32{1, 0}),
		"too short": answers([]float32{1}), "too long": answers([]float32{1, 0, 0}), "NaN": answers([]float32{nan, 0}),
		"infinite": answers([]float32{inf, 0}), "zero": answers([]float32{0, 0}), "empty": answers([]float32{}),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, nil)
				b.embedder.set(spoil)
				start := time.Now()
				o := submit(t, b.Indexer, draft("leave.md", 1, "Twenty-eight days."))
				if took := time.Since(start); took > b.config.Patience {
					t.Errorf("it took %v to take a document in", took)
				}
				if o.Refused != nil || !o.Changed || !o.Document.Pending || o.Document.VectorSpace != "" {
					t.Errorf("the outcome is %+v", o)
				}
				state := newest(t, b.Indexer)
				if got := found(t, state, state.Keyword, "eight"); !slices.Equal(got, []string{"leave.md"}) {
					t.Errorf("found by words: %v", got)
				}
				state.Release()
				if n := b.Waiting(); n != 1 {
					t.Errorf("%d documents wait", n)
				}
				pass(time.Hour)
				if pending, _ := b.waiting(); len(pending) != 1 {
					t.Errorf("an hour later, %v are pending", pending)
				}
				b.embedder.set(nil)
				pass(5 * time.Minute)
				if pending, bare := b.waiting(); len(pending)+len(bare) > 0 || b.Waiting() != 0 {
					t.Errorf("the embedder works, and %v are pending, %v without vectors, %d wait", pending, bare, b.Waiting())
				}
				b.check(t)
			})
		})
	}
}

// pass lets time go by in a bubble, and whatever falls due in it end.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// What comes later is a vector and no text: the keyword index is not fed again.
func TestLateVectorsFeedNoWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var records []string
		b := newBench(t, func(c *indexer.Config) {
			c.Record = func(_ catalog.Revision, by indexer.Actor, m catalog.Mutation, o catalog.Outcome) [][]byte {
				records = append(records, fmt.Sprintf("%T of %s by %s", m, o.Document.ID, by.App))
				return nil
			}
		})
		b.embedder.set(down)
		submit(t, b.Indexer, draft("a", 1, "one"))
		b.embedder.set(nil)
		pass(time.Minute)
		for name, f := range map[string]*feeding{"keyword": b.words, "vector": b.vectors} {
			added, vectors := 0, 0
			for _, batch := range f.batches {
				added, vectors = added+len(batch.Add), vectors+len(batch.Vectors)
			}
			if added != 1 || vectors != 1 {
				t.Errorf("the %s index was given %d passages and %d vectors, want one each", name, added, vectors)
			}
		}
		if want := []string{"catalog.PutDocument of a by ", "catalog.PutVectors of a by service:embedder"}; !slices.Equal(records, want) {
			t.Errorf("recorded: %q", records)
		}
		b.check(t)
	})
}

// What waits stands in the catalog: an Indexer that is opened anew sees to it, whether the
// indexes are there still or are made again.
func TestLateVectorsAfterARestart(t *testing.T) {
	for name, keep := range map[string]bool{"indexes kept": true, "indexes lost": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, nil)
				b.embedder.set(down)
				for i := range 150 {
					submit(t, b.Indexer, draft(fmt.Sprint(i), 1, strings.Repeat("x", i)))
				}
				if err := b.Close(); err != nil {
					t.Fatal(err)
				}
				if !keep {
					b.words, b.vectors = &feeding{plain: newPlain()}, &feeding{plain: newPlain()}
					b.config.Keyword, b.config.Vector = b.words, b.vectors
				}
				b.embedder.set(nil)
				b.Indexer = open(t, b.config)
				pass(time.Minute)
				if pending, bare := b.waiting(); len(pending)+len(bare) > 0 || b.Waiting() != 0 {
					t.Errorf("%v are pending, %v without vectors, %d wait", pending, bare, b.Waiting())
				}
				if n := b.embedder.asked(); n > 10 {
					t.Errorf("the embedder was asked %d times for 150 passages", n)
				}
				b.check(t)
			})
		})
	}
}

// With another model, documents of the former one are embedded anew and wait until then;
// those whose vectors a sender brought are left alone.
func TestAnotherModel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own := func(space string) bool { return space == "unit/2" || space == "next/2" }
		b := newBench(t, func(c *indexer.Config) { c.Own = own })
		submit(t, b.Indexer, draft("own", 1, "one"))
		submit(t, b.Indexer, changed(vectors("other/2", []float32{0.6, 0.8})))
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		b.config.Space = indexer.Space{ID: "next/2", Dimensions: 2}
		b.embedder.set(down)
		b.Indexer = open(t, b.config)
		if n := b.Waiting(); n != 1 {
			t.Errorf("%d documents wait for vectors of the new model", n)
		}
		b.embedder.set(func(_ context.Context, texts []string) ([][]float32, error) {
			return slices.Repeat([][]float32{{0.8, 0.6}}, len(texts)), nil
		})
		pass(time.Minute)
		got := map[string]string{}
		for _, c := range b.store.changes(0) {
			for _, p := range c.Document.Passages {
				got[c.Document.Document.ID] = fmt.Sprint(c.Document.Document.VectorSpace, p.Vector)
			}
		}
		if diff := cmp.Diff(map[string]string{"own": "next/2[0.8 0.6]", "leave.md": "other/2[0.6 0.8]"}, got); diff != "" {
			t.Errorf("vectors (-want +got):\n%s", diff)
		}
		if n := b.Waiting(); n != 0 {
			t.Errorf("%d documents wait", n)
		}
		b.check(t)
	})
}

// One document that cannot be embedded keeps no other waiting, and is tried again ever
// more rarely.
func TestOneBadDocumentKeepsNobodyWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.embedder.set(down)
		for i := range 300 {
			text := fmt.Sprintf("text %d", i)
			if i%97 == 0 {
				text = "poison " + text
			}
			submit(t, b.Indexer, draft(fmt.Sprint(i), 1, text))
		}
		var tried atomic.Int64
		b.embedder.set(func(ctx context.Context, texts []string) ([][]float32, error) {
			if slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(text, "poison") }) {
				if len(texts) == 1 {
					tried.Add(1)
				}
				return nil, errDown
			}
			return unit{}.Embed(ctx, texts)
		})
		want := []string{"0", "97", "194", "291"}
		pass(5 * time.Minute)
		if pending, _ := b.waiting(); !slices.Equal(slices.Sorted(slices.Values(pending)), slices.Sorted(slices.Values(want))) {
			t.Fatalf("after five minutes, %v are pending", pending)
		}
		pass(5 * time.Hour)
		tried.Store(0)
		pass(24 * time.Hour)
		if n := tried.Load(); n < 4*20 || n > 4*200 {
			t.Errorf("in a day, four documents were tried %d times", n)
		}
		submit(t, b.Indexer, draft("0", 2, "mended")) // embedded at once
		b.embedder.set(down)
		submit(t, b.Indexer, draft("97", 2, "mended")) // and this later: it is another version
		b.embedder.set(nil)
		pass(5 * time.Minute)
		if pending, _ := b.waiting(); slices.Contains(pending, "0") || slices.Contains(pending, "97") {
			t.Errorf("mended, and %v are pending", pending)
		}
		pass(2 * time.Hour)
		if pending, _ := b.waiting(); len(pending) > 0 || b.Waiting() > 0 {
			t.Errorf("after all is well, %v are pending, %d wait", pending, b.Waiting())
		}
		b.check(t)
	})
}

// An embedder that is down is asked rarely and for nothing of the documents; all of them
// have their vectors soon after it is back, however long it was away.
func TestEmbedderComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.embedder.set(down)
		for i := range 200 {
			submit(t, b.Indexer, draft(fmt.Sprint(i), 1, "text"))
		}
		pass(time.Minute)
		b.embedder.set(down)
		pass(24 * time.Hour)
		if n := b.embedder.asked(); n < 24*60 || n > 24*60*8 {
			t.Errorf("in a day it was asked %d times", n)
		}
		for _, texts := range b.embedder.calls {
			if len(texts) != 1 || strings.Contains(texts[0], "text") {
				t.Fatalf("it was asked for %q", texts)
			}
		}
		b.embedder.set(nil)
		pass(40 * time.Second)
		if n := b.Waiting(); n != 0 {
			t.Errorf("40 s after it is back, %d documents wait", n)
		}
	})
}

// Vectors that come after the document has changed are not stored.
func TestLateVectorsOfAnotherVersion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.embedder.set(down)
		submit(t, b.Indexer, draft("changed", 1, "one"))
		submit(t, b.Indexer, draft("deleted", 1, "one"))
		submit(t, b.Indexer, draft("closed", 1, "one"))
		asked := make(chan struct{}, 10)
		b.embedder.set(func(ctx context.Context, texts []string) ([][]float32, error) {
			if strings.Contains(texts[0], "one") {
				asked <- struct{}{}
				time.Sleep(4 * time.Second) // meanwhile the documents change
			}
			return unit{}.Embed(ctx, texts)
		})
		<-asked
		b.embedder.mu.Lock()
		b.embedder.spoil = nil
		b.embedder.mu.Unlock()
		submit(t, b.Indexer, draft("changed", 2, "two!"))
		submit(t, b.Indexer, catalog.DeleteDocument{Document: catalog.DocumentID{Source: "handbook", ID: "deleted"}, Version: 1})
		submit(t, b.Indexer, catalog.PutAccess{Document: catalog.DocumentID{Source: "handbook", ID: "closed"}, Access: readable("user:local/ben")})
		pass(time.Minute)
		if pending, bare := b.waiting(); len(pending)+len(bare) > 0 || b.Waiting() > 0 {
			t.Errorf("%v are pending, %v without vectors, %d wait", pending, bare, b.Waiting())
		}
		b.check(t)
	})
}

// A version that is stored is not embedded again; one that replaces it is.
func TestStoredVersionsAreNotEmbeddedAgain(t *testing.T) {
	b := newBench(t, nil)
	for range 3 {
		submit(t, b.Indexer, draft("a", 7, "one"))
	}
	submit(t, b.Indexer, draft("a", 6, "older"))
	if n := b.embedder.asked(); n != 1 {
		t.Errorf("the embedder was asked %d times", n)
	}
	submit(t, b.Indexer, draft("a", 8, "newer"))
	if n := b.embedder.asked(); n != 2 {
		t.Errorf("for another version the embedder was asked %d times", n)
	}
	if pending, bare := b.waiting(); len(pending)+len(bare) > 0 {
		t.Errorf("%v are pending, %v without vectors", pending, bare)
	}
}

// Who gives up while a document is embedded has an error, and no document without vectors.
func TestSenderLeavesWhileEmbedding(t *testing.T) {
	b := newBench(t, nil)
	b.embedder.set(hangs)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if m, err := b.Prepare(ctx, draft("a", 1, "one")); !errors.Is(err, context.Canceled) || m != nil {
		t.Errorf("prepared %v, %v", m, err)
	}
}

// A draft that goes on without Embed waits for its vectors: nothing is lost by forgetting.
func TestDraftsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		for _, m := range []catalog.Mutation{
			draft("a", 1, "one"), changed(vectors("other/2", []float32{0, 1})), draft("empty", 1, ""),
		} {
			drafted, err := b.Draft(m)
			if err != nil {
				t.Fatal(err)
			}
			o := commit(t, b.Indexer, drafted)
			if want := o.Document.ID == "a"; o.Document.Pending != want {
				t.Errorf("%s is pending: %t", o.Document.ID, !want)
			}
		}
		pass(time.Minute)
		if pending, bare := b.waiting(); len(pending)+len(bare) > 0 {
			t.Errorf("%v are pending, %v without vectors", pending, bare)
		}
		b.check(t)
	})
}

// Close does not wait for an embedder that hangs.
func TestCloseWhileEmbedding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.embedder.set(down)
		submit(t, b.Indexer, draft("a", 1, "one"))
		b.embedder.set(hangs)
		pass(time.Minute)
		start := time.Now()
		if err := b.Close(); err != nil || time.Since(start) > 0 {
			t.Errorf("closing took %v: %v", time.Since(start), err)
		}
	})
}
