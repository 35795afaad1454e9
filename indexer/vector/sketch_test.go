package vector

import (
	"cmp"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// TestNearest compares what is taken with the beginning of everything in order, whatever
// the order in which it is offered.
func TestNearest(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 5))
	const n = 3000
	vectors := make([][]float32, n)
	for i := range vectors {
		vectors[i] = []float32{1}
	}
	c := newCorpus(vectors, one)
	x := c.index(t)
	v, column := c.view(t), x.now.columns[space{here, 1}]
	for _, spread := range []int{1, 2, 10, 64} {
		distances := make([]int, n)
		for i := range distances {
			distances[i] = random.IntN(spread)
		}
		byRank := random.Perm(n)
		slices.SortFunc(byRank, func(a, b int) int {
			return cmp.Or(cmp.Compare(distances[a], distances[b]), v.Compare(column.row(a), column.row(b)))
		})
		backwards := slices.Clone(byRank)
		slices.Reverse(backwards)
		for order, slots := range [][]int{random.Perm(n), byRank, backwards} {
			for _, wanted := range []int{1, 7, 100, 2999, 3000, 5000} {
				for _, many := range []int{1, 50, wanted} {
					var near nearest
					near.reset(v, column, min(many, wanted), wanted)
					for _, slot := range slots {
						if distances[slot] <= near.within {
							near.take(uint32(slot), distances[slot])
						}
						if len(near.taken) > 4*wanted {
							t.Fatalf("%d are kept for %d", len(near.taken), wanted)
						}
					}
					near.settle()
					var got []int
					for _, s := range near.taken {
						got = append(got, int(s.slot))
					}
					most := min(n, wanted)
					for last := byRank[most-1]; most < n && distances[byRank[most]] == distances[last]; {
						most++
					}
					if most > wanted+wanted/4 {
						most = wanted
					}
					want := slices.Clone(byRank[:most])
					if last := min(many, wanted) - 1; last < n {
						want = slices.DeleteFunc(want, func(slot int) bool {
							return distances[slot] > distances[byRank[last]]+near.margin
						})
					}
					slices.Sort(want)
					if slices.Sort(got); !slices.Equal(got, want) {
						t.Fatalf("of distances below %d, in order %d, the nearest %d of %d are not those taken", spread, order, many, wanted)
					}
				}
			}
		}
	}
}

// TestScan compares the distances with those of bits one by one.
func TestScan(t *testing.T) {
	random := rand.New(rand.NewPCG(6, 6))
	for _, dimensions := range []int{1, 64, 65, 300, 384, 768} {
		c := newCorpus(clusters(random, 200, dimensions, 3, 1), one)
		x := c.index(t)
		column := x.now.columns[space{here, dimensions}]
		q, _ := ask(column.turn, unit(normal(random, dimensions)))
		var near nearest
		v := c.view(t)
		near.reset(v, column, 300, 300)
		if err := column.scan(t.Context(), v, q.sketch, &near); err != nil {
			t.Fatal(err)
		}
		if len(near.taken) != 200 {
			t.Fatalf("%d dimensions: %d of 200 are taken", dimensions, len(near.taken))
		}
		words := column.turn.width / 64
		for _, s := range near.taken {
			want := 0
			for i, w := range column.blocks[0].sketches[int(s.slot)*words:][:words] {
				want += bits.OnesCount64(w ^ q.sketch[i])
			}
			if int(s.distance) != want {
				t.Errorf("%d dimensions: the distance is %d, said to be %d", dimensions, want, s.distance)
			}
		}
	}
}

// TestArrival: how vectors came, what came besides, and where they are have no part in an
// answer, to the bit. Many are alike, so that there are ties wherever something is cut.
func TestArrival(t *testing.T) {
	for _, dimensions := range []int{3, 100, 384} {
		t.Run(fmt.Sprint(dimensions), func(t *testing.T) {
			random := rand.New(rand.NewPCG(uint64(dimensions), 7))
			cloud := newCloud(8, dimensions, 20)
			vectors, _ := cloud.texts(1500)
			for i := range vectors {
				if i%3 > 0 {
					vectors[i] = vectors[random.IntN(40)*3]
				}
			}
			seen := func(row int) catalog.DocumentID { return named("seen", row) }
			alone := newCorpus(vectors, seen)
			x := alone.index(t)
			// The others come in another order, among hidden ones, some of them in the place of
			// something else.
			order := random.Perm(2 * len(vectors))
			mixed := make([][]float32, len(order))
			for i, from := range order {
				mixed[i] = vectors[from/2]
			}
			among := newCorpus(mixed, func(row int) catalog.DocumentID {
				if from := order[row-1]; from%2 == 0 {
					return seen(from/2 + 1)
				}
				return named("hidden", row)
			})
			dir := t.TempDir()
			y := open(t, dir)
			var before []indexer.Entry
			for i, e := range among.batch.Add {
				e.Vector = vectors[i%7]
				before = append(before, e)
			}
			apply(t, y, indexer.Batch{To: 1, Add: before[:1000]})
			for list := range slices.Chunk(among.batch.Add, 700) {
				apply(t, y, indexer.Batch{To: 1, Add: list})
			}
			compare := func(how string, y *Index) {
				t.Helper()
				x.few, y.few = 30, 30
				for i := range 20 {
					query, limit := cloud.question(vectors[i*31]), 1+i*2
					want := answersOf(alone.view(t), search(t, x, alone.view(t), query, limit))
					v := among.view(t, "seen")
					if diff := gocmp.Diff(want, answersOf(v, search(t, y, v, query, limit)), gocmp.AllowUnexported(answered{})); diff != "" {
						t.Fatalf("%s, limit %d (-alone +among others):\n%s", how, limit, diff)
					}
				}
			}
			compare("as it came", y)
			if err := y.Compact(t.Context()); err != nil {
				t.Fatal(err)
			}
			compare("compacted", y)
			if err := y.Close(); err != nil {
				t.Fatal(err)
			}
			y = open(t, dir)
			defer y.Close()
			compare("opened again", y)
		})
	}
}

func answersOf(v *indexer.Visible, hits []indexer.Hit) []answered {
	var list []answered
	for _, h := range hits {
		list = append(list, answered{v.ID(h.Row), math.Float64bits(h.Score)})
	}
	return list
}

// TestAlike: of passages with the same vector, the first by id are found, however many
// there are.
func TestAlike(t *testing.T) {
	cloud := newCloud(3, 100, 1)
	vector := cloud.text(0)
	vectors := make([][]float32, 20_000)
	for i := range vectors {
		vectors[i] = vector
	}
	c := newCorpus(vectors, one)
	x, v := c.index(t), c.view(t)
	for _, limit := range []int{1, 10, 100, 2500} {
		if diff := gocmp.Diff(c.best(v, vector, limit), search(t, x, v, vector, limit)); diff != "" {
			t.Errorf("the first %d (-by definition +found):\n%s", limit, diff)
		}
	}
}

// recallWanted is how many of the best have to be found, by how many are asked for.
var recallWanted = map[int]float64{10: 0.999, 100: 0.99, 1600: 0.99}

// TestRecall: of the best by definition, nearly all are found where sketches choose, whether
// or not anything in view is about what was asked.
func TestRecall(t *testing.T) {
	const rows, questions = 20_000, 25
	for _, dimensions := range []int{100, 300, 384} {
		cloud := newCloud(uint64(dimensions), dimensions, 200)
		vectors, topics := cloud.texts(rows)
		c := newCorpus(vectors, func(row int) catalog.DocumentID {
			return named([]string{"a", "b", "c"}[topics[row-1]%3], row)
		})
		x := c.index(t)
		for _, sources := range [][]string{nil, {"a"}} {
			v := c.view(t, sources...)
			found := map[int]float64{}
			for i := range questions {
				query := cloud.question(vectors[i*789])
				best := c.best(v, query, 1600)
				for limit := range recallWanted {
					found[limit] += recall(best[:limit], search(t, x, v, query, limit)) / questions
				}
			}
			for limit, want := range recallWanted {
				if t.Logf("%d dimensions, %v, limit %d: %.5f", dimensions, sources, limit, found[limit]); found[limit] < want {
					t.Errorf("%d dimensions: of the best %d of %v, %.4f are found, want %g", dimensions, limit, sources, found[limit], want)
				}
			}
		}
	}
}
