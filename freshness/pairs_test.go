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

// TestIndependentPairs reads pairs of documents that are no relatives.
func TestIndependentPairs(t *testing.T) {
	pairs := readPairs(t, "../testdata/conflicts/independent.txt")
	if len(pairs) < 9 {
		t.Fatalf("only %d pairs", len(pairs))
	}
	for _, p := range pairs {
		t.Run(p.name, func(t *testing.T) {
			a, b := []Source{{Key: "a", Statements: Prepare(p.a)}}, []Source{{Key: "b", Statements: Prepare(p.b)}}
			var got []Conflict
			for _, c := range Between(a, b) {
				if c.Tier != TierB || c.Confidence < minSuspicion || c.Confidence > maxSuspicion || c.A != 0 || c.B != 1 {
					t.Errorf("%+v", c)
				}
				got = append(got, c.Conflict)
			}
			if describe(got) != p.want {
				t.Errorf("got %q, want %q", describe(got), p.want)
			}
		})
	}
}

// TestSetApart puts a pair that stewards are shown into documents that are made to differ.
func TestSetApart(t *testing.T) {
	hall := func(key, seats string) Source {
		return Source{Key: key, Statements: Prepare("The assembly hall by the river holds " + seats + " visitors when the balcony is open.")}
	}
	for _, tc := range []struct {
		a, b string
		want int
	}{
		{"halls.md", "rooms.md", 1},
		{"north/halls.md", "south/rooms.md", 1},
		{"north/README.md", "south/README.md", 0},
		{"posts/2021-03-04-halls.md", "rooms.md", 0},
		{"rooms.md", "minutes-202103", 0},
		{"log/20210304", "rooms.md", 0},
		{"pages/20210304", "pages/77120394", 0},
		{"pages/19203344", "rooms.md", 1}, // no month is the 33rd
		{"pages/1048831", "pages/7712039", 1},
	} {
		if got := Between([]Source{hall(tc.a, "420")}, []Source{hall(tc.b, "380")}); len(got) != tc.want {
			t.Errorf("%s and %s: %d conflicts, want %d", tc.a, tc.b, len(got), tc.want)
		}
	}
	old := hall("halls.md", "420")
	old.Superseded = true
	if got := Between([]Source{old}, []Source{hall("rooms.md", "380")}); len(got) > 0 {
		t.Errorf("a superseded document is compared with a stranger: %+v", got)
	}
}
