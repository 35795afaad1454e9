package keyword

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// plain answers a question from the texts: a term at a time, every passage in view, nothing
// left out and nothing kept.
func plain(texts map[catalog.Row]string, v *indexer.Visible, question string, limit int) []indexer.Hit {
	times, lengths, total := map[string]map[catalog.Row]int{}, map[catalog.Row]int{}, 0
	for row, text := range texts {
		if !v.Has(row) {
			continue
		}
		words := strings.Fields(text)
		lengths[row] = len(words)
		total += len(words)
		for _, w := range words {
			if times[w] == nil {
				times[w] = map[catalog.Row]int{}
			}
			times[w][row]++
		}
	}
	n, weight := float64(len(lengths)), 0.0
	scores, held := map[catalog.Row]float64{}, map[catalog.Row]float64{}
	terms := strings.Fields(question)
	slices.Sort(terms)
	for _, term := range slices.Compact(terms) {
		df := float64(len(times[term]))
		idf := math.Log(1 + (n-df+0.5)/(df+0.5))
		weight += idf
		for row, f := range times[term] {
			long := float64(0.9 * (float64(lengths[row]) / (float64(total) / n)))
			scores[row] += float64(idf*float64(float64(f)*2.2)) / (float64(f) + (0.3 + long))
			held[row] += idf
		}
	}
	var hits []indexer.Hit
	for row, score := range scores {
		hits = append(hits, indexer.Hit{Row: row, Score: score, Coverage: held[row] / weight})
	}
	slices.SortFunc(hits, func(a, b indexer.Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), v.ID(a.Row).Compare(v.ID(b.Row)))
	})
	return hits[:min(limit, len(hits))]
}

// What the windows, the sieve and the caches do changes no answer, not by a bit: over
// segments of any size, deletions, changes of access and merges, for callers of every share,
// from the reader of now and from those of before.
func TestAnswersAreThePlainOnes(t *testing.T) {
	seeds := uint64(6)
	if testing.Short() {
		seeds = 2
	}
	found, cut := 0, 0
	for seed := range seeds {
		l := newLibrary(t, seed)
		type edition struct {
			*reader
			table *indexer.Table
			texts map[catalog.Row]string
		}
		var editions []edition
		l.step(t, 3000+l.IntN(3000), 0, 0)
		for step := range 12 {
			switch l.IntN(5) {
			case 4:
				l.apply(t)
			case 0:
				l.step(t, 1+l.IntN(2000), 0, 0)
			case 1:
				l.step(t, l.IntN(5), 1+l.IntN(200), 0)
			case 2:
				l.step(t, 1+l.IntN(200), 1+l.IntN(20), 1+l.IntN(100))
			default:
				l.step(t, 1, l.IntN(2), l.IntN(2))
			}
			if step%5 == 4 {
				l.merge(t)
			}
			editions = append(editions, edition{l.reader(t), l.table, maps.Clone(l.text)})
			for range 8 {
				e := editions[len(editions)-1]
				if l.IntN(4) == 0 {
					e = editions[l.IntN(len(editions))]
				}
				v := visible(t, e.table, reads(shares[l.IntN(len(shares))]))
				question, limit := l.question(), []int{1, 3, 10, 100, 1000, 12_800}[l.IntN(6)]
				got, err := e.Search(t.Context(), v, indexer.Query{Text: question}, limit)
				if err != nil {
					t.Fatal(err)
				}
				want := plain(e.texts, v, question, limit)
				if !slices.Equal(got, want) {
					i := 0
					for i < min(len(got), len(want)) && got[i] == want[i] {
						i++
					}
					t.Fatalf("seed %d, step %d: %d hits for %q of %d in view, limit %d, want %d; from the %d-th on %+v, want %+v",
						seed, step, len(got), question, v.Len(), limit, len(want), i, got[i:min(i+3, len(got))], want[i:min(i+3, len(want))])
				}
				if found += len(got); len(got) == limit {
					cut++
				}
			}
		}
	}
	if found == 0 || cut == 0 {
		t.Errorf("%d hits, %d answers cut off", found, cut)
	}
}
