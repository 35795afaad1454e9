package muniment_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/muniment/muniment/internal/prove"
)

// TestMutantsAreCaught breaks one line of the product at a time, as the files in
// testdata/mutants say, and demands that the named test notices. A promise whose test
// would pass without it is not a promise. The tree stays as it is: the go command is told
// by an overlay to read another file in the place of one. The same test passes without the
// change, else any failure would do.
func TestMutantsAreCaught(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles and runs a test for every mutant")
	}
	paths, err := filepath.Glob("testdata/mutants/*.txt")
	if err != nil || len(paths) < 12 {
		t.Fatalf("%d mutants, want at least 12: %v", len(paths), err)
	}
	sound := controls{}
	t.Run("each", func(t *testing.T) {
		for _, path := range paths {
			m, err := readMutant(path)
			if err != nil {
				t.Errorf("%s: %v", path, err)
				continue
			}
			passes := sound.of(m.test)
			t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
				t.Parallel()
				if err := m.caught(t.TempDir()); err != nil {
					t.Error(err)
				}
				if err := passes(); err != nil {
					t.Errorf("without the mutant: %v", err)
				}
			})
		}
	})
	prove.Report(t, "mutants", "%d deliberate bugs, each noticed by the test named for it", len(paths))
}

// TestMutantsAreNotCaughtByChance shows what does not count as caught.
func TestMutantsAreNotCaughtByChance(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles and runs tests")
	}
	harmless := mutant{
		file: "internal/prove/prove.go", old: "// Package prove lets ", new: "// Package prove allows ",
		test: namedTest{pkg: "./internal/prove", run: "TestShortForm"},
	}
	broken, nothing, twice := harmless, harmless, harmless
	broken.old, broken.new = "\npackage prove\n", "\npackage prove;;\n"
	nothing.test.run = "TestOfSomethingElse"
	twice.old = "Long"
	for name, m := range map[string]mutant{
		"a harmless change": harmless, "one that does not compile": broken, "no such test": nothing, "an old text that occurs twice": twice,
	} {
		if err := m.caught(t.TempDir()); err == nil {
			t.Errorf("%s counts as caught", name)
		}
	}
	if err := nothing.test.passes(); err == nil {
		t.Error("a test that is not there passes")
	}
}

// mutant is one change for the worse.
type mutant struct {
	file     string // path in the repository
	old, new string // text that occurs once in the file, and what takes its place
	test     namedTest
}

// namedTest names tests of a package, with flags for them.
type namedTest struct{ pkg, run, flags string }

// readMutant reads the lines "file: path", "old:" and "new:", each followed by lines of
// text, "test: package -run pattern", with flags for the test if need be, and "why: …" for
// the reader.
func readMutant(path string) (mutant, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return mutant{}, err
	}
	var m mutant
	var block *string
	why := ""
	for line := range strings.Lines(string(text)) {
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
			why, block = rest, nil
		case "test":
			fields := strings.Fields(rest)
			if len(fields) < 3 || fields[1] != "-run" {
				return m, fmt.Errorf("%q is not a package, -run and a pattern", rest)
			}
			m.test, block = namedTest{fields[0], fields[2], strings.Join(fields[3:], " ")}, nil
		default:
			if block == nil {
				return m, fmt.Errorf("line %q belongs to nothing", line)
			}
			*block += line
		}
	}
	if m.file == "" || m.old == "" || m.test.run == "" || why == "" {
		return m, errors.New("file, old, test or why is missing")
	}
	return m, nil
}

// caught reports whether the test fails with the change, and nothing else does. The
// directory is for the changed file.
func (m mutant) caught(dir string) error {
	original, err := os.ReadFile(m.file)
	if err != nil {
		return err
	}
	if n := strings.Count(string(original), m.old); n != 1 {
		return fmt.Errorf("the old text occurs %d times in %s, want once", n, m.file)
	}
	mutated := filepath.Join(dir, filepath.Base(m.file))
	overlay := filepath.Join(dir, "overlay.json")
	at, err := filepath.Abs(m.file)
	if err != nil {
		return err
	}
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {at: mutated}})
	if err != nil {
		return err
	}
	for path, content := range map[string][]byte{
		mutated: []byte(strings.Replace(string(original), m.old, m.new, 1)),
		overlay: replace,
	} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return err
		}
	}
	out, err := m.test.start("-count=1", "-overlay", overlay)
	switch {
	case bytes.Contains(out, []byte("[build failed]")), bytes.Contains(out, []byte("[setup failed]")):
		return fmt.Errorf("the mutant does not compile:\n%s", out)
	case err == nil:
		return fmt.Errorf("no test noticed:\n%s", out)
	case !m.test.among(out, "--- FAIL: "):
		return fmt.Errorf("go test failed, but not in %s:\n%s", m.test.run, out)
	}
	return nil
}

// start runs the test in its shortest form. Without vet, which has had its turn, and without
// cgo, so that what make has built is used.
func (n namedTest) start(flags ...string) ([]byte, error) {
	args := append([]string{"test", "-short", "-vet=off", "-run", n.run}, flags...)
	args = append(append(args, n.pkg), strings.Fields(n.flags)...)
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "MUNIMENT_PROVE=")
	return cmd.CombinedOutput()
}

// passes runs the test on the tree as it is; the go command may remember that it did.
func (n namedTest) passes() error {
	out, err := n.start("-v")
	if err == nil && !n.among(out, "--- PASS: ") {
		err = fmt.Errorf("%s has no test %s", n.pkg, n.run)
	}
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

// among reports whether the output has a line of one of the tests that begins so. A pattern
// has a part for each level of subtests.
func (n namedTest) among(out []byte, begins string) bool {
	levels := strings.Split(n.run, "/")
	for line := range bytes.Lines(out) {
		name, found := strings.CutPrefix(strings.TrimSpace(string(line)), begins)
		parts := strings.Split(name, "/")
		if !found || len(parts) < len(levels) {
			continue
		}
		all := true
		for i, level := range levels {
			all = all && regexp.MustCompile(level).MatchString(parts[i])
		}
		if all {
			return true
		}
	}
	return false
}

// controls run each test once on the tree as it is, however many mutants name it.
type controls map[namedTest]func() error

func (c controls) of(n namedTest) func() error {
	if c[n] == nil {
		c[n] = sync.OnceValue(n.passes)
	}
	return c[n]
}
