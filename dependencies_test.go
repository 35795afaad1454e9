package muniment_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
)

// row matches a table row of docs/dependencies.md: a module and its version.
var row = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (v[^ ]+) \\|")

// TestDependenciesAreAccountedFor compares docs/dependencies.md with the module files: every direct
// requirement and every tool has a row, and no row names a module or version that is not used.
func TestDependenciesAreAccountedFor(t *testing.T) {
	page := read(t, "docs/dependencies.md")
	explained := map[string]string{}
	for _, match := range row.FindAllStringSubmatch(page, -1) {
		explained[match[1]] = match[2]
	}

	product, tools := modules(t, "go.mod"), modules(t, "tools/go.mod")
	used := map[string]string{}
	for _, file := range []*modfile.File{tools, product} { // where both require a module, the product's version counts
		for _, require := range file.Require {
			used[require.Mod.Path] = require.Mod.Version
		}
	}
	generate := read(t, "tools/generate.sh")
	for name, version := range explained {
		switch {
		case used[name] == version, used[name] == "" && strings.Contains(generate, "="+name+"@"+version+"\n"):
		case used[name] == "":
			t.Errorf("docs/dependencies.md explains %s, which nothing requires", name)
		default:
			t.Errorf("docs/dependencies.md has %s at %s; the version used is %s", name, version, used[name])
		}
	}

	for _, require := range product.Require {
		if !require.Indirect && explained[require.Mod.Path] == "" {
			t.Errorf("go.mod requires %s %s: docs/dependencies.md has no row for it", require.Mod.Path, require.Mod.Version)
		}
	}
	if len(tools.Tool) == 0 {
		t.Error("tools/go.mod names no tool")
	}
	for _, tool := range tools.Tool {
		if owner := owner(tools, tool.Path); explained[owner] == "" {
			t.Errorf("tools/go.mod names the tool %s of %q: docs/dependencies.md has no row for the module", tool.Path, owner)
		}
	}
}

// owner returns the path of the module in file that the package belongs to: the longest that is a prefix of it.
func owner(file *modfile.File, path string) string {
	longest := ""
	for _, require := range file.Require {
		if name := require.Mod.Path; strings.HasPrefix(path+"/", name+"/") && len(name) > len(longest) {
			longest = name
		}
	}
	return longest
}

func modules(t *testing.T, name string) *modfile.File {
	t.Helper()
	file, err := modfile.Parse(name, []byte(read(t, name)), nil)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func read(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
