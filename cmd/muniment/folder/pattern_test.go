package folder

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		dir, want     bool
	}{
		{"a", "a", false, true}, {"a", "x/a", false, true}, {"a", "ab", false, false}, {"/a", "x/a", false, false},
		{"a/b", "a/b", false, true}, {"a/b", "x/a/b", false, false}, {"a/", "a", false, false}, {"a/", "a", true, true}, {"a/", "x/a", true, true},
		{"*.md", "x/y.md", false, true}, {"*.md", "y.mdx", false, false}, {"/*.md", "x/y.md", false, false}, {"x/*.md", "x/y.md", false, true},
		{"x/*", "x/y/z", false, false}, {"**/z", "z", false, true}, {"**/z", "x/y/z", false, true}, {"x/**", "x", true, false}, {"x/**", "x/y/z", false, true},
		{"x/**/z", "x/z", false, true}, {"x/**/z", "x/a/b/z", false, true}, {"x/**/z", "y/x/z", false, false}, {"x/**/y/**/z", "x/y/y/a/z", false, true},
		{"[ab].md", "b.md", false, true}, {"[!ab].md", "b.md", false, false}, {"[!ab].md", "c.md", false, true}, {"[]a]", "]", false, true}, {"[a[!b]", "!", false, true},
		{"?.md", "é.md", false, true}, {`\#x`, "#x", false, true}, {`\!x`, "!x", false, true}, {`a\*`, "a*", false, true}, {`a\*`, "ab", false, false},
		{"a  ", "a", false, true}, {`a\ `, "a ", false, true}, {"a\r", "a", false, true}, {"[a", "[a", false, false}, {"a**b", "axxb", false, true}, {"**", "x/y", false, true},
	} {
		p, ok := parsePattern(c.pattern)
		if got := ok && p.matches(c.name, c.dir); got != c.want {
			t.Errorf("%q means %q (directory %t): %t, want %t", c.pattern, c.name, c.dir, got, c.want)
		}
	}
	for _, none := range []string{"", " ", "# x", "/", "//a", "!", "!/"} {
		if p, ok := parsePattern(none); ok {
			t.Errorf("%q is the pattern %v", none, p)
		}
	}
}

// TestIgnoringAgreesWithGit compares with git check-ignore on random files of patterns, one
// in a folder and one in a folder of that. Stars that share a segment with something else
// are left out: what Git makes of them depends on what stands before them.
func TestIgnoringAgreesWithGit(t *testing.T) {
	needGit(t)
	dir := t.TempDir()
	runGit(t, dir, "init", "-q")
	random := rand.New(rand.NewPCG(3, 1))
	tokens := []string{"a", "b", "*", "**", "?", "/", "/", "!", ".md", "[ab]", "[!a]", `\`, " ", "c", "\r", "#"}
	lines := func(most int) string {
		var list []string
		for range random.IntN(most + 1) {
			line := ""
			for range 1 + random.IntN(6) {
				line += tokens[random.IntN(len(tokens))]
			}
			for segment := range strings.SplitSeq(line, "/") {
				if strings.Contains(segment, "**") && segment != "**" {
					line = "a"
				}
			}
			list = append(list, line)
		}
		return strings.Join(list, "\n")
	}
	type world struct{ top, below string }
	worlds := map[string]world{}
	var paths []string
	for i := range 400 {
		at := fmt.Sprint("w", i)
		w := world{lines(4), lines(3)}
		worlds[at] = w
		writeFile(t, filepath.Join(dir, at, ".gitignore"), w.top)
		writeFile(t, filepath.Join(dir, at, "a", ".gitignore"), w.below)
		for _, x := range []string{"a", "b", "ab", "c.md"} {
			for _, y := range []string{"a", "b", "ab", "c.md"} {
				for _, z := range []string{"a", "ab", "c.md"} {
					paths = append(paths, path.Join(at, x, y, z))
				}
			}
		}
	}
	check := exec.Command("git", "-C", dir, "check-ignore", "-z", "--stdin", "--no-index")
	check.Stdin = strings.NewReader(strings.Join(paths, "\x00"))
	out, err := check.Output()
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]bool{}
	for p := range strings.SplitSeq(string(out), "\x00") {
		said[p] = true
	}
	for _, p := range paths {
		at, name, _ := strings.Cut(p, "/")
		w := worlds[at]
		files := []ignoring{parseIgnoring("", w.top), parseIgnoring("a", w.below)}
		got := ignored(files, name, false)
		for i := range name { // as the walk does: what is in an ignored folder is never seen
			got = got || name[i] == '/' && ignored(files, name[:i], true)
		}
		if got != said[p] {
			t.Errorf("%s: ignored %t, git says %t\ntop %q\na/ %q", name, got, said[p], w.top, w.below)
		}
	}
	if len(said) < 1000 || len(said) > len(paths)-1000 {
		t.Errorf("%d of %d paths are ignored: the test says little", len(said), len(paths))
	}
}

func needGit(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("the program git is not installed")
	}
}

// runGit runs git with an identity and a configuration of its own.
func runGit(t *testing.T, dir string, args ...string) string {
	t.Helper()
	return runGitAt(t, dir, "2026-01-01T00:00:00Z", args...)
}

func runGitAt(t *testing.T, dir, at string, args ...string) string {
	t.Helper()
	c := exec.Command("git", append([]string{"-C", dir}, args...)...)
	c.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_COMMITTER_DATE="+at, "GIT_AUTHOR_DATE=2001-02-03T04:05:06Z",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@line.example", "GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@line.example")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func writeFile(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
