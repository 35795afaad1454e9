// Package prove lets a test of a promise have two lengths: a short one, which every test run
// has, and a long one, after which one line says what was proven, and how often. Only tests
// import it.
package prove

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// variable names the file that the lines are appended to. That it is set asks for the long
// form.
const variable = "MUNIMENT_PROVE"

// Long reports whether the long form is asked for: whether the environment variable
// MUNIMENT_PROVE names a file.
func Long() bool { return os.Getenv(variable) != "" }

// Count is how often to do a thing: short times, or long times in the long form.
func Count(short, long int) int {
	if Long() {
		return long
	}
	return short
}

// Report is called at the end of a test and says what it has counted. In the long form it
// appends the line "promise: counts" to the file; in the short form the line is in the log
// of the test alone. A test that failed, or was skipped, has proven nothing and writes nothing.
func Report(t testing.TB, promise, format string, args ...any) {
	t.Helper()
	if t.Failed() || t.Skipped() {
		return
	}
	line := strings.ReplaceAll(promise+": "+fmt.Sprintf(format, args...), "\n", " ")
	t.Log(line)
	if !Long() {
		return
	}
	if err := appendLine(os.Getenv(variable), line); err != nil {
		t.Errorf("reporting %s: %v", promise, err)
	}
}

// appendLine adds a line in one write, so that the lines of tests that run side by side, of
// several processes, do not mix.
func appendLine(path, line string) (err error) {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err = file.WriteString(line + "\n"); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}
