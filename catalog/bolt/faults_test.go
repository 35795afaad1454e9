package bolt

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// faults are the places of bbolt where TestFaults lets a step fail. Every text occurs as
// often as there are steps for it, in this order, so that a new version of bbolt that
// writes otherwise is noticed here.
var faults = []struct{ file, old, new string }{
	{"db.go", "db.ops.writeAt = db.file.WriteAt\n", "db.ops.writeAt = db.faultyWrite\n"},
	{"db.go", "db.file.Truncate(int64(sz))", `faulty("extend", func() error { return db.file.Truncate(int64(sz)) })`},
	{"db.go", "db.file.Sync()", `faulty("sync the extension", db.file.Sync)`},
	{"db.go", "err = mmap(db, size)", `err = faulty("map", func() error { return mmap(db, size) })`},
	{"tx.go", "fdatasync(tx.db)", `faulty("sync pages", tx.db.faultySync)`},
	{"tx.go", "fdatasync(tx.db)", `faulty("sync meta", tx.db.faultySync)`},
}

// faultyFile is added to bbolt. Fault, if not nil, is asked before every step whether it
// fails, and of a write how many of its bytes it writes all the same.
const faultyFile = `package bbolt

import "io/fs"

var Fault func(step string, size int) (written int, err error)

func faulty(step string, do func() error) error {
	if Fault != nil {
		if _, err := Fault(step, 0); err != nil {
			return err
		}
	}
	return do()
}

func (db *DB) faultySync() error { return fdatasync(db) }

func (db *DB) faultyWrite(b []byte, off int64) (int, error) {
	step := "write pages"
	if off < 2*int64(db.pageSize) {
		step = "write meta"
	}
	if Fault != nil {
		if n, err := Fault(step, len(b)); err != nil {
			if n > 0 {
				db.file.WriteAt(b[:n], off)
			}
			return n, &fs.PathError{Op: "write", Path: db.path, Err: err}
		}
	}
	return db.file.WriteAt(b, off)
}
`

// TestFaults runs the tests of faulty_test.go with a bbolt whose steps fail when told to.
// Nothing can be put in the place of its file, so the go command is given a copy of its
// source to build with; the module files of the checkout stay as they are.
func TestFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles bbolt and this package anew")
	}
	root, version := goList(t, "{{.Dir}}"), goList(t, "{{.Version}}", "go.etcd.io/bbolt")
	source, dir := goList(t, "{{.Dir}}", "go.etcd.io/bbolt"), t.TempDir()
	copied := filepath.Join(dir, "bbolt")
	if err := os.CopyFS(copied, os.DirFS(source)); err != nil {
		t.Fatal(err)
	}
	edited := map[string]string{"faulty.go": faultyFile}
	wanted := map[[2]string]int{}
	for _, f := range faults {
		if edited[f.file] == "" {
			content, err := os.ReadFile(filepath.Join(source, f.file))
			if err != nil {
				t.Fatal(err)
			}
			edited[f.file] = string(content)
			for _, g := range faults {
				if g.file == f.file {
					wanted[[2]string{g.file, g.old}]++
				}
			}
			for place, n := range wanted {
				if got := strings.Count(edited[f.file], place[1]); place[0] == f.file && got != n {
					t.Fatalf("%s of bbolt %s has %q %d times, want %d: see what became of its steps", f.file, version, place[1], got, n)
				}
			}
		}
		edited[f.file] = strings.Replace(edited[f.file], f.old, f.new, 1)
	}
	module := map[string][]byte{}
	for _, name := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		module[name] = content
	}
	edited["../go.mod"] = string(module["go.mod"]) + "\nreplace go.etcd.io/bbolt => " + copied + "\n"
	edited["../go.sum"] = string(module["go.sum"])
	for name, content := range edited {
		path := filepath.Join(copied, name)
		os.Chmod(path, 0o600) // the module cache is read-only, and so is a copy of it
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.Command("go", "test", "-modfile", filepath.Join(dir, "go.mod"), "-tags", "faultybbolt", "-count=1", "-timeout=3m", "-v", "-run", "^TestFaulty", ".")
	out, err := c.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: TestFaulty")) {
		t.Fatalf("%v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "faulty_test.go") {
			t.Log(strings.TrimSpace(line))
		}
	}
}

func goList(t *testing.T, format string, of ...string) string {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list", "-m", "-f", format}, of...)...).Output()
	if err != nil {
		t.Fatalf("listing modules: %v", err)
	}
	return strings.TrimSpace(string(out))
}
