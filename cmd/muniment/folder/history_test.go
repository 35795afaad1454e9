package folder

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// repository is a clone with a story: renames, a merge that edits, a deleted file that
// came back, names that are awkward.
func repository(t *testing.T) string {
	t.Helper()
	needGit(t)
	dir := t.TempDir()
	runGit(t, dir, "init", "-q", "-b", "main")
	hour := 0
	commit := func(message string) {
		hour++
		runGit(t, dir, "add", "-A")
		runGitAt(t, dir, fmt.Sprintf("2026-01-02T%02d:00:00Z", hour), "commit", "-qm", message)
	}
	for _, name := range []string{"a.md", "guide/b.md", "guide/deep/c.md", "d e\"ü\n.md", "code.go"} {
		writeFile(t, filepath.Join(dir, name), name)
	}
	commit("begin")
	runGit(t, dir, "checkout", "-qb", "side")
	writeFile(t, filepath.Join(dir, "guide/b.md"), "on the side")
	commit("side")
	runGit(t, dir, "checkout", "-q", "main")
	writeFile(t, filepath.Join(dir, "a.md"), "on main")
	commit("main")
	hour++
	runGit(t, dir, "merge", "-q", "--no-commit", "side")
	writeFile(t, filepath.Join(dir, "guide/deep/c.md"), "edited by the merge")
	commit("merge")
	runGit(t, dir, "mv", "d e\"ü\n.md", "renamed.md")
	commit("rename")
	return dir
}

// lastCommits asks for each file alone, as the pass over the history does not.
func lastCommits(t *testing.T, dir, below string) map[string]time.Time {
	t.Helper()
	want := map[string]time.Time{}
	for name := range strings.SplitSeq(strings.TrimSuffix(runGit(t, filepath.Join(dir, below), "ls-files", "-z"), "\x00"), "\x00") {
		if _, read := kindOf(name); !read {
			continue
		}
		at := runGit(t, filepath.Join(dir, below), "log", "-1", "-c", "--format=%ct", "--", ":(literal)"+name)
		n, err := strconv.ParseInt(strings.TrimSpace(strings.Split(at, "\n")[0]), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		want[name] = time.Unix(n, 0).UTC()
	}
	return want
}

func checkDates(t *testing.T, h *history, want map[string]time.Time) {
	t.Helper()
	for name, at := range want {
		if got, ok := h.dated(name); !ok || !got.Equal(at) {
			t.Errorf("%q: %v %t, want %v", name, got, ok, at)
		}
	}
	if len(h.committed) < len(want) {
		t.Errorf("%d dates, want %d", len(h.committed), len(want))
	}
}

func TestHistory(t *testing.T) {
	dir := repository(t)
	ctx := t.Context()
	h, err := readHistory(ctx, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := lastCommits(t, dir, "")
	if len(want) != 4 {
		t.Fatalf("the repository holds %v", want)
	}
	checkDates(t, h, want)
	if h.branch != "main" || h.prefix != "" || h.remote != "" {
		t.Errorf("%+v", h)
	}

	below, err := readHistory(ctx, filepath.Join(dir, "guide"), nil)
	if err != nil {
		t.Fatal(err)
	}
	checkDates(t, below, lastCommits(t, dir, "guide"))
	if below.prefix != "guide/" {
		t.Errorf("prefix %q", below.prefix)
	}

	// An edit takes the date away until it is committed; then only what is new is read.
	writeFile(t, filepath.Join(dir, "a.md"), "edited again")
	writeFile(t, filepath.Join(dir, "new.md"), "new")
	edited, err := readHistory(ctx, dir, h)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a.md", "new.md"} {
		if at, ok := edited.dated(name); ok {
			t.Errorf("%s is not what is committed, and dated %v", name, at)
		}
	}
	runGit(t, dir, "add", "-A")
	runGitAt(t, dir, "2026-02-01T00:00:00Z", "commit", "-qm", "edit")
	h.committed["renamed.md"] = time.Unix(7, 0).UTC() // stands for itself if it is not read again
	again, err := readHistory(ctx, dir, h)
	if err != nil {
		t.Fatal(err)
	}
	want = lastCommits(t, dir, "")
	want["renamed.md"] = time.Unix(7, 0).UTC()
	checkDates(t, again, want)

	// A head that does not follow from the last one is read in full.
	runGit(t, dir, "checkout", "-q", "side")
	side, err := readHistory(ctx, dir, again)
	if err != nil {
		t.Fatal(err)
	}
	checkDates(t, side, lastCommits(t, dir, ""))
}

// TestShallowClone: what was last changed where the clone begins has no date, for the
// clone does not know whether it was changed there.
func TestShallowClone(t *testing.T) {
	dir := repository(t)
	clone := filepath.Join(t.TempDir(), "clone")
	runGit(t, dir, "clone", "-q", "--depth", "2", "file://"+dir, clone)
	h, err := readHistory(t.Context(), clone, nil)
	if err != nil {
		t.Fatal(err)
	}
	if at, ok := h.dated("a.md"); !ok || !at.IsZero() {
		t.Errorf("a.md is dated %v %t, before the clone begins", at, ok)
	}
	if at, ok := h.dated("renamed.md"); !ok || at.IsZero() {
		t.Errorf("renamed.md, of the last commit, is dated %v %t", at, ok)
	}
	f, tree := scanned(t, Config{Dir: clone, Source: "s", Policy: everyone(t)})
	if len(tree.Notes) != 1 || !strings.Contains(tree.Notes[0], "--unshallow") {
		t.Errorf("notes %q", tree.Notes)
	}
	for _, file := range tree.Files {
		if file.Name == "a.md" {
			if d, _, err := tree.Document(file); err != nil || d.GetModified() != nil {
				t.Errorf("%v %v", d, err)
			}
		}
	}
	f.Close()
}

// TestHistoryIsLeftAlone: the environment may speak of another repository, and the
// configuration ask for programs and the network; none of that is heeded.
func TestHistoryIsLeftAlone(t *testing.T) {
	dir := repository(t)
	ran := filepath.Join(t.TempDir(), "ran")
	hook := filepath.Join(t.TempDir(), "hook")
	writeFile(t, hook, "#!/bin/sh\ntouch "+ran+"\n")
	if err := os.Chmod(hook, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, setting := range [][2]string{
		{"core.fsmonitor", hook}, {"log.showSignature", "true"}, {"gpg.program", hook}, {"core.pager", hook}, {"diff.external", hook},
		{"remote.origin.url", "ext::" + hook}, {"remote.origin.promisor", "true"}, {"extensions.partialClone", "origin"}, {"protocol.ext.allow", "always"},
	} {
		runGit(t, dir, "config", setting[0], setting[1])
	}
	writeFile(t, filepath.Join(dir, ".gitattributes"), "*.md diff=x\n")
	runGit(t, dir, "config", "diff.x.textconv", hook)
	os.Remove(ran)
	t.Setenv("GIT_DIR", t.TempDir())
	t.Setenv("GIT_WORK_TREE", t.TempDir())
	before, err := os.ReadFile(filepath.Join(dir, ".git", "index"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(filepath.Join(dir, "a.md"), time.Now(), time.Now()); err != nil {
		t.Fatal(err)
	}
	h, err := readHistory(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if at, ok := h.dated("a.md"); !ok || at.IsZero() {
		t.Errorf("a.md: %v %t", at, ok)
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("a program was run that the repository's configuration names")
	}
	if after, err := os.ReadFile(filepath.Join(dir, ".git", "index")); err != nil || string(after) != string(before) {
		t.Errorf("the index was written, %v", err)
	}
}

func TestHistoryEndsWithItsContext(t *testing.T) {
	dir := repository(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if h, err := readHistory(ctx, dir, nil); err == nil {
		t.Errorf("%+v", h)
	}
}

// TestNoRepositoryNoDates: without commits, or where git is missing, a note says so and
// the times of the files stand in.
func TestNoRepositoryNoDates(t *testing.T) {
	needGit(t)
	dir := t.TempDir()
	runGit(t, dir, "init", "-q")
	writeFile(t, filepath.Join(dir, "a.md"), "text")
	check := func(says string) {
		t.Helper()
		f, tree := scanned(t, Config{Dir: dir, Source: "s", Policy: everyone(t)})
		defer f.Close()
		if len(tree.Notes) != 1 || !strings.Contains(tree.Notes[0], says) {
			t.Errorf("notes %q, want %q", tree.Notes, says)
		}
		info, err := os.Stat(filepath.Join(dir, "a.md"))
		if err != nil {
			t.Fatal(err)
		}
		if d, _, err := tree.Document(tree.Files[0]); err != nil || !d.GetModified().AsTime().Equal(info.ModTime()) {
			t.Errorf("%v %v, want %v", d, err, info.ModTime())
		}
	}
	check("no dates")
	t.Setenv("PATH", t.TempDir())
	check("not installed")
}
