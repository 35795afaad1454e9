package muniment_test

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

var proving = flag.Bool("prove", false, "run the long form of the tests of every promise: make prove")

// promise is one that is proven by the long form of tests.
type promise struct {
	name     string
	run      string   // pattern of the tests
	packages []string // they are in
	reports  int      // how many lines they report
}

// promises are in the order in which they are proven, which is from fast to slow.
var promises = []promise{
	{"the truth decides", "^(TestDecidesAsTheReference|TestEveryChain)$", []string{"./acl"}, 2},
	{"a revocation is in force at once", "^(TestRevocation|TestStaleViewIsNoticed|TestNewEnemies)$", []string{"./retriever"}, 3},
	{"tampering with the record is found", "^(TestForgeries|TestExportMutations|TestMutations)$", []string{"./audit", "./audit/file"}, 3},
	{"every answer has its record", "^(TestKilled|TestEveryCallLeavesOneRecord)$", []string{"./audit/file", "./cmd/muniment"}, 2},
	{"a trace tells every change", "^TestTracesTellEveryChange$", []string{"./api"}, 1},
	{"wide callers are answered", "^TestWideCallers$", []string{"./retriever"}, 1},
	{"forged tokens are refused", "^(TestMutatedTokensAreRefused|TestMutatedTokensOfOtherIssuersAreRefused)$", []string{"./api/identity"}, 2},
	{"keys of other issuers", "^(TestUnknownKeysCauseOneFetch|TestRemovedKeyIsRefused)$", []string{"./api/identity/oidc"}, 2},
	{"provisioned users are shut out at once", "^TestDeactivationsAreImmediate$", []string{"./cmd/muniment"}, 1},
	{"the tests notice mutants", "^TestMutants", []string{"."}, 1},
	{"transcripts without what is hidden", "^TestTranscripts$", []string{"./cmd/muniment"}, 1},
	{"replays match the record", "^TestReplaysMatchTheRecord$", []string{"./retriever"}, 1},
	{"existence is secret", "^TestExistenceIsSecret$", []string{"./cmd/muniment"}, 1},
	{"timing (measured, not promised)", "^TestTimingOfHiddenTerms$", []string{"./cmd/muniment"}, 1},
	{"hidden means absent across app scopes", "^TestHiddenAcrossAppScopes$", []string{"./cmd/muniment"}, 1},
	{"stewards see what they may read", "^TestHiddenFromStewards$", []string{"./cmd/muniment"}, 1},
	{"reports agree with the review dates", "^TestReportOfRealFeeds$", []string{"./cmd/muniment"}, 1},
	{"real feeds", "^TestRealFeeds", []string{"./cmd/muniment"}, 1},
	{"hidden means absent", "^(TestHiddenMeansAbsent|TestHiddenDocumentsDoNotExist)$", []string{"./cmd/muniment", "./retriever"}, 2},
}

// TestProve proves one promise after the other, since each may use the whole machine, says
// how it gets on, and closes with a line for each promise.
func TestProve(t *testing.T) {
	if !*proving {
		t.Skip("takes a quarter of an hour: make prove")
	}
	if failed := proveAll(t, os.Stdout, ".", promises); failed != nil {
		t.Errorf("not proven: %s", strings.Join(failed, ", "))
	}
}

// proveAll proves the promises of the module in the directory and returns which failed.
func proveAll(t *testing.T, out io.Writer, dir string, list []promise) (failed []string) {
	t.Helper()
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	begun := time.Now()
	for _, p := range list {
		fmt.Fprintf(out, "proving: %s ...\n", p.name)
		start := time.Now()
		lines, err := p.prove(dir, filepath.Join(t.TempDir(), "lines"))
		took := time.Since(start).Round(time.Second)
		state, counts := "ok", strings.Join(lines, "; ")
		if err != nil {
			state, counts = "FAILED", cmp.Or(counts, "see above")
			fmt.Fprintf(out, "%v\n", err)
			failed = append(failed, p.name)
		} else if strings.HasPrefix(counts, "not shown") { // what it needs is not here
			state = "not run"
		}
		fmt.Fprintf(out, "proving: %s: %s after %s\n", p.name, state, took)
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", state, p.name, took, counts)
	}
	w.Flush()
	fmt.Fprintf(out, "\n%s\nall of it took %s\n", table.String(), time.Since(begun).Round(time.Second))
	return failed
}

// prove runs the promise's tests and returns what they report, by way of the file. Tests
// that report less or more than they should prove something else than is said.
func (p promise) prove(dir, file string) ([]string, error) {
	args := append([]string{"test", "-count=1", "-timeout", "30m", "-run", p.run}, p.packages...)
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "MUNIMENT_PROVE="+file)
	output, err := cmd.CombinedOutput()
	text, readErr := os.ReadFile(file)
	if readErr != nil && !os.IsNotExist(readErr) {
		return nil, readErr
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		_, counts, _ := strings.Cut(strings.TrimSpace(line), ": ")
		lines = append(lines, counts)
	}
	slices.Sort(lines) // tests may run side by side
	if err == nil && len(lines) != p.reports {
		err = fmt.Errorf("%d lines are reported, want %d", len(lines), p.reports)
	}
	if err != nil {
		return lines, fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, output)
	}
	return lines, nil
}

// TestPromisesNameTests: a promise whose test has been renamed is not proven, which would
// else be noticed only when somebody proves it.
func TestPromisesNameTests(t *testing.T) {
	for _, p := range promises {
		var source []byte
		for _, pkg := range p.packages {
			files, err := filepath.Glob(filepath.Join(pkg, "*_test.go"))
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range files {
				source = append(source, read(t, file)...)
			}
		}
		for _, name := range regexp.MustCompile(`Test\w+`).FindAllString(p.run, -1) {
			if !regexp.MustCompile(`(?m)^func ` + name).Match(source) {
				t.Errorf("%s: there is no %s in %s", p.name, name, strings.Join(p.packages, " or "))
			}
		}
	}
}

// TestProvingFails shows that a promise fails whose test fails, or is not there, or reports
// nothing, and that the others are proven all the same.
func TestProvingFails(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles and runs tests")
	}
	module := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example.org/m\n\ngo 1.26\n",
		"m_test.go": `package m

import (
	"os"
	"testing"
)

func report(s string) {
	f, _ := os.OpenFile(os.Getenv("MUNIMENT_PROVE"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	f.WriteString(s + "\n")
	f.Close()
}

func TestKept(t *testing.T)   { report("kept: 3 of 3") }
func TestBroken(t *testing.T) { report("broken: 2 of 3"); t.Fatal("the third") }
func TestAway(t *testing.T)   { report("away: not shown, for it is not here"); t.Skip() }
func TestSilent(t *testing.T) {}
`,
	} {
		if err := os.WriteFile(filepath.Join(module, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out strings.Builder
	failed := proveAll(t, &out, module, []promise{
		{"broken", "^TestBroken$", []string{"."}, 1}, {"kept", "^TestKept$", []string{"."}, 1}, {"silent", "^TestSilent$", []string{"."}, 1},
		{"half", "^(TestKept|TestSilent)$", []string{"."}, 2}, {"absent", "^TestAbsent$", []string{"."}, 1}, {"away", "^TestAway$", []string{"."}, 1},
	})
	if want := []string{"broken", "silent", "half", "absent"}; !slices.Equal(failed, want) {
		t.Errorf("%v failed, want %v:\n%s", failed, want, &out)
	}
	for _, want := range []string{"\nok       kept    ", "\nnot run  away    ", "3 of 3\n", "\nFAILED   silent  ", "--- FAIL: TestBroken"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output lacks %q:\n%s", want, &out)
		}
	}
}
