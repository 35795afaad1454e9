package muniment_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestMutantsAreCaught breaks one line of the product at a time, as the files in
// testdata/mutants say, and demands that the named test notices. A promise whose test
// would pass without it is not a promise. The tree stays as it is: the go command is told
// by an overlay to read another file in the place of one.
func TestMutantsAreCaught(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles and runs a test for every mutant")
	}
	paths, err := filepath.Glob("testdata/mutants/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no mutants: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			m, err := parseMutant(string(text))
			if err != nil {
				t.Fatal(err)
			}
			m.mustFail(t)
		})
	}
}

// mutant is one change for the worse.
type mutant struct {
	file     string // path in the repository
	old, new string // text that occurs once in the file, and what takes its place
	pkg, run string // the package and the tests of it that must fail
}

// parseMutant reads the lines "file: path", "old:" and "new:", each followed by lines of
// text, "test: package -run pattern", and "why: …" for the reader.
func parseMutant(text string) (mutant, error) {
	var m mutant
	var block *string
	for line := range strings.Lines(text) {
		key, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		rest = strings.TrimSpace(rest)
		switch key {
		case "file":
			m.file, block = rest, nil
		case "old":
			block = &m.old
		case "new":
			block = &m.new
		case "why":
			block = nil
		case "test":
			fields := strings.Fields(rest)
			if len(fields) != 3 || fields[1] != "-run" {
				return m, fmt.Errorf("%q is not a package, -run and a pattern", rest)
			}
			m.pkg, m.run, block = fields[0], fields[2], nil
		default:
			if block == nil {
				return m, fmt.Errorf("line %q belongs to nothing", line)
			}
			*block += line
		}
	}
	if m.file == "" || m.old == "" || m.run == "" {
		return m, fmt.Errorf("file, old or test is missing")
	}
	return m, nil
}

func (m mutant) mustFail(t *testing.T) {
	original, err := os.ReadFile(m.file)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(original), m.old); n != 1 {
		t.Fatalf("the old text occurs %d times in %s, want once", n, m.file)
	}
	dir := t.TempDir()
	mutated := filepath.Join(dir, filepath.Base(m.file))
	overlay := filepath.Join(dir, "overlay.json")
	at, err := filepath.Abs(m.file)
	if err != nil {
		t.Fatal(err)
	}
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {at: mutated}})
	if err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string][]byte{
		mutated: []byte(strings.Replace(string(original), m.old, m.new, 1)),
		overlay: replace,
	} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("go", "build", "-overlay", overlay, m.pkg).CombinedOutput(); err != nil {
		t.Fatalf("the mutant does not compile: %v\n%s", err, out)
	}
	out, err := exec.Command("go", "test", "-overlay", overlay, "-count=1", "-run", m.run, m.pkg).CombinedOutput()
	if err == nil {
		t.Fatalf("no test noticed:\n%s", out)
	}
	pattern := regexp.MustCompile(m.run)
	for line := range bytes.Lines(out) {
		if name, failed := bytes.CutPrefix(bytes.TrimSpace(line), []byte("--- FAIL: ")); failed && pattern.Match(name) {
			return
		}
	}
	t.Fatalf("go test failed, but not in %s:\n%s", m.run, out)
}
