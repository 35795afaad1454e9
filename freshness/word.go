package freshness

import "strings"

// A word is one token of a sentence as comparison sees it: 22 bits of a hash of its stem above two
// bits of class. Words are stored in three bytes each, in the order of the sentence; that is half of
// what text takes, and two unlike words of two sentences meet by accident once in 4 million.
type word uint32

// The classes of a word.
const (
	content word = iota // carries meaning
	stop                // a function word or a mark that closes a phrase
	name                // a name: capitalised inside a sentence, or with digits in it
	value               // stands where a quantity stood
)

// newWord returns the word of a hash of at most 22 bits.
func newWord(stem uint32, class word) word { return word(stem)<<2 | class }

func (w word) class() word  { return w & 3 }
func (w word) stem() uint32 { return uint32(w >> 2) }

// bearing reports whether the word says what the sentence is about.
func (w word) bearing() bool { return w.class() == content || w.class() == name }

func appendWord(b []byte, w word) []byte {
	return append(b, byte(w), byte(w>>8), byte(w>>16))
}

func unpackWords(b []byte) []word {
	ws := make([]word, len(b)/3)
	for i := range ws {
		ws[i] = word(b[3*i]) | word(b[3*i+1])<<8 | word(b[3*i+2])<<16
	}
	return ws
}

// stemHash hashes a lower-case word without its plural ending.
func stemHash(s string) uint32 {
	return hash(stem(s)) >> 10
}

// stem cuts the plural and the possessive, which is as far as a stem can go without merging words
// that differ ("policy" and "police").
func stem(s string) string {
	s = strings.TrimSuffix(s, "'s")
	n := len(s)
	switch {
	case n > 4 && strings.HasSuffix(s, "ies"):
		return s[:n-3] + "y"
	case n > 4 && (strings.HasSuffix(s, "sses") || strings.HasSuffix(s, "shes") || strings.HasSuffix(s, "ches") || strings.HasSuffix(s, "xes")):
		return s[:n-2]
	case n > 3 && s[n-1] == 's' && s[n-2] != 's' && s[n-2] != 'u' && s[n-2] != 'i':
		return s[:n-1]
	}
	return s
}

// shortHash is the hash that a Quantity keeps of its head or label, never 0.
func shortHash(s string) uint16 { return max(1, uint16(hash(stem(s))>>16)) }

// hash is 32-bit FNV-1a with a final mix, so that its high bits are as good as its low ones.
func hash(s string) uint32 {
	h := uint32(2166136261)
	for i := range len(s) {
		h = (h ^ uint32(s[i])) * 16777619
	}
	return mix(h)
}

func mix(h uint32) uint32 {
	h ^= h >> 16
	h *= 0x85ebca6b
	h ^= h >> 13
	h *= 0xc2b2ae35
	return h ^ h>>16
}

var stopWords = set("a an the this that these those it its he she they we you i his her their our your my him them us me who whom whose which what " +
	"is are was were be been being am has have had having do does did done will would shall should can could may might must " +
	"and or but nor so yet if then than as of in on at by for from to into onto with without within per via up out over under about " +
	"around between through during before after since until till against among not no only also just both each every any some all " +
	"there here when where while how why too very more most less least few fewer many much other another such same own " +
	"one's s t re ve ll d please currently now approximately roughly nearly almost minimum maximum")

// isArticle reports whether a word is left out of Words: articles come and go without a change of sense.
func isArticle(s string) bool { return s == "a" || s == "an" || s == "the" }

func isStop(s string) bool { return stopWords[s] }
