package keyword

import (
	"bytes"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/blevesearch/bleve/v2/analysis"
	"github.com/blevesearch/bleve/v2/analysis/lang/cjk"
	"github.com/blevesearch/bleve/v2/analysis/lang/en"
	segmenter "github.com/blevesearch/bleve/v2/analysis/tokenizer/unicode"
	"golang.org/x/text/unicode/norm"

	"github.com/muniment/muniment/indexer"
)

// maxTermBytes is where a term is cut off, on a character boundary. Words of any language
// are far shorter; what is longer is encoded data, which its beginning identifies.
const maxTermBytes = 100

// analysisVersion names what analyse does. An index made by another one is rebuilt, since
// its terms would not be those of the queries: raise it with any change to this file.
const analysisVersion = 1

// analyse turns text into terms, for passages and queries alike: compatibility
// composition (NFKC), so that full-width letters, ligatures and decomposed accents are
// what they look like; lower case; no invisible characters; words by Unicode's rules,
// runs of Han and Kana as pairs of characters, since those scripts put no spaces between
// words; English possessives and suffixes cut off. The stemmer treats words of other
// languages as if they were English: the same for passage and query, so they are found.
//
// Stop words are indexed, so that nothing is unfindable; queryTerms leaves them out.
func analyse(text string) []string { return (&analyst{}).analyse(text) }

var (
	wordsOf    = segmenter.NewUnicodeTokenizer()
	possessive = en.NewPossessiveFilter()
	stem       = en.NewEnglishStemmerFilter()
	pairs      = cjk.NewCJKBigramFilter(false)
	stopWords  = loadStopWords()
)

// stemmed cuts the English suffixes off a word.
func stemmed(word []byte) string {
	return string(stem.Filter(analysis.TokenStream{{Term: word}})[0].Term)
}

// loadStopWords returns the terms that the English stop words become.
func loadStopWords() map[string]bool {
	words := analysis.NewTokenMap()
	if err := words.LoadBytes(en.EnglishStopWords); err != nil {
		panic("keyword: reading the stop words: " + err.Error()) // a constant of the program
	}
	terms := map[string]bool{}
	for w := range words {
		for _, t := range analyse(w) {
			terms[t] = true
		}
	}
	return terms
}

// normalise returns the text composed, in lower case and without invisible characters. It
// is bytes, because the filters may write to it.
func normalise(text string) []byte {
	if isASCII(text) {
		return bytes.ToLower([]byte(text))
	}
	composed := norm.NFKC.String(text)
	out := make([]byte, 0, len(composed))
	for _, r := range composed {
		switch {
		case r == '’':
			r = '\''
		case r == 'ς': // capitals do not tell it from σ
			r = 'σ'
		case unicode.Is(unicode.Cf, r): // soft hyphens, joiners, marks of direction
			continue
		}
		out = utf8.AppendRune(out, unicode.ToLower(r))
	}
	return out
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func cut(term []byte) []byte {
	if len(term) <= maxTermBytes {
		return term
	}
	end := maxTermBytes
	for end > 0 && !utf8.RuneStart(term[end]) {
		end--
	}
	return term[:end]
}

// queryTerms returns the distinct terms of a query, sorted: scores are summed in this
// order. Stop words count only in a query that has no other words. Error: indexer.ErrTooManyTerms.
func queryTerms(text string) ([]string, error) {
	var terms, stops []string
	for _, term := range analyse(text) {
		if stopWords[term] {
			stops = append(stops, term)
		} else {
			terms = append(terms, term)
		}
	}
	if len(terms) == 0 {
		terms = stops
	}
	slices.Sort(terms)
	terms = slices.Compact(terms)
	if len(terms) > indexer.MaxTerms {
		return nil, indexer.ErrTooManyTerms
	}
	return terms, nil
}
