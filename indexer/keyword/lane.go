package keyword

import (
	"math/bits"
	"slices"
)

// lane is one term in the window at hand: which documents have it, once and more often,
// in bits, whatever form its postings have.
type lane struct {
	words *[windowWords]uint64
	more  *[windowWords]uint64
	first *[windowWords]uint32 // by word that is not 0: the place of its first document

	*postings
	next    int  // how many of the listed documents are behind
	present bool // whether a document of the window has it
	written bool // whether own is not clean
	own     struct {
		words, more [windowWords]uint64
		first       [windowWords]uint32
	}
}

var empty [windowWords]uint64

// begin makes the lane ready for the windows of a segment, in ascending order.
func (l *lane) begin(p *postings) {
	l.postings, l.next = p, 0
	l.words, l.more, l.first = &empty, &empty, &l.own.first
}

// enter makes the lane ready for the i-th window.
func (l *lane) enter(i int) {
	if l.postings.words != nil {
		l.words = (*[windowWords]uint64)(l.postings.words[i*windowWords:])
		l.more = (*[windowWords]uint64)(l.postings.more[i*windowWords:])
		l.first = (*[windowWords]uint32)(l.postings.first[i*windowWords:])
		l.present = true
		return
	}
	if l.written {
		l.own.words, l.own.more, l.written = empty, empty, false
	}
	docs, from := l.docs, uint32(i*windowDocs)
	n := l.next
	if n < len(docs) && docs[n] < from { // windows were passed over
		k, _ := slices.BinarySearch(docs[n:], from)
		n += k
	}
	if l.present = n < len(docs) && docs[n]-from < windowDocs; !l.present {
		l.words, l.more, l.next = &empty, &empty, n
		return
	}
	own := &l.own
	for ; n < len(docs); n++ {
		doc := docs[n] - from
		if doc >= windowDocs {
			break
		}
		w, bit := doc/64, uint64(1)<<(doc%64)
		if own.words[w] == 0 {
			own.first[w] = uint32(n)
		}
		own.words[w] |= bit
		if l.times[n] > 1 {
			own.more[w] |= bit
		}
	}
	l.next, l.written = n, true
	l.words, l.more, l.first = &own.words, &own.more, &own.first
}

// frequencyIn is how often the document of the bit in the word has the term, which it has.
func (l *lane) frequencyIn(word int, bit uint64) uint64 {
	if l.more[word]&bit == 0 {
		return 1
	}
	return l.frequency(l.first[word] + uint32(bits.OnesCount64(l.words[word]&(bit-1))))
}
