package vector

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// cloud makes vectors as models of texts do: topics with a centre each, around which texts
// differ in few directions that neighbouring topics share, in some much and in others
// little, and hardly in all the rest. topic says which each belongs to.
//
// Noise that is the same in all directions is easier: there is hardly anything near to
// confuse the best with, and all that is far is equally far.
type cloud struct {
	random     *rand.Rand
	dimensions int
	centres    [][]float64
	spaces     [][][]float64 // directions, the first the longest
}

const cloudDirections = 28

func newCloud(seed uint64, dimensions, topics int) *cloud {
	c := &cloud{random: rand.New(rand.NewPCG(seed, 1)), dimensions: dimensions}
	super := make([][]float64, max(1, topics/33))
	for i := range super {
		super[i] = normal(c.random, dimensions)
	}
	for i := range topics {
		centre, of := normal(c.random, dimensions), super[i%len(super)]
		for d := range centre {
			centre[d] = of[d] + 0.8*centre[d]
		}
		c.centres = append(c.centres, centre)
	}
	for range max(1, topics/8) {
		var space [][]float64
		for k := range cloudDirections {
			v := normal(c.random, dimensions)
			for d := range v {
				v[d] *= math.Pow(float64(k+1), -0.5) / 2.2
			}
			space = append(space, v)
		}
		c.spaces = append(c.spaces, space)
	}
	return c
}

// text is a vector of the topic.
func (c *cloud) text(topic int) []float32 {
	v, space := slices.Clone(c.centres[topic]), c.spaces[topic%len(c.spaces)]
	for _, direction := range space {
		far := c.random.NormFloat64()
		for d, x := range direction {
			v[d] += far * x
		}
	}
	for d := range v {
		v[d] += 0.15 * c.random.NormFloat64()
	}
	return unit(v)
}

// question is a vector near the given one.
func (c *cloud) question(near []float32) []float32 {
	v := normal(c.random, len(near))
	for d, x := range near {
		v[d] = float64(x) + 0.35*v[d]/math.Sqrt(float64(len(near)))
	}
	return unit(v)
}

// texts are n vectors and their topics.
func (c *cloud) texts(n int) (vectors [][]float32, topics []int) {
	for range n {
		topic := c.random.IntN(len(c.centres))
		vectors, topics = append(vectors, c.text(topic)), append(topics, topic)
	}
	return vectors, topics
}

// recall is the share of the true best in the answer.
func recall(best, hits []indexer.Hit) float64 {
	found := map[catalog.Row]bool{}
	for _, h := range hits {
		found[h.Row] = true
	}
	n := 0
	for _, h := range best {
		if found[h.Row] {
			n++
		}
	}
	if len(best) == 0 {
		return 1
	}
	return float64(n) / float64(len(best))
}
