package draw

import (
	"hash/fnv"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/blevesearch/bleve/v2/analysis"
	"github.com/blevesearch/bleve/v2/analysis/lang/en"
)

var small = Sized(10_000)

func drawn(t *testing.T, p Params) *Data {
	t.Helper()
	d, err := Draw(p)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestTheSameDataSetEveryTime compares two drawings, whose parts were drawn in different orders by
// as many goroutines as there are processors.
func TestTheSameDataSetEveryTime(t *testing.T) {
	sum := func(d *Data) uint64 {
		h := fnv.New64a()
		put := func(n int) { h.Write([]byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)}) }
		for i := range d.Passages {
			h.Write([]byte(d.Text(i)))
			put(d.Policy(i))
			put(int(math.Float32bits(d.Vector(i)[i%Dimensions])))
		}
		for i, c := range d.Callers {
			for _, g := range slices.Concat(c.Member, c.Groups) {
				put(g)
			}
			h.Write([]byte(d.Queries[i].Text))
			put(int(math.Float32bits(d.Queries[i].Vector[i%Dimensions])))
		}
		return h.Sum64()
	}
	if a, b := sum(drawn(t, small)), sum(drawn(t, small)); a != b {
		t.Errorf("drawn twice: %x and %x", a, b)
	}
	other := small
	other.Seed++
	if sum(drawn(t, small)) == sum(drawn(t, other)) {
		t.Error("another seed draws the same")
	}
}

func TestTheShapeThatIsPromised(t *testing.T) {
	d := drawn(t, small)
	if mean := float64(d.Passages) / float64(len(d.Documents)); mean < 4.8 || mean > 5.2 {
		t.Errorf("%.2f passages a document, want 5", mean)
	}
	counts := map[uint16]int{}
	for i := range d.Passages {
		words := d.Words(i)
		if len(words) < 60 || len(words) > 120 || len(strings.Fields(d.Text(i))) != len(words) {
			t.Fatalf("passage %d has %d words", i, len(words))
		}
		for _, w := range words {
			counts[w]++
		}
		length := 0.0
		for _, x := range d.Vector(i) {
			length += float64(x) * float64(x)
		}
		if math.Abs(length-1) > 1e-5 {
			t.Fatalf("the vector of passage %d is %v long", i, length)
		}
	}
	// Zipf: the tenth word about a tenth as often as the first, the hundredth about a hundredth.
	if first, tenth, hundredth := counts[0], counts[9], counts[99]; first < 5*tenth || first > 15*tenth || tenth < 6*hundredth || tenth > 16*hundredth {
		t.Errorf("the first, tenth and hundredth words occur %d, %d and %d times", first, tenth, hundredth)
	}
	named := map[string]bool{}
	for _, p := range d.Policies {
		named[text(toWords(p))] = true
	}
	if len(d.Policies) != small.Policies || len(named) != small.Policies {
		t.Errorf("%d policies, %d different ones, want %d", len(d.Policies), len(named), small.Policies)
	}
	depth := 0
	for g := range d.Groups {
		n := 0
		for p := g; p >= 0; p = d.Parents[p] {
			n++
		}
		depth = max(depth, n)
	}
	if len(d.Parents) != small.Groups || depth != 4 {
		t.Errorf("%d groups, %d deep", len(d.Parents), depth)
	}
}

func toWords(groups []int) (words []uint16) {
	for _, g := range groups {
		words = append(words, uint16(g))
	}
	return words
}

// TestCallersSeeWhatTheirGroupsMay counts for each caller, from the groups it is directly in and the
// forest alone, what it may read.
func TestCallersSeeWhatTheirGroupsMay(t *testing.T) {
	d := drawn(t, small)
	var parts [4]int
	many := 0
	for i, c := range d.Callers {
		in := map[int]bool{}
		for _, g := range c.Member {
			for ; g >= 0; g = d.Parents[g] {
				in[g] = true
			}
		}
		sees := 0
		for p := range d.Passages {
			readable := slices.ContainsFunc(d.Policies[d.Policy(p)], func(g int) bool { return in[g] })
			if readable != d.Readable(i, p) {
				t.Fatalf("caller %d, passage %d: readable %t", i, p, readable)
			}
			if readable {
				sees++
			}
		}
		if sees != c.Sees || len(in) != len(c.Groups) || len(in) < fewest || len(in) > most {
			t.Fatalf("caller %d sees %d passages by %d groups; it is said to see %d by %d", i, sees, len(in), c.Sees, len(c.Groups))
		}
		if c.Share < 0.001 || c.Share > 0.9 {
			t.Errorf("caller %d sees %.4f", i, c.Share)
		}
		if len(in) >= 50 {
			many++
		}
		parts[c.Part()]++
	}
	for i, n := range parts {
		if n != len(d.Callers)/4 {
			t.Errorf("%d of %d callers see %s", n, len(d.Callers), Shares[i].Name)
		}
	}
	if many < len(d.Callers)/20 {
		t.Errorf("%d callers have 50 groups or more", many)
	}
}

func TestQueriesAskForWordsOfTheirPassage(t *testing.T) {
	d := drawn(t, small)
	readable := 0
	for i, q := range d.Queries {
		words := d.Words(q.Target)
		if len(q.Words) < 3 || len(q.Words) > 8 {
			t.Errorf("query %d has %d words", i, len(q.Words))
		}
		for _, w := range q.Words {
			if w < neverAsked || !slices.Contains(words, w) {
				t.Errorf("query %d asks for word %d", i, w)
			}
		}
		if d.Readable(q.Caller, q.Target) {
			readable++
		}
	}
	if share := float64(readable) / float64(len(d.Queries)); share < 0.6 || share > 0.9 {
		t.Errorf("%.2f of the queries are about a passage that the caller may read", share)
	}
}

// TestEveryEngineSeesTheSameTerms: no word is one that English analysis changes or leaves out, and no
// two words are one.
func TestEveryEngineSeesTheSameTerms(t *testing.T) {
	stem, stops := en.NewEnglishStemmerFilter(), analysis.NewTokenMap()
	if err := stops.LoadBytes(en.EnglishStopWords); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for rank := range Vocabulary {
		w := Word(rank)
		stemmed := string(stem.Filter(analysis.TokenStream{{Term: []byte(w)}})[0].Term)
		if stemmed != w || stops[w] || seen[w] {
			t.Fatalf("%q becomes %q; a stop word: %t; there already: %t", w, stemmed, stops[w], seen[w])
		}
		seen[w] = true
	}
}

// TestTooFewPassages: nobody can see a thousandth of a hundred passages, and that is said instead of looked for.
func TestTooFewPassages(t *testing.T) {
	p := small
	p.Passages, p.Callers = 100, 4
	if _, err := Draw(p); err == nil || !strings.Contains(err.Error(), "1 % of 100 passages") {
		t.Errorf("the error is %v", err)
	}
}
