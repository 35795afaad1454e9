package keyword

import (
	"github.com/blevesearch/bleve/v2/analysis"
	index "github.com/blevesearch/bleve_index_api"

	"github.com/muniment/muniment/indexer"
)

// analyst turns one text after another into terms. The zero analyst remembers nothing; one
// made by newAnalyst remembers what words have become, because most words of a text have
// been in those before it and stemming one takes longer than anything else done to it.
// Queries are left to the former: how long a word of theirs takes would tell whether a
// passage has it, be it hidden.
//
// A text of ASCII letters, which most are, is cut into words here, without a token for each.
type analyst struct {
	terms []string // of the text at hand
	known map[string]string
	older map[string]string // what known was before it was full
}

// An analyst remembers twice so many words, none longer than so many bytes: some 3 MiB.
const (
	knownWords = 16 << 10
	knownBytes = 32
)

func newAnalyst() *analyst {
	return &analyst{known: map[string]string{}, older: map[string]string{}}
}

// analysts are those that have nothing to do.
type analysts chan *analyst

func newAnalysts() analysts { return make(analysts, indexer.Workers()) }

func (of analysts) take() *analyst {
	select {
	case a := <-of:
		return a
	default:
		return newAnalyst()
	}
}

func (of analysts) give(a *analyst) {
	select {
	case of <- a:
	default:
	}
}

// analyse returns the terms of the text in order, until the next call.
func (a *analyst) analyse(text string) []string {
	a.terms = a.terms[:0]
	if isASCII(text) {
		a.analyseASCII(normalise(text))
		return a.terms
	}
	tokens := possessive.Filter(wordsOf.Tokenize(normalise(text)))
	for _, t := range tokens {
		if t.Type == analysis.Ideographic {
			t.Term = []byte(stemmed(cut(t.Term)))
		} else {
			t.Term = []byte(a.stem(cut(t.Term)))
		}
	}
	for _, t := range pairs.Filter(tokens) {
		a.terms = append(a.terms, string(t.Term))
	}
	return a.terms
}

// analyseASCII does to text in lower case what the tokenizer and the filters do to any: by
// Unicode's rules a word is a run of letters, digits and low lines, and goes on over a single
// mark that stands between two letters (. : ') or between two digits (. , ; ').
func (a *analyst) analyseASCII(text []byte) {
	for i := 0; i < len(text); {
		if classes[text[i]]&inWord == 0 {
			i++
			continue
		}
		from := i
		for i++; i < len(text); i++ {
			if classes[text[i]]&inWord != 0 {
				continue
			}
			if i+1 == len(text) || !joins(text[i-1], text[i], text[i+1]) {
				break
			}
		}
		word := text[from:i]
		if n := len(word); n > 2 && word[n-1] == 's' && word[n-2] == '\'' {
			word = word[:n-2]
		}
		a.terms = append(a.terms, a.stem(cut(word)))
	}
}

// What a byte may be, in bits.
const (
	letter = 1 << iota
	digit
	lowLine
	joinsLetters
	joinsDigits
	inWord = letter | digit | lowLine
)

var classes = func() (of [256]byte) {
	for c := byte('a'); c <= 'z'; c++ {
		of[c] = letter
	}
	for c := byte('0'); c <= '9'; c++ {
		of[c] = digit
	}
	of['_'] = lowLine
	of['.'], of['\''] = joinsLetters|joinsDigits, joinsLetters|joinsDigits
	of[':'] = joinsLetters
	of[','], of[';'] = joinsDigits, joinsDigits
	return of
}()

// joins reports whether the mark joins what stands before and behind it to one word.
func joins(before, mark, behind byte) bool {
	both := classes[before] & classes[behind]
	return both&letter != 0 && classes[mark]&joinsLetters != 0 || both&digit != 0 && classes[mark]&joinsDigits != 0
}

// stem returns the stem of a word.
func (a *analyst) stem(word []byte) string {
	if term, ok := a.known[string(word)]; ok {
		return term
	}
	term, ok := a.older[string(word)]
	if !ok {
		term = stemmed(word)
	}
	if a.known == nil || len(word) > knownBytes {
		return term
	}
	if len(a.known) == knownWords {
		a.known, a.older = a.older, a.known
		clear(a.known)
	}
	a.known[string(word)] = term
	return term
}

// frequencies counts the terms of a text, in the form that scorch takes, which asks for the
// keys of the map and how often each is there. It also returns how many terms there are.
func (a *analyst) frequencies(text string) (counts index.TokenFrequencies, length int) {
	terms := a.analyse(text)
	counts = make(index.TokenFrequencies, len(terms))
	times := make([]index.TokenFreq, 0, len(terms)) // pointed into, so it must never grow
	for _, term := range terms {
		tf := counts[term]
		if tf == nil {
			times = append(times, index.TokenFreq{})
			tf = &times[len(times)-1]
			counts[term] = tf
		}
		tf.SetFrequency(tf.Frequency() + 1)
	}
	return counts, len(terms)
}
