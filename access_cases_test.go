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

// accessCases are the ways in which a decision about who may read can go wrong that were
// thought of.
var accessCases = strings.Fields("ACL-01 ACL-02 ACL-03 ACL-04 ACL-05 ACL-06 ACL-07 ACL-08 ACL-09 ACL-10 ACL-11 ACL-12 ACL-14 ACL-15 ACL-18 ACL-19 ACL-21")

// TestAccessCasesAreShown demands a row for each in docs/threat-model.md and, unless the row
// says why there is nothing to show, a test that carries its number, so that whoever breaks
// the test finds the row.
func TestAccessCasesAreShown(t *testing.T) {
	page := read(t, "docs/threat-model.md")
	var rows []string
	shown := map[string]string{} // by case, what shows it
	for _, m := range regexp.MustCompile(`(?m)^\| (ACL-\d\d) .*\|(.*)\|$`).FindAllStringSubmatch(page, -1) {
		rows = append(rows, m[1])
		shown[m[1]] = strings.TrimSpace(m[2])
	}
	if !slices.Equal(rows, accessCases) {
		t.Errorf("the page has %v, want %v", rows, accessCases)
	}
	carried := map[string]bool{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		tests := strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "catalog/catalogtest/")
		if err != nil || d.IsDir() || !tests || path == "access_cases_test.go" {
			return err
		}
		source, err := os.ReadFile(path)
		for _, number := range regexp.MustCompile(`ACL-\d\d`).FindAllString(string(source), -1) {
			carried[number] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for number, by := range shown {
		if by != "" && !carried[number] {
			t.Errorf("no test carries the number %s", number)
		}
	}
}
