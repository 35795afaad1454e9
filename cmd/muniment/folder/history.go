package folder

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// history is what a Git repository knows of the files below a folder. The zero value is a
// folder that is in none.
type history struct {
	head   string
	branch string // "" for a detached head
	remote string // of "origin"
	prefix string // the folder's slash path below the top, "" or with "/" at its end

	committed map[string]time.Time // when the last commit that touched the path was made
	tracked   map[string]bool      // in the last commit
	edited    map[string]bool      // other than in the last commit
}

// dated reports whether the history speaks for the file as it is now, and when it was last
// changed. The time is zero if the clone is too shallow to know.
func (h *history) dated(name string) (t time.Time, ok bool) {
	if !h.tracked[name] || h.edited[name] {
		return t, false
	}
	return h.committed[name], true
}

// readHistory asks the git program about the folder. Last is what an earlier call found;
// only what was committed since is read again. Without a program or a repository that it
// trusts, the error says why.
//
// One pass over the history dates every file: the simple way, one "git log -1" per file,
// walks it once for each of them. The pass ends when every file has been met. Nothing is
// fetched, written or run that the repository's configuration asks for.
func readHistory(ctx context.Context, dir string, last *history) (*history, error) {
	h := &history{committed: map[string]time.Time{}, tracked: map[string]bool{}, edited: map[string]bool{}}
	facts, err := git(ctx, dir, "rev-parse", "--show-prefix", "--is-shallow-repository", "--verify", "HEAD^{commit}")
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimSuffix(facts, "\n"), "\n")
	if len(lines) != 3 {
		return nil, fmt.Errorf("git rev-parse: %d lines", len(lines))
	}
	h.prefix, h.head = lines[0], lines[2]
	if name, err := git(ctx, dir, "symbolic-ref", "--quiet", "--short", "HEAD"); err == nil {
		h.branch = strings.TrimSpace(name)
	}
	if remote, err := git(ctx, dir, "config", "--get", "remote.origin.url"); err == nil {
		h.remote = strings.TrimSpace(remote)
	}
	names, err := git(ctx, dir, "ls-tree", "-r", "-z", "--name-only", "HEAD")
	if err != nil {
		return nil, err
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(names, "\x00"), "\x00") {
		if _, read := kindOf(name); read {
			h.tracked[name] = true
		}
	}
	changes, err := git(ctx, dir, "status", "--porcelain=v1", "-z", "--untracked-files=no", "--no-renames", "--ignore-submodules=all", "--", ".")
	if err != nil {
		return nil, err
	}
	for change := range strings.SplitSeq(changes, "\x00") {
		if name, ok := strings.CutPrefix(change[min(3, len(change)):], h.prefix); ok && name != "" {
			h.edited[name] = true
		}
	}
	return h, h.date(ctx, dir, last, lines[1] == "true")
}

// date finds the last commit of every tracked file.
func (h *history) date(ctx context.Context, dir string, last *history, shallow bool) error {
	missing := map[string]bool{}
	for name := range h.tracked {
		missing[name] = true
	}
	commits := h.head
	if last != nil && last.prefix == h.prefix {
		if last.head == h.head {
			h.committed = last.committed
			return nil
		}
		if _, err := git(ctx, dir, "merge-base", "--is-ancestor", last.head, h.head); err == nil {
			commits = last.head + ".." + h.head
		}
	}
	var boundary map[string]bool
	if shallow {
		var err error
		if boundary, err = shallowCommits(ctx, dir); err != nil {
			return err
		}
	}
	err := eachTouched(ctx, dir, commits, func(commit string, at time.Time, path string) bool {
		if name, below := strings.CutPrefix(path, h.prefix); below && missing[name] {
			delete(missing, name)
			if !boundary[commit] { // where the clone begins, every file looks new
				h.committed[name] = at
			}
		}
		return len(missing) > 0
	})
	if err == nil && commits != h.head {
		for name := range missing { // not touched since
			if at, ok := last.committed[name]; ok {
				h.committed[name] = at
			}
		}
	}
	return err
}

// shallowCommits are the commits whose parents a shallow clone does not have.
func shallowCommits(ctx context.Context, dir string) (map[string]bool, error) {
	file, err := git(ctx, dir, "rev-parse", "--path-format=absolute", "--git-path", "shallow")
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(strings.TrimSuffix(file, "\n"))
	if err != nil {
		return nil, fmt.Errorf("reading where the clone begins: %w", err)
	}
	list := map[string]bool{}
	for commit := range strings.FieldsSeq(string(text)) {
		list[commit] = true
	}
	return list, nil
}

// eachTouched calls each with the paths that every commit touched below the directory,
// newest commit first, until each has seen enough. They begin at the top of the repository:
// git makes them relative for plain commits only. A merge touches what it made different
// from all its parents.
func eachTouched(ctx context.Context, dir, commits string, each func(commit string, at time.Time, name string) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := gitCommand(ctx, dir, "log", "-z", "--format=%x01%H %ct", "--name-only", "--diff-merges=combined", "--no-relative",
		"--no-renames", "--no-show-signature", "--no-ext-diff", "--no-textconv", "--no-color", "--no-mailmap", "--end-of-options", commits, "--", ".")
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return gitFailed("log", err, nil)
	}
	enough, err := readTouched(out, each)
	if enough || err != nil {
		cancel() // else the program is about to end by itself, and its status counts
	}
	if ended := c.Wait(); ended != nil && !enough && err == nil {
		err = gitFailed("log", ended, stderr.Bytes())
	}
	return err
}

// readTouched reads records that end in NUL: "\x01COMMIT SECONDS" opens a commit, and the
// records up to the next are its paths, the first one behind a line break.
func readTouched(out interface{ Read([]byte) (int, error) }, each func(string, time.Time, string) bool) (enough bool, err error) {
	in := bufio.NewReaderSize(out, 1<<16)
	var commit string
	var at time.Time
	for {
		record, err := in.ReadString(0)
		if err != nil {
			return false, nil // the end, or a failure that the exit status tells
		}
		record = strings.TrimSuffix(strings.TrimPrefix(record, "\n"), "\x00")
		if header, ok := strings.CutPrefix(record, "\x01"); ok {
			hash, seconds, _ := strings.Cut(header, " ")
			n, err := strconv.ParseInt(strings.TrimSpace(seconds), 10, 64)
			if err != nil {
				return false, fmt.Errorf("git log: %q is no time", seconds)
			}
			commit, at = hash, time.Unix(n, 0).UTC()
			continue
		}
		if record != "" && !each(commit, at, record) {
			return true, nil
		}
	}
}

// git runs a command of git and returns what it prints.
func git(ctx context.Context, dir string, args ...string) (string, error) {
	c := gitCommand(ctx, dir, args...)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	if err := c.Run(); err != nil {
		return "", gitFailed(args[0], err, stderr.Bytes())
	}
	return stdout.String(), nil
}

// gitCommand is a command of git that stays off the network, takes no locks, and heeds
// the folder rather than what the environment says about another repository.
func gitCommand(ctx context.Context, dir string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, "git", append([]string{"--no-pager", "--literal-pathspecs", "-C", dir,
		"-c", "core.fsmonitor=false", "-c", "log.showSignature=false", "-c", "core.quotePath=false", "-c", "status.relativePaths=false"}, args...)...)
	c.WaitDelay = time.Second
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "GIT_") || strings.HasPrefix(v, "GIT_CONFIG") {
			c.Env = append(c.Env, v)
		}
	}
	c.Env = append(c.Env, "LC_ALL=C", "GIT_ALLOW_PROTOCOL=none", "GIT_NO_LAZY_FETCH=1", "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0")
	return c
}

func gitFailed(command string, err error, stderr []byte) error {
	if errors.Is(err, exec.ErrNotFound) {
		return errors.New("the program git is not installed")
	}
	if text := strings.TrimSpace(string(stderr)); text != "" {
		line, _, _ := strings.Cut(text, "\n")
		return fmt.Errorf("git %s: %s", command, line)
	}
	return fmt.Errorf("git %s: %w", command, err)
}
