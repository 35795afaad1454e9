package keyword

import (
	"math/bits"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// view is what a caller sees of a reader's segments.
type view struct {
	shown []*shown // by segment
	statistics
	chunks []*indexer.Chunk // that it was made from
}

// shown is what a view shows of one segment.
type shown struct {
	of      *columns
	deleted *roaring.Bitmap // those that windows leave out
	windows []*window       // nil where nothing is in view
}

// window is what a view shows of windowDocs documents of a segment: one bit for each that
// is neither deleted nor hidden, and what is to be known of these together. It is immutable
// and a function of the segment's columns, of which documents are deleted, and of which rows
// are in view.
type window struct {
	words     [windowWords]uint64
	documents uint32
	shortest  uint32 // of the documents in view that have a word, in terms
	longest   uint32
	terms     uint64 // in all documents in view together
}

// newView finds out what is visible of each segment.
//
// To look up every row takes some milliseconds for a million passages, and every commit
// makes a new view. So what an earlier view of the same caller found is brought along: a
// window is made again only if a row of it lies in a chunk that is another one than before,
// or a document of it was deleted, or restored, which is so in a reader older than the
// view. The earlier view may be of any reader and revision, and nil.
func newView(segments []segment, visible *indexer.Visible, earlier *view) *view {
	v := &view{chunks: visible.Chunks()}
	if earlier == nil {
		earlier = &view{}
	}
	changed := countChanged(earlier.chunks, v.chunks)
	for _, s := range segments {
		var before *shown
		for _, b := range earlier.shown {
			if b.of == s.columns {
				before = b
			}
		}
		v.shown = append(v.shown, show(s, v.chunks, before, changed))
	}
	for _, s := range v.shown {
		v.count(s)
	}
	return v
}

// countChanged is, by chunk number, how many chunks before it differ between the two.
func countChanged(a, b []*indexer.Chunk) []uint32 {
	counts := make([]uint32, max(len(a), len(b))+1)
	for i := range counts[1:] {
		counts[i+1] = counts[i]
		if chunkAt(a, i) != chunkAt(b, i) {
			counts[i+1]++
		}
	}
	return counts
}

func chunkAt(chunks []*indexer.Chunk, i int) *indexer.Chunk {
	if i < len(chunks) {
		return chunks[i]
	}
	return nil
}

// show makes what is shown of a segment from what was shown before, nil if nothing is known.
func show(s segment, chunks []*indexer.Chunk, before *shown, changed []uint32) *shown {
	next := &shown{of: s.columns, deleted: s.deleted}
	if before == nil {
		next.windows = make([]*window, len(s.spans))
		lookUp := newWindows(s, chunks)
		for i := range next.windows {
			next.windows[i] = lookUp.window(i)
		}
		return next
	}
	last := uint32(len(changed) - 1)
	dirty := touched(len(s.spans), before.deleted, s.deleted)
	same := true
	for i, span := range s.spans {
		if changed[min(span.last+1, last)] != changed[min(span.first, last)] {
			dirty[i] = true
		}
		same = same && !dirty[i]
	}
	if same && cardinality(before.deleted) == cardinality(s.deleted) {
		return before
	}
	next.windows = make([]*window, len(s.spans))
	lookUp := newWindows(s, chunks)
	for i := range next.windows {
		if next.windows[i] = before.windows[i]; dirty[i] {
			next.windows[i] = lookUp.window(i)
		}
	}
	return next
}

// touched says of each window whether a document of it is deleted in one and not the other.
// Of one segment, deletions only ever get more; so as many are the same.
func touched(windows int, a, b *roaring.Bitmap) []bool {
	dirty := make([]bool, windows)
	if cardinality(a) == cardinality(b) {
		return dirty
	}
	if a == nil {
		a = roaring.New()
	}
	if b == nil {
		b = roaring.New()
	}
	for docs := roaring.Xor(a, b).Iterator(); docs.HasNext(); {
		w := docs.Next() / windowDocs
		dirty[w] = true
		docs.AdvanceIfNeeded((w + 1) * windowDocs)
	}
	return dirty
}

func cardinality(b *roaring.Bitmap) uint64 {
	if b == nil {
		return 0
	}
	return b.GetCardinality()
}

// windows makes windows of a segment, in ascending order.
type windows struct {
	segment
	chunks  []*indexer.Chunk
	deleted roaring.IntPeekable // nil if nothing is
}

func newWindows(s segment, chunks []*indexer.Chunk) *windows {
	w := &windows{segment: s, chunks: chunks}
	if s.deleted != nil {
		w.deleted = s.deleted.Iterator()
	}
	return w
}

// window is the i-th of the segment, nil if nothing of it is in view.
func (s *windows) window(i int) *window {
	from := i * windowDocs
	rows := s.rows[from:min(from+windowDocs, len(s.rows))]
	var w window
	// Most windows have rows of one or two chunks: these are laid side by side, so that a row
	// needs no look for its chunk.
	const near = 4
	var beside [near * len(indexer.Chunk{})]uint64
	at := s.spans[i]
	for n := range min(at.last-at.first+1, near) {
		if c := chunkAt(s.chunks, int(at.first+n)); c != nil {
			copy(beside[int(n)*len(c):], c[:])
		}
	}
	first := catalog.Row(at.first) * indexer.ChunkRows
	for j := 0; j*64 < len(rows); j++ {
		word := uint64(0)
		for k, row := range rows[j*64 : min(j*64+64, len(rows))] {
			if place := row - first; place < near*indexer.ChunkRows {
				word |= beside[place/64] >> (row % 64) & 1 << (k & 63)
			} else if c := chunkAt(s.chunks, int(row/indexer.ChunkRows)); c != nil {
				word |= c[row%indexer.ChunkRows/64] >> (row % 64) & 1 << (k & 63)
			}
		}
		w.words[j] = word
	}
	if s.deleted != nil {
		s.deleted.AdvanceIfNeeded(uint32(from))
		for s.deleted.HasNext() && int(s.deleted.PeekNext()) < from+len(rows) {
			doc := int(s.deleted.Next()) - from
			w.words[doc/64] &^= 1 << (doc % 64)
		}
	}
	w.measure(s.lengths[from:][:len(rows)])
	if w.documents == 0 {
		return nil
	}
	return &w
}

// measure sums up the lengths of the documents in view.
func (w *window) measure(lengths []uint32) {
	shortest, longest, terms := ^uint32(0), uint32(0), uint64(0)
	for i, word := range &w.words {
		shown := bits.OnesCount64(word)
		w.documents += uint32(shown)
		if shown < 16 {
			for ; word != 0; word &= word - 1 {
				n := lengths[i*64+bits.TrailingZeros64(word)]
				terms += uint64(n)
				longest = max(longest, n)
				shortest = min(shortest, n-1)
			}
			continue
		}
		for k, n := range lengths[i*64 : min(i*64+64, len(lengths))] { // without a branch for each
			shows := -uint32(word >> (k & 63) & 1)
			terms += uint64(n & shows)
			longest = max(longest, n&shows)
			shortest = min(shortest, (n-1)|^shows)
		}
	}
	// A passage of no words, for which n-1 is the largest there is, is not the shortest.
	w.shortest, w.longest, w.terms = shortest+1, longest, terms
}

// bytes is about what the view takes in memory, if nothing else holds its chunks.
func (v *view) bytes() int {
	const windowBytes, chunkBytes, shownBytes = 8*windowWords + 24, indexer.ChunkRows / 8, 128
	n := 512 + 8*len(v.chunks)
	for _, c := range v.chunks {
		if c != nil {
			n += chunkBytes
		}
	}
	for _, s := range v.shown {
		n += shownBytes + 8*len(s.windows)
		for _, w := range s.windows {
			if w != nil {
				n += windowBytes
			}
		}
	}
	return n
}
