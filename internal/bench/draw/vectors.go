package draw

import (
	"math"
	"math/rand/v2"
)

const (
	topics    = 60
	subspaces = 256
	breadth   = 28 // dimensions of a subspace, their variance falling
	within    = 0.45
	isotropic = 0.1  // variance of the noise in all dimensions together
	away      = 0.25 // how far a query lies from its passage, as variance
)

// space is where the vectors lie.
type space struct {
	centres []([]float32)
	bases   [subspaces][breadth][]float32
	spread  [breadth]float32
}

// drawSpace draws topics, the clusters' centres around them, and the subspaces in which the passages
// of a cluster differ. With falling variance a subspace of 28 dimensions has about 18 that count.
func (d *Data) drawSpace() *space {
	r := d.random(clusterStage, 0)
	s := &space{centres: make([][]float32, d.Clusters)}
	var around [topics][]float32
	for i := range around {
		around[i] = direction(r)
	}
	for c := range s.centres {
		centre, topic := direction(r), around[r.IntN(topics)]
		for i := range centre {
			centre[i] = 0.8*centre[i] + 0.6*topic[i]
		}
		unit(centre)
		s.centres[c] = centre
	}
	sum := 0.0
	for j := range s.spread {
		sum += math.Pow(float64(j+1), -0.7)
	}
	for j := range s.spread {
		s.spread[j] = float32(math.Sqrt(within * math.Pow(float64(j+1), -0.7) / sum))
	}
	for i := range s.bases {
		for j := range s.bases[i] {
			s.bases[i][j] = direction(r)
		}
	}
	return s
}

// passage draws a vector of the cluster.
func (s *space) passage(r *rand.Rand, cluster int, v []float32) {
	copy(v, s.centres[cluster])
	for j, b := range s.bases[cluster%subspaces] {
		by := s.spread[j] * float32(r.NormFloat64())
		for i := range v {
			v[i] += float32(by * b[i])
		}
	}
	noise(r, v, isotropic)
}

// noise moves a vector by normal noise of that variance in all dimensions together.
func noise(r *rand.Rand, v []float32, variance float64) {
	by := float32(math.Sqrt(variance / Dimensions))
	for i := range v {
		v[i] += float32(by * float32(r.NormFloat64()))
	}
	unit(v)
}

func direction(r *rand.Rand) []float32 {
	v := make([]float32, Dimensions)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	unit(v)
	return v
}

func unit(v []float32) {
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	by := float32(1 / math.Sqrt(sum))
	for i := range v {
		v[i] *= by
	}
}
