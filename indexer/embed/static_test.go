package embed

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func open(t testing.TB) *Static {
	t.Helper()
	s, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func embed(t testing.TB, s *Static, text string) []float32 {
	t.Helper()
	v, err := s.Embed(context.Background(), []string{text})
	if err != nil {
		t.Fatal(err)
	}
	return v[0]
}

// TestSpace ties the space to the table: vectors are stored with its ID, so a table that
// changes needs a new one.
func TestSpace(t *testing.T) {
	want := Space{ID: "glove-sif-100/1", Dimensions: 100, Weight: 0.3}
	if diff := cmp.Diff(want, open(t).Space()); diff != "" {
		t.Errorf("space (-want +got):\n%s", diff)
	}
	const table = "ab056e16db32e3d6beeffe7e6a43faec91a79d451756ad5339abff2d0cd184d3"
	if got := fmt.Sprintf("%x", sha256.Sum256(staticTable)); got != table {
		t.Errorf("the table of %s has the checksum %s, want %s: give the new one a new version", want.ID, got, table)
	}
	if n := len(staticTable); n > 6<<20 {
		t.Errorf("the table has %d bytes, more than 6 MiB", n)
	}
}

func TestSimilarity(t *testing.T) {
	s := open(t)
	for _, c := range []struct{ text, near, far string }{
		{"king", "queen", "cabbage"},
		{"doctor", "physician", "carburetor"},
		{"Paris", "France", "algorithm"},
		{"salary", "wages", "volcano"},
		{"cat", "dog", "treaty"},
		{"How much paid leave do I get?", "Annual vacation and holiday entitlement of employees", "Resetting the database password"},
		{"laptop was stolen", "stolen computers must be reported at once", "cooking pasta with tomatoes"},
		{"apoptosis", "tumor", "parliament"},
	} {
		text := embed(t, s, c.text)
		near, far := cosine(text, embed(t, s, c.near)), cosine(text, embed(t, s, c.far))
		if near < far+0.2 {
			t.Errorf("%q is %.3f like %q and %.3f like %q", c.text, near, c.near, far, c.far)
		}
	}
}

func TestSameText(t *testing.T) {
	s := open(t)
	for _, c := range []struct{ a, b string }{
		{"Well-known policies", "well known POLICIES"},
		{"Café", "cafe"},
		{"Cafe\u0301", "Caf\u00e9"},
		{"she doesn't travel", "she travel"},
		{"the manager’s office", "the manager office"},
		{"one two three four", "four three two one"},
		{"of budget 12345 budget", "budget of xqzzyk budget"},
	} {
		if diff := cmp.Diff(embed(t, s, c.a), embed(t, s, c.b)); diff != "" {
			t.Errorf("%q and %q differ:\n%s", c.a, c.b, diff)
		}
	}
}

// TestBits pins vectors to the bit, so that a machine or a compiler that rounds
// differently is found out.
func TestBits(t *testing.T) {
	s := open(t)
	h := sha256.New()
	for _, text := range []string{
		"king",
		"Every employee may carry over five days of annual leave.",
		strings.Repeat("retention schedules of the records office, ", 5000),
	} {
		for _, x := range embed(t, s, text) {
			fmt.Fprintf(h, "%08x", math.Float32bits(x))
		}
	}
	const want = "780f9e610b3549a0"
	if got := fmt.Sprintf("%x", h.Sum(nil)[:8]); got != want {
		t.Errorf("the vectors have the checksum %s, want %s", got, want)
	}
}

func TestNoVector(t *testing.T) {
	s := open(t)
	texts := []string{"", " \n", "12345 67", "-- '' \u00ad", "xqzzyk", "日本語の文書", "\xff\xfe", strings.Repeat("a", 1<<20)}
	got, err := s.Embed(context.Background(), append(texts, "leave"))
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range texts {
		if got[i] != nil {
			t.Errorf("%.40q has a vector", text)
		}
	}
	if got[len(texts)] == nil {
		t.Error(`"leave" has none`)
	}
	if none, err := s.Embed(context.Background(), nil); err != nil || len(none) != 0 {
		t.Errorf("no texts: %v, %v", none, err)
	}
}

// TestLongText: sums do not overflow, and memory does not grow with the text.
func TestLongText(t *testing.T) {
	s := open(t)
	sentence := "Retention schedules bind every department of the company. "
	long := strings.Repeat(sentence, 100_000)
	if diff := cmp.Diff(embed(t, s, sentence), embed(t, s, long)); diff != "" {
		t.Errorf("a sentence and the same sentence 100,000 times differ:\n%s", diff)
	}
	short := []string{strings.Repeat("Café schedules ", 5)}
	ten := []string{strings.Repeat("Café schedules ", 5000)}
	allocs := func(texts []string) float64 {
		return testing.AllocsPerRun(10, func() {
			if _, err := s.Embed(context.Background(), texts); err != nil {
				t.Fatal(err)
			}
		})
	}
	if few, many := allocs(short), allocs(ten); many > few {
		t.Errorf("10 words take %v allocations, 10,000 words %v", few, many)
	}
}

func TestCancelled(t *testing.T) {
	s := open(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if v, err := s.Embed(ctx, []string{"leave"}); err == nil || v != nil {
		t.Errorf("got %v, %v", v, err)
	}
}

func TestConcurrent(t *testing.T) {
	s := open(t)
	want := embed(t, s, "permission to read")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				if got := embed(t, s, "permission to read"); cosine(got, want) < 0.999 {
					t.Error("a vector changed")
				}
			}
		})
	}
	all.Wait()
}

func TestNormalize(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range []struct {
		v, want []float32
		ok      bool
	}{
		{[]float32{3, 4}, []float32{0.6, 0.8}, true},
		{[]float32{0, -2}, []float32{0, -1}, true},
		{[]float32{math.MaxFloat32}, []float32{1}, true},
		{[]float32{math.SmallestNonzeroFloat32}, []float32{1}, true},
		{[]float32{0, 0}, []float32{0, 0}, false},
		{nil, nil, false},
		{[]float32{1, inf}, []float32{1, inf}, false},
	} {
		if ok := Normalize(c.v); ok != c.ok {
			t.Errorf("Normalize to %v: %v, want %v", c.want, ok, c.ok)
		}
		if diff := cmp.Diff(c.want, c.v); diff != "" {
			t.Errorf("Normalize (-want +got):\n%s", diff)
		}
	}
	if v := []float32{1, nan}; Normalize(v) || v[0] != 1 {
		t.Errorf("a NaN was normalised to %v", v)
	}
}

func FuzzEmbed(f *testing.F) {
	for _, seed := range []string{
		"", "King's \xff don't CO₂ ﬁne", "a\u00adb ½ İstanbul ʼn",
		"\u0301\u0301x", strings.Repeat("ﷺ", 50), "n't 't 's",
	} {
		f.Add(seed)
	}
	s := open(f)
	f.Fuzz(func(t *testing.T, text string) {
		words := scanner{text: text}
		for words.next() {
			if w := words.word(); len(w) > maxWord {
				t.Fatalf("%q has the word %q", text, w)
			}
		}
		if words.pos != len(text) {
			t.Fatalf("%q was read up to %d", text, words.pos)
		}
		v := embed(t, s, text)
		if v == nil {
			return
		}
		if len(v) != Dimensions || !(math.Abs(cosine(v, v)-1) < 1e-5) {
			t.Fatalf("%q has a vector of %d dimensions and squared length %v", text, len(v), cosine(v, v))
		}
	})
}

func BenchmarkEmbed(b *testing.B) {
	s := open(b)
	passage := strings.Repeat("Every employee who joined before March may carry over five days of unused annual leave, "+
		"provided that the line manager's approval was recorded in the personnel system. ", 8)
	passage = strings.Join(strings.Fields(passage)[:200], " ")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Embed(context.Background(), []string{passage}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "passages/s")
}

func BenchmarkDecode(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		t, err := Decode(staticTable)
		if err != nil {
			b.Fatal(err)
		}
		newStatic(t)
	}
}
