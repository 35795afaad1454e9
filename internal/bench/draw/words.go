package draw

import (
	"math/rand/v2"
	"strings"
)

// Vocabulary is how many words there are.
const Vocabulary = 60_000

// Never asked for: how many of the commonest words no query has. They are what the stop words are to a
// real language, which every engine here leaves out of queries.
const neverAsked = 20

const (
	clusterWords = 120
	clusterShare = 0.3 // of the words of a passage that are its cluster's own
)

// Word is the word of a rank: three syllables and a k. No English word ends like that which a stemmer
// would change or a list of stop words holds, so every engine makes the same term of it.
func Word(rank int) string {
	const consonants, vowels = "bdfghjlmnprstvwz", "aeio"
	word := make([]byte, 0, 7)
	// Multiplied so that neighbours in rank are not neighbours in a dictionary.
	for n, i := rank*193%(1<<18), 0; i < 3; i++ {
		word = append(word, consonants[n%16], vowels[n/16%4])
		n /= 64
	}
	return string(append(word, 'k'))
}

// drawWords fills a passage of the cluster.
func (d *Data) drawWords(r *rand.Rand, cluster int, words []uint16) {
	for i := range words {
		if r.Float64() < clusterShare {
			words[i] = clusterWord(cluster, r.IntN(clusterWords))
		} else {
			words[i] = uint16(zipf(r, Vocabulary))
		}
	}
}

// clusterWord is one of the cluster's own words, none of which is among the 200 commonest.
func clusterWord(cluster, i int) uint16 {
	n := uint64(cluster*clusterWords+i) * 0x9e3779b97f4a7c15
	return uint16(200 + (n>>32)%(Vocabulary-200))
}

// Words are the words of a passage, by rank, in order.
func (d *Data) Words(passage int) []uint16 { return d.words[d.starts[passage]:d.starts[passage+1]] }

// Text is the text of a passage.
func (d *Data) Text(passage int) string { return text(d.Words(passage)) }

func text(words []uint16) string {
	var b strings.Builder
	b.Grow(8 * len(words))
	for i, w := range words {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(Word(int(w)))
	}
	return b.String()
}
