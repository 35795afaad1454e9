//go:build unix

package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// TestReadmeTranscript runs the block behind "<!-- transcript -->" in the README.
func TestReadmeTranscript(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "testdata"), os.DirFS(testdata)); err != nil {
		t.Fatal(err)
	}
	followReadme(t, "../../README.md", "transcript", dir)
}

// TestReadmeFolder runs the block behind "<!-- folder -->" on a Git repository.
func TestReadmeFolder(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	dir := t.TempDir()
	clone := filepath.Join(dir, "clone")
	plant(t, clone, map[string]string{
		"README.md": "# Mooring manual\n\nHow ships are moored.\n", "docs/ropes.md": "# Ropes\n\nA mooring rope is replaced after five years.\n",
		".gitignore": "build/\n", "build/out.md": "not committed",
	})
	for _, args := range [][]string{{"init", "-q"}, {"add", "-A"}, {"-c", "user.name=Ada", "-c", "user.email=ada@line.example", "commit", "-qm", "begin"}} {
		if out, err := exec.Command("git", append([]string{"-C", clone}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	followReadme(t, "../../README.md", "folder", dir)
}

// followReadme runs the block behind a mark in a README, in a directory: each line
// that begins with "$ " in a shell, whose path begins with the directory's bin, and the lines
// below it are what it must print, "…" meaning anything on its line (at the end of the last
// line, all that follows too). A command that ends in " &" goes on until the test ends.
func followReadme(t *testing.T, file, mark, dir string) {
	t.Helper()
	readme, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	steps := readmeSteps(string(readme), mark)
	if len(steps) == 0 {
		t.Fatalf("%s has no transcript: a fenced block behind <!-- %s -->, with lines that begin with $", file, mark)
	}
	bin := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(bin, "muniment")); err != nil {
		t.Fatal(err)
	}
	addr := freeAddress(t)
	env := append(programEnv(), "PATH="+strings.Join([]string{filepath.Join(dir, "bin"), bin, os.Getenv("PATH")}, string(os.PathListSeparator)),
		"MUNIMENT_LISTEN="+addr, "MUNIMENT_ADDR="+addr) // as the README has it, but for a port that is free
	for _, s := range steps {
		c := exec.Command("bash", "-c", strings.TrimSuffix(s.command, "&"))
		c.Dir, c.Env = dir, env
		var got string
		if strings.HasSuffix(s.command, " &") {
			got = background(t, c, strings.Count(s.want, "\n"))
		} else {
			out, err := c.CombinedOutput()
			if _, exited := err.(*exec.ExitError); err != nil && !exited {
				t.Fatalf("%s: %v", s.command, err)
			}
			got = string(out)
		}
		if !matches(s.want, got) {
			t.Errorf("$ %s\n---- %s says\n%s---- printed\n%s", s.command, file, s.want, got)
		}
	}
}

type readmeStep struct{ command, want string }

func readmeSteps(readme, mark string) (steps []readmeStep) {
	_, block, _ := strings.Cut(readme, "<!-- "+mark+" -->")
	_, block, _ = strings.Cut(block, "```")
	_, block, _ = strings.Cut(block, "\n")
	block, _, _ = strings.Cut(block, "\n```")
	for l := range strings.Lines(block + "\n") {
		if command, ok := strings.CutPrefix(l, "$ "); ok {
			steps = append(steps, readmeStep{command: strings.TrimSpace(command)})
		} else if n := len(steps); n > 0 {
			steps[n-1].want += l
		}
	}
	return steps
}

// background starts the command, returns its first lines, and ends it with the test.
func background(t *testing.T, c *exec.Cmd, lines int) string {
	t.Helper()
	var errors bytes.Buffer
	c.Stderr = &errors
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // the shell and what it started
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Kill(-c.Process.Pid, syscall.SIGTERM)
		if err := c.Wait(); err != nil {
			t.Errorf("%v ended with %v\n%s", c.Args, err, errors.String())
		}
	})
	var got strings.Builder
	for one := make([]byte, 1); strings.Count(got.String(), "\n") < lines; {
		if n, err := out.Read(one); err != nil {
			return got.String() + fmt.Sprintln(err)
		} else {
			got.Write(one[:n])
		}
	}
	return got.String()
}

// matches reports whether the output is as wanted, spaces at the end of lines aside.
func matches(want, got string) bool {
	trailing := regexp.MustCompile(`(?m) +$`)
	want, got = trailing.ReplaceAllString(want, ""), trailing.ReplaceAllString(got, "")
	pattern := strings.ReplaceAll(regexp.QuoteMeta(want), "…", "[^\n]*")
	if rest, open := strings.CutSuffix(pattern, "[^\n]*\n"); open {
		pattern = rest + "(?s:.*)\n"
	}
	return regexp.MustCompile("^" + pattern + "$").MatchString(got)
}

func TestReadmeMatching(t *testing.T) {
	for _, c := range []struct {
		want, got string
		ok        bool
	}{
		{"a\nb\n", "a\nb\n", true}, {"a\n", "a\nb\n", false}, {"", "", true}, {"", "x\n", false},
		{"a … c\nd\n", "a b c\nd\n", true}, {"a …\nd\n", "a\nb\nd\n", false}, {"a …\nd\n", "a b\nc\nd\n", false},
		{"a\nb …\n", "a\nb c\nd\n", true}, {"a\nb …\n", "a\nc\n", false}, {"(a)\n", "a\n", false},
	} {
		if got := matches(c.want, c.got); got != c.ok {
			t.Errorf("%q matches %q: %t", c.got, c.want, got)
		}
	}
	steps := readmeSteps("x\n<!-- transcript -->\n```console\n$ one\n1\n\n$ two &\n```\n$ not this\n", "transcript")
	if len(steps) != 2 || steps[0] != (readmeStep{"one", "1\n\n"}) || steps[1] != (readmeStep{"two &", ""}) {
		t.Errorf("steps %q", steps)
	}
}

// freeAddress is an address of this machine that nobody listened on a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
