package main

import (
	"os"
	"strings"
	"testing"
)

// The page on operations names every gauge, and says of it what the server says.
func TestOperationsPageNamesTheMetrics(t *testing.T) {
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range gaugeHelp {
		if row := "| `" + g.name + "` | " + g.label + " | " + g.help + " |"; !strings.Contains(string(page), row) {
			t.Errorf("docs/operations.md has no row %q", row)
		}
	}
}
