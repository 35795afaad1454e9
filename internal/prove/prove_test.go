package prove

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// ended is a test that has ended in some way, and remembers whether it was failed since.
type ended struct {
	testing.TB
	failed, skipped bool
}

func (e *ended) Helper()               {}
func (e *ended) Log(...any)            {}
func (e *ended) Errorf(string, ...any) { e.failed = true }
func (e *ended) Failed() bool          { return e.failed }
func (e *ended) Skipped() bool         { return e.skipped }

func TestShortForm(t *testing.T) {
	t.Setenv(variable, "")
	if Long() || Count(3, 70) != 3 {
		t.Errorf("without %s: long %t, count %d", variable, Long(), Count(3, 70))
	}
	test := &ended{}
	Report(test, "promise", "%d things", 3)
	if test.failed {
		t.Error("the short form has nowhere to write to, and failed for it")
	}
}

func TestLongForm(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lines")
	t.Setenv(variable, path)
	if !Long() || Count(3, 70) != 70 {
		t.Errorf("with %s: long %t, count %d", variable, Long(), Count(3, 70))
	}
	Report(&ended{failed: true}, "failed", "1 thing")
	Report(&ended{skipped: true}, "skipped", "1 thing")
	var want []string
	var reporting sync.WaitGroup
	for i := range 50 {
		want = append(want, fmt.Sprintf("promise %d: %d things, 0 of them wrong", i, i))
		reporting.Go(func() { Report(&ended{}, fmt.Sprint("promise ", i), "%d things,\n0 of them wrong", i) })
	}
	reporting.Wait()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	seen := map[string]bool{}
	for _, line := range got {
		seen[line] = true
	}
	if len(got) != len(want) {
		t.Errorf("%d lines, want %d", len(got), len(want))
	}
	for _, line := range want {
		if !seen[line] {
			t.Errorf("no line %q", line)
		}
	}
}

func TestNowhereToReport(t *testing.T) {
	t.Setenv(variable, filepath.Join(t.TempDir(), "no such directory", "lines"))
	test := &ended{}
	Report(test, "promise", "1 thing")
	if !test.failed {
		t.Error("a line that could not be written went unnoticed")
	}
}
