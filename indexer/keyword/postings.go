package keyword

import (
	"context"
	"fmt"
	"math/bits"

	api "github.com/blevesearch/scorch_segment_api/v2"
)

// windowDocs is how many documents of a segment are looked at together: as many bits as
// still fit the nearest cache once for every term of a usual query.
const (
	windowDocs  = 4096
	windowWords = windowDocs / 64
)

// postings say which documents of a segment have a term, hidden and deleted ones too, and
// how often. They are decoded from scorch's file, whose own iterator takes ten times as
// long to walk, and are immutable, as the segment is.
//
// Of a term that at least one document in denseShare has, one bit a document is less than
// its number, and is what a search wants: it takes 64 documents in one step. The documents of others are listed.
type postings struct {
	documents int
	docs      []uint32 // ascending; nil if dense

	words []uint64 // dense: one bit a document; whole windows
	more  []uint64 // dense: one bit a document that has the term more than once
	first []uint32 // dense: by word, how many documents come before it

	times []uint8           // by place in order of documents: how often, or manyTimes
	many  map[uint32]uint64 // by place: how often, if not less than manyTimes
}

const (
	denseShare = 24
	manyTimes  = 255
)

// noPostings are those of a term that a segment does not have.
var noPostings = &postings{}

// decode reads the postings of a term from a segment of that many documents. Errors:
// ErrDamaged, the context's, scorch's own.
func decode(ctx context.Context, dictionary api.TermDictionary, term string, documents int) (*postings, error) {
	list, err := dictionary.PostingsList([]byte(term), nil, nil)
	if err != nil {
		return nil, err
	}
	n := int(list.Count())
	if n == 0 {
		return noPostings, nil
	}
	p := &postings{documents: n, times: make([]uint8, 0, n)}
	padded := (documents + windowDocs - 1) / windowDocs * windowDocs
	if n*denseShare >= padded {
		p.words, p.more, p.first = make([]uint64, padded/64), make([]uint64, padded/64), make([]uint32, padded/64)
	} else {
		p.docs = make([]uint32, 0, n)
	}
	last := -1
	for postings := list.Iterator(true, false, false, nil); ; {
		if len(p.times)%checkEvery == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		posting, err := postings.Next()
		if err != nil {
			return nil, err
		}
		if posting == nil {
			break
		}
		doc := int(posting.Number())
		if doc <= last || doc >= documents || len(p.times) == n || posting.Frequency() == 0 {
			return nil, fmt.Errorf("%w: posting %d of %d is document %d of %d, after %d", ErrDamaged, len(p.times), n, doc, documents, last)
		}
		p.append(uint32(doc), posting.Frequency())
		last = doc
	}
	if len(p.times) != n {
		return nil, fmt.Errorf("%w: %d postings where there should be %d", ErrDamaged, len(p.times), n)
	}
	for i, before := 0, uint32(0); i < len(p.words); i++ {
		p.first[i] = before
		before += uint32(bits.OnesCount64(p.words[i]))
	}
	return p, nil
}

func (p *postings) append(doc uint32, times uint64) {
	if p.words == nil {
		p.docs = append(p.docs, doc)
	} else {
		p.words[doc/64] |= 1 << (doc % 64)
		if times > 1 {
			p.more[doc/64] |= 1 << (doc % 64)
		}
	}
	if times >= manyTimes {
		if p.many == nil {
			p.many = map[uint32]uint64{}
		}
		p.many[uint32(len(p.times))] = times
		times = manyTimes
	}
	p.times = append(p.times, uint8(times))
}

// frequency is how often the document at a place has the term.
func (p *postings) frequency(place uint32) uint64 {
	if n := p.times[place]; n != manyTimes {
		return uint64(n)
	}
	return p.many[place]
}

// bytes is about what the postings take in memory.
func (p *postings) bytes() int {
	return 4*len(p.docs) + 20*len(p.words) + len(p.times) + 32*len(p.many)
}
