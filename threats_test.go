package muniment_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// knownLeaks are the ways in which something hidden could show that were thought of. Each has
// a row, and a test that carries its number, so that the row is found from there.
const knownLeaks = "LEAK-01 LEAK-02 LEAK-04 LEAK-06 LEAK-07 LEAK-08 LEAK-09 LEAK-11 LEAK-12 LEAK-13 LEAK-14 LEAK-15 LEAK-16 LEAK-17 " +
	"LEAK-18 LEAK-19 LEAK-20 LEAK-21 LEAK-22 LEAK-23 LEAK-25 LEAK-26 LEAK-27 LEAK-28"

// TestThreatsNameTests demands that every test that docs/threat-model.md names exists, and
// that every case has one or says in words why not.
func TestThreatsNameTests(t *testing.T) {
	page, err := os.ReadFile("docs/threat-model.md")
	if err != nil {
		t.Fatal(err)
	}
	exists := map[string]bool{}
	about := map[string]string{} // names and comments of the tests of a name
	function := regexp.MustCompile(`(?m)^((?://.*\n)*)func (Test\w+)\(`)
	err = filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, m := range function.FindAllSubmatch(source, -1) {
			exists[string(m[2])] = true
			about[string(m[2])] += string(m[1]) + string(m[2])
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	cases := 0
	var leaks []string
	for row := range strings.Lines(string(page)) {
		if !strings.HasPrefix(row, "| ") || strings.HasPrefix(row, "| case |") {
			continue
		}
		cases++
		leak := regexp.MustCompile(`^\| (LEAK-\d\d) `).FindStringSubmatch(row)
		named := false
		for _, m := range regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(row, -1) {
			if !exists[m[1]] {
				t.Errorf("%s does not exist: %s", m[1], strings.TrimSpace(row))
			}
			named = named || leak != nil && strings.Contains(strings.ReplaceAll(about[m[1]], "-", ""), strings.ReplaceAll(leak[1], "-", ""))
		}
		if leak != nil {
			leaks = append(leaks, leak[1])
			if !named && !strings.Contains(row, " yet ") {
				t.Errorf("no test says that it is about %s, and the page does not say that what it is about is not there yet", leak[1])
			}
		}
	}
	if want := strings.Fields(knownLeaks); !slices.Equal(leaks, want) {
		t.Errorf("the page has %v, want %v", leaks, want)
	}
	if cases < 30 {
		t.Errorf("only %d cases: this test no longer reads the page", cases)
	}
}
