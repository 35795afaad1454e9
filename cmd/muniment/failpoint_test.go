package main

import (
	"fmt"
	"regexp"
	"strings"
)

// A failpoint is a place in the product where the crash harness can kill the process. The
// product carries a comment on a line of its own and nothing else:
//
//	// failpoint: catalog/before-sync
//
// Building with failpoints puts a call in the place of each, in copies that only that one
// run of the go command sees.
var marker = regexp.MustCompile(`(?m)^([ \t]*)// failpoint: (\S+)$`)

// failpointName is what a failpoint may be called: a noun of the product, and where in its
// work it is.
var failpointName = regexp.MustCompile(`^[a-z]+/[a-z]+(-[a-z]+)*$`)

// bbolt marks places of the same sort for tests of its own: before it syncs data pages, and
// before it syncs the meta page that makes them count.
var (
	bboltMarker = regexp.MustCompile(`(?m)^([ \t]*)// gofail: var (beforeSync\w+) struct\{\}$`)
	bboltNames  = map[string]string{
		"beforeSyncDataPages": "bbolt/before-data-sync", "beforeSyncMetaPage": "bbolt/before-meta-sync",
	}
)

// What the built program reads: the failpoint at which it dies by SIGKILL, at which time it
// comes there, and a file to note in every failpoint it comes to, one a line.
const (
	failpointVariable = "MUNIMENT_TEST_FAILPOINT"
	hitVariable       = "MUNIMENT_TEST_FAILPOINT_HIT"
	passedVariable    = "MUNIMENT_TEST_FAILPOINTS_PASSED"
)

// failpointCode is the file that is added to every package with failpoints.
func failpointCode(pkg string) string {
	return fmt.Sprintf(`package %s

import (
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
)

var (
	failpointArmed   = os.Getenv(%q)
	failpointHits    atomic.Int64
	failpointDies, _ = strconv.ParseInt(os.Getenv(%q), 10, 64)
	failpointPassed  = func() *os.File {
		f, _ := os.OpenFile(os.Getenv(%q), os.O_WRONLY|os.O_APPEND, 0)
		return f
	}()
)

func failpoint(name string) {
	failpointPassed.WriteString(name + "\n")
	if name == failpointArmed && failpointHits.Add(1) == failpointDies {
		syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
		select {}
	}
}
`, pkg, failpointVariable, hitVariable, passedVariable)
}

// marking collects the failpoints of files.
type marking map[string]string // the file each is in

// mark puts calls in the place of the markers in a file. No line moves, so that a stack
// still says where in the product it is.
func (m marking) mark(path, text string, marker *regexp.Regexp) (string, error) {
	var err error
	text = marker.ReplaceAllStringFunc(text, func(line string) string {
		found := marker.FindStringSubmatch(line)
		name := found[2]
		if n, ok := bboltNames[name]; ok {
			name = n
		}
		switch other, taken := m[name]; {
		case taken:
			err = fmt.Errorf("the failpoint %s is in %s and in %s", name, other, path)
		case !failpointName.MatchString(name):
			err = fmt.Errorf("%s: a failpoint is called noun/place, not %q", path, name)
		}
		m[name] = path
		return fmt.Sprintf("%sfailpoint(%q)", found[1], name)
	})
	return text, err
}

// setting gives a constant of a package another value, so that what is rare in a server
// that runs for months happens in one that lives for a second.
type setting struct{ pkg, name, value string }

// edit puts another text in the place of one that occurs once in a file.
type edit struct{ file, old, new string }

func (e edit) apply(text string) (string, error) {
	if n := strings.Count(text, e.old); n != 1 {
		return "", fmt.Errorf("the text to be replaced occurs %d times in %s, not once:\n%s", n, e.file, e.old)
	}
	return strings.Replace(text, e.old, e.new, 1), nil
}
