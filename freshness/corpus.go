package freshness

import (
	"cmp"
	"context"
	"crypto/sha256"
	"slices"
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
	s := newSearch(corpus(sources))
	if err := s.relatives(ctx); err != nil {
		return nil, err
	}
	if err := s.strangers(ctx); err != nil {
		return nil, err
	}
	sortContested(s.found)
	return s.found, nil
}

// Between returns the conflicts between two documents, each given as its passages. Indexes count the
// passages of a, then those of b, so that A is of the first and B of the second. It is a function of the
// two alone: what Search knows from a third, such as that both were filled in from one form, has no
// part in it. What Search finds between the two is among them.
func Between(a, b []Source) []Contested {
	docs := corpus(append(append([]Source(nil), a...), b...))
	if len(docs) != 2 {
		return nil
	}
	work := DefaultWork
	out := between(&docs[0], &docs[1], &work)
	sortContested(out)
	return out
}

// between judges two documents by themselves; below zero of work, it has not found all.
func between(a, b *document, work *int) []Contested {
	tier, found := TierA, []difference(nil)
	switch rel := relationOf(a, b); {
	case rel != unrelated:
		found = inRelatives(a, b, rel, work)
	case !setApart(a, b):
		tier, found = TierB, strangers.differences(a.lines, b.lines, work)
	}
	out := make([]Contested, len(found))
	for i, c := range preferring(found, a, b) {
		out[i] = Contested{c, tier}
	}
	return out
}

// corpus returns the documents among the sources, unpacked, in an order of their own: that of their keys, and the
// passages of each by what they say.
func corpus(sources []Source) []document {
	docs := group(sources)
	slices.SortFunc(docs, func(a, b document) int { return cmp.Compare(a.Key, b.Key) })
	for i := range docs {
		d := &docs[i]
		slices.SortStableFunc(d.passages, func(i, j int) int {
			a, b := &sources[i], &sources[j]
			return cmp.Or(cmp.Compare(a.Section, b.Section), slices.CompareFunc(a.Statements, b.Statements, func(s, t Statement) int {
				return cmp.Or(cmp.Compare(s.Text, t.Text), cmp.Compare(s.Span.Start, t.Span.Start))
			}))
		})
		d.Source = &sources[d.passages[0]]
		d.unpack(sources)
	}
	return docs
}

func sortContested(list []Contested) {
	slices.SortStableFunc(list, func(x, y Contested) int { return byPlace(x.Conflict, y.Conflict) })
}

// PairHash names two sentences, whichever comes first, by their words: white space between them
// does not count.
func PairHash(a, b string) [32]byte {
	a, b = flat(a), flat(b)
	if b < a {
		a, b = b, a
	}
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return sha256.Sum256(append(x[:], y[:]...))
}
