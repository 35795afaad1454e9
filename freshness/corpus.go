package freshness

import (
	"context"
	"crypto/sha256"
	"strings"
)

// Tier says how far the conflicts of a pair of documents can be trusted.
type Tier uint8

// The tiers.
const (
	TierA Tier = 1 + iota // versions or copies of one document
	TierB                 // independent documents: most of what differs is no conflict
)

// Contested is a conflict found between any two documents of a corpus.
type Contested struct {
	Conflict
	Tier Tier
}

// Search returns the conflicts between any two documents among the sources. It is a function of
// the sources alone, whatever their order, but for the indexes in what it returns. Errors: the
// context's.
func Search(ctx context.Context, sources []Source) ([]Contested, error) {
	var out []Contested
	for _, c := range Conflicts(sources) {
		out = append(out, Contested{c, TierA})
	}
	return out, ctx.Err()
}

// Between returns the conflicts between two documents, each given as its passages, with A of the
// first and B of the second. It is a function of the two alone: what Search knows from a third,
// such as that both were filled in from one form, has no part in it.
func Between(a, b []Source) []Contested {
	var out []Contested
	sources := append(append([]Source(nil), a...), b...)
	for _, c := range Conflicts(sources) {
		out = append(out, Contested{c, TierA})
	}
	return out
}

// PairHash names two sentences, whichever comes first, by their words: white space between them
// does not count.
func PairHash(a, b string) [32]byte {
	a, b = strings.Join(strings.Fields(a), " "), strings.Join(strings.Fields(b), " ")
	if b < a {
		a, b = b, a
	}
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return sha256.Sum256(append(x[:], y[:]...))
}
