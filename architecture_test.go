// Package muniment_test holds the rules of the whole repository: who may import whom, which dependencies
// are accounted for, and the habits that a reader relies on.
package muniment_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/muniment/muniment"

// everything allows a package of the table to import any other.
const everything = "*"

// mayImport lists every package of the product and the packages of the product that it may import. Nouns import
// downwards only; an implementation imports its noun and what the noun may import; a suite may also use the
// in-memory store of catalogtest. Only cmd, and tests, point at implementations.
var mayImport = map[string]string{
	"acl":           "",
	"acl/reference": "", // for tests: nothing of the product may import it
	"freshness":     "",

	"catalog":             "acl freshness",
	"catalog/watch":       "acl freshness catalog",
	"catalog/bolt":        "acl freshness catalog",
	"catalog/postgres":    "acl freshness catalog",
	"catalog/catalogtest": "acl freshness catalog",

	"audit":           "acl catalog",
	"audit/file":      "acl catalog audit",
	"audit/postgres":  "acl catalog audit",
	"audit/trace":     "acl freshness catalog audit indexer retriever", // what became of what was recorded
	"audit/audittest": "acl catalog audit catalog/catalogtest",

	"indexer":             "acl freshness catalog indexer/extract",
	"indexer/extract":     "freshness",
	"indexer/keyword":     "acl freshness catalog indexer",
	"indexer/vector":      "acl freshness catalog indexer",
	"indexer/embed":       "acl freshness catalog indexer",
	"indexer/postgres":    "acl freshness catalog indexer",
	"indexer/indextest":   "acl freshness catalog indexer catalog/catalogtest",
	"indexer/embed/build": "indexer/embed",

	"retriever":        "acl freshness catalog audit indexer",
	"retriever/replay": "acl freshness catalog audit indexer retriever", // asks again what was asked
	"freshness/desk":   "acl freshness catalog audit indexer retriever",

	"proto/muniment/v1": "",

	"api":          speaks + " api/identity api/limits api/scim",
	"api/identity": speaks + " api/identity/oidc",
	"api/limits":   speaks,
	"api/scim":     speaks + " api/limits",

	"api/identity/oidc":          "",
	"api/identity/oidc/oidctest": "", // for tests

	"cmd/muniment":        everything,
	"cmd/muniment/folder": "acl freshness proto/muniment/v1",
	"cmd/muniment/backup": "", // files and hashes: what they mean is for the program to say

	"examples/go": "proto/muniment/v1", // an app: it has the contract and nothing else

	"internal/prove": "", // for tests: nothing of the product may import it

	// The benchmark, which nothing may import. What it compares the product with, and by, knows nothing of the product.
	"internal/bench":        everything,
	"internal/bench/draw":   "",
	"internal/bench/exact":  "",
	"internal/bench/report": "",
	"internal/bench/peer":   "internal/bench/draw",
}

// speaks is what every package that answers on the wire may import.
const speaks = "acl freshness catalog audit indexer retriever freshness/desk catalog/watch audit/trace retriever/replay proto/muniment/v1"

// onlyIn lists modules that some packages keep to themselves, as a prefix of the import path.
var onlyIn = []struct{ prefix, packages string }{
	{"github.com/blevesearch/", "indexer/keyword internal/bench/peer"},
	{"go.etcd.io/bbolt", "catalog/bolt"},
	{"github.com/jackc/pgx/", "catalog/postgres indexer/postgres audit/postgres cmd/muniment internal/bench internal/bench/peer"},
	{"google.golang.org/grpc", "api api/identity api/limits api/scim proto/muniment/v1 cmd/muniment examples/go internal/bench"},
}

// pure packages decide and do no I/O: the standard library without these, and x/text.
var (
	pure         = []string{"acl", "freshness"}
	impure       = []string{"os", "net", "syscall", "database", "log", "plugin"}
	pureMayUseOf = "golang.org/x/text/"
)

// pkg is what go list says of a package.
type pkg struct {
	ImportPath        string
	Name              string
	Dir               string
	GoFiles, CgoFiles []string
	Imports           []string
}

func TestImportDirections(t *testing.T) {
	for _, p := range packages(t) {
		for _, v := range violations(p) {
			t.Error(v)
		}
	}
}

// violations returns a sentence for each rule that the imports of p break.
func violations(p pkg) []string {
	if len(p.GoFiles)+len(p.CgoFiles) == 0 {
		return nil // tests alone: they may import everything
	}
	name := local(p.ImportPath)
	allowed, known := mayImport[name]
	if !known {
		return []string{fmt.Sprintf("%s is not in the table of packages: add it to mayImport, or find its code a home that is", name)}
	}
	var found []string
	report := func(format string, args ...any) { found = append(found, name+fmt.Sprintf(format, args...)) }
	if len(p.CgoFiles) > 0 {
		report(" uses cgo in %v", p.CgoFiles)
	}
	for _, path := range p.Imports {
		if inside(path) && allowed != everything && !contains(allowed, local(path)) {
			report(" imports %s; it may import: %s", local(path), allowed)
		}
		for _, rule := range onlyIn {
			if strings.HasPrefix(path, rule.prefix) && !contains(rule.packages, name) {
				report(" imports %s, which belongs to: %s", path, rule.packages)
			}
		}
		if slices.Contains(pure, name) && !inside(path) {
			first, _, _ := strings.Cut(path, "/")
			standard := !strings.Contains(first, ".")
			if standard && slices.Contains(impure, first) || !standard && !strings.HasPrefix(path, pureMayUseOf) {
				report(" imports %s, but is pure: the standard library without I/O, and x/text", path)
			}
		}
	}
	return found
}

func TestImportDirectionsAreCaught(t *testing.T) {
	for _, c := range []struct {
		from, path string
		caught     bool
	}{
		{"retriever", module + "/catalog", false},
		{"retriever", module + "/catalog/bolt", true},
		{"retriever", module + "/proto/muniment/v1", true},
		{"catalog", module + "/audit", true},
		{"catalog", "go.etcd.io/bbolt", true},
		{"catalog/bolt", "go.etcd.io/bbolt", false},
		{"indexer/vector", "github.com/blevesearch/bleve/v2", true},
		{"indexer/keyword", "github.com/blevesearch/bleve/v2/analysis", false},
		{"indexer/embed/build", module + "/catalog", true},
		{"acl", "sort", false},
		{"acl", "golang.org/x/text/unicode/norm", false},
		{"acl", "os", true},
		{"acl", "net/http", true},
		{"freshness", module + "/acl", true},
		{"freshness", "github.com/google/go-cmp/cmp", true},
		{"api", module + "/api/identity", false},
		{"api", module + "/indexer/keyword", true},
		{"cmd/muniment", module + "/indexer/keyword", false},
		{"cmd/muniment", "go.etcd.io/bbolt", true},
		{"internal/bench", module + "/indexer/keyword", false},
		{"internal/bench/exact", module + "/indexer", true},
		{"internal/bench/peer", "github.com/blevesearch/bleve/v2", false},
		{"internal/bench", "github.com/blevesearch/bleve/v2", true},
		{"internal/bench/peer", "github.com/jackc/pgx/v5", false},
		{"retriever", "github.com/jackc/pgx/v5", true},
		{"helpers", "fmt", true},
	} {
		got := violations(pkg{ImportPath: module + "/" + c.from, GoFiles: []string{"a.go"}, Imports: []string{c.path}})
		if caught := len(got) > 0; caught != c.caught {
			t.Errorf("%s importing %s: caught %t, want %t (%q)", c.from, c.path, caught, c.caught, got)
		}
	}
}

// TestImportTableHasNoCycles keeps the table itself honest: what it allows together must be something Go can compile.
func TestImportTableHasNoCycles(t *testing.T) {
	var path []string
	var visit func(name string)
	visit = func(name string) {
		if i := slices.Index(path, name); i >= 0 {
			t.Fatalf("the table allows a cycle: %v", append(path[i:], name))
		}
		path = append(path, name)
		for _, next := range strings.Fields(mayImport[name]) {
			if _, known := mayImport[next]; !known && next != everything {
				t.Errorf("%s may import %s, which is not in the table", name, next)
			}
			visit(next)
		}
		path = path[:len(path)-1]
	}
	for name := range mayImport {
		visit(name)
	}
}

// packages returns what go list says of every package of the module, those with cgo included.
func packages(t *testing.T) []pkg {
	t.Helper()
	list := exec.Command("go", "list", "-json=ImportPath,Name,Dir,GoFiles,CgoFiles,Imports", "./...")
	list.Env = append(os.Environ(), "CGO_ENABLED=1")
	var stderr bytes.Buffer
	list.Stderr = &stderr
	out, err := list.Output()
	if err != nil {
		t.Fatalf("listing the packages: %v\n%s", err, &stderr)
	}
	var all []pkg
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("reading the list of packages: %v", err)
		}
		all = append(all, p)
	}
}

// inside reports whether the import path is of this module.
func inside(path string) bool { return path == module || strings.HasPrefix(path, module+"/") }

// local returns an import path of this module without the module.
func local(path string) string {
	return strings.TrimPrefix(strings.TrimPrefix(path, module), "/")
}

// contains reports whether the words of list include word.
func contains(list, word string) bool { return slices.Contains(strings.Fields(list), word) }
