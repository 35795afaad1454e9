package desk

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"math"
	"slices"

	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/freshness"
)

// Office is what a steward looks after.
type Office struct {
	Has  func(source string) bool // whether a source is among it
	Name string                   // the same for the same sources, and for no others
}

// Conflict is a contradiction between two documents of a view.
type Conflict struct {
	ID              string
	Tier            freshness.Tier
	A, B            Side // A is the first document by id
	Quantity        string
	Confidence      float64
	Explanation     string
	Preferred       int // 0 neither, 1 A, 2 B
	PreferredReason string
	Settlement      catalog.Settlement // what a steward has said; the zero one if none has
}

// Side is what one document says.
type Side struct {
	Judged
	Sentence, Value string
	Span, ValueSpan freshness.Span // in the document's text, zero if the passage is nowhere in it
}

// found is a conflict as the search has found it: what it rests on are two contents.
type found struct {
	id          [32]byte
	sentences   [32]byte
	tier        freshness.Tier
	quantity    string
	confidence  float64
	explanation string
	a, b        stated
}

// stated is what one content states.
type stated struct {
	document        catalog.DocumentID
	content         catalog.Revision // Document.ContentAt
	sentence, value string
	span, valueSpan freshness.Span
}

// orderBytes is the length of the key that conflicts are sorted by.
const orderBytes = 1 + 8 + 32

// order is the key that conflicts are sorted by: the surest first, ties by id, which nothing
// but the two documents decides.
func (f *found) order() []byte {
	key := append(make([]byte, 0, orderBytes), byte(f.tier))
	key = binary.BigEndian.AppendUint64(key, ^math.Float64bits(f.confidence))
	return append(key, f.id[:]...)
}

func surest(a, b *found) int {
	return cmp.Or(cmp.Compare(a.tier, b.tier), cmp.Compare(b.confidence, a.confidence), bytes.Compare(a.id[:], b.id[:]))
}

// merged sorts conflicts and makes those of one id one: two values of one pair of sentences
// are settled together, so they are told of together.
func merged(list []found) []*found {
	byID := map[[32]byte]*found{}
	var out []*found
	sorted := make([]*found, len(list))
	for i := range list {
		sorted[i] = &list[i]
	}
	slices.SortStableFunc(sorted, surest)
	for _, f := range sorted {
		first, known := byID[f.id]
		if !known {
			byID[f.id] = f
			out = append(out, f)
		} else if first.explanation != f.explanation {
			first.explanation += "; " + f.explanation
		}
	}
	return out
}

func (f *found) name() string { return hex.EncodeToString(f.id[:]) }
