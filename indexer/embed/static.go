package embed

import (
	"context"
	_ "embed" // the table
	"fmt"
	"math"
	"sync"
)

// Dimensions is the length of the vectors of the embedded default.
const Dimensions = 100

// staticSpace changes its version whenever the table or the way texts are split, weighted
// or summed changes a single bit of a vector.
//
// The weight was calibrated on three public test sets with the fusion that LICENSE-MODEL.md
// describes under "Calibration".
var staticSpace = Space{ID: staticFamily + "1", Dimensions: Dimensions, Weight: 0.3}

// staticFamily begins the id of the space of every version of the table.
const staticFamily = "glove-sif-100/"

//go:embed static.table
var staticTable []byte

var loadDefault = sync.OnceValues(func() (*Static, error) {
	t, err := Decode(staticTable)
	if err != nil {
		return nil, fmt.Errorf("loading the embedded word vectors: %w", err)
	}
	return newStatic(t), nil
})

// Default is the embedded default embedder, decoded at the first call and shared after
// that. It fails if the table in the binary is damaged.
func Default() (*Static, error) { return loadDefault() }

// Static embeds a text as the weighted sum of its words' vectors, without the direction
// that all texts share. Rare words weigh most (smooth inverse frequency). It knows English
// words, reads nothing but the text, and gives the same bits on every machine. It is safe
// for concurrent use.
type Static struct {
	row    map[string]uint32
	scales []uint16
	rows   []byte
	common [Dimensions]float64
}

func newStatic(t *Table) *Static {
	s := &Static{row: make(map[string]uint32, len(t.Words)), scales: t.Scales, rows: t.Rows}
	for i, w := range t.Words {
		s.row[w] = uint32(i)
	}
	for d, x := range t.Common {
		s.common[d] = float64(x)
	}
	return s
}

// Space is the space of the vectors that Embed returns.
func (s *Static) Space() Space { return staticSpace }

// Embed returns one vector of unit length per text, nil for a text without a word that has
// a vector. The time is linear in the length of the text, the memory constant; the only
// error is that ctx is done.
func (s *Static) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		v, err := s.embed(ctx, text)
		if err != nil {
			return nil, fmt.Errorf("embedding text %d of %d: %w", i+1, len(texts), err)
		}
		vectors[i] = v
	}
	return vectors, nil
}

func (s *Static) embed(ctx context.Context, text string) ([]float32, error) {
	var sum bag
	words := scanner{text: text}
	for n := 0; ; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if !words.next() {
			break
		}
		if r, ok := s.row[string(words.word())]; ok {
			sum.add(s.rows[int(r)*rowBytes:][:rowBytes], s.scales[r])
		}
	}
	x := sum.total()
	return finish(&x, &s.common), nil
}

// finish removes from a sum of words what it has in common with all texts and scales the
// rest to unit length; nil if next to nothing is left. Every product is converted before
// it is added: else the compiler may fuse the two on some machines, and vectors would
// differ in the last bit between servers.
func finish(sum *[Dimensions]int64, common *[Dimensions]float64) []float32 {
	var x [Dimensions]float64
	along, before := 0.0, 0.0
	for d, n := range sum {
		x[d] = float64(n) // exact: below 2^53 for any text of less than 2^35 words
		along += float64(x[d] * common[d])
		before += float64(x[d] * x[d])
	}
	left := 0.0
	for d := range x {
		x[d] -= float64(along * common[d])
		left += float64(x[d] * x[d])
	}
	if left <= before*1e-12 {
		return nil
	}
	length := math.Sqrt(left)
	v := make([]float32, Dimensions)
	for d := range v {
		v[d] = float32(x[d] / length)
	}
	return v
}
