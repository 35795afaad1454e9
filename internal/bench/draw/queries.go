package draw

import (
	"math/rand/v2"
	"slices"
)

// Query is what a caller asks: words of a passage, and a vector near its.
type Query struct {
	Caller int
	Target int // the passage
	Words  []uint16
	Text   string
	Vector []float32
}

// drawQueries draws a query for each caller. Seven in ten are about a passage that the caller may read.
func (d *Data) drawQueries() {
	d.Queries = make([]Query, d.Params.Callers)
	parallel(len(d.Queries), func(i int) {
		r := d.random(queryStage, i)
		q := Query{Caller: i, Target: r.IntN(d.Passages)}
		for about := r.Float64() < 0.7; about && !d.Readable(i, q.Target); {
			q.Target = r.IntN(d.Passages)
		}
		q.Words = pick(r, d.Words(q.Target))
		q.Text = text(q.Words)
		q.Vector = slices.Clone(d.Vector(q.Target))
		noise(r, q.Vector, away)
		d.Queries[i] = q
	})
}

// pick picks three to eight different words of a passage, common and rare as they come, but none of
// those that nobody asks for.
func pick(r *rand.Rand, words []uint16) (picked []uint16) {
	n := 3 + r.IntN(6)
	for _, i := range r.Perm(len(words)) {
		if w := words[i]; w >= neverAsked && !slices.Contains(picked, w) {
			picked = append(picked, w)
		}
		if len(picked) == n {
			break
		}
	}
	return picked
}
