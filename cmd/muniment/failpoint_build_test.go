package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// builtProgram is the program, built with failpoints.
type builtProgram struct {
	path       string
	failpoints []string // all there are, sorted
}

// buildWithFailpoints builds the program with its failpoints, the settings and the edits.
func buildWithFailpoints(t testing.TB, settings []setting, edits ...edit) builtProgram {
	t.Helper()
	b := programBuild{root: filepath.Join("..", ".."), dir: t.TempDir(), replace: map[string]string{}, marking: marking{}}
	if err := b.product(settings, edits); err != nil {
		t.Fatalf("marking the product: %v", err)
	}
	if err := b.bbolt(); err != nil {
		t.Fatalf("marking bbolt: %v", err)
	}
	if err := b.compile(); err != nil {
		t.Fatalf("building the program with failpoints: %v", err)
	}
	return builtProgram{b.file("muniment"), slices.Sorted(maps.Keys(b.marking))}
}

// programBuild is a build under way. Changed files of the product are given to the go
// command as an overlay. Since it takes none for modules, bbolt is replaced as a whole, in
// a go.mod of this build.
type programBuild struct {
	root, dir string            // the product's, and the build's own
	replace   map[string]string // what is read in the place of a file of the product
	marking   marking
}

func (b *programBuild) file(name string) string { return filepath.Join(b.dir, name) }

func (b *programBuild) product(settings []setting, edits []edit) error {
	files, err := goFiles(b.root)
	if err != nil {
		return err
	}
	for _, e := range edits {
		text, known := files[e.file]
		if !known {
			return fmt.Errorf("%s is no file of the product", e.file)
		}
		if files[e.file], err = e.apply(text); err != nil {
			return err
		}
	}
	for _, s := range settings {
		if err := s.apply(files); err != nil {
			return err
		}
	}
	original, err := goFiles(b.root)
	if err != nil {
		return err
	}
	for path, text := range files {
		marked, err := b.marking.mark(path, text, marker)
		if err != nil {
			return err
		}
		if marked != text {
			if err := b.overlay(filepath.Join(filepath.Dir(path), "failpoint.go"), failpointCode(packageOf(text))); err != nil {
				return err
			}
		}
		if marked != original[path] {
			if err := b.overlay(path, marked); err != nil {
				return err
			}
		}
	}
	return nil
}

// overlay has the go command read the text as the product's file of that path.
func (b *programBuild) overlay(path, text string) error {
	at, err := filepath.Abs(filepath.Join(b.root, path))
	if err != nil {
		return err
	}
	b.replace[at] = b.file(strings.ReplaceAll(path, string(filepath.Separator), "-"))
	return os.WriteFile(b.replace[at], []byte(text), 0o600)
}

// bbolt has the go command find a copy of it, with failpoints, in a folder of the product
// that is not there, and makes a go.mod that points to that. Where the folder is does not
// change from build to build, so what was built before is found again.
func (b *programBuild) bbolt() error {
	const module, folder = "go.etcd.io/bbolt", "bbolt-with-failpoints"
	list := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module)
	list.Dir = b.root
	out, err := list.Output()
	if err != nil {
		return fmt.Errorf("looking for it: %w", err)
	}
	from := strings.TrimSpace(string(out))
	files, err := goFiles(from)
	if err != nil {
		return err
	}
	before := len(b.marking)
	for path, text := range files {
		if files[path], err = b.marking.mark(filepath.Join(module, path), text, bboltMarker); err != nil {
			return err
		}
	}
	if found := len(b.marking) - before; found != len(bboltNames) {
		return fmt.Errorf("%d places are marked, not %d", found, len(bboltNames))
	}
	files["failpoint.go"] = failpointCode("bbolt")
	gomod, err := os.ReadFile(filepath.Join(from, "go.mod"))
	if err != nil {
		return err
	}
	files["go.mod"] = string(gomod)
	for path, text := range files {
		if err := b.overlay(filepath.Join(folder, path), text); err != nil {
			return err
		}
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(b.root, name))
		if err != nil {
			return err
		}
		if name == "go.mod" {
			text = fmt.Appendf(text, "\nreplace %s => ./%s\n", module, folder)
		}
		if err := os.WriteFile(b.file(name), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// compile runs the go command.
func (b *programBuild) compile() error {
	overlay, err := json.Marshal(map[string]any{"Replace": b.replace})
	if err != nil {
		return err
	}
	if err := os.WriteFile(b.file("overlay.json"), overlay, 0o600); err != nil {
		return err
	}
	c := exec.Command("go", "build", "-overlay", b.file("overlay.json"), "-modfile", b.file("go.mod"), "-o", b.file("muniment"), "./cmd/muniment")
	c.Dir, c.Env = b.root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

// goFiles reads the Go files of a module, but for tests and generated code, by their path
// in it.
func goFiles(root string) (map[string]string, error) {
	files := map[string]string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		name := entry.Name()
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "tools" || name == "bin"):
			return filepath.SkipDir
		case !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, ".pb.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		path, err = filepath.Rel(root, path)
		files[path] = string(text)
		return err
	})
	return files, err
}

func packageOf(text string) string {
	f, err := parser.ParseFile(token.NewFileSet(), "", text, parser.PackageClauseOnly)
	if err != nil {
		return "of no name: " + err.Error() // the compiler will say so again
	}
	return f.Name.Name
}

// apply changes the constant in the one file of the package that declares it.
func (s setting) apply(files map[string]string) error {
	for path, text := range files {
		if filepath.Dir(path) != s.pkg {
			continue
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, path, text, 0)
		if err != nil {
			return err
		}
		var from, to int
		ast.Inspect(f, func(n ast.Node) bool {
			if v, ok := n.(*ast.ValueSpec); ok && len(v.Names) == 1 && v.Names[0].Name == s.name && len(v.Values) == 1 {
				from, to = set.Position(v.Values[0].Pos()).Offset, set.Position(v.Values[0].End()).Offset
			}
			return true
		})
		if to > 0 {
			files[path] = text[:from] + s.value + text[to:]
			return nil
		}
	}
	return fmt.Errorf("package %s has no constant %s", s.pkg, s.name)
}
