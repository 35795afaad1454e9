package keyword

import (
	"context"
	"encoding/binary"
	"hash/maphash"
	"iter"

	"github.com/muniment/muniment/indexer"
)

// The digest of a passage is the sum of one number for each of its terms, made of term and
// frequency, and one for its length. A sum, because the postings come term by term: so one
// walk over a segment's dictionary makes the digests of all its passages at once.

var digestSeed = maphash.MakeSeed()

func termDigest(term []byte, frequency uint64) uint64 {
	var h maphash.Hash
	h.SetSeed(digestSeed)
	h.Write(term)
	var b [8]byte // of fixed length, so where the term ends is known
	binary.BigEndian.PutUint64(b[:], frequency)
	h.Write(b[:])
	return h.Sum64()
}

func lengthDigest(terms uint32) uint64 { return mix(terms) }

// Digest implements indexer.Reader. Every passage is held, one without words too.
func (r *reader) Digest(e indexer.Entry) (digest uint64, held bool) {
	text := newPassage(e, r.index.analysts).fields[0]
	text.Analyze()
	for term, t := range text.AnalyzedTokenFrequencies() {
		digest += termDigest([]byte(term), uint64(t.Frequency()))
	}
	return digest + lengthDigest(uint32(text.AnalyzedLength())), true
}

// Contents implements indexer.Reader. Errors: ErrDamaged, the context's.
func (r *reader) Contents(ctx context.Context) iter.Seq2[indexer.Content, error] {
	return func(yield func(indexer.Content, error) bool) {
		for _, s := range r.segments {
			if r.closed.Load() {
				yield(indexer.Content{}, ErrClosed)
				return
			}
			var digests []uint64
			err := guarded(func() (err error) {
				digests, err = s.digests(ctx)
				return err
			})
			if err != nil {
				if ctx.Err() == nil {
					err = r.index.damage(r.store, err)
				}
				yield(indexer.Content{}, err)
				return
			}
			for doc, row := range s.rows {
				if s.deleted != nil && s.deleted.Contains(uint32(doc)) {
					continue
				}
				if !yield(indexer.Content{Row: row, Digest: digests[doc]}, nil) {
					return
				}
			}
		}
	}
}

// digests is the digest of each document number of the segment.
func (s segment) digests(ctx context.Context) ([]uint64, error) {
	sums := make([]uint64, len(s.rows))
	for doc, length := range s.lengths {
		sums[doc] = lengthDigest(length)
	}
	dictionary, err := s.data.Dictionary(textField)
	if err != nil {
		return nil, err
	}
	terms := dictionary.AutomatonIterator(nil, nil, nil)
	read := 0
	for entry, err := terms.Next(); entry != nil || err != nil; entry, err = terms.Next() {
		if err != nil {
			return nil, err
		}
		list, err := dictionary.PostingsList([]byte(entry.Term), nil, nil)
		if err != nil {
			return nil, err
		}
		postings := list.Iterator(true, false, false, nil)
		for p, err := postings.Next(); p != nil || err != nil; p, err = postings.Next() {
			if err != nil {
				return nil, err
			}
			sums[p.Number()] += termDigest([]byte(entry.Term), p.Frequency())
			if read++; read%checkEvery == 0 && ctx.Err() != nil {
				return nil, ctx.Err()
			}
		}
	}
	return sums, ctx.Err()
}
