package indextest

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

// ranked is one hit as the definition of the measure has it.
type ranked struct {
	passage catalog.PassageID
	score   float64
}

// tolerance is how far a score may be from the definition: indexes may keep less precise
// vectors to find candidates by, not to rank by.
const tolerance = 1e-5

// rank answers the query by definition from the passages in view, without an index.
func (s Suite) rank(w *world, v *indexer.Visible, q indexer.Query) []ranked {
	corpus := map[catalog.PassageID]indexer.Entry{}
	for _, d := range w.documents {
		for _, p := range d.Passages {
			if v.Has(p.Row) {
				corpus[p.ID] = indexer.Entry{
					Row: p.Row, Text: d.Document.Title + " " + p.Text, Space: d.Document.VectorSpace, Vector: p.Vector,
				}
			}
		}
	}
	var list []ranked
	if s.Measure == Cosine {
		list = cosine(corpus, q)
	} else {
		list = bm25(corpus, q)
	}
	slices.SortFunc(list, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(b.score, a.score), a.passage.Compare(b.passage))
	})
	return list
}

// bm25 as in Robertson and Zaragoza, "The Probabilistic Relevance Framework", with k1 =
// 1.2, b = 0.75 and an inverse document frequency that is never negative.
func bm25(corpus map[catalog.PassageID]indexer.Entry, q indexer.Query) []ranked {
	df, total := map[string]int{}, 0
	for _, e := range corpus {
		w := strings.Fields(e.Text)
		total += len(w)
		slices.Sort(w)
		for _, word := range slices.Compact(w) {
			df[word]++
		}
	}
	n, mean := float64(len(corpus)), float64(total)/float64(len(corpus))
	asked := map[string]bool{}
	for _, word := range strings.Fields(q.Text) {
		asked[word] = true
	}
	var list []ranked
	for id, e := range corpus {
		score, w := 0.0, strings.Fields(e.Text)
		for _, word := range slices.Sorted(maps.Keys(asked)) {
			tf := 0.0
			for _, have := range w {
				if have == word {
					tf++
				}
			}
			idf := math.Log1p((n - float64(df[word]) + 0.5) / (float64(df[word]) + 0.5))
			score += idf * tf * 2.2 / (tf + 1.2*(0.25+0.75*float64(len(w))/mean))
		}
		if score > 0 {
			list = append(list, ranked{id, score})
		}
	}
	return list
}

func cosine(corpus map[catalog.PassageID]indexer.Entry, q indexer.Query) []ranked {
	var list []ranked
	for id, e := range corpus {
		if e.Space != q.Space || e.Vector == nil {
			continue
		}
		score := 0.0
		for i, x := range e.Vector {
			score += float64(x) * float64(q.Vector[i])
		}
		list = append(list, ranked{id, score})
	}
	return list
}

// scores compares answers with the definition on random corpora and views.
func scores(t *testing.T, s Suite) {
	found := 0
	for seed := uint64(10_000); seed < 10_030; seed++ {
		g := newGenerator(seed)
		w, x, close := s.populate(t, g)
		r, err := x.Reader(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for range 4 {
			view, err := w.directory.View(g.caller(), now)
			if err != nil {
				t.Fatal(err)
			}
			v := w.table.Visible(view)
			if g.chance(25) {
				v = w.all()
			}
			q := s.query(g)
			want := s.rank(w, v, q)
			got := search(t, r, v, q, 1000)
			found += len(got)
			if len(got) != len(want) {
				t.Fatalf("seed %d: %d hits for %+v, want %d", seed, len(got), q, len(want))
			}
			exact := map[catalog.PassageID]float64{}
			for _, h := range want {
				exact[h.passage] = h.score
			}
			for i, h := range got {
				// Scores that differ by less than the tolerance may be in either order.
				if have, ok := exact[v.ID(h.Row)]; !ok || math.Abs(have-h.Score) > tolerance || math.Abs(want[i].score-h.Score) > tolerance {
					t.Fatalf("seed %d: hit %d for %+v is %v with score %v, by definition %v; there, %v with score %v belongs",
						seed, i, q, v.ID(h.Row), h.Score, have, want[i].passage, want[i].score)
				}
			}
		}
		r.Close()
		close()
	}
	if found == 0 {
		t.Error("nothing was ever found")
	}
}
