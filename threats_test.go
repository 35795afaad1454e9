package muniment_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestThreatsNameTests demands that every test that docs/threat-model.md names exists, and
// that every case has one or says in words why not.
func TestThreatsNameTests(t *testing.T) {
	page, err := os.ReadFile("docs/threat-model.md")
	if err != nil {
		t.Fatal(err)
	}
	exists := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err = filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, m := range function.FindAllSubmatch(source, -1) {
			exists[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	cases := 0
	for row := range strings.Lines(string(page)) {
		if !strings.HasPrefix(row, "| ") || strings.HasPrefix(row, "| case |") {
			continue
		}
		cases++
		for _, m := range regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(row, -1) {
			if !exists[m[1]] {
				t.Errorf("%s does not exist: %s", m[1], strings.TrimSpace(row))
			}
		}
	}
	if cases < 30 {
		t.Errorf("only %d cases: this test no longer reads the page", cases)
	}
}
