package freshness

import (
	"os"
	"strings"
	"testing"
)

// A textPair is one record of a pair list in testdata.
type textPair struct {
	name, a, b, want string
}

// readPairs reads a pair list: records of "key: value" lines, each begun by "pair:".
func readPairs(t *testing.T, file string) []textPair {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var pairs []textPair
	for n, line := range strings.Split(string(data), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, text, ok := strings.Cut(line, ": ")
		if !ok || key != "pair" && len(pairs) == 0 {
			t.Fatalf("%s:%d: not a record: %q", file, n+1, line)
		}
		if key == "pair" {
			pairs = append(pairs, textPair{name: text})
			continue
		}
		p := &pairs[len(pairs)-1]
		switch key {
		case "a":
			p.a = strings.TrimPrefix(p.a+"\n"+text, "\n")
		case "b":
			p.b = strings.TrimPrefix(p.b+"\n"+text, "\n")
		case "want":
			p.want = text
		default:
			t.Fatalf("%s:%d: unknown key %q", file, n+1, key)
		}
	}
	return pairs
}

func describe(cs []Conflict) string {
	var out []string
	for _, c := range cs {
		out = append(out, c.Kind+" "+flat(c.ValueA)+" / "+flat(c.ValueB))
	}
	return strings.Join(out, "; ")
}

func TestConflictPairsAreFlagged(t *testing.T) {
	pairs := readPairs(t, "../testdata/conflicts/flagged.txt")
	if len(pairs) < 12 {
		t.Fatalf("only %d pairs", len(pairs))
	}
	for _, p := range pairs {
		t.Run(p.name, func(t *testing.T) {
			got := Compare(Prepare(p.a), Prepare(p.b))
			if describe(got) != p.want {
				t.Fatalf("got %q, want %q", describe(got), p.want)
			}
			if got[0].Confidence < threshold || got[0].Confidence > 1 {
				t.Errorf("confidence %v", got[0].Confidence)
			}
			if !strings.HasPrefix(got[0].Explanation, "«"+flat(got[0].ValueA)+"» against «") {
				t.Errorf("explanation %q", got[0].Explanation)
			}
		})
	}
}

func TestAgreeingPairsAreNotFlagged(t *testing.T) {
	pairs := readPairs(t, "../testdata/conflicts/agreeing.txt")
	if len(pairs) < 20 {
		t.Fatalf("only %d pairs", len(pairs))
	}
	for _, p := range pairs {
		t.Run(p.name, func(t *testing.T) {
			if got := Compare(Prepare(p.a), Prepare(p.b)); len(got) > 0 {
				t.Errorf("flagged %s, confidence %v", describe(got), got[0].Confidence)
			}
		})
	}
}
