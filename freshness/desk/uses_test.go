package desk

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/audit/audittest"
	"github.com/muniment/muniment/catalog"
)

var start = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// retrieval is a record of an answer with passages of these documents.
func retrieval(at time.Time, ids ...string) audit.Record {
	r := audit.Record{ID: audit.NewID(), Time: at, Kind: audit.KindRetrieve, Retrieval: &audit.Retrieval{QueryHash: "hash"}}
	for i, id := range ids {
		r.Retrieval.Sources = append(r.Retrieval.Sources, audit.Source{Source: "handbook", ID: id, Rank: i + 1})
	}
	return r
}

// rounded is the least power of two that is not less than n, found by looking.
func rounded(n int) int64 {
	p := 0
	for p < n {
		p = max(1, 2*p)
	}
	return int64(p)
}

// TestUsesAreThoseOfTheWindow lets retrievals come at random times, and compares what is kept
// up to date, and what reads the log anew, with all records counted each time.
func TestUsesAreThoseOfTheWindow(t *testing.T) {
	log := audittest.Open(t, &audittest.Memory{}, audittest.Keys(t))
	random := rand.New(rand.NewPCG(1, 2))
	var kept uses
	var all []audit.Record
	now, most := start, int64(0)
	for range 60 {
		now = now.Add(time.Duration(random.IntN(12*24)) * time.Hour)
		for range random.IntN(20) {
			r := retrieval(now, fmt.Sprint(random.IntN(4)), fmt.Sprint(random.IntN(3)), "0")
			if random.IntN(5) == 0 {
				r = audit.Record{ID: audit.NewID(), Time: now, Kind: audit.KindRead, Read: &audit.Read{Source: "handbook", ID: "0"}}
			}
			_, err := log.Append(t.Context(), r)
			must(t, err)
			all = append(all, r)
		}
		var anew uses
		must(t, kept.level(t.Context(), log, now))
		must(t, anew.level(t.Context(), log, now))
		for id := range 5 {
			n := 0
			for _, r := range all {
				begun := r.Time.Unix() / 604800 * 604800 // of its week
				if r.Retrieval == nil || float64(begun) <= float64(now.Unix()/604800*604800)-13*604800 {
					continue
				}
				for _, s := range r.Retrieval.Sources {
					if s.ID == fmt.Sprint(id) {
						n++
						break
					}
				}
			}
			name := catalog.DocumentID{Source: "handbook", ID: fmt.Sprint(id)}
			if a, b := kept.of(name), anew.of(name); a != rounded(n) || b != rounded(n) {
				t.Fatalf("%v: %d kept, %d read anew, want %d for %d retrievals", now, a, b, rounded(n), n)
			}
			most = max(most, rounded(n))
		}
	}
	if most < 64 {
		t.Errorf("no document was returned more than %d times", most)
	}
}

// Whoever gives up does not stop the reading, and what is no longer counted is not remembered.
func TestUsesAreReadToTheEnd(t *testing.T) {
	memory := &audittest.Memory{}
	log := audittest.Open(t, memory, audittest.Keys(t))
	for range 50 {
		_, err := log.Append(t.Context(), retrieval(start, "a"))
		must(t, err)
	}
	var u uses
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := u.level(gone, log, start); err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	must(t, u.level(t.Context(), log, start))
	if n := u.of(catalog.DocumentID{Source: "handbook", ID: "a"}); n != 64 {
		t.Errorf("%d, want 64", n)
	}
	must(t, u.level(t.Context(), log, start.Add(100*24*time.Hour)))
	if len(u.counts) != 0 {
		t.Errorf("%d documents are remembered when their weeks are over", len(u.counts))
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
