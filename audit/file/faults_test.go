package file_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// faults are the places of this package where TestFaults lets a step fail. Each text occurs
// as often as it is listed, in this order.
var faults = []struct{ file, old, new string }{
	{"write.go", "s.bodies.WriteAt(", "faultyWrite(s.bodies, "},
	{"write.go", "s.commitments.WriteAt(", "faultyWrite(s.commitments, "},
	{"write.go", "s.hashes.WriteAt(", "faultyWrite(s.hashes, "},
	{"write.go", "s.bodies.Sync()", "faultySync(s.bodies)"},
	{"write.go", "p.file.Truncate(p.at)", "faultyCut(p.file, p.at)"},
	{"write.go", "p.file.Sync()", "faultySync(p.file)"},
	{"write.go", " f.Sync()", " faultySync(f)"},
	{"write.go", " f.Sync()", " faultySync(f)"},
	{"write.go", "f.Write(checkpoint)", "faultyWrite(f, checkpoint, 0)"},
	{"write.go", "os.Rename(path+\".new\", path)", "faultyRename(path+\".new\", path)"},
	{"erase.go", "s.commitments.Sync()", "faultySync(s.commitments)"},
	{"erase.go", "s.erases.WriteAt(b, end)", "faultyWrite(s.erases, b, end)"},
	{"erase.go", "s.erases.Sync()", "faultySync(s.erases)"},
	{"erase.go", "s.bodies.Sync()", "faultySync(s.bodies)"},
}

// faultyFile is added to the package. fault, if not nil, is asked before every step whether
// it fails, and of a write how many of its bytes it writes all the same.
const faultyFile = `package file

import (
	"io/fs"
	"os"
	"path/filepath"
)

var fault func(step string, size int) (written int, err error)

func asked(step, path string, size int) (int, error) {
	if fault == nil {
		return 0, nil
	}
	return fault(step+" "+filepath.Base(path), size)
}

func faultyWrite(f *os.File, b []byte, at int64) (int, error) {
	if n, err := asked("write", f.Name(), len(b)); err != nil {
		f.WriteAt(b[:n], at)
		return n, &fs.PathError{Op: "write", Path: f.Name(), Err: err}
	}
	return f.WriteAt(b, at)
}

func faultySync(f *os.File) error {
	if _, err := asked("sync", f.Name(), 0); err != nil {
		return &fs.PathError{Op: "sync", Path: f.Name(), Err: err}
	}
	return f.Sync()
}

func faultyCut(f *os.File, at int64) error {
	if _, err := asked("cut", f.Name(), 0); err != nil {
		return &fs.PathError{Op: "truncate", Path: f.Name(), Err: err}
	}
	return f.Truncate(at)
}

func faultyRename(from, to string) error {
	if _, err := asked("rename", from, 0); err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return os.Rename(from, to)
}
`

// TestFaults runs the tests of faulty_test.go with this package built so that its steps fail
// when told to. The tree stays as it is: the go command is told by an overlay to read other
// files in the place of some.
func TestFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles this package anew")
	}
	dir := t.TempDir()
	edited := map[string]string{"faults.go": faultyFile}
	for _, f := range faults {
		if edited[f.file] == "" {
			content, err := os.ReadFile(f.file)
			if err != nil {
				t.Fatal(err)
			}
			edited[f.file] = string(content)
			for _, g := range faults {
				want := 0
				for _, h := range faults {
					if h.file == f.file && h.old == g.old {
						want++
					}
				}
				if got := strings.Count(edited[f.file], g.old); g.file == f.file && got != want {
					t.Fatalf("%s has %q %d times, want %d", f.file, g.old, got, want)
				}
			}
		}
		edited[f.file] = strings.Replace(edited[f.file], f.old, f.new, 1)
	}
	replace := map[string]string{}
	for name, content := range edited {
		at, err := filepath.Abs(name)
		if err != nil {
			t.Fatal(err)
		}
		replace[at] = filepath.Join(dir, name)
		if err := os.WriteFile(replace[at], []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(path, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "test", "-overlay", path, "-tags", "faultyfile", "-count=1", "-timeout=3m", "-v", "-run", "^TestFaulty", ".").CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: TestFaulty")) {
		t.Fatalf("%v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "faulty_test.go") {
			t.Log(strings.TrimSpace(line))
		}
	}
}
